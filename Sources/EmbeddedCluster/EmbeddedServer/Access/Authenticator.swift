import EmbeddedAPI
import HTTPServing
import JSON
import Kubernetes
import Synchronization

/// Finds out who sends a request: by client certificate, by token, or nobody in particular.
struct Authenticator: Sendable {
    static let serviceAccounts = ResourceType(version: "v1", kind: "ServiceAccount", plural: "serviceaccounts")
    static let anonymous = APICall.User(name: "system:anonymous", groups: ["system:unauthenticated"])

    let core: APICore
    let signer: TokenSigner
    let adminToken: String
    let now: @Sendable () -> Timestamp

    /// - Throws: ``APIStatus`` with 401 when a token is wrong.
    func user(of request: ServerRequest) throws(APIStatus) -> APICall.User {
        if let subject = request.clientCertificateSubject, let user = DistinguishedName(subject).user { return user }
        guard let header = request.header("Authorization") else { return Self.anonymous }
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer", let user = user(ofToken: String(words[1])) else {
            throw .unauthorized
        }
        return user
    }

    /// The user that a token stands for; nil when it is not valid.
    func user(ofToken token: String) -> APICall.User? {
        if token == adminToken { return .admin }
        return signer.claims(of: token).flatMap { serviceAccount($0) }
    }

    private func serviceAccount(_ claims: JSONValue) -> APICall.User? {
        let prefix = "kubernetes.io/serviceaccount/"
        if claims["iss"]?.string == TokenSigner.legacyIssuer {
            let namespace = claims[prefix + "namespace"]?.string ?? ""
            let secret = ObjectKey(namespace: namespace, name: claims[prefix + "secret.name"]?.string ?? "")
            guard core.get(.secret, secret) != nil else { return nil }
            return serviceAccount(
                ObjectKey(namespace: namespace, name: claims[prefix + "service-account.name"]?.string ?? ""),
                uid: claims[prefix + "service-account.uid"]?.string
            )
        }
        let seconds = now().microseconds / 1_000_000
        guard let binding = claims["kubernetes.io"], let expires = claims["exp"]?.integer, seconds < expires,
            let begins = claims["nbf"]?.integer, begins <= seconds
        else { return nil }
        let namespace = binding["namespace"]?.string ?? ""
        if let pod = binding["pod"] {
            let key = ObjectKey(namespace: namespace, name: pod["name"]?.string ?? "")
            guard core.get(.pod, key)?[path: ["metadata", "uid"]] == pod["uid"] else { return nil }
        }
        return serviceAccount(
            ObjectKey(namespace: namespace, name: binding[path: ["serviceaccount", "name"]]?.string ?? ""),
            uid: binding[path: ["serviceaccount", "uid"]]?.string
        )
    }

    private func serviceAccount(_ key: ObjectKey, uid: String?) -> APICall.User? {
        guard let account = core.get(Self.serviceAccounts, key),
            account[path: ["metadata", "uid"]]?.string == uid
        else { return nil }
        return Self.user(serviceAccount: key, uid: uid ?? "")
    }

    static func user(serviceAccount key: ObjectKey, uid: String = "") -> APICall.User {
        APICall.User(
            name: TokenSigner.userName(of: key),
            groups: [
                "system:serviceaccounts", "system:serviceaccounts:\(key.namespace)", "system:authenticated",
            ],
            uid: uid
        )
    }
}
