package import EmbeddedAPI
package import Kubernetes
import JSON

/// Keeps as many pods as each replica set asks for.
package struct ReplicaSetController: ClusterController {
    package let name = "replicaset"
    private let component = "replicaset-controller"
    /// Pods made or removed in one go; the rest follows.
    private static let burst = 500

    package init() {}

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        switch change.resource {
        case .replicaSet: change.new == nil ? [] : [change.key]
        case .pod: cluster.governors(of: change, .replicaSet)
        default: []
        }
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let set = cluster.get(.replicaSet, key) else { return nil }
        let selector = try LabelSelector(object: set.spec["selector"])
        let pods = try cluster.claim(.pod, for: set, .replicaSet, selector, by: component).filter(\.isActivePod)
        var left = pods
        var refusal: APIStatus?
        let missing = (set.spec["replicas"]?.integer ?? 1) - pods.count
        if !set.isBeingDeleted { (left, refusal) = manage(set, pods, missing, cluster, now) }
        let minReady = set.spec["minReadySeconds"]?.integer ?? 0
        let waits = left.compactMap { $0.timeToAvailable(minReadySeconds: minReady, now: now) }
        let status = status(of: set, left, available: waits.count { $0 == .zero }, missing, refusal, now)
        try cluster.updateStatus(.replicaSet, set, status, by: component)
        if let refusal { throw refusal }
        // The rest of a big step.
        if abs(missing) > Self.burst, !set.isBeingDeleted { return .zero }
        return waits.filter { $0 > .zero }.min()
    }

    /// - Returns: The pods that are left, without those that were just made: they will be seen as changes.
    private func manage(
        _ set: JSONValue,
        _ pods: [JSONValue],
        _ missing: Int,
        _ cluster: Cluster,
        _ now: Timestamp
    )
        -> ([JSONValue], APIStatus?)
    {
        let maker = PodMaker(cluster: cluster, resource: .replicaSet, owner: set, component: component, now: now)
        if missing > 0 {
            return (pods, maker.create(min(missing, Self.burst), template: set.spec["template"] ?? [:]).refusal)
        }
        guard missing < 0 else { return (pods, nil) }
        let order = PodRanking.ordered(pods, related: related(to: set, cluster))
        let excess = order.prefix(min(-missing, Self.burst))
        let refusal = maker.delete(Array(excess)).refusal
        let gone = Set(excess.map(\.name))
        return (refusal == nil ? pods.filter { !gone.contains($0.name) } : pods, refusal)
    }

    /// The pods of all replica sets with the same owner, its own among them.
    private func related(to set: JSONValue, _ cluster: Cluster) -> [JSONValue] {
        guard let owner = set.controllingOwner else { return cluster.controlled(.pod, byUID: set.uid) }
        return cluster.controlled(.replicaSet, byUID: owner.uid).flatMap { cluster.controlled(.pod, byUID: $0.uid) }
    }

    private func status(
        of set: JSONValue,
        _ pods: [JSONValue],
        available: Int,
        _ missing: Int,
        _ refusal: APIStatus?,
        _ now: Timestamp
    ) -> JSONValue {
        let labels = set.spec[path: ["template", "metadata", "labels"]]?.object ?? [:]
        var status: JSONValue = ["replicas": .integer(pods.count)]
        let numbers = [
            (
                "fullyLabeledReplicas",
                pods.count { pod in
                    let own = pod.labels
                    return labels.allSatisfy { own[$0.key] == $0.value }
                }
            ),
            ("readyReplicas", pods.count(where: \.isReadyPod)), ("availableReplicas", available),
        ]
        for (name, number) in numbers where number > 0 { status[name] = .integer(number) }
        if set.generation > 0 { status["observedGeneration"] = .integer(set.generation) }
        var conditions = set.status["conditions"]?.array ?? []
        if let refusal {
            if !conditions.contains(where: { $0["type"] == "ReplicaFailure" }) {
                conditions.append([
                    "type": "ReplicaFailure", "status": "True", "lastTransitionTime": .string(now.description),
                    "reason": missing > 0 ? "FailedCreate" : "FailedDelete", "message": .string(refusal.message),
                ])
            }
        } else {
            conditions.removeAll { $0["type"] == "ReplicaFailure" }
        }
        if !conditions.isEmpty { status["conditions"] = .array(conditions) }
        return status
    }
}
