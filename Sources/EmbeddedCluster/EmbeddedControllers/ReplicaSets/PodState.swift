import JSON
import Kubernetes

/// What controllers ask of a pod.
extension JSONValue {
    var phase: String { status["phase"]?.string ?? "" }
    var nodeName: String { spec["nodeName"]?.string ?? "" }
    var isOver: Bool { phase == "Succeeded" || phase == "Failed" }
    /// Whether the pod counts as one of its controller's replicas.
    var isActivePod: Bool { !isOver && !isBeingDeleted }
    var isReadyPod: Bool { hasTrueCondition("Ready") }

    /// How long the pod still has to stay ready to count as available: zero when it does, nil when it is not ready.
    func timeToAvailable(minReadySeconds: Int, now: Timestamp) -> Duration? {
        guard let ready = condition("Ready"), ready["status"] == "True" else { return nil }
        guard minReadySeconds > 0, let since = ready["lastTransitionTime"]?.time else { return .zero }
        return max(.zero, since + .seconds(minReadySeconds) - now)
    }

    var restarts: Int {
        (status["containerStatuses"]?.array ?? []).map { $0["restartCount"]?.integer ?? 0 }.max() ?? 0
    }
}

/// Which pods go first when there are too many: those that are missed least.
struct PodRanking {
    private struct Rank: Comparable {
        var isAssigned: Bool
        var phase: Int
        var isReady: Bool
        var cost: Int
        /// Fewer neighbours of the same kind on its node.
        var crowd: Int
        var readySince: Int
        var restarts: Int
        var created: Int
        var name: String

        static func < (a: Rank, b: Rank) -> Bool {
            if a.isAssigned != b.isAssigned { return !a.isAssigned }
            if a.phase != b.phase { return a.phase < b.phase }
            if a.isReady != b.isReady { return !a.isReady }
            if a.cost != b.cost { return a.cost < b.cost }
            if a.crowd != b.crowd { return a.crowd > b.crowd }
            if a.readySince != b.readySince { return a.readySince > b.readySince }
            if a.restarts != b.restarts { return a.restarts > b.restarts }
            if a.created != b.created { return a.created > b.created }
            return a.name < b.name
        }
    }

    /// The pods in the order in which they should go.
    ///
    /// - Parameter related: Pods with the same purpose, whose presence on a node makes a pod there less needed.
    static func ordered(_ pods: [JSONValue], related: [JSONValue] = []) -> [JSONValue] {
        var crowds: [String: Int] = [:]
        for pod in related where pod.isActivePod && !pod.nodeName.isEmpty { crowds[pod.nodeName, default: 0] += 1 }
        return pods.map { ($0, rank($0, crowds)) }.sorted { $0.1 < $1.1 }.map(\.0)
    }

    private static func rank(_ pod: JSONValue, _ crowds: [String: Int]) -> Rank {
        let cost = pod.annotations["controller.kubernetes.io/pod-deletion-cost"]?.string.flatMap { Int($0) } ?? 0
        let readySince = pod.condition("Ready")?["lastTransitionTime"]?.time
        return Rank(
            isAssigned: !pod.nodeName.isEmpty,
            phase: pod.phase == "Running" ? 2 : pod.phase == "Unknown" ? 1 : 0,
            isReady: pod.isReadyPod,
            cost: cost,
            crowd: pod.nodeName.isEmpty ? 0 : crowds[pod.nodeName] ?? 0,
            readySince: pod.isReadyPod ? readySince?.microseconds ?? Int.max : 0,
            restarts: pod.restarts,
            created: pod.created?.microseconds ?? Int.max,
            name: pod.name
        )
    }
}
