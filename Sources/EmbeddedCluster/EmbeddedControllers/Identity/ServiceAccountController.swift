package import EmbeddedAPI
package import Kubernetes
import JSON

/// Gives each namespace its service account `default`, and the certificate of the cluster's authority.
package struct ServiceAccountController: ClusterController {
    package let name = "serviceaccount"
    private let authority: String
    private static let account = "default"
    private static let map = "kube-root-ca.crt"

    /// - Parameter authority: The certificate, in PEM, by which clients know the API server.
    package init(authority: String) { self.authority = authority }

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        switch change.resource {
        case .namespace: change.new == nil ? [] : [ObjectKey(name: change.key.name)]
        case .serviceAccount where change.key.name == Self.account && change.new == nil,
            .configMap where change.key.name == Self.map:
            [ObjectKey(name: change.key.namespace)]
        default: []
        }
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let namespace = cluster.get(.namespace, key), !namespace.isBeingDeleted else { return nil }
        let account = ObjectKey(namespace: key.name, name: Self.account)
        if cluster.get(.serviceAccount, account) == nil {
            _ = try cluster.create(
                .serviceAccount,
                ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": Self.metadata(account)],
                by: "service-account-controller"
            )
        }
        let data: JSONValue = ["ca.crt": .string(authority)]
        let map = ObjectKey(namespace: key.name, name: Self.map)
        let publisher = "root-ca-cert-publisher"
        guard var current = cluster.get(.configMap, map) else {
            _ = try cluster.create(
                .configMap,
                ["apiVersion": "v1", "kind": "ConfigMap", "metadata": Self.metadata(map), "data": data],
                by: publisher
            )
            return nil
        }
        guard current["data"] != data else { return nil }
        current["data"] = data
        try cluster.update(.configMap, current, by: publisher)
        return nil
    }

    private static func metadata(_ key: ObjectKey) -> JSONValue {
        ["name": .string(key.name), "namespace": .string(key.namespace)]
    }
}
