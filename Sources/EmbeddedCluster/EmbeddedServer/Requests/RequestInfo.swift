import EmbeddedAPI
import HTTPServing

/// What the path and the method of a request say, before anything is known of what is served.
struct RequestInfo: Sendable, Hashable {
    /// Whether the path is one of resources, `/api/v1/…` or `/apis/group/version/…`.
    var isResource = false
    /// As rights name it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other
    /// paths the method in lower case.
    var verb = ""
    var group = ""
    var version = ""
    var plural = ""
    /// Empty for collections.
    var name = ""
    var namespace = ""
    var subresource: String?
    /// What follows the subresource, as the path behind `proxy`.
    var rest = ""
    var path = ""

    /// Takes a request apart.
    init(_ request: ServerRequest) {
        path = request.path
        verb = request.method.lowercased()
        // Split before decoding, so that an escaped slash stays part of its name.
        var parts = request.rawPath.split(separator: "/").map { ServerRequest(target: "/\($0)").path.dropFirst() }
            .map(String.init)
        guard let root = parts.first, root == "api" && parts.count > 2 || root == "apis" && parts.count > 3 else {
            return
        }
        isResource = true
        parts.removeFirst()
        if root == "apis" { group = parts.removeFirst() }
        version = parts.removeFirst()
        // `namespaces/a` alone is an object; with more after it, it says where the object is.
        if parts.count > 1, parts[0] == "namespaces" {
            namespace = parts[1]
            if parts.count > 2, !["status", "finalize"].contains(parts[2]) || parts.count > 3 {
                parts.removeFirst(2)
            }
        }
        plural = parts[0]
        if parts.count > 1 { name = parts[1] }
        if parts.count > 2 { subresource = parts[2] }
        if parts.count > 3 { rest = parts[3...].joined(separator: "/") }
        setVerb(request)
    }

    private mutating func setVerb(_ request: ServerRequest) {
        switch request.method {
        case "POST": verb = "create"
        case "PUT": verb = "update"
        case "PATCH": verb = "patch"
        case "DELETE": verb = name.isEmpty ? "deletecollection" : "delete"
        case "GET", "HEAD":
            if let watches = request.query("watch"), Queries.flag(watches), subresource == nil {
                verb = "watch"
                // A watch of one object is one of the collection that is narrowed to its name.
            } else {
                verb = name.isEmpty ? "list" : "get"
            }
        default: break
        }
    }

    /// The resource, with its subresource behind a slash, as rights name it.
    var resourceWithSubresource: String { subresource.map { "\(plural)/\($0)" } ?? plural }
}

/// Reads query parameters.
enum Queries {
    /// As Go's `strconv.ParseBool`, and an empty value counts as true.
    static func flag(_ text: String) -> Bool { ["", "1", "t", "T", "true", "TRUE", "True"].contains(text) }

    /// A whole number; nil when it is absent.
    static func integer(_ request: ServerRequest, _ name: String) throws(APIStatus) -> Int? {
        guard let text = request.query(name), !text.isEmpty else { return nil }
        guard let value = Int(text) else {
            throw .badRequest("strconv.ParseInt: parsing \"\(text)\": invalid syntax")
        }
        return value
    }

    static func text(_ request: ServerRequest, _ name: String) -> String? {
        request.query(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    static func flag(_ request: ServerRequest, _ name: String) -> Bool { request.query(name).map { flag($0) } ?? false }
}
