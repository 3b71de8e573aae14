import EmbeddedAPI
import JSON
import Kubernetes

/// Answers questions about rights and tokens: resources that are created, answered and not stored.
struct AccessReviews: Sendable {
    private static let authentication = "authentication.k8s.io"
    private static let authorization = "authorization.k8s.io"

    /// The resources that are served here, without schemas.
    static let types: [ResourceType] = [
        type(authentication, "TokenReview", "tokenreviews"),
        type(authorization, "LocalSubjectAccessReview", "localsubjectaccessreviews", isNamespaced: true),
        type(authorization, "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
        type(authorization, "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
        type(authorization, "SubjectAccessReview", "subjectaccessreviews"),
    ]

    let authenticator: Authenticator
    let authorizer: RBACAuthorizer

    /// Which of ``types`` a request is for.
    static func type(of info: RequestInfo) -> ResourceType? {
        guard info.group == authentication || info.group == authorization else { return nil }
        return types.first { $0.group == info.group && $0.version == info.version && $0.plural == info.plural }
    }

    /// - Throws: ``APIStatus`` when the review is not one.
    func answer(_ type: ResourceType, _ call: APICall) throws(APIStatus) -> APIAnswer {
        guard call.verb == .create, call.subresource == nil, call.name.isEmpty else { throw .methodNotAllowed }
        guard var review = call.body, review.object != nil else { throw .badRequest("the review is missing") }
        for (field, expected) in [("apiVersion", type.apiVersion), ("kind", type.kind)]
        where review[field]?.string.map({ $0 != expected }) ?? false {
            throw .badRequest(
                "the \(field) in the data (\(review[field]?.string ?? "")) does not match the expected one "
                    + "(\(expected))"
            )
        }
        let spec = review["spec"] ?? [:]
        review["apiVersion"] = .string(type.apiVersion)
        review["kind"] = .string(type.kind)
        if review["metadata"] == nil { review["metadata"] = ["creationTimestamp": nil] }
        switch type.kind {
        case "TokenReview": review["status"] = token(spec)
        case "SelfSubjectRulesReview": review["status"] = rules(spec, call.user)
        case "SelfSubjectAccessReview": review["status"] = try access(type, spec, call.user)
        default:
            let user = APICall.User(
                name: spec["user"]?.string ?? "",
                groups: spec["groups"]?.array?.compactMap(\.string) ?? [],
                uid: spec["uid"]?.string ?? ""
            )
            guard !user.name.isEmpty || !user.groups.isEmpty else {
                throw .invalid(type, "", [.invalid("spec.user", "", "at least one of user or group must be specified")])
            }
            if type.isNamespaced, spec[path: ["resourceAttributes", "namespace"]]?.string != call.namespace {
                throw .invalid(
                    type,
                    "",
                    [
                        .invalid(
                            "spec.resourceAttributes.namespace",
                            spec[path: ["resourceAttributes", "namespace"]] ?? "",
                            "must match metadata.namespace"
                        )
                    ]
                )
            }
            review["status"] = try access(type, spec, user)
        }
        return APIAnswer(code: 201, review)
    }

    private func token(_ spec: JSONValue) -> JSONValue {
        guard let token = spec["token"]?.string, !token.isEmpty, let user = authenticator.user(ofToken: token) else {
            return ["user": [:], "error": "[invalid bearer token, unknown]"]
        }
        var shown: JSONObject = ["username": .string(user.name)]
        if !user.uid.isEmpty { shown["uid"] = .string(user.uid) }
        shown["groups"] = .array(user.groups.map { .string($0) })
        var status: JSONValue = ["authenticated": true, "user": .object(shown)]
        if let audiences = spec["audiences"] { status["audiences"] = audiences }
        return status
    }

    private func access(_ type: ResourceType, _ spec: JSONValue, _ user: APICall.User) throws(APIStatus) -> JSONValue {
        let resource = spec["resourceAttributes"]
        let path = spec["nonResourceAttributes"]
        guard (resource == nil) != (path == nil) else {
            throw .invalid(
                type,
                "",
                [
                    .invalid(
                        resource == nil ? "spec.resourceAttributes" : "spec.nonResourceAttributes",
                        spec["nonResourceAttributes"],
                        resource == nil
                            ? "exactly one of nonResourceAttributes or resourceAttributes must be specified"
                            : "cannot be specified in combination with resourceAttributes"
                    )
                ]
            )
        }
        var wanted = AccessAttributes(user: user, verb: (resource ?? path)?["verb"]?.string ?? "")
        if let resource {
            wanted.namespace = resource["namespace"]?.string ?? ""
            wanted.group = resource["group"]?.string ?? ""
            wanted.resource = resource["resource"]?.string ?? ""
            wanted.subresource = resource["subresource"]?.string ?? ""
            wanted.name = resource["name"]?.string ?? ""
        } else {
            wanted.path = path?["path"]?.string ?? ""
        }
        let decision = authorizer.decide(wanted)
        var status: JSONValue = ["allowed": .bool(decision.isAllowed)]
        if !decision.reason.isEmpty { status["reason"] = .string(decision.reason) }
        return status
    }

    private func rules(_ spec: JSONValue, _ user: APICall.User) -> JSONValue {
        let rules = authorizer.rules(for: user, in: spec["namespace"]?.string ?? "")
        return [
            "resourceRules": .array(rules.filter { $0.paths.isEmpty }.map(\.json)),
            "nonResourceRules": .array(rules.filter { !$0.paths.isEmpty }.map(\.json)), "incomplete": false,
        ]
    }

    private static func type(
        _ group: String,
        _ kind: String,
        _ plural: String,
        isNamespaced: Bool = false
    ) -> ResourceType {
        ResourceType(group: group, version: "v1", kind: kind, plural: plural, isNamespaced: isNamespaced)
    }
}
