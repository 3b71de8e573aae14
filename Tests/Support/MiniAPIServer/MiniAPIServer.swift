package import ControllerRuntime
import HTTPServing
package import JSON
package import Kubernetes
import Synchronization

/// A small API server in memory, on a real socket, for tests of controllers with faults.
///
/// It does what controllers rely on: versions and optimistic locking, generation, lists in pages, watches with bookmarks
/// and 410, the status subresource, JSON, merge and server-side-apply patches (lists are atomic, conflicts by leaf),
/// finalizers, garbage collection by owner, deletion of a namespace's content. It validates nothing else, knows no rights
/// and runs no controllers; ``put(_:_:)`` plays those.
///
/// Faults come from ``onRequest(_:)`` and ``crash(afterWrite:)``, and from the functions that end, cut, stall or expire
/// watches.
///
///     let server = try MiniAPIServer(kinds: [.deployment, widgets])
///     let client = try server.client()
///     server.onRequest { $0.verb == "patch" && $0.number == 3 ? .answer(409, "Conflict") : nil }
package final class MiniAPIServer: Sendable {
    /// One request as it came.
    package struct Request: Sendable, CustomStringConvertible {
        /// Counted from 1 over the server's life.
        package var number: Int
        /// `get`, `list`, `watch`, `create`, `replace`, `patch`, `apply`, `delete`; `other` outside of objects.
        package var verb: String
        package var type: ResourceType?
        /// The name is empty for collections.
        package var key: ObjectKey
        package var subresource: String?
        /// The path with the query.
        package var target: String
        package var fieldManager: String
        /// Whether it changes anything when it is carried out.
        package var isWrite: Bool { ["create", "replace", "patch", "apply", "delete"].contains(verb) }

        package var description: String {
            "\(verb) \(type.map { "\($0)" } ?? target) \(key)" + (subresource.map { "/\($0)" } ?? "")
        }
    }

    /// What goes wrong with a request.
    package enum Fault: Sendable {
        /// Answers a failure instead of doing it: code, reason, and how many seconds to wait.
        case answer(Int, String, retryAfter: Int? = nil)
        /// Closes the connection instead of doing it.
        case disconnect
        /// Does it and closes the connection instead of answering.
        case loseAnswer
        /// Does it when this returns.
        case delay(@Sendable () async -> Void)
        /// Answers this, with code 200.
        case body(contentType: String, [UInt8])
    }

    private enum WatchOrder {
        case end, cut, stall, gone
        case bookmark
    }

    private struct Watch {
        var orders: [WatchOrder] = []
        var wake: CheckedContinuation<Void, Never>?
    }

    private struct State {
        var storage: MiniStorage
        var requests: [Request] = []
        var hook: (@Sendable (Request) -> Fault?)?
        var writes = 0
        var crashAfter: Int?
        var isDown = false
        var watches: [Int: Watch] = [:]
        var nextWatch = 0
        var pages: [String: (items: [JSONValue], version: Int)] = [:]
        var requestWaiters: [(matches: @Sendable (Request) -> Bool, count: Int, latch: Latch)] = []
    }

    /// Signalled when ``crash(afterWrite:)`` has struck.
    package let crashed = Latch()
    private let state: Mutex<State>
    private let wall: any WallClock
    private let servesWatchList: Bool
    private let server = Mutex<HTTPServer?>(nil)

    /// Listens on a free port of 127.0.0.1.
    ///
    /// - Parameters:
    ///   - kinds: What it serves, besides ``builtInKinds``.
    ///   - servesWatchList: Whether it streams the first state on request, as servers from 1.32 on do.
    package init(
        kinds: [ResourceType] = [],
        servesWatchList: Bool = false,
        wall: any WallClock = SystemWallClock()
    ) throws {
        self.wall = wall
        self.servesWatchList = servesWatchList
        let all = (Self.builtInKinds + kinds).reduce(into: [ResourceType]()) { known, type in
            if !known.contains(type) { known.append(type) }
        }
        let withoutStatus: Set<ResourceType> = [.configMap, .secret, .lease, .event]
        state = Mutex(
            State(
                storage: MiniStorage(
                    kinds: all.map { MiniStorage.Kind(type: $0, hasStatus: !withoutStatus.contains($0)) },
                    now: wall.now
                )
            )
        )
        let server = try HTTPServer { [weak self] request in
            await self?.answer(request) ?? .disconnect
        }
        self.server.withLock { $0 = server }
    }

    /// The kinds that are served always.
    package static let builtInKinds: [ResourceType] = [
        .namespace, .pod, .service, .configMap, .secret, .node, .deployment, .replicaSet, .lease, .event,
        .customResourceDefinition,
    ]

    /// The address, as `http://127.0.0.1:40001`.
    package var url: String { "http://127.0.0.1:\(server.withLock { $0?.port ?? 0 })" }

    /// A client of this server.
    ///
    /// - Parameter change: Changes its configuration, as limits and retries.
    package func client(_ change: (inout ClientConfiguration) -> Void = { _ in }) throws -> KubernetesClient {
        var configuration = ClientConfiguration(server: url)
        change(&configuration)
        return try KubernetesClient(configuration: configuration)
    }

    /// Stops listening and closes everything.
    package func stop() async {
        wakeWatches { $0.orders.append(.cut) }
        let running = server.withLock { server in
            defer { server = nil }
            return server
        }
        await running?.stop()
    }

    // MARK: What a test does to the objects

    /// An object as it is stored.
    package func get(_ type: ResourceType, _ key: ObjectKey) -> JSONValue? {
        state.withLock { $0.storage.get(type, key) }
    }

    /// All objects of a kind, by key.
    package func objects(_ type: ResourceType) -> [JSONValue] { state.withLock { $0.storage.list(type) } }

    /// Creates or replaces an object, status included, as if somebody else had.
    @discardableResult
    package func put(_ type: ResourceType, _ object: JSONValue) -> JSONValue {
        let now = wall.now
        let stored = state.withLock { state in
            state.storage.now = now
            return state.storage.put(type, object)
        }
        wakeWatches()
        return stored
    }

    /// Changes an object that is there, status included; nothing happens when it is not.
    package func change(_ type: ResourceType, _ key: ObjectKey, _ path: [String], _ value: JSONValue?) {
        state.withLock { state in
            guard var object = state.storage.get(type, key) else { return }
            object[path: path] = value
            state.storage.put(type, object)
        }
        wakeWatches()
    }

    /// Deletes an object as if somebody else had: at once, or when its finalizers are gone.
    package func delete(_ type: ResourceType, _ key: ObjectKey) {
        state.withLock { state in
            let write = MiniStorage.Write(type: type, key: key, subresource: nil, manager: "test", dryRun: false)
            // An object that is not there needs no deleting.
            _ = try? state.storage.delete(write, nil)
        }
        wakeWatches()
    }

    /// The version of the last write.
    package var resourceVersion: Int { state.withLock { $0.storage.version } }

    /// The state, to go back to as a restored etcd does.
    package struct Snapshot: Sendable { fileprivate let storage: MiniStorage }

    /// The state now.
    package func snapshot() -> Snapshot { state.withLock { Snapshot(storage: $0.storage) } }

    /// Goes back to an earlier state, versions included, and cuts all watches.
    package func restore(_ snapshot: Snapshot) {
        state.withLock { $0.storage = snapshot.storage }
        wakeWatches { $0.orders.append(.cut) }
    }

    /// Serves a kind from now on, or no longer: its objects are deleted and its watches end.
    package func setServed(_ type: ResourceType, _ isServed: Bool) {
        state.withLock { $0.storage.setServed(type, isServed) }
        wakeWatches { if !isServed { $0.orders.append(.end) } }
    }

    /// Drops a field from what clients write from now on, as a definition that does not know it.
    package func drop(_ path: [String], of type: ResourceType) {
        state.withLock { $0.storage.unknownFields[type, default: []].append(path) }
    }

    // MARK: What a test sees

    /// The requests so far, in order of their arrival.
    package var requests: [Request] { state.withLock { $0.requests } }

    /// The writes so far that were carried out.
    package var writeCount: Int { state.withLock { $0.writes } }

    /// Suspends until so many requests match.
    package func waitForRequests(
        _ count: Int = 1,
        _ matches: @escaping @Sendable (Request) -> Bool
    ) async {
        let latch = Latch()
        let known = state.withLock { state in
            state.requestWaiters.append((matches, count, latch))
            return state.requests.filter(matches).count
        }
        for _ in 0..<known { latch.signal() }
        await latch.wait(for: count)
    }

    // MARK: Faults

    /// Decides for each request what goes wrong with it; replaces an earlier hook.
    package func onRequest(_ hook: (@Sendable (Request) -> Fault?)?) { state.withLock { $0.hook = hook } }

    /// After so many more writes were carried out, answers nothing any more, to nobody, that write's sender included.
    ///
    /// What a crash of the operator looks like from its own side. The test ends the operator when ``crashed`` is
    /// signalled, calls ``recover()`` and starts another.
    package func crash(afterWrite count: Int) {
        state.withLock { $0.crashAfter = $0.writes + count }
    }

    /// Answers nothing any more, from now on.
    package func goDown() {
        state.withLock { $0.isDown = true }
        wakeWatches { $0.orders.append(.cut) }
    }

    /// Answers again.
    package func recover() {
        state.withLock { state in
            state.isDown = false
            state.crashAfter = nil
        }
    }

    /// Ends all watches as their timeouts would.
    package func endWatches() { wakeWatches { $0.orders.append(.end) } }
    /// Cuts the connections of all watches in the middle of an event.
    package func cutWatches() { wakeWatches { $0.orders.append(.cut) } }
    /// Sends nothing of what happens from now on over the watches there are; they can still be ended.
    package func stallWatches() { wakeWatches { $0.orders.append(.stall) } }
    /// Sends an error event with code 410 on all watches and ends them.
    package func expireWatches() { wakeWatches { $0.orders.append(.gone) } }
    /// Sends a bookmark on all watches, at a version later than any object's.
    package func sendBookmarks() {
        state.withLock { $0.storage.advance() }
        wakeWatches { $0.orders.append(.bookmark) }
    }
    /// Forgets what happened: watches from before and page tokens get 410.
    package func compact() {
        state.withLock { state in
            state.storage.compact()
            state.pages = [:]
        }
    }

    /// How many watches are open.
    package var watchCount: Int { state.withLock { $0.watches.count } }

    private func wakeWatches(_ change: (inout Watch) -> Void = { _ in }) {
        let wakes = state.withLock { state in
            state.watches.keys.compactMap { id -> CheckedContinuation<Void, Never>? in
                guard var watch = state.watches[id] else { return nil }
                change(&watch)
                let wake = watch.wake
                watch.wake = nil
                state.watches[id] = watch
                return wake
            }
        }
        for wake in wakes { wake.resume() }
    }

    // MARK: Answering

    private func answer(_ http: ServerRequest) async -> ServerResponse {
        let (request, hook, isDown, waiters) = state.withLock { state in
            let request = Self.request(http, number: state.requests.count + 1, state.storage)
            state.requests.append(request)
            return (request, state.hook, state.isDown, state.requestWaiters)
        }
        for waiter in waiters where waiter.matches(request) { waiter.latch.signal() }
        if isDown { return .disconnect }
        var losesAnswer = false
        switch hook?(request) {
        case .answer(let code, let reason, let retryAfter):
            return Self.status(
                MiniRefusal(code: code, reason: reason, message: "a fault was injected"),
                retryAfter: retryAfter
            )
        case .disconnect: return .disconnect
        case .loseAnswer: losesAnswer = true
        case .delay(let wait): await wait()
        case .body(let type, let bytes):
            return ServerResponse(headers: [("Content-Type", type)], body: .bytes(bytes))
        case nil: break
        }
        let response: ServerResponse
        do throws(MiniRefusal) {
            response = try respond(request, http)
        } catch { response = Self.status(error) }
        if request.isWrite {
            wakeWatches()
            if response.status < 300, countWrite() {
                wakeWatches { $0.orders.append(.cut) }
                crashed.signal()
                return .disconnect
            }
        }
        return losesAnswer ? .disconnect : response
    }

    /// Counts a write that was carried out; returns whether it is the last one before the crash.
    private func countWrite() -> Bool {
        state.withLock { state in
            state.writes += 1
            guard let crashAfter = state.crashAfter, state.writes >= crashAfter else { return false }
            state.isDown = true
            return true
        }
    }

    private func respond(_ request: Request, _ http: ServerRequest) throws(MiniRefusal) -> ServerResponse {
        guard let type = request.type else { return try other(http) }
        let dryRun = http.query("dryRun") == "All"
        let write = MiniStorage.Write(
            type: type,
            key: request.key,
            subresource: request.subresource,
            manager: request.fieldManager,
            dryRun: dryRun
        )
        let body = try Self.body(http)
        let now = wall.now
        switch request.verb {
        case "watch": return try watch(type, request.key.namespace, http)
        case "list": return try list(type, request.key.namespace, http)
        case "get":
            guard let object = get(type, request.key) else { throw MiniStorage.missing(type, request.key) }
            return .json(object.bytes())
        case "create" where request.subresource == "eviction":
            _ = try change { (storage) throws(MiniRefusal) in try storage.delete(write, body["deleteOptions"]) }
            return .json(#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.utf8 + [], status: 201)
        case "create":
            var create = write
            create.key.name = body[path: ["metadata", "name"]]?.string ?? ""
            let made = try change { (storage) throws(MiniRefusal) in
                storage.now = now
                return try storage.create(body, create)
            }
            return .json(made.bytes(), status: 201)
        case "replace":
            return .json(
                try change { (storage) throws(MiniRefusal) in
                    try storage.update(write) { (_) throws(MiniRefusal) in body }
                }
                .bytes()
            )
        case "patch":
            let kind = http.header("Content-Type") ?? ""
            return .json(
                try change { (storage) throws(MiniRefusal) in
                    try storage.update(write) { (old) throws(MiniRefusal) in
                        if kind.hasPrefix("application/json-patch") {
                            return try MiniPatch.json(old, body.array ?? [])
                        }
                        return kind.hasPrefix("application/strategic")
                            ? MiniPatch.strategicMerge(old, body) : MiniPatch.merge(old, body)
                    }
                }
                .bytes()
            )
        case "apply":
            let force = http.query("force") == "true"
            let (object, isNew) = try change { (storage) throws(MiniRefusal) in
                storage.now = now
                return try storage.apply(body, write, force: force)
            }
            return .json(object.bytes(), status: isNew ? 201 : 200)
        case "delete" where request.key.name.isEmpty: return try deleteCollection(type, write, http, body)
        case "delete":
            let object = try change { (storage) throws(MiniRefusal) in
                storage.now = now
                return try storage.delete(write, body)
            }
            return .json(object.bytes())
        default:
            throw MiniRefusal(code: 405, reason: "MethodNotAllowed", message: "not here: \(http.method)")
        }
    }

    private func change<Result: Sendable>(
        _ body: (inout MiniStorage) throws(MiniRefusal) -> Result
    ) throws(MiniRefusal) -> Result {
        let outcome = state.withLock { state -> Swift.Result<Result, MiniRefusal> in
            do throws(MiniRefusal) { return .success(try body(&state.storage)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    private func deleteCollection(
        _ type: ResourceType,
        _ write: MiniStorage.Write,
        _ http: ServerRequest,
        _ body: JSONValue
    ) throws(MiniRefusal) -> ServerResponse {
        let selector = MiniSelector(http, namespace: write.key.namespace)
        for object in objects(type) where selector.matches(object) {
            var one = write
            one.key = MiniStorage.key(object)
            _ = try change { (storage) throws(MiniRefusal) in try storage.delete(one, body) }
        }
        return .json(Array(#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.utf8))
    }

    private func list(
        _ type: ResourceType,
        _ namespace: String,
        _ http: ServerRequest
    ) throws(MiniRefusal) -> ServerResponse {
        let selector = MiniSelector(http, namespace: namespace)
        let limit = http.query("limit").flatMap { Int($0) } ?? 0
        let token = http.query("continue") ?? ""
        let outcome = state.withLock { state -> (items: [JSONValue], version: Int, next: String)? in
            var (items, version) = (state.storage.list(type).filter { selector.matches($0) }, state.storage.version)
            if !token.isEmpty {
                guard let page = state.pages.removeValue(forKey: token) else { return nil }
                (items, version) = page
            }
            guard limit > 0, items.count > limit else { return (items, version, "") }
            let next = "page-\(state.requests.count)"
            state.pages[next] = (Array(items.dropFirst(limit)), version)
            return (Array(items.prefix(limit)), version, next)
        }
        guard let outcome else {
            throw MiniRefusal(code: 410, reason: "Expired", message: "The provided continue parameter is too old")
        }
        if let asked = http.query("resourceVersion").flatMap({ Int($0) }), asked > outcome.version {
            throw MiniRefusal(
                code: 504,
                reason: "Timeout",
                message: "Timeout: Too large resource version: \(asked), current: \(outcome.version)",
                causes: [("ResourceVersionTooLarge", "Too large resource version", "")]
            )
        }
        var metadata: JSONObject = ["resourceVersion": .string(String(outcome.version))]
        if !outcome.next.isEmpty { metadata.set("continue", .string(outcome.next)) }
        let answer: JSONValue = [
            "kind": .string(type.kind + "List"), "apiVersion": .string(type.apiVersion),
            "metadata": .object(metadata), "items": .array(outcome.items),
        ]
        return .json(answer.bytes())
    }

    // MARK: Watching

    private func watch(
        _ type: ResourceType,
        _ namespace: String,
        _ http: ServerRequest
    ) throws(MiniRefusal) -> ServerResponse {
        let selector = MiniSelector(http, namespace: namespace)
        let streamsFirstState = http.query("sendInitialEvents") == "true"
        if streamsFirstState, !servesWatchList {
            throw MiniRefusal(
                code: 422,
                reason: "Invalid",
                message:
                    "ListOptions is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch"
            )
        }
        let from = http.query("resourceVersion").flatMap { Int($0) } ?? 0
        let (id, cursor, first, isTooOld) = state.withLock { state -> (Int, Int, [JSONValue], Bool) in
            let isTooOld = from > 0 && from < state.storage.compacted
            state.nextWatch += 1
            if !isTooOld { state.watches[state.nextWatch] = Watch() }
            let first = from == 0 ? state.storage.list(type).filter { selector.matches($0) } : []
            return (state.nextWatch, from == 0 ? state.storage.version : from, first, isTooOld)
        }
        if isTooOld {
            throw MiniRefusal(code: 410, reason: "Expired", message: "too old resource version: \(from)")
        }
        return .stream(contentType: "application/json") { [weak self] writer in
            defer { self?.state.withLock { _ = $0.watches.removeValue(forKey: id) } }
            for object in first { try await writer.write(Self.event("ADDED", object)) }
            if streamsFirstState {
                try await writer.write(Self.bookmark(type, cursor, isInitialEventsEnd: true))
            }
            try await self?.follow(id, type, selector, cursor, writer)
        }
    }

    private func follow(
        _ id: Int,
        _ type: ResourceType,
        _ selector: MiniSelector,
        _ cursor: Int,
        _ writer: ResponseWriter
    ) async throws {
        var cursor = cursor
        var isStalled = false
        while true {
            let (events, version, orders) = state.withLock { state -> ([[UInt8]], Int, [WatchOrder]) in
                let news = state.storage.happenings.drop { $0.version <= cursor }.filter { $0.type == type }
                let orders = state.watches[id]?.orders ?? [.cut]
                state.watches[id]?.orders = []
                // Told to send nothing before these happened.
                if isStalled || orders.contains(.stall) { return ([], state.storage.version, orders) }
                return (news.compactMap { Self.event($0, selector) }, state.storage.version, orders)
            }
            for event in events { try await writer.write(event) }
            if !isStalled, !orders.contains(.stall) { cursor = max(cursor, version) }
            for order in orders {
                switch order {
                case .end: return
                case .cut:
                    try await writer.write(Array(#"{"type":"MODIFIED","object":{"metadata":{"na"#.utf8))
                    writer.abort()
                    return
                case .gone:
                    let status = Self.statusBody(
                        MiniRefusal(code: 410, reason: "Expired", message: "too old resource version")
                    )
                    try await writer.write(Self.event("ERROR", status))
                    return
                case .bookmark where isStalled: break
                case .bookmark: try await writer.write(Self.bookmark(type, version, isInitialEventsEnd: false))
                case .stall: isStalled = true
                }
            }
            if events.isEmpty, orders.isEmpty { await wait(id, after: version) }
            try Task.checkCancellation()
        }
    }

    /// Suspends until something may have happened.
    private func wait(_ id: Int, after version: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (wake: CheckedContinuation<Void, Never>) in
                let isOver = state.withLock { state in
                    guard state.watches[id] != nil, !Task.isCancelled else { return true }
                    if state.storage.version != version || state.watches[id]?.orders.isEmpty == false { return true }
                    state.watches[id]?.wake = wake
                    return false
                }
                if isOver { wake.resume() }
            }
        } onCancel: {
            let wake = state.withLock { state in
                let wake = state.watches[id]?.wake
                state.watches[id]?.wake = nil
                return wake
            }
            wake?.resume()
        }
    }

    private static func event(_ happening: MiniStorage.Happening, _ selector: MiniSelector) -> [UInt8]? {
        let before = happening.old.map { selector.matches($0) } == true
        let after = happening.new.map { selector.matches($0) } == true
        switch (before, after) {
        case (false, false): return nil
        case (false, true): return happening.new.map { event("ADDED", $0) }
        case (true, true): return happening.new.map { event("MODIFIED", $0) }
        case (true, false):
            guard var object = happening.old else { return nil }
            object[path: ["metadata", "resourceVersion"]] = .string(String(happening.version))
            return event("DELETED", object)
        }
    }

    private static func event(_ type: String, _ object: JSONValue) -> [UInt8] {
        let event: JSONValue = ["type": .string(type), "object": object]
        return event.bytes() + [0x0A]
    }

    private static func bookmark(_ type: ResourceType, _ version: Int, isInitialEventsEnd: Bool) -> [UInt8] {
        var metadata: JSONValue = ["resourceVersion": .string(String(version))]
        if isInitialEventsEnd { metadata["annotations"] = ["k8s.io/initial-events-end": "true"] }
        return event(
            "BOOKMARK",
            ["kind": .string(type.kind), "apiVersion": .string(type.apiVersion), "metadata": metadata]
        )
    }

    // MARK: The rest

    private func other(_ http: ServerRequest) throws(MiniRefusal) -> ServerResponse {
        let kinds = state.withLock { $0.storage.kinds.map(\.type) }
        let parts = http.path.split(separator: "/").map(String.init)
        switch parts.first {
        case "version": return .json(Array(#"{"major":"1","minor":"30","gitVersion":"v1.30.0"}"#.utf8))
        case "readyz", "livez", "healthz": return .text("ok")
        case "api" where parts.count == 1: return .json(Array(#"{"kind":"APIVersions","versions":["v1"]}"#.utf8))
        case "apis" where parts.count == 1:
            let groups = Set(kinds.map(\.group)).subtracting([""]).sorted()
            return .json(Self.groups(groups, kinds).bytes())
        case "api" where parts.count == 2:
            return .json(Self.resources(kinds.filter { $0.group.isEmpty && $0.version == parts[1] }, parts[1]).bytes())
        case "apis" where parts.count == 3:
            let served = kinds.filter { $0.group == parts[1] && $0.version == parts[2] }
            guard !served.isEmpty else { fallthrough }
            return .json(Self.resources(served, "\(parts[1])/\(parts[2])").bytes())
        default:
            throw MiniRefusal(
                code: 404,
                reason: "NotFound",
                message: "the server could not find the requested resource"
            )
        }
    }

    private static func groups(_ groups: [String], _ kinds: [ResourceType]) -> JSONValue {
        let list: [JSONValue] = groups.map { group in
            let versions = Set(kinds.filter { $0.group == group }.map(\.version)).sorted()
            let entries: [JSONValue] = versions.map {
                ["groupVersion": .string("\(group)/\($0)"), "version": .string($0)]
            }
            return ["name": .string(group), "versions": .array(entries), "preferredVersion": entries.first ?? .null]
        }
        return ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(list)]
    }

    private static func resources(_ kinds: [ResourceType], _ version: String) -> JSONValue {
        let verbs: JSONValue = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        let list: [JSONValue] = kinds.map { type in
            [
                "name": .string(type.plural), "singularName": "", "namespaced": .bool(type.isNamespaced),
                "kind": .string(type.kind), "verbs": verbs,
            ]
        }
        return [
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(version), "resources": .array(list),
        ]
    }

    private static func body(_ http: ServerRequest) throws(MiniRefusal) -> JSONValue {
        guard !http.body.isEmpty else { return .null }
        do throws(JSONError) {
            return try JSONValue(parsing: http.body)
        } catch {
            throw MiniRefusal(code: 400, reason: "BadRequest", message: "the body is no JSON: \(error)")
        }
    }

    private static func status(_ refusal: MiniRefusal, retryAfter: Int? = nil) -> ServerResponse {
        var response = ServerResponse.json(statusBody(refusal, retryAfter: retryAfter).bytes(), status: refusal.code)
        if let retryAfter { response.headers.append(("Retry-After", String(retryAfter))) }
        return response
    }

    private static func statusBody(_ refusal: MiniRefusal, retryAfter: Int? = nil) -> JSONValue {
        var details = JSONObject()
        if !refusal.causes.isEmpty {
            let causes: [JSONValue] = refusal.causes.map {
                ["reason": .string($0.reason), "message": .string($0.message), "field": .string($0.field)]
            }
            details.set("causes", .array(causes))
        }
        if let retryAfter { details.set("retryAfterSeconds", .integer(retryAfter)) }
        return [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
            "message": .string(refusal.message), "reason": .string(refusal.reason), "details": .object(details),
            "code": .integer(refusal.code),
        ]
    }

    /// Reads path and method: `/api/v1/namespaces/a/pods/b/status`, `/apis/g/v/...`.
    private static func request(_ http: ServerRequest, number: Int, _ storage: MiniStorage) -> Request {
        var request = Request(
            number: number,
            verb: "other",
            type: nil,
            key: ObjectKey(name: ""),
            subresource: nil,
            target: http.rawPath
                + (http.query.isEmpty ? "" : "?" + http.query.map { "\($0)=\($1)" }.joined(separator: "&")),
            fieldManager: http.query("fieldManager") ?? ""
        )
        var parts = http.rawPath.split(separator: "/").map { ServerRequest(target: "/" + $0).path.dropFirst() }
        guard parts.first == "api" && parts.count > 2 || parts.first == "apis" && parts.count > 3 else {
            return request
        }
        let group = parts.removeFirst() == "api" ? "" : String(parts.removeFirst())
        let version = String(parts.removeFirst())
        // `namespaces/a` alone is an object; with more after it, it says where the object is.
        if parts.count > 2, parts[0] == "namespaces", !(parts.count == 3 && ["status", "finalize"].contains(parts[2])) {
            request.key.namespace = String(parts[1])
            parts.removeFirst(2)
        }
        guard let kind = storage.kind(group: group, version: version, plural: String(parts[0])) else { return request }
        request.type = kind.type
        if parts.count > 1 { request.key.name = String(parts[1]) }
        if parts.count > 2 { request.subresource = String(parts[2]) }
        let isCollection = request.key.name.isEmpty
        switch http.method {
        case "GET" where isCollection: request.verb = http.query("watch") == "true" ? "watch" : "list"
        case "GET": request.verb = "get"
        case "POST": request.verb = "create"
        case "PUT": request.verb = "replace"
        case "PATCH":
            let isApply = http.header("Content-Type")?.hasPrefix("application/apply-patch") == true
            request.verb = isApply ? "apply" : "patch"
        case "DELETE": request.verb = "delete"
        default: break
        }
        return request
    }
}

/// Which objects of a collection are meant.
struct MiniSelector: Sendable {
    private let namespace: String
    private let labels: [(key: String, isEqual: Bool, values: [String]?)]
    private let fields: [(path: [String], isEqual: Bool, value: String)]

    init(_ http: ServerRequest, namespace: String) {
        self.namespace = namespace
        labels = Self.terms(http.query("labelSelector") ?? "").map { Self.label($0) }
        fields = Self.terms(http.query("fieldSelector") ?? "").map { term in
            let isEqual = !term.contains("!=")
            let sides = term.replacing("!=", with: "=").replacing("==", with: "=").split(
                separator: "=",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            return (sides[0].split(separator: ".").map(String.init), isEqual, sides.count > 1 ? String(sides[1]) : "")
        }
    }

    func matches(_ object: JSONValue) -> Bool {
        if !namespace.isEmpty, object[path: ["metadata", "namespace"]]?.string != namespace { return false }
        for (path, isEqual, value) in fields where ((object[path: path]?.string ?? "") == value) != isEqual {
            return false
        }
        let own = object[path: ["metadata", "labels"]]
        for (key, isEqual, values) in labels {
            let value = own?[key]?.string
            let holds = values.map { value.map($0.contains) == true } ?? (value != nil)
            if holds != isEqual { return false }
        }
        return true
    }

    /// Cuts at commas that are not inside of parentheses.
    private static func terms(_ text: String) -> [String] {
        var terms = [""]
        var depth = 0
        for character in text {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == ",", depth == 0 {
                terms.append("")
            } else {
                terms[terms.count - 1].append(character)
            }
        }
        return terms.map { $0.trimmed }.filter { !$0.isEmpty }
    }

    /// `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`.
    private static func label(_ term: String) -> (key: String, isEqual: Bool, values: [String]?) {
        if let open = term.firstIndex(of: "(") {
            let values = term[term.index(after: open)...].dropLast().split(separator: ",").map { String($0).trimmed }
            let words = term[..<open].split(separator: " ")
            return (String(words.first ?? ""), words.last == "in", values)
        }
        if term.hasPrefix("!") { return (String(term.dropFirst()), false, nil) }
        guard term.contains("=") else { return (term, true, nil) }
        let sides = term.replacing("!=", with: "=").replacing("==", with: "=").split(
            separator: "=",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        return (String(sides[0]).trimmed, !term.contains("!="), [sides.count > 1 ? String(sides[1]).trimmed : ""])
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
