package import EmbeddedAPI
package import Kubernetes
import JSON

/// Works out how many pods each PodDisruptionBudget lets be evicted.
package struct DisruptionController: ClusterController {
    package let name = "disruption"
    private let component = "disruption-controller"
    /// How long an eviction may take before its pod counts as staying.
    private static let patience: Duration = .seconds(120)

    package init() {}

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        switch change.resource {
        case .podDisruptionBudget: return change.new == nil ? [] : [change.key]
        case .pod: return budgets(change, in: cluster, [change.old, change.new].compactMap { $0?.labels })
        case .deployment, .replicaSet:
            // Percentages are of what the controller should have.
            guard change.old?.spec["replicas"] != change.new?.spec["replicas"], let object = change.new ?? change.old
            else { return [] }
            return budgets(change, in: cluster, [object.spec[path: ["template", "metadata", "labels"]]?.object ?? [:]])
        default: return []
        }
    }

    private func budgets(_ change: Change, in cluster: Cluster, _ labels: [JSONObject]) -> [ObjectKey] {
        cluster.core.list(.podDisruptionBudget, namespace: change.key.namespace).filter { budget in
            guard let selector = try? LabelSelector(object: budget.spec["selector"]) else { return false }
            return labels.contains { selector.matches($0) }
        }.map(\.key)
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let budget = cluster.get(.podDisruptionBudget, key), !budget.isBeingDeleted else { return nil }
        let selector = try LabelSelector(object: budget.spec["selector"])
        let pods = cluster.pods(namespace: key.namespace, selector).filter { !$0.isOver }
        let (disrupted, again) = disrupted(budget, pods, now)
        let healthy = pods.count { pod in
            pod.isReadyPod && !pod.isBeingDeleted && disrupted[pod.name] == nil
        }
        let (expected, desired) = try wanted(budget, pods, cluster)
        let allowed = expected > 0 ? max(0, healthy - desired) : 0
        var status: JSONValue = [:]
        if !disrupted.isEmpty { status["disruptedPods"] = .object(disrupted) }
        status["disruptionsAllowed"] = .integer(allowed)
        status["currentHealthy"] = .integer(healthy)
        status["desiredHealthy"] = .integer(desired)
        status["expectedPods"] = .integer(expected)
        status["observedGeneration"] = .integer(budget.generation)
        status["conditions"] = .array(conditions(budget, allowed, now))
        try cluster.updateStatus(.podDisruptionBudget, budget, status, by: component)
        return again
    }

    private func conditions(_ budget: JSONValue, _ allowed: Int, _ now: Timestamp) -> [JSONValue] {
        let value: JSONValue = allowed > 0 ? "True" : "False"
        let old = budget.condition("DisruptionAllowed")
        let since = old?["status"] == value ? old?["lastTransitionTime"] : nil
        let condition: JSONValue = [
            "type": "DisruptionAllowed", "status": value, "observedGeneration": .integer(budget.generation),
            "lastTransitionTime": since ?? .string(now.description),
            "reason": allowed > 0 ? "SufficientPods" : "InsufficientPods", "message": "",
        ]
        return (budget.status["conditions"]?.array ?? []).filter { $0["type"] != "DisruptionAllowed" } + [condition]
    }

    /// The evictions that are under way: pods that were evicted and are not yet marked as going.
    private func disrupted(_ budget: JSONValue, _ pods: [JSONValue], _ now: Timestamp) -> (JSONObject, Duration?) {
        let going = Dictionary(pods.map { ($0.name, $0.isBeingDeleted) }, uniquingKeysWith: { first, _ in first })
        var left = JSONObject()
        var again: Duration?
        for (name, time) in budget.status["disruptedPods"]?.object ?? [:] {
            guard going[name] == false, let since = time.time else { continue }
            let rest = since + Self.patience - now
            guard rest > .zero else { continue }
            left[name] = time
            again = min(again ?? rest, rest)
        }
        return (left, again)
    }

    private func wanted(
        _ budget: JSONValue,
        _ pods: [JSONValue],
        _ cluster: Cluster
    ) throws(APIStatus)
        -> (expected: Int, desired: Int)
    {
        if let value = budget.spec["maxUnavailable"] {
            let expected = try expectedByControllers(pods, cluster)
            return (expected, max(0, expected - (Share.resolve(value, of: expected, roundsUp: true) ?? 0)))
        }
        let value = budget.spec["minAvailable"]
        if let number = value?.integer { return (pods.count, number) }
        let expected = try expectedByControllers(pods, cluster)
        return (expected, Share.resolve(value, of: expected, roundsUp: true) ?? 0)
    }

    /// How many pods those who control these pods want, each controller counted once.
    private func expectedByControllers(_ pods: [JSONValue], _ cluster: Cluster) throws(APIStatus) -> Int {
        var counts: [String: Int] = [:]
        for pod in pods {
            guard let owner = pod.controllingOwner, counts[owner.uid] == nil else { continue }
            if owner.kind == "ReplicaSet", let set = cluster.look({ $0.place(ofUID: owner.uid) }),
                let object = cluster.get(set.resource, set.key)
            {
                if let parent = object.controllingOwner, let place = cluster.look({ $0.place(ofUID: parent.uid) }),
                    let deployment = cluster.get(place.resource, place.key)
                {
                    counts[parent.uid] = deployment.spec["replicas"]?.integer ?? 1
                } else {
                    counts[owner.uid] = object.spec["replicas"]?.integer ?? 1
                }
            } else if let count = try scale(owner, cluster) {
                counts[owner.uid] = count
            }
        }
        return counts.values.reduce(0, +)
    }

    private func scale(_ owner: Owner, _ cluster: Cluster) throws(APIStatus) -> Int? {
        guard let place = cluster.look({ $0.place(ofUID: owner.uid) }) else { return nil }
        let definition = cluster.core.definitions.first { $0.type == place.resource }
        guard definition?.scale != nil else { return nil }
        var call = APICall(.get, place.resource, place.key)
        call.subresource = "scale"
        return try cluster.call(call, by: component).spec["replicas"]?.integer ?? 0
    }
}
