package import HTTPTransport
import JSON

/// A kind that the server offers.
package struct DiscoveredResource: Sendable, Hashable {
    /// A part of the kind with a path and rights of its own.
    package struct Subresource: Sendable, Hashable {
        /// As `scale`.
        package var name: String
        /// What is sent and answered there; group and version are empty when they are the resource's own.
        package var group: String
        /// The version of what is sent and answered.
        package var version: String
        /// The kind of what is sent and answered.
        package var kind: String
    }

    /// What it is called in objects and paths.
    package var type: ResourceType
    /// As `deployment`; may be empty.
    package var singular: String
    /// As `deploy`.
    package var shortNames: [String]
    /// Groups of kinds that people ask for together, as `all`.
    package var categories: [String]
    /// What can be done, as `get` and `watch`.
    package var verbs: [String]
    /// The parts with paths of their own.
    package var subresources: [Subresource]
}

/// Finds out which kinds the server offers and what they are called in paths.
///
/// What was found is kept. A kind that is not found is looked for again, but at most once in
/// ``refreshInterval``, so that custom resources installed later are found and a wrong name costs little.
package actor Discovery {
    /// How long a kind stays unfound before the server is asked again.
    package static let refreshInterval: Duration = .seconds(10)

    private struct Entry {
        var resources: [DiscoveredResource]
        var fetched: Duration
    }

    private let fetch: @Sendable (_ path: String, _ accept: String) async throws -> HTTPResponse
    private let time: Timekeeper
    private var everything: Entry?
    private var groupVersions: [String: Entry] = [:]
    private var running: Task<[DiscoveredResource], any Error>?

    /// - Parameter fetch: Sends a GET and returns an answer of 2xx or throws ``APIFailure``.
    package init(
        time: Timekeeper,
        fetch: @escaping @Sendable (_ path: String, _ accept: String) async throws -> HTTPResponse
    ) {
        self.time = time
        self.fetch = fetch
    }

    /// The resource of a kind, as an object names it.
    ///
    /// - Throws: ``APIFailure/Reason/notFound`` when the server does not offer it.
    package func find(apiVersion: String, kind: String) async throws -> ResourceType {
        try await resource(apiVersion: apiVersion, kind: kind).type
    }

    /// All that is known of a kind, as an object names it.
    ///
    /// - Throws: ``APIFailure/Reason/notFound`` when the server does not offer it.
    package func resource(apiVersion: String, kind: String) async throws -> DiscoveredResource {
        var found = groupVersions[apiVersion]?.resources.first { $0.type.kind == kind }
        if found == nil, isStale(groupVersions[apiVersion]) {
            found = try await load(apiVersion).resources.first { $0.type.kind == kind }
        }
        guard let found else { throw Self.missing("kind \"\(kind)\" of \"\(apiVersion)\"") }
        return found
    }

    /// The resource that a person calls so: plural, singular, short name or kind, alone, or with its group, or with
    /// version and group (`deploy`, `deployments.apps`, `deployments.v1.apps`).
    ///
    /// Among versions the server's preferred one is taken, among groups the core group, then in the server's order.
    ///
    /// - Throws: ``APIFailure/Reason/notFound`` when the server does not offer it.
    package func find(_ name: String) async throws -> ResourceType {
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let rest = parts.count > 1 ? parts[1] : nil
        // Exact names first, so that no short name hides another kind's plural.
        let levels: [@Sendable (DiscoveredResource) -> Bool] = [
            { $0.type.plural == parts[0] || $0.singular == parts[0] },
            { $0.shortNames.contains(parts[0]) },
            { $0.type.kind.lowercased() == parts[0].lowercased() },
        ]
        var isFresh = everything == nil
        var entry = if let everything { everything } else { try await load() }
        while true {
            for level in levels {
                let found = entry.resources.first { resource in
                    let type = resource.type
                    let isInPlace = rest.map { $0 == type.group || $0 == "\(type.version).\(type.group)" } ?? true
                    return isInPlace && level(resource)
                }
                if let found { return found.type }
            }
            guard !isFresh, time.elapsed() - entry.fetched >= Self.refreshInterval else {
                throw Self.missing("resource \"\(name)\"")
            }
            isFresh = true
            entry = try await load()
        }
    }

    /// The resource of a kind in a group, in the version that the server prefers.
    ///
    /// - Throws: ``APIFailure/Reason/notFound`` when the server does not offer it.
    package func find(group: String, kind: String) async throws -> ResourceType {
        let isWanted = { (resource: DiscoveredResource) in resource.type.group == group && resource.type.kind == kind }
        var found = everything?.resources.first(where: isWanted)
        if found == nil, isStale(everything) { found = try await load().resources.first(where: isWanted) }
        guard let found else { throw Self.missing("kind \"\(kind)\" of group \"\(group)\"") }
        return found.type
    }

    /// Everything the server offers, preferred versions first in each group.
    package func resources() async throws -> [DiscoveredResource] {
        if let everything { return everything.resources }
        return try await load().resources
    }

    /// Forgets what was found.
    package func invalidate() {
        everything = nil
        groupVersions = [:]
    }

    /// The version of `policy` in which the server takes evictions.
    func evictionVersion() async throws -> String {
        let pods = try await resource(apiVersion: "v1", kind: "Pod")
        let eviction = pods.subresources.first { $0.name == "eviction" }
        return eviction.map { $0.version.isEmpty ? "v1" : $0.version } ?? "v1"
    }

    // MARK: Looking

    private func isStale(_ entry: Entry?) -> Bool {
        entry.map { time.elapsed() - $0.fetched >= Self.refreshInterval } ?? true
    }

    private static func missing(_ what: String) -> APIFailure {
        APIFailure(.notFound, verb: "find", target: what, detail: "the server does not offer it; is its CRD installed?")
    }

    // MARK: Loading

    /// One group and version: one small request where there is no aggregated discovery.
    private func load(_ apiVersion: String) async throws -> Entry {
        let path = apiVersion.contains("/") ? "/apis/\(apiVersion)" : "/api/\(apiVersion)"
        var resources: [DiscoveredResource] = []
        do {
            resources = DiscoveryDocument.resources(legacy: try await document(path).value)
        } catch let failure as APIFailure where failure.reason == .notFound {
            // A group that is not there has no kinds; kept like any other answer, so that it is not asked at once again.
        }
        let entry = Entry(resources: resources, fetched: time.elapsed())
        groupVersions[apiVersion] = entry
        return entry
    }

    private func load() async throws -> Entry {
        // One of those who look at the same time asks, the others wait for it.
        let task = running ?? Task { try await self.loadAll() }
        running = task
        defer { if running == task { running = nil } }
        let entry = Entry(resources: try await task.value, fetched: time.elapsed())
        everything = entry
        for (apiVersion, resources) in Dictionary(grouping: entry.resources, by: \.type.apiVersion) {
            groupVersions[apiVersion] = Entry(resources: resources, fetched: entry.fetched)
        }
        return entry
    }

    private func loadAll() async throws -> [DiscoveredResource] {
        let (core, isCoreAggregated) = try await document("/api")
        let (groups, areGroupsAggregated) = try await document("/apis")
        var versions: [String] = []
        var found: [String: [DiscoveredResource]] = [:]
        var order: [String] = []
        if isCoreAggregated {
            order.append("")
            found[""] = DiscoveryDocument.resources(aggregated: core)
        } else {
            versions += (core["versions"]?.array ?? []).compactMap(\.string)
        }
        if areGroupsAggregated {
            order.append("/")
            found["/"] = DiscoveryDocument.resources(aggregated: groups)
        } else {
            versions += DiscoveryDocument.groupVersions(groups)
        }
        order += versions
        try await withThrowingTaskGroup(of: (String, [DiscoveredResource]).self) { group in
            var rest = versions[...]
            func next() {
                guard let version = rest.popFirst() else { return }
                group.addTask { (version, try await self.legacy(version)) }
            }
            for _ in 0..<8 { next() }
            while let (version, resources) = try await group.next() {
                found[version] = resources
                next()
            }
        }
        return order.flatMap { found[$0] ?? [] }
    }

    private func legacy(_ version: String) async throws -> [DiscoveredResource] {
        do {
            let path = version.contains("/") ? "/apis/\(version)" : "/api/\(version)"
            return DiscoveryDocument.resources(legacy: try await document(path).value)
        } catch let failure as APIFailure where [.unavailable, .notFound, .forbidden].contains(failure.reason) {
            // An API served by an add-on that is down must not hide all others.
            return []
        }
    }

    private func document(_ path: String) async throws -> (value: JSONValue, isAggregated: Bool) {
        let isRoot = path == "/api" || path == "/apis"
        let answer = try await fetch(path, isRoot ? DiscoveryDocument.accept : "application/json")
        let value = try Connection.decode(answer, "discover", "\"\(path)\"") { bytes throws(JSONError) in
            try JSONValue(parsing: bytes)
        }
        return (value, value["kind"]?.string == "APIGroupDiscoveryList")
    }
}

/// Reads the documents of discovery.
enum DiscoveryDocument {
    /// Asks for aggregated discovery (GA since 1.30, beta since 1.27), or else the plain form.
    static let accept =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
        + "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"

    /// The kinds of an `APIGroupDiscoveryList`, whose versions stand in the order of preference.
    static func resources(aggregated list: JSONValue) -> [DiscoveredResource] {
        (list["items"]?.array ?? [])
            .flatMap { group -> [DiscoveredResource] in
                let name = group[path: ["metadata", "name"]]?.string ?? ""
                return (group["versions"]?.array ?? [])
                    .flatMap { version in
                        (version["resources"]?.array ?? []).compactMap { resource(aggregated: $0, name, version) }
                    }
            }
    }

    private static func resource(
        aggregated resource: JSONValue,
        _ group: String,
        _ version: JSONValue
    ) -> DiscoveredResource? {
        guard let plural = resource["resource"]?.string, let version = version["version"]?.string,
            // A resource that exists only for its subresources has no kind of its own.
            let kind = resource[path: ["responseKind", "kind"]]?.string, !kind.isEmpty
        else { return nil }
        return DiscoveredResource(
            type: ResourceType(
                group: group,
                version: version,
                kind: kind,
                plural: plural,
                isNamespaced: resource["scope"]?.string == "Namespaced"
            ),
            singular: resource["singularResource"]?.string ?? "",
            shortNames: strings(resource["shortNames"]),
            categories: strings(resource["categories"]),
            verbs: strings(resource["verbs"]),
            subresources: (resource["subresources"]?.array ?? [])
                .map {
                    DiscoveredResource.Subresource(
                        name: $0["subresource"]?.string ?? "",
                        group: $0[path: ["responseKind", "group"]]?.string ?? "",
                        version: $0[path: ["responseKind", "version"]]?.string ?? "",
                        kind: $0[path: ["responseKind", "kind"]]?.string ?? ""
                    )
                }
        )
    }

    /// The `group/version` names of an `APIGroupList`, the preferred version of a group first.
    static func groupVersions(_ list: JSONValue) -> [String] {
        (list["groups"]?.array ?? [])
            .flatMap { group -> [String] in
                let preferred = group[path: ["preferredVersion", "groupVersion"]]?.string
                let all = (group["versions"]?.array ?? []).compactMap { $0["groupVersion"]?.string }
                return (preferred.map { [$0] } ?? []) + all.filter { $0 != preferred }
            }
    }

    /// The kinds of an `APIResourceList`, in which subresources stand as `plural/name`.
    static func resources(legacy list: JSONValue) -> [DiscoveredResource] {
        let parts = (list["groupVersion"]?.string ?? "").split(separator: "/").map(String.init)
        guard let version = parts.last else { return [] }
        var found: [DiscoveredResource] = []
        var subresources: [String: [DiscoveredResource.Subresource]] = [:]
        for resource in list["resources"]?.array ?? [] {
            guard let name = resource["name"]?.string, let kind = resource["kind"]?.string else { continue }
            let path = name.split(separator: "/", maxSplits: 1).map(String.init)
            if path.count > 1 {
                subresources[path[0], default: []]
                    .append(
                        DiscoveredResource.Subresource(
                            name: path[1],
                            group: resource["group"]?.string ?? "",
                            version: resource["version"]?.string ?? "",
                            kind: kind
                        )
                    )
                continue
            }
            found.append(
                DiscoveredResource(
                    type: ResourceType(
                        group: parts.count > 1 ? parts[0] : "",
                        version: version,
                        kind: kind,
                        plural: name,
                        isNamespaced: resource["namespaced"]?.bool ?? false
                    ),
                    singular: resource["singularName"]?.string ?? "",
                    shortNames: strings(resource["shortNames"]),
                    categories: strings(resource["categories"]),
                    verbs: strings(resource["verbs"]),
                    subresources: []
                )
            )
        }
        return found.map { resource in
            var resource = resource
            resource.subresources = subresources[resource.type.plural] ?? []
            return resource
        }
    }

    private static func strings(_ value: JSONValue?) -> [String] { (value?.array ?? []).compactMap(\.string) }
}
