import JSON
import Kubernetes

/// What is known of one container.
struct ContainerState: Sendable {
    struct Waiting: Sendable, Equatable {
        var reason: String
        var message = ""
    }

    struct Running: Sendable, Equatable {
        var id: String
        var started: Timestamp
    }

    struct Terminated: Sendable, Equatable {
        var id: String
        var code: Int
        var signal: Int?
        var reason: String
        var message = ""
        var started: Timestamp?
        var finished: Timestamp?
    }

    enum Phase: Sendable, Equatable {
        case waiting(Waiting)
        case running(Running)
        case terminated(Terminated)
    }

    var name: String
    var image: String
    var phase: Phase
    var last: Terminated?
    var restarts = 0
    /// Whether its startup probe has succeeded since it was started.
    var isStarted = false
    /// Whether its readiness probe says so.
    var isReady = false

    init(_ container: JSONValue, waitingFor reason: String) {
        name = container["name"]?.string ?? ""
        image = container["image"]?.string ?? ""
        phase = .waiting(Waiting(reason: reason))
    }

    /// Takes over what a status says of a container that ran before this program was started.
    mutating func resume(_ status: JSONValue) {
        restarts = status["restartCount"]?.integer ?? 0
        last =
            Self.terminated(status[path: ["state", "terminated"]])
            ?? Self.terminated(status[path: ["lastState", "terminated"]])
        if let running = status[path: ["state", "running"]] {
            last = Terminated(
                id: status["containerID"]?.string ?? "",
                code: 137,
                reason: "ContainerStatusUnknown",
                message: "The container could not be located when the pod was terminated",
                started: running["startedAt"]?.string.flatMap { Timestamp($0) }
            )
        }
    }

    private static func terminated(_ value: JSONValue?) -> Terminated? {
        guard let value else { return nil }
        return Terminated(
            id: value["containerID"]?.string ?? "",
            code: value["exitCode"]?.integer ?? 0,
            signal: value["signal"]?.integer,
            reason: value["reason"]?.string ?? "",
            message: value["message"]?.string ?? "",
            started: value["startedAt"]?.string.flatMap { Timestamp($0) },
            finished: value["finishedAt"]?.string.flatMap { Timestamp($0) }
        )
    }

    var terminated: Terminated? { if case .terminated(let end) = phase { end } else { nil } }
    var isRunning: Bool { if case .running = phase { true } else { false } }
    var hasSucceeded: Bool { terminated?.code == 0 }

    /// Whether it counts as ready in the pod's status.
    func isReady(asInitial: Bool) -> Bool { asInitial ? hasSucceeded : isRunning && isReady }

    /// The entry of the pod's status.
    func value(isInitial: Bool) -> JSONValue {
        var value: JSONValue = ["name": .string(name), "state": Self.value(phase), "lastState": [:]]
        if let last { value["lastState"] = Self.value(.terminated(last)) }
        value["ready"] = .bool(isReady(asInitial: isInitial))
        value["restartCount"] = .integer(restarts)
        value["image"] = .string(image)
        let id: String
        switch phase {
        case .running(let run): id = run.id
        case .terminated(let end): id = end.id
        case .waiting: id = last?.id ?? ""
        }
        value["imageID"] = .string(id.isEmpty ? "" : "process://\(image)")
        if !id.isEmpty { value["containerID"] = .string(id) }
        if !isInitial { value["started"] = .bool(isRunning && isStarted) }
        return value
    }

    private static func value(_ phase: Phase) -> JSONValue {
        switch phase {
        case .waiting(let waiting):
            var value: JSONValue = ["reason": .string(waiting.reason)]
            if !waiting.message.isEmpty { value["message"] = .string(waiting.message) }
            return ["waiting": value]
        case .running(let run): return ["running": ["startedAt": .string(run.started.description)]]
        case .terminated(let end):
            var value: JSONValue = ["exitCode": .integer(end.code)]
            if let signal = end.signal { value["signal"] = .integer(signal) }
            value["reason"] = .string(end.reason)
            if !end.message.isEmpty { value["message"] = .string(end.message) }
            value["startedAt"] = end.started.map { .string($0.description) } ?? .null
            value["finishedAt"] = end.finished.map { .string($0.description) } ?? .null
            if !end.id.isEmpty { value["containerID"] = .string(end.id) }
            return ["terminated": value]
        }
    }
}
