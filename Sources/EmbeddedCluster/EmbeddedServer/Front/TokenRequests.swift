import EmbeddedAPI
import JSON
import Kubernetes

/// Makes tokens on request: `serviceaccounts/token`.
enum TokenRequests {
    private static let type = ResourceType(
        group: "authentication.k8s.io",
        version: "v1",
        kind: "TokenRequest",
        plural: "tokenrequests"
    )

    /// - Throws: ``APIStatus`` when the account is not there or the request is wrong.
    static func answer(
        _ call: APICall,
        _ core: APICore,
        _ signer: TokenSigner,
        now: Timestamp
    ) throws(APIStatus) -> APIAnswer {
        let key = ObjectKey(namespace: call.namespace, name: call.name)
        guard let account = core.get(Authenticator.serviceAccounts, key) else {
            throw .notFound(Authenticator.serviceAccounts, call.name)
        }
        var body = call.body ?? [:]
        let seconds = body[path: ["spec", "expirationSeconds"]]?.integer ?? 3600
        guard seconds >= 600 else {
            throw .invalid(
                type,
                call.name,
                [
                    .invalid(
                        "spec.expirationSeconds",
                        .integer(seconds),
                        "may not specify a duration less than 10 minutes"
                    )
                ]
            )
        }
        let audiences = body[path: ["spec", "audiences"]]?.array?.compactMap(\.string) ?? []
        let expires = now + .seconds(seconds)
        let token = signer.token(
            for: key,
            uid: account[path: ["metadata", "uid"]]?.string ?? "",
            audiences: audiences,
            pod: try pod(body[path: ["spec", "boundObjectRef"]], in: call.namespace, core),
            issued: now,
            expires: expires
        )
        body["apiVersion"] = .string(type.apiVersion)
        body["kind"] = .string(type.kind)
        if body["metadata"] == nil {
            body["metadata"] = ["name": .string(key.name), "namespace": .string(key.namespace)]
        }
        body[path: ["spec", "audiences"]] = .array(
            (audiences.isEmpty ? [TokenSigner.issuer] : audiences).map { .string($0) }
        )
        body[path: ["spec", "expirationSeconds"]] = .integer(seconds)
        body["status"] = ["token": .string(token), "expirationTimestamp": .string(expires.description)]
        return APIAnswer(code: 201, body)
    }

    private static func pod(
        _ reference: JSONValue?,
        in namespace: String,
        _ core: APICore
    ) throws(APIStatus) -> (name: String, uid: String)? {
        guard let reference, !reference.isNull, reference["kind"] == "Pod" else { return nil }
        let name = reference["name"]?.string ?? ""
        guard let pod = core.get(.pod, ObjectKey(namespace: namespace, name: name)),
            let uid = pod[path: ["metadata", "uid"]]?.string
        else { throw .notFound(.pod, name) }
        if let wanted = reference["uid"]?.string, !wanted.isEmpty, wanted != uid {
            throw .conflict(
                .pod,
                name,
                "the UID in the bound object reference (\(wanted)) does not match the UID in record"
            )
        }
        return (name, uid)
    }
}
