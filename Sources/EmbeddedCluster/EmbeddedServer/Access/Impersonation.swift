import EmbeddedAPI
import HTTPServing

/// Requests in the name of somebody else, by the headers `Impersonate-User`, `-Group` and `-Uid`.
enum Impersonation {
    /// Whom the request is meant to come from.
    ///
    /// - Throws: ``APIStatus`` with 403 when the sender may not be somebody else.
    static func user(
        of request: ServerRequest,
        sender: APICall.User,
        _ authorizer: RBACAuthorizer
    ) throws(APIStatus) -> APICall.User {
        guard let name = request.header("Impersonate-User"), !name.isEmpty else {
            guard request.header("Impersonate-Group") == nil, request.header("Impersonate-Uid") == nil else {
                throw APIStatus(
                    code: 500,
                    reason: "InternalError",
                    message: "Internal error occurred: requested groups without impersonating a user"
                )
            }
            return sender
        }
        let groups = request.headers.filter { $0.name.lowercased() == "impersonate-group" }.map(\.value)
        try check("users", name, sender, authorizer)
        for group in groups { try check("groups", group, sender, authorizer) }
        let known =
            name == Authenticator.anonymous.name ? Authenticator.anonymous.groups : groups + ["system:authenticated"]
        return APICall.User(name: name, groups: known, uid: request.header("Impersonate-Uid") ?? "")
    }

    private static func check(
        _ resource: String,
        _ name: String,
        _ sender: APICall.User,
        _ authorizer: RBACAuthorizer
    ) throws(APIStatus) {
        var wanted = AccessAttributes(user: sender, verb: "impersonate")
        wanted.resource = resource
        wanted.name = name
        guard authorizer.decide(wanted).isAllowed else { throw wanted.refusal() }
    }
}
