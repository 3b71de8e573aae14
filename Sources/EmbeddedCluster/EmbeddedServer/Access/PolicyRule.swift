import EmbeddedAPI
import JSON

/// One rule of a Role or ClusterRole.
struct PolicyRule: Sendable, Hashable {
    var verbs: [String]
    var groups: [String] = []
    var resources: [String] = []
    var names: [String] = []
    var paths: [String] = []

    init(_ object: JSONValue) {
        func strings(_ field: String) -> [String] { object[field]?.array?.compactMap(\.string) ?? [] }
        verbs = strings("verbs")
        groups = strings("apiGroups")
        resources = strings("resources")
        names = strings("resourceNames")
        paths = strings("nonResourceURLs")
    }

    init(verbs: [String], groups: [String] = [], resources: [String] = [], paths: [String] = []) {
        self.verbs = verbs
        self.groups = groups
        self.resources = resources
        self.paths = paths
    }

    var json: JSONValue {
        func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
        var object: JSONObject = ["verbs": list(verbs)]
        if !groups.isEmpty { object["apiGroups"] = list(groups) }
        if !resources.isEmpty { object["resources"] = list(resources) }
        if !names.isEmpty { object["resourceNames"] = list(names) }
        if !paths.isEmpty { object["nonResourceURLs"] = list(paths) }
        return .object(object)
    }

    func allows(_ wanted: AccessAttributes) -> Bool {
        guard verbs.contains("*") || verbs.contains(wanted.verb) else { return false }
        guard wanted.isResource else {
            return paths.contains { path in
                path == "*" || path == wanted.path
                    || path.hasSuffix("*") && wanted.path.utf8.starts(with: path.utf8.dropLast())
            }
        }
        return (groups.contains("*") || groups.contains(wanted.group))
            && (names.isEmpty || names.contains(wanted.name))
            && resources.contains { resource in
                resource == "*" || resource == wanted.resourceWithSubresource
                    || !wanted.subresource.isEmpty && resource == "*/\(wanted.subresource)"
            }
    }
}
