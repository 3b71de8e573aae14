package import EmbeddedAPI
import FoundationEssentials
import JSON
package import Kubernetes

/// Fills secrets of type `kubernetes.io/service-account-token`, and removes them with their service account.
package struct TokenController: ClusterController {
    /// For whom a token is made.
    package struct Claims: Sendable, Hashable {
        package var namespace: String
        /// The name of the service account.
        package var account: String
        package var accountUID: String
        /// The name of the secret that holds the token.
        package var secret: String
    }

    package let name = "serviceaccount-token"
    private let component = "tokens-controller"
    private let authority: String
    private let sign: @Sendable (Claims) -> String
    private static let type: JSONValue = "kubernetes.io/service-account-token"
    private static let nameMark = "kubernetes.io/service-account.name"
    private static let uidMark = "kubernetes.io/service-account.uid"

    /// - Parameters:
    ///   - authority: The certificate, in PEM, by which clients know the API server.
    ///   - sign: Makes the token, as a signed JWT.
    package init(authority: String, sign: @escaping @Sendable (Claims) -> String) {
        self.authority = authority
        self.sign = sign
    }

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        switch change.resource {
        case .secret:
            return change.new?["type"] == Self.type ? [change.key] : []
        case .serviceAccount:
            guard change.old?.uid != change.new?.uid else { return [] }
            return cluster.core.list(.secret, namespace: change.key.namespace).filter {
                $0["type"] == Self.type && $0.annotations[Self.nameMark]?.string == change.key.name
            }.map(\.key)
        default: return []
        }
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let secret = cluster.get(.secret, key), secret["type"] == Self.type, !secret.isBeingDeleted,
            let account = secret.annotations[Self.nameMark]?.string
        else { return nil }
        let uid = secret.annotations[Self.uidMark]?.string ?? ""
        guard let object = cluster.get(.serviceAccount, ObjectKey(namespace: key.namespace, name: account)),
            uid.isEmpty || uid == object.uid
        else {
            try cluster.delete(.secret, secret, mustBeUnchanged: true, by: component)
            return nil
        }
        var data = secret["data"]?.object ?? [:]
        data["ca.crt"] = .string(Self.base64(authority))
        data["namespace"] = .string(Self.base64(key.namespace))
        if data["token"]?.string?.isEmpty ?? true {
            let claims = Claims(
                namespace: key.namespace,
                account: account,
                accountUID: object.uid,
                secret: key.name
            )
            data["token"] = .string(Self.base64(sign(claims)))
        }
        guard data != secret["data"]?.object ?? [:] || uid.isEmpty else { return nil }
        var changed = secret
        changed["data"] = .object(data)
        changed[path: ["metadata", "annotations", Self.uidMark]] = .string(object.uid)
        try cluster.update(.secret, changed, by: component)
        return nil
    }

    private static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
}
