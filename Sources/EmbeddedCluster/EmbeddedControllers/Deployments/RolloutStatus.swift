import JSON
import Kubernetes

/// The status of a deployment, worked out from its replica sets.
struct RolloutStatus {
    /// The deployment as it was read.
    var deployment: JSONValue
    var plan: RolloutPlanner
    /// The conditions `ReplicaFailure` of its replica sets, the new one's first.
    var failures: [JSONValue] = []
    var now: Timestamp

    /// Seconds without progress after which a rollout counts as failed; nil when it never does.
    static func progressDeadline(_ deployment: JSONValue) -> Int? {
        deployment.spec["progressDeadlineSeconds"]?.integer.flatMap { $0 == Int(Int32.max) ? nil : $0 }
    }

    /// A condition as the deployment controller writes it.
    static func condition(
        _ type: String,
        _ status: String,
        _ reason: String,
        _ message: String,
        _ now: Timestamp
    )
        -> JSONValue
    {
        [
            "type": .string(type), "status": .string(status), "lastUpdateTime": .string(now.description),
            "lastTransitionTime": .string(now.description), "reason": .string(reason), "message": .string(message),
        ]
    }

    /// Puts a condition among others, unless one with the same status and reason is there.
    static func set(_ condition: JSONValue, in conditions: inout [JSONValue]) {
        var condition = condition
        if let index = conditions.firstIndex(where: { $0["type"] == condition["type"] }) {
            let current = conditions[index]
            if current["status"] == condition["status"] {
                if current["reason"] == condition["reason"] { return }
                condition["lastTransitionTime"] = current["lastTransitionTime"]
            }
            conditions.remove(at: index)
        }
        conditions.append(condition)
    }

    /// Whether all that was asked for is there, and nothing else.
    static func isComplete(_ deployment: JSONValue, _ status: JSONValue) -> Bool {
        let wanted = deployment.spec["replicas"]?.integer ?? 1
        return status["updatedReplicas"]?.integer ?? 0 == wanted && status["replicas"]?.integer ?? 0 == wanted
            && status["availableReplicas"]?.integer ?? 0 == wanted
            && status["observedGeneration"]?.integer ?? 0 >= deployment.generation
    }

    /// The numbers and the condition `Available`, with all other conditions as they are.
    func counted() -> JSONValue {
        let sets = plan.oldSets + (plan.newSet.map { [$0] } ?? [])
        let available = sets.reduce(0) { $0 + $1.available }
        var status: JSONValue = [:]
        if deployment.generation > 0 { status["observedGeneration"] = .integer(deployment.generation) }
        // Numbers that are 0 are left out, as the API's types have it.
        let numbers: [(String, Int)] = [
            ("replicas", sets.reduce(0) { $0 + $1.present }), ("updatedReplicas", plan.newSet?.present ?? 0),
            ("readyReplicas", sets.reduce(0) { $0 + $1.ready }), ("availableReplicas", available),
            ("unavailableReplicas", max(0, sets.reduce(0) { $0 + $1.replicas } - available)),
        ]
        for (name, number) in numbers where number > 0 { status[name] = .integer(number) }
        if let collisions = deployment.status["collisionCount"] { status["collisionCount"] = collisions }
        var conditions = deployment.status["conditions"]?.array ?? []
        let isAvailable = available >= plan.replicas - plan.allowedUnavailable
        Self.set(
            isAvailable
                ? Self.condition(
                    "Available",
                    "True",
                    "MinimumReplicasAvailable",
                    "Deployment has minimum availability.",
                    now
                )
                : Self.condition(
                    "Available",
                    "False",
                    "MinimumReplicasUnavailable",
                    "Deployment does not have minimum availability.",
                    now
                ),
            in: &conditions
        )
        status["conditions"] = .array(conditions)
        return status
    }

    /// The status with the conditions `Progressing` and `ReplicaFailure`.
    func progressed() -> JSONValue {
        var status = counted()
        var conditions = status["conditions"]?.array ?? []
        let current = conditions.first { $0["type"] == "Progressing" }
        if let deadline = Self.progressDeadline(deployment) {
            let isDone =
                (status["replicas"]?.integer ?? 0) == (status["updatedReplicas"]?.integer ?? 0)
                && current?["reason"] == "NewReplicaSetAvailable"
            if !isDone { judge(status, current, deadline, &conditions) }
        } else {
            conditions.removeAll { $0["type"] == "Progressing" }
        }
        if var failure = failures.first {
            failure["lastUpdateTime"] = failure["lastTransitionTime"]
            Self.set(failure, in: &conditions)
        } else {
            conditions.removeAll { $0["type"] == "ReplicaFailure" }
        }
        status["conditions"] = .array(conditions)
        return status
    }

    private func judge(_ status: JSONValue, _ current: JSONValue?, _ deadline: Int, _ conditions: inout [JSONValue]) {
        let subject = plan.newSet.map { "ReplicaSet \"\($0.name)\"" } ?? "Deployment \"\(deployment.name)\""
        if Self.isComplete(deployment, status) {
            let message = "\(subject) has successfully progressed."
            Self.set(Self.condition("Progressing", "True", "NewReplicaSetAvailable", message, now), in: &conditions)
        } else if isProgressing(status) {
            let message = "\(subject) is progressing."
            var condition = Self.condition("Progressing", "True", "ReplicaSetUpdated", message, now)
            // Each bit of progress moves lastUpdateTime, from which the deadline counts.
            if current?["status"] == "True" { condition["lastTransitionTime"] = current?["lastTransitionTime"] }
            conditions.removeAll { $0["type"] == "Progressing" }
            conditions.append(condition)
        } else if isTimedOut(current, deadline) {
            let message = "\(subject) has timed out progressing."
            Self.set(Self.condition("Progressing", "False", "ProgressDeadlineExceeded", message, now), in: &conditions)
        }
    }

    private func isProgressing(_ status: JSONValue) -> Bool {
        let old = deployment.status
        func number(_ status: JSONValue, _ name: String) -> Int { status[name]?.integer ?? 0 }
        let outdated = number(status, "replicas") - number(status, "updatedReplicas")
        return number(status, "updatedReplicas") > number(old, "updatedReplicas")
            || outdated < number(old, "replicas") - number(old, "updatedReplicas")
            || number(status, "readyReplicas") > number(old, "readyReplicas")
            || number(status, "availableReplicas") > number(old, "availableReplicas")
    }

    private func isTimedOut(_ current: JSONValue?, _ deadline: Int) -> Bool {
        guard let current, current["reason"] != "NewReplicaSetAvailable" else { return false }
        if current["reason"] == "ProgressDeadlineExceeded" { return true }
        guard let since = current["lastUpdateTime"]?.time else { return false }
        return since + .seconds(deadline) < now
    }

    /// How long until a rollout that stands still should be judged again; nil when there is nothing to wait for.
    static func nextJudgement(_ deployment: JSONValue, now: Timestamp) -> Duration? {
        guard let deadline = progressDeadline(deployment), let current = deployment.condition("Progressing"),
            current["reason"] != "ProgressDeadlineExceeded", !isComplete(deployment, deployment.status),
            let since = current["lastUpdateTime"]?.time
        else { return nil }
        // A second later than the deadline, since times are written in whole seconds.
        return max(.seconds(1), since + .seconds(deadline + 1) - now)
    }
}
