package import EmbeddedAPI
package import Kubernetes
import JSON

/// Renews the lease of each node, as its kubelet would: for nodes whose pods run in this process.
package struct NodeHeartbeat: ClusterController {
    package let name = "node-heartbeat"
    private let component = "kubelet"
    private let interval: Duration
    private static let namespace = "kube-node-lease"

    /// - Parameter interval: Between two renewals; the lease lasts four times as long, at least a second.
    package init(every interval: Duration = .seconds(10)) { self.interval = max(interval, .milliseconds(250)) }

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        change.resource == .node && (change.old == nil || change.new == nil) ? [ObjectKey(name: change.key.name)] : []
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let node = cluster.get(.node, key), !node.isBeingDeleted else { return nil }
        let lease = ObjectKey(namespace: Self.namespace, name: key.name)
        let spec: JSONValue = [
            "holderIdentity": .string(key.name),
            "leaseDurationSeconds": .integer(max(1, Int((interval * 4).components.seconds))),
            "renewTime": .string(now.microTime),
        ]
        guard var current = cluster.get(.lease, lease) else {
            // Not a controller's reference: the lease goes with the node, and does not hold it.
            let owner: JSONValue = [
                "apiVersion": "v1", "kind": "Node", "name": .string(key.name), "uid": .string(node.uid),
            ]
            _ = try cluster.create(
                .lease,
                [
                    "apiVersion": .string(ResourceType.lease.apiVersion), "kind": "Lease",
                    "metadata": [
                        "name": .string(lease.name), "namespace": .string(lease.namespace),
                        "ownerReferences": [owner],
                    ],
                    "spec": spec,
                ],
                by: component
            )
            return interval
        }
        // After a restart the last renewal may be recent.
        if let renewed = current.spec["renewTime"]?.time, current.spec["holderIdentity"]?.string == key.name {
            let rest = renewed + interval - now
            if rest > .zero, rest <= interval { return rest }
        }
        current["spec"] = spec
        try cluster.update(.lease, current, by: component)
        return interval
    }
}
