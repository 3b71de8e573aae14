import JSON
import Kubernetes

/// A pod's status, put together from what is known of its containers as kubelet does.
struct PodStatus: Sendable {
    var initial: [ContainerState]
    var containers: [ContainerState]
    var address: String
    var nodeAddress: String
    var started: Timestamp
    /// `Always`, `OnFailure` or `Never`.
    var restartPolicy: String

    /// Whether a container that ended with this code is started again.
    static func restarts(_ policy: String, isInitial: Bool, code: Int) -> Bool {
        switch policy {
        case "Never": false
        case "OnFailure": code != 0
        default: !isInitial || code != 0
        }
    }

    private var isInitialized: Bool { initial.allSatisfy(\.hasSucceeded) }

    var phase: String {
        if !isInitialized {
            let isLost = initial.contains { $0.terminated.map { $0.code != 0 } ?? false } && restartPolicy == "Never"
            return isLost ? "Failed" : "Pending"
        }
        let ends = containers.compactMap(\.terminated)
        if ends.count == containers.count, !ends.isEmpty {
            let isOver = ends.allSatisfy { !Self.restarts(restartPolicy, isInitial: false, code: $0.code) }
            if isOver { return ends.allSatisfy { $0.code == 0 } ? "Succeeded" : "Failed" }
            return "Running"
        }
        let hasBegun = containers.allSatisfy { $0.isRunning || $0.terminated != nil || $0.last != nil }
        return hasBegun ? "Running" : "Pending"
    }

    /// The status of a pod.
    ///
    /// - Parameters:
    ///   - old: The status that is there, from which what others wrote and the times of conditions are kept.
    func value(over old: JSONValue, now: Timestamp) -> JSONValue {
        var status = old
        let phase = phase
        status["phase"] = .string(phase)
        var conditions = old["conditions"]?.array ?? []
        for condition in self.conditions(phase) { Self.merge(condition, into: &conditions, now) }
        status["conditions"] = .array(conditions)
        status["hostIP"] = .string(nodeAddress)
        status["podIP"] = .string(address)
        status["podIPs"] = [["ip": .string(address)]]
        if status["startTime"]?.string == nil { status["startTime"] = .string(started.description) }
        if !initial.isEmpty {
            status["initContainerStatuses"] = .array(initial.map { $0.value(isInitial: true) })
        }
        status["containerStatuses"] = .array(containers.map { $0.value(isInitial: false) })
        return status
    }

    private func conditions(_ phase: String) -> [JSONValue] {
        func condition(_ type: String, _ isTrue: Bool, _ reason: String = "", _ message: String = "") -> JSONValue {
            var value: JSONValue = ["type": .string(type), "status": isTrue ? "True" : "False"]
            if !reason.isEmpty { value["reason"] = .string(reason) }
            if !message.isEmpty { value["message"] = .string(message) }
            return value
        }
        func names(_ states: [ContainerState]) -> String { "[\(states.map(\.name).joined(separator: " "))]" }
        let isOver = phase == "Succeeded"
        let open = initial.filter { !$0.hasSucceeded }
        let unready = containers.filter { !$0.isReady(asInitial: false) }
        let initialized =
            open.isEmpty
            ? condition("Initialized", true, isOver ? "PodCompleted" : "")
            : condition(
                "Initialized",
                false,
                "ContainersNotInitialized",
                "containers with incomplete status: \(names(open))"
            )
        let ready = ["Ready", "ContainersReady"].map { type in
            if isOver { return condition(type, false, "PodCompleted") }
            return unready.isEmpty
                ? condition(type, true)
                : condition(type, false, "ContainersNotReady", "containers with unready status: \(names(unready))")
        }
        return [initialized] + ready + [condition("PodScheduled", true)]
    }

    private static func merge(_ condition: JSONValue, into conditions: inout [JSONValue], _ now: Timestamp) {
        var condition = condition
        let index = conditions.firstIndex { $0["type"] == condition["type"] }
        let old = index.map { conditions[$0] }
        condition["lastProbeTime"] = .null
        condition["lastTransitionTime"] = .string(now.description)
        if let old, old["status"] == condition["status"], let time = old["lastTransitionTime"]?.string {
            condition["lastTransitionTime"] = .string(time)
        }
        if let index { conditions[index] = condition } else { conditions.append(condition) }
    }
}
