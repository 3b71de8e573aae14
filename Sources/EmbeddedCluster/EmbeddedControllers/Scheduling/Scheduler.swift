package import EmbeddedAPI
package import Kubernetes
import JSON

/// Binds pods to nodes that have room for them and that they accept.
package struct Scheduler: ClusterController {
    package let name = "scheduler"
    private let component = "default-scheduler"

    package init() {}

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        switch change.resource {
        case .pod:
            if let pod = change.new, pod.nodeName.isEmpty {
                return change.old == nil || change.old?.spec != pod.spec ? [change.key] : []
            }
            // Room was made.
            let held = change.old.map { !$0.nodeName.isEmpty && !$0.isOver } ?? false
            let holds = change.new.map { !$0.isOver } ?? false
            return held && !holds ? cluster.look { $0.waitingPods } : []
        case .node:
            guard let node = change.new, change.old.map(Self.facts) != Self.facts(node) else { return [] }
            return cluster.look { $0.waitingPods }
        default: return []
        }
    }

    /// What of a node decides about pods.
    private static func facts(_ node: JSONValue) -> [JSONValue] {
        [.object(node.labels), node.spec, node.status["allocatable"] ?? .null]
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let pod = cluster.get(.pod, key), pod.nodeName.isEmpty, !pod.isOver, !pod.isBeingDeleted,
            pod.spec["schedulerName"]?.string ?? component == component
        else { return nil }
        let nodes = cluster.core.list(.node)
        let filter = NodeFilter(pod)
        var counts: [String: Int] = [:]
        var best: (name: String, share: Double)?
        for node in nodes {
            let use = cluster.look { $0.use(ofNode: node.name) }
            let refusals = filter.refusals(of: node, use)
            for refusal in refusals { counts[refusal, default: 0] += 1 }
            guard refusals.isEmpty else { continue }
            let share = filter.freeShare(of: node, use)
            if share > best?.share ?? -1 { best = (node.name, share) }
        }
        guard let best else {
            try refuse(pod, Self.message(nodes.count, counts), cluster, now)
            return nil
        }
        do throws(APIStatus) { try cluster.bind(pod, toNode: best.name, by: "kube-scheduler") } catch {
            if error.reason == "NotFound" { return nil }
            throw error
        }
        let message = "Successfully assigned \(key.namespace)/\(key.name) to \(best.name)"
        cluster.record(.pod, pod, "Scheduled", message, by: component, now: now)
        return nil
    }

    private static func message(_ nodes: Int, _ counts: [String: Int]) -> String {
        guard nodes > 0 else { return "no nodes available to schedule pods" }
        let reasons = counts.map { "\($0.value) \($0.key)" }.sorted()
        return "0/\(nodes) nodes are available: \(reasons.joined(separator: ", "))."
    }

    private func refuse(_ pod: JSONValue, _ message: String, _ cluster: Cluster, _ now: Timestamp) throws(APIStatus) {
        cluster.record(.pod, pod, isWarning: true, "FailedScheduling", message, by: component, now: now)
        var conditions = pod.status["conditions"]?.array ?? []
        let old = pod.condition("PodScheduled")
        if old?["status"] == "False", old?["message"]?.string == message { return }
        conditions.removeAll { $0["type"] == "PodScheduled" }
        let since = old?["status"] == "False" ? old?["lastTransitionTime"] : nil
        conditions.append([
            "type": "PodScheduled", "status": "False", "lastProbeTime": .null,
            "lastTransitionTime": since ?? .string(now.description), "reason": "Unschedulable",
            "message": .string(message),
        ])
        var status = pod.status
        status["conditions"] = .array(conditions)
        try cluster.updateStatus(.pod, pod, status, by: "kube-scheduler")
    }
}
