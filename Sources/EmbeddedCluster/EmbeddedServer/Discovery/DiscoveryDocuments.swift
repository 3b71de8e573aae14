import EmbeddedAPI
import JSON
import Kubernetes

/// What is served, as clients ask for it: group by group, or all at once.
struct DiscoveryDocuments: Sendable {
    /// A resource or a subresource as discovery shows it.
    private struct Entry {
        /// As `pods` or `pods/log`.
        var name: String
        var singular = ""
        var isNamespaced: Bool
        /// What is sent and answered, as far as it differs from the resource's own group and version.
        var group: String?
        var version: String?
        var kind: String
        var verbs: [String]
        var shortNames: [String] = []
        var categories: [String] = []
    }

    private struct Version {
        var name: String
        var entries: [Entry]
    }

    private struct Group {
        var name: String
        var versions: [Version]
    }

    private let groups: [Group]
    private let serverAddress: String

    /// - Parameters:
    ///   - definitions: What the API serves.
    ///   - reviews: What is answered without being stored; those that are defined anyway are not shown twice.
    ///   - serverAddress: Host and port for clients, as `127.0.0.1:6443`.
    init(_ definitions: [ResourceDefinition], reviews: [ResourceType], serverAddress: String) {
        self.serverAddress = serverAddress
        var groups: [Group] = []
        func add(_ type: ResourceType, _ entries: [Entry]) {
            let group: Int
            if let known = groups.firstIndex(where: { $0.name == type.group }) {
                group = known
            } else {
                group = groups.count
                groups.append(Group(name: type.group, versions: []))
            }
            if let version = groups[group].versions.firstIndex(where: { $0.name == type.version }) {
                guard !groups[group].versions[version].entries.contains(where: { $0.name == type.plural }) else {
                    return
                }
                groups[group].versions[version].entries += entries
            } else {
                groups[group].versions.append(Version(name: type.version, entries: entries))
            }
        }
        for definition in definitions { add(definition.type, Self.entries(definition)) }
        for type in reviews {
            let entry = Entry(
                name: type.plural,
                singular: type.kind.lowercased(),
                isNamespaced: type.isNamespaced,
                kind: type.kind,
                verbs: ["create"]
            )
            add(type, [entry])
        }
        let custom = Set(definitions.filter(\.isCustom).map(\.type.group))
        for index in groups.indices {
            // Built-in versions come in the order of Kubernetes' preference already.
            if custom.contains(groups[index].name) {
                groups[index].versions.sort { VersionPriority($0.name) > VersionPriority($1.name) }
            }
            for version in groups[index].versions.indices {
                groups[index].versions[version].entries.sort { $0.name < $1.name }
            }
        }
        self.groups = groups
    }

    // MARK: Group by group

    /// `/api`.
    var legacyVersions: JSONValue {
        [
            "kind": "APIVersions", "versions": Self.list(groups.first { $0.name.isEmpty }?.versions.map(\.name) ?? []),
            "serverAddressByClientCIDRs": [
                ["clientCIDR": "0.0.0.0/0", "serverAddress": .string(serverAddress)]
            ],
        ]
    }

    /// `/apis`.
    var groupList: JSONValue {
        [
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": .array(groups.filter { !$0.name.isEmpty }.map { .object(Self.group($0)) }),
        ]
    }

    /// `/apis/<group>`; nil when there is no such group.
    func group(_ name: String) -> JSONValue? {
        guard !name.isEmpty, let group = groups.first(where: { $0.name == name }) else { return nil }
        return .object(
            JSONObject([("kind", "APIGroup"), ("apiVersion", "v1")] + Self.group(group).map { ($0.key, $0.value) })
        )
    }

    /// `/api/v1` and `/apis/<group>/<version>`; nil when there is no such version.
    func resources(group: String, version: String) -> JSONValue? {
        let found = groups.first { $0.name == group }?.versions.first { $0.name == version }
        guard let found else { return nil }
        return [
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": .string(group.isEmpty ? version : "\(group)/\(version)"),
            "resources": .array(found.entries.map(Self.resource)),
        ]
    }

    // MARK: All at once

    /// `/api` or `/apis` as `APIGroupDiscoveryList`.
    ///
    /// - Parameters:
    ///   - isLegacy: Whether the core group alone is asked for, else all others.
    ///   - version: `v2` or `v2beta1` of `apidiscovery.k8s.io`.
    func aggregated(isLegacy: Bool, version: String) -> JSONValue {
        let items = groups.filter { $0.name.isEmpty == isLegacy }
            .map { group -> JSONValue in
                [
                    "metadata": group.name.isEmpty
                        ? ["creationTimestamp": nil] : ["name": .string(group.name), "creationTimestamp": nil],
                    "versions": .array(
                        group.versions.map { version in
                            [
                                "version": .string(version.name),
                                "resources": .array(Self.aggregated(version, group.name)), "freshness": "Current",
                            ]
                        }
                    ),
                ]
            }
        return [
            "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"), "metadata": [:],
            "items": .array(items),
        ]
    }

    private static func aggregated(_ version: Version, _ group: String) -> [JSONValue] {
        version.entries.filter { !$0.name.contains("/") }
            .map { entry in
                var object: JSONObject = [
                    "resource": .string(entry.name), "responseKind": kind(of: entry, group, version.name),
                    "scope": entry.isNamespaced ? "Namespaced" : "Cluster",
                    "singularResource": .string(entry.singular), "verbs": list(entry.verbs),
                ]
                if !entry.shortNames.isEmpty { object["shortNames"] = list(entry.shortNames) }
                if !entry.categories.isEmpty { object["categories"] = list(entry.categories) }
                let parts = version.entries.filter { $0.name.hasPrefix(entry.name + "/") }
                if !parts.isEmpty {
                    object["subresources"] = .array(
                        parts.map {
                            [
                                "subresource": .string(String($0.name.dropFirst(entry.name.count + 1))),
                                "responseKind": kind(of: $0, group, version.name), "verbs": list($0.verbs),
                            ]
                        }
                    )
                }
                return .object(object)
            }
    }

    private static func kind(of entry: Entry, _ group: String, _ version: String) -> JSONValue {
        [
            "group": .string(entry.group ?? group), "version": .string(entry.version ?? version),
            "kind": .string(entry.kind),
        ]
    }

    // MARK: Parts

    private static func entries(_ definition: ResourceDefinition) -> [Entry] {
        let type = definition.type
        var entries = [
            Entry(
                name: type.plural,
                singular: definition.singular,
                isNamespaced: type.isNamespaced,
                kind: type.kind,
                verbs: definition.verbs,
                shortNames: definition.shortNames,
                categories: definition.categories
            )
        ]
        func part(_ name: String, _ kind: String, _ verbs: [String], group: String? = nil, version: String? = nil) {
            entries.append(
                Entry(
                    name: "\(type.plural)/\(name)",
                    isNamespaced: type.isNamespaced,
                    group: group,
                    version: version,
                    kind: kind,
                    verbs: verbs
                )
            )
        }
        if definition.hasStatus { part("status", type.kind, ["get", "patch", "update"]) }
        if definition.scale != nil {
            part("scale", "Scale", ["get", "patch", "update"], group: "autoscaling", version: "v1")
        }
        for name in definition.subresources where name != "status" && name != "scale" {
            switch name {
            case "eviction": part(name, "Eviction", ["create"], group: "policy", version: "v1")
            case "binding": part(name, "Binding", ["create"])
            case "token": part(name, "TokenRequest", ["create"], group: "authentication.k8s.io", version: "v1")
            case "log": part(name, type.kind, ["get"])
            case "finalize": part(name, type.kind, ["update"])
            default: part(name, type.kind, ["get", "patch", "update"])
            }
        }
        return entries
    }

    private static func group(_ group: Group) -> JSONObject {
        let versions = group.versions.map { version -> JSONValue in
            ["groupVersion": .string("\(group.name)/\(version.name)"), "version": .string(version.name)]
        }
        return [
            "name": .string(group.name), "versions": .array(versions), "preferredVersion": versions.first ?? nil,
        ]
    }

    private static func resource(_ entry: Entry) -> JSONValue {
        var object: JSONObject = [
            "name": .string(entry.name), "singularName": .string(entry.singular),
            "namespaced": .bool(entry.isNamespaced),
        ]
        if let group = entry.group { object["group"] = .string(group) }
        if let version = entry.version { object["version"] = .string(version) }
        object["kind"] = .string(entry.kind)
        object["verbs"] = list(entry.verbs)
        if !entry.shortNames.isEmpty { object["shortNames"] = list(entry.shortNames) }
        if !entry.categories.isEmpty { object["categories"] = list(entry.categories) }
        return .object(object)
    }

    private static func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
}

/// How API versions are ranked: `v2` above `v1` above `v1beta2` above `v1beta1` above `v1alpha1` above anything else.
struct VersionPriority: Comparable {
    private let stage: Int
    private let major: Int
    private let minor: Int
    private let text: String

    init(_ version: String) {
        text = version
        var rest = Substring(version)
        func number() -> Int? {
            let digits = rest.prefix { ("0"..."9").contains($0) }
            rest = rest.dropFirst(digits.count)
            return Int(digits)
        }
        guard rest.first == "v" else {
            (stage, major, minor) = (0, 0, 0)
            return
        }
        rest = rest.dropFirst()
        guard let first = number() else {
            (stage, major, minor) = (0, 0, 0)
            return
        }
        if rest.isEmpty {
            (stage, major, minor) = (3, first, 0)
            return
        }
        let stages = [("beta", 2), ("alpha", 1)]
        for (word, rank) in stages where rest.hasPrefix(word) {
            rest = rest.dropFirst(word.count)
            guard let second = number(), rest.isEmpty else { break }
            (stage, major, minor) = (rank, first, second)
            return
        }
        (stage, major, minor) = (0, 0, 0)
    }

    static func < (a: VersionPriority, b: VersionPriority) -> Bool {
        if a.stage != b.stage { return a.stage < b.stage }
        if a.major != b.major { return a.major < b.major }
        if a.minor != b.minor { return a.minor < b.minor }
        return a.stage == 0 && a.text > b.text
    }
}
