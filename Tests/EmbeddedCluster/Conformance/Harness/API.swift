import HTTPTransport
import JSON
import Testing

/// An API server as one case sees it: over HTTP, so that codes, reasons and messages are what they are.
///
/// Paths are short: `v1/pods/a` and `apps/v1/deployments` are in the case's namespace, and those with a slash in front
/// are whole. `$NS` stands for the namespace in both.
struct API: Sendable {
    enum PatchType: String {
        case merge = "application/merge-patch+json"
        case json = "application/json-patch+json"
        case strategic = "application/strategic-merge-patch+json"
        case apply = "application/apply-patch+yaml"
    }

    let target: Target
    let namespace: String
    /// Whom the requests come from; empty for an administrator.
    var user = ""
    var groups: [String] = []

    init(_ target: Target, namespace: String) {
        self.target = target
        self.namespace = namespace
    }

    /// The group of the case's own kinds.
    var group: String { "\(namespace).example.com" }

    /// The same API as somebody else.
    func acting(as user: String, groups: [String] = []) -> API {
        var other = self
        other.user = user
        other.groups = groups
        return other
    }

    private func filled(_ text: String) -> String {
        text.split(separator: "$NS", omittingEmptySubsequences: false).joined(separator: namespace)
    }

    func url(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return target.url + filled(path) }
        let parts = filled(path).split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        let isCore = parts.first == "v1"
        let root = isCore ? "/api/v1" : "/apis/\(parts[0])/\(parts[1])"
        let rest = parts.dropFirst(isCore ? 1 : 2).joined(separator: "/")
        return "\(target.url)\(root)/namespaces/\(namespace)/\(rest)"
    }

    private func request(_ method: String, _ path: String, _ body: [UInt8]?, _ headers: HTTPHeaders) -> HTTPRequest {
        var headers = headers
        if body != nil, headers["Content-Type"] == nil { headers.add("Content-Type", "application/json") }
        if headers["Accept"] == nil { headers.add("Accept", "application/json") }
        if let token = target.token, headers["Authorization"] == nil {
            headers.add("Authorization", "Bearer \(token)")
        }
        if !user.isEmpty { headers.add("Impersonate-User", user) }
        for group in groups { headers.add("Impersonate-Group", group) }
        return HTTPRequest(method: method, url: url(path), headers: headers, body: body, timeLimit: nil)
    }

    /// Sends anything.
    func send(
        _ method: String,
        _ path: String,
        _ body: String? = nil,
        headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        let answer = try await target.client.send(request(method, path, body.map { Array($0.utf8) }, headers))
        return Answer(
            request: "\(method) \(path)",
            namespace: namespace,
            status: answer.status,
            headers: answer.headers,
            bytes: answer.body
        )
    }

    func get(_ path: String, headers: HTTPHeaders = [:]) async throws -> Answer {
        try await send("GET", path, headers: headers)
    }

    func post(_ path: String, _ body: JSONValue, headers: HTTPHeaders = [:]) async throws -> Answer {
        try await send("POST", path, "\(body)", headers: headers)
    }

    func put(_ path: String, _ body: JSONValue) async throws -> Answer { try await send("PUT", path, "\(body)") }

    func delete(_ path: String, _ options: JSONValue? = nil) async throws -> Answer {
        try await send("DELETE", path, options.map { "\($0)" })
    }

    func patch(_ type: PatchType, _ path: String, _ body: JSONValue) async throws -> Answer {
        try await send("PATCH", path, "\(body)", headers: ["Content-Type": type.rawValue])
    }

    /// Applies as a manager; `force=true` goes into the path.
    func apply(_ path: String, as manager: String, _ body: JSONValue) async throws -> Answer {
        let separator = path.contains("?") ? "&" : "?"
        return try await patch(.apply, "\(path)\(separator)fieldManager=\(manager)", body)
    }

    /// Creates what a case needs, in the short path's collection.
    @discardableResult
    func create(
        _ path: String,
        _ body: JSONValue,
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Answer {
        try await post(path, body).must(201, at: location)
    }

    /// The current version of everything, from a list of one kind.
    func version(_ path: String = "v1/configmaps") async throws -> String { try await get(path).must(200).version }

    /// Opens a watch, and reads what comes of it.
    ///
    /// - Parameters:
    ///   - path: Path and query; `watch` is added, and a time limit when there is none.
    ///   - count: How many lines to read; nil for all until the server ends the watch.
    ///   - changes: What happens while it is open.
    func watch(
        _ path: String,
        take count: Int?,
        headers: HTTPHeaders = [:],
        during changes: () async throws -> Void = {}
    ) async throws -> [JSONValue] {
        var path = "\(path)\(path.contains("?") ? "&" : "?")watch=true"
        if !path.contains("timeoutSeconds") { path += "&timeoutSeconds=90" }
        let stream = try await target.client.stream(request("GET", path, nil, headers))
        try #require(stream.status == 200, "\(path)")
        try await changes()
        var events: [JSONValue] = []
        var rest: [UInt8] = []
        for try await part in stream.body {
            rest += part
            while let end = rest.firstIndex(of: 0x0A) {
                events.append(try JSONValue(parsing: Array(rest[..<end])))
                rest.removeSubrange(...end)
                if events.count == count { return events }
            }
        }
        return events
    }

    /// Waits until an object is gone.
    func gone(_ collection: String, _ name: String) async throws {
        try await settles(collection, name) { $0 == nil }
    }

    /// Waits until an object is as wanted; nil stands for none.
    @discardableResult
    func settles(
        _ collection: String,
        _ name: String,
        _ isWanted: (JSONValue?) -> Bool
    ) async throws -> JSONValue? {
        let selected = "\(collection)?fieldSelector=metadata.name%3D\(name)"
        let list = try await get(selected).must(200)
        var object = list.items.first
        if isWanted(object) { return object }
        var path = "\(selected)&resourceVersion=\(list.version)&watch=true&timeoutSeconds=90"
        path += "&allowWatchBookmarks=false"
        let stream = try await target.client.stream(request("GET", path, nil, [:]))
        var rest: [UInt8] = []
        for try await part in stream.body {
            rest += part
            while let end = rest.firstIndex(of: 0x0A) {
                let event = try JSONValue(parsing: Array(rest[..<end]))
                rest.removeSubrange(...end)
                object = event["type"]?.string == "DELETED" ? nil : event["object"]
                if isWanted(object) { return object }
            }
        }
        try #require(isWanted(object), "\(collection)/\(name) stays \(object?.description ?? "away")")
        return object
    }

    /// Waits for the service account that pods of the namespace run as.
    func readyForPods() async throws { try await settles("v1/serviceaccounts", "default") { $0 != nil } }

    /// Defines a kind in the case's own group, and waits until it is served.
    func define(_ definition: JSONValue, at location: SourceLocation = #_sourceLocation) async throws {
        let collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        let made = try await post(collection, definition).must(201, at: location)
        try await settles(collection, made.name) { object in
            (object?.at("status.conditions")?.array ?? []).contains {
                $0["type"]?.string == "Established" && $0["status"]?.string == "True"
            }
        }
        let plural = made["spec.names.plural"]?.string ?? ""
        for version in made["spec.versions"]?.array ?? [] {
            // The API server tells nobody when it begins to serve what is established.
            while try await get("/apis/\(group)/\(version["name"]?.string ?? "")/\(plural)").status == 404 {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Deletes the namespace and the kinds of a case, whatever became of it.
    func cleanUp() async {
        let collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        let definitions = (try? await API(target, namespace: namespace).get(collection))?.items ?? []
        for definition in definitions where definition.at("spec.group")?.string == group {
            // What cannot be cleaned up fails no case; names are never used again.
            _ = try? await send("DELETE", "\(collection)/\(definition.at("metadata.name")?.string ?? "")")
        }
        _ = try? await send("DELETE", "/api/v1/namespaces/\(namespace)")
    }
}
