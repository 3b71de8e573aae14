import JSON
import Kubernetes

/// The annotations by which a deployment and its replica sets remember revisions and sizes.
enum Revisions {
    static let revision = "deployment.kubernetes.io/revision"
    static let history = "deployment.kubernetes.io/revision-history"
    static let desired = "deployment.kubernetes.io/desired-replicas"
    static let ceiling = "deployment.kubernetes.io/max-replicas"
    private static let own: Set<String> = [
        "kubectl.kubernetes.io/last-applied-configuration", revision, history, desired, ceiling,
        "deprecated.deployment.rollback.to",
    ]
    private static let historyLimit = 2000

    static func number(_ object: JSONValue) -> Int { object.annotations[revision]?.string.flatMap { Int($0) } ?? 0 }

    /// The annotations that the current replica set should have: the deployment's, and its revision.
    ///
    /// - Parameters:
    ///   - set: The replica set as it is; nil when it is to be made.
    ///   - number: The revision, unless the replica set has a later one.
    static func annotations(of set: JSONValue?, deployment: JSONValue, number: Int) -> JSONObject {
        var annotations = set?.annotations ?? [:]
        for (key, value) in deployment.annotations where !own.contains(key) { annotations[key] = value }
        let old = set.map { Self.number($0) } ?? 0
        guard old < number else { return annotations }
        annotations[revision] = .string(String(number))
        if let set, let before = set.annotations[revision]?.string {
            var numbers = set.annotations[history]?.string?.split(separator: ",").map(String.init) ?? []
            numbers.append(before)
            while numbers.joined(separator: ",").utf8.count > historyLimit { numbers.removeFirst() }
            annotations[history] = .string(numbers.joined(separator: ","))
        }
        return annotations
    }

    /// Notes the deployment's size in the annotations of a replica set.
    static func size(_ annotations: inout JSONObject, _ plan: RolloutPlanner) {
        annotations[desired] = .string(String(plan.replicas))
        annotations[ceiling] = .string(String(plan.replicas + plan.surge))
    }
}

extension RolloutPlanner {
    /// The facts of a deployment and its replica sets.
    init(_ deployment: JSONValue, newSet: JSONValue?, oldSets: [JSONValue]) {
        let replicas = deployment.spec["replicas"]?.integer ?? 1
        self.init(
            replicas: replicas,
            strategy: Strategy(deployment.spec["strategy"], replicas: replicas),
            newSet: newSet.map { ReplicaSet($0) },
            oldSets: oldSets.map { ReplicaSet($0) },
            reportedReplicas: deployment.status["replicas"]?.integer ?? 0
        )
    }
}

extension RolloutPlanner.Strategy {
    /// The strategy with percentages worked out: a surge is rounded up, what may be missing down, and one of both is
    /// at least 1.
    init(_ value: JSONValue?, replicas: Int) {
        if value?["type"] == "Recreate" {
            self = .recreate
            return
        }
        let parameters = value?["rollingUpdate"]
        let surge = Share.resolve(parameters?["maxSurge"] ?? "25%", of: replicas, roundsUp: true) ?? 0
        let missing = Share.resolve(parameters?["maxUnavailable"] ?? "25%", of: replicas, roundsUp: false) ?? 0
        self = .rollingUpdate(surge: surge, unavailable: surge == 0 && missing == 0 ? 1 : missing)
    }
}

extension RolloutPlanner.ReplicaSet {
    init(_ set: JSONValue) {
        func annotation(_ name: String) -> Int? { set.annotations[name]?.string.flatMap { Int($0) } }
        self.init(
            name: set.name,
            created: set.created ?? Timestamp(microseconds: 0),
            replicas: set.spec["replicas"]?.integer ?? 1,
            present: set.status["replicas"]?.integer ?? 0,
            ready: set.status["readyReplicas"]?.integer ?? 0,
            available: set.status["availableReplicas"]?.integer ?? 0,
            desired: annotation(Revisions.desired),
            ceiling: annotation(Revisions.ceiling)
        )
    }
}
