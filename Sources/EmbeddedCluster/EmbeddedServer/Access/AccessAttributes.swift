package import EmbeddedAPI

/// Who wants to do what to what.
package struct AccessAttributes: Sendable, Hashable {
    package var user: APICall.User
    package var verb: String
    /// Empty at the cluster scope and for all namespaces.
    package var namespace = ""
    package var group = ""
    /// The plural; empty for a path that is no resource.
    package var resource = ""
    package var subresource = ""
    package var name = ""
    /// The path, for what is no resource.
    package var path = ""

    package init(user: APICall.User, verb: String) {
        self.user = user
        self.verb = verb
    }

    init(user: APICall.User, _ info: RequestInfo) {
        self.init(user: user, verb: info.verb)
        if info.isResource {
            namespace = info.namespace
            group = info.group
            resource = info.plural
            subresource = info.subresource ?? ""
            name = info.name
        } else {
            path = info.path
        }
    }

    package var isResource: Bool { !resource.isEmpty }
    var resourceWithSubresource: String { subresource.isEmpty ? resource : "\(resource)/\(subresource)" }

    /// The refusal of a request that nobody allows, as kube-apiserver words it.
    package func refusal(reason: String = "") -> APIStatus {
        let tail = reason.isEmpty ? "" : ": \(reason)"
        guard isResource else {
            return APIStatus(
                code: 403,
                reason: "Forbidden",
                message: "forbidden: User \"\(user.name)\" cannot \(verb) path \"\(path)\"\(tail)"
            )
        }
        let qualified = group.isEmpty ? resource : "\(resource).\(group)"
        let object = name.isEmpty ? qualified : "\(qualified) \"\(name)\""
        let place = namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(namespace)\""
        return APIStatus(
            code: 403,
            reason: "Forbidden",
            message: "\(object) is forbidden: User \"\(user.name)\" cannot \(verb) resource "
                + "\"\(resourceWithSubresource)\" in API group \"\(group)\" \(place)\(tail)",
            name: name.isEmpty ? nil : name,
            group: group,
            kind: resource
        )
    }
}
