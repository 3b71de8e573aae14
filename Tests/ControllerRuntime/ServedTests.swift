import JSON
import Kubernetes
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import ControllerRuntime

extension ResourceType {
    static let widget = ResourceType(group: "example.com", version: "v1", kind: "Widget", plural: "widgets")
}

/// The runtime against a server on a real socket; pauses are a thousandth of what they are in production.
@Suite("Against a server with faults", .timeLimit(.minutes(1))) struct ServedTests {
    let server: MiniAPIServer
    let client: KubernetesClient
    let registry = MetricsRegistry()
    let runtime: RuntimeContext
    let changes = Box<Change<DynamicObject>>()

    init() throws {
        server = try MiniAPIServer(kinds: [.widget])
        client = try server.client { configuration in
            configuration.retries = .none
        }
        runtime = RuntimeContext(metrics: RuntimeMetrics(registry))
    }

    private func informer(
        _ change: (inout Informer<DynamicObject>.Options) -> Void = { _ in }
    ) -> Informer<DynamicObject> {
        var options = Informer<DynamicObject>.Options()
        options.watch.prefersWatchList = false
        options.watch.backoff = Backoff(first: .milliseconds(1), limit: .milliseconds(20))
        change(&options)
        let informer = Informer<DynamicObject>(client: client.resource(of: .widget), options: options, runtime: runtime)
        informer.onChange { [changes] in for change in $0 { changes.add(change) } }
        return informer
    }

    private func running(_ informer: Informer<DynamicObject>, _ body: () async throws -> Void) async throws {
        let run = Task { try await informer.run() }
        defer { run.cancel() }
        try await body()
        run.cancel()
        _ = await run.result
        await server.stop()
    }

    @discardableResult
    private func put(_ name: String, _ value: JSONValue = 1, labels: JSONValue = [:]) -> JSONValue {
        server.put(
            .widget,
            ["metadata": ["name": .string(name), "namespace": "shop", "labels": labels], "spec": ["value": value]]
        )
    }

    /// Waits until the cache knows this value for an object; nil waits until it is gone.
    private func wait(for value: JSONValue?, of name: String, in informer: Informer<DynamicObject>) async {
        var seen = 0
        while informer.store.get(.shop(name))?["spec", "value"] != value {
            seen = changes.values.count
            if informer.store.get(.shop(name))?["spec", "value"] == value { return }
            await changes.wait(for: seen + 1)
            if Task.isCancelled { return }
        }
    }

    @Test("lists, follows and forgets") func follow() async throws {
        put("a")
        let informer = informer()
        try await running(informer) {
            try await informer.waitUntilSynced()
            #expect(informer.store.count == 1)
            put("b", 2)
            await wait(for: 2, of: "b", in: informer)
            server.delete(.widget, .shop("a"))
            await wait(for: nil, of: "a", in: informer)
            #expect(server.requests.map(\.verb) == ["list", "watch"])
            #expect(server.requests[0].target.contains("resourceVersion=0"))
        }
    }

    @Test("7.2 an expired watch is followed by one list, and what was deleted meanwhile is told") func expired()
        async throws
    {
        put("a")
        put("b")
        let informer = informer()
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            server.stallWatches()
            server.delete(.widget, .shop("a"))
            put("c")
            server.expireWatches()
            await wait(for: 1, of: "c", in: informer)
            await wait(for: nil, of: "a", in: informer)
            #expect(informer.store.count == 2)
        }
    }

    @Test("7.3 410 as a status of the watch request leads to a list") func expiredStatus() async throws {
        put("a")
        let informer = informer()
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            let isFirst = Mutex(true)
            server.onRequest { request in
                guard request.verb == "watch" else { return nil }
                return isFirst.withLock { isFirst in
                    defer { isFirst = false }
                    return isFirst ? .answer(410, "Expired") : nil
                }
            }
            server.endWatches()
            await server.waitForRequests(2) { $0.verb == "list" }
            put("b", 2)
            await wait(for: 2, of: "b", in: informer)
            #expect(
                registry.text.contains(
                    #"homeostat_informer_failures_total{resource="widgets.example.com",reason="expired"} 1"#
                )
            )
        }
    }

    @Test("7.4 a page token that expires in the middle leads to a whole list; readers see only whole states")
    func expiredToken() async throws {
        for index in 0..<1200 { put("w\(index)") }
        let informer = informer()
        let pages = Mutex(0)
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            server.onRequest { request in
                guard request.verb == "list" else { return nil }
                #expect(informer.store.count == 1200)
                let isThird = pages.withLock { pages in
                    pages += 1
                    return pages == 3
                }
                return isThird ? .answer(410, "Expired") : nil
            }
            server.stallWatches()
            server.delete(.widget, .shop("w7"))
            server.expireWatches()
            await wait(for: nil, of: "w7", in: informer)
            #expect(informer.store.count == 1199)
            #expect(pages.withLock { $0 } == 4)
        }
    }

    @Test("7.5 a watch cut in the middle of an object goes on from the last whole version") func cut() async throws {
        put("a")
        let informer = informer()
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            put("b", 2)
            await wait(for: 2, of: "b", in: informer)
            server.cutWatches()
            put("c", 3)
            await wait(for: 3, of: "c", in: informer)
            #expect(server.requests.filter { $0.verb == "list" }.count == 1)
            #expect(changes.values.count == 3)
        }
    }

    @Test("7.6 7.7 an object of three megabytes arrives whole") func large() async throws {
        let informer = informer()
        let text = String(repeating: "0123456789abcdef", count: 3 << 16)
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            put("big", .string(text))
            put("small", 1)
            await wait(for: 1, of: "small", in: informer)
            #expect(informer.store.get(.shop("big"))?["spec", "value"]?.string == text)
        }
    }

    @Test("7.9 a watch with bookmarks alone goes on from the bookmark when history is forgotten") func bookmarks()
        async throws
    {
        put("a")
        let informer = informer()
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            server.sendBookmarks()
            let version = server.resourceVersion
            server.endWatches()
            await server.waitForRequests { $0.verb == "watch" && $0.target.contains("resourceVersion=\(version)") }
            server.compact()
            put("b", 2)
            await wait(for: 2, of: "b", in: informer)
            #expect(server.requests.filter { $0.verb == "list" }.count == 1)
        }
    }

    @Test("7.10 after an outage of the server nothing is lost") func outage() async throws {
        put("a")
        let informer = informer()
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            server.goDown()
            await server.waitForRequests(5) { $0.verb == "watch" }
            put("b", 2)
            server.delete(.widget, .shop("a"))
            server.recover()
            await wait(for: 2, of: "b", in: informer)
            await wait(for: nil, of: "a", in: informer)
        }
    }

    @Test("7.11 after a restore to an older state the cache equals the server") func restore() async throws {
        put("a", 1)
        let old = server.snapshot()
        put("a", 2)
        put("b", 2)
        let informer = informer()
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            server.restore(old)
            await server.waitForRequests(2) { $0.verb == "watch" }
            server.sendBookmarks()  // older than what the watch had seen
            await wait(for: 1, of: "a", in: informer)
            await wait(for: nil, of: "b", in: informer)
        }
    }

    @Test("7.34 a kind that is deleted and made again is followed again") func definition() async throws {
        put("a")
        let informer = informer()
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            server.setServed(.widget, false)
            await wait(for: nil, of: "a", in: informer)
            await server.waitForRequests(2) { $0.target.contains("widgets") && $0.type == nil }
            #expect(informer.unreadiness?.contains("widgets") == true)
            server.setServed(.widget, true)
            put("b", 2)
            await wait(for: 2, of: "b", in: informer)
            #expect(informer.unreadiness == nil)
        }
    }

    @Test("7.36 without rights the kind is unsynced with the reason; it heals when they are back") func forbidden()
        async throws
    {
        put("a")
        server.onRequest { $0.verb == "list" ? .answer(403, "Forbidden") : nil }
        let informer = informer()
        try await running(informer) {
            await server.waitForRequests(3) { $0.verb == "list" }
            #expect(informer.unreadiness?.contains("widgets.example.com") == true)
            #expect(registry.text.contains(#"homeostat_informer_synced{resource="widgets.example.com"} 0"#))
            server.onRequest(nil)
            try await informer.waitUntilSynced()
            #expect(informer.unreadiness == nil)
        }
    }

    @Test("7.40 a page of HTML changes nothing in the cache and is told as what it is") func html() async throws {
        put("a")
        let informer = informer()
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests { $0.verb == "watch" }
            server.onRequest { _ in .body(contentType: "text/html", Array("<html>Please log in</html>".utf8)) }
            server.endWatches()
            await server.waitForRequests(4) { $0.verb == "watch" }
            #expect(informer.store.count == 1)
            server.onRequest(nil)
            put("b", 2)
            await wait(for: 2, of: "b", in: informer)
        }
    }

    @Test("7.42 a server without streamed lists is listed") func noWatchList() async throws {
        put("a")
        let informer = informer { $0.watch.prefersWatchList = true }
        try await running(informer) {
            try await informer.waitUntilSynced()
            await server.waitForRequests(2) { $0.verb == "watch" }
            #expect(server.requests.map(\.verb) == ["watch", "list", "watch"])
        }
    }

    @Test("a server with streamed lists needs one request") func watchList() async throws {
        let server = try MiniAPIServer(kinds: [.widget], servesWatchList: true)
        server.put(.widget, ["metadata": ["name": "a", "namespace": "shop"]])
        let client = try server.client()
        let informer = Informer<DynamicObject>(client: client.resource(of: .widget), runtime: runtime)
        let run = Task { try await informer.run() }
        try await informer.waitUntilSynced()
        #expect(informer.store.count == 1)
        #expect(server.requests.map(\.verb) == ["watch"])
        run.cancel()
        _ = await run.result
        await server.stop()
    }

    @Test("selectors are the server's work; what no longer matches is gone") func selectors() async throws {
        put("in", labels: ["app": "x"])
        put("out", labels: ["app": "y"])
        let informer = Informer<DynamicObject>(
            client: client.resource(of: .widget),
            namespace: "shop",
            labelSelector: "app in (x)",
            runtime: runtime
        )
        informer.onChange { [changes] in for change in $0 { changes.add(change) } }
        try await running(informer) {
            try await informer.waitUntilSynced()
            #expect(informer.store.keys == [.shop("in")])
            put("in", labels: ["app": "z"])
            await wait(for: nil, of: "in", in: informer)
        }
    }

    // MARK: Writing

    @Test("7.1 a conflict is read again and written once; nothing is written when nothing is left to do")
    func conflict() async throws {
        put("a", 1)
        let widgets: ResourceClient<DynamicObject> = client.resource(of: .widget)
        let reads = Mutex(0)
        let result = try await widgets.modify(.shop("a")) { widget in
            let read = reads.withLock { reads in
                reads += 1
                return reads
            }
            if read == 1 { put("a", 5) }  // somebody else writes first
            widget["spec", "seen"] = widget["spec", "value"]
            return true
        }
        #expect(result["spec", "seen"] == 5)
        #expect(server.requests.map(\.verb) == ["get", "replace", "get", "replace"])
        try await widgets.modify(.shop("a")) { _ in false }
        #expect(server.writeCount == 1)
        await server.stop()
    }

    @Test("7.21 a create whose answer is lost makes one object") func lostAnswer() async throws {
        let lost = Mutex(false)
        server.onRequest { request in
            guard request.verb == "create" else { return nil }
            return lost.withLock { lost in
                defer { lost = true }
                return lost ? nil : .loseAnswer
            }
        }
        let widgets: ResourceClient<DynamicObject> = client.resource(of: .widget)
        let (object, _) = try await widgets.createOrAdopt(.fixture("a", version: 1)) { _ in true }
        #expect(object.metadata.name == "a")
        #expect(server.objects(.widget).count == 1)
        await server.stop()
    }

    @Test("7.30 a finalizer is removed once, never early, and retried while the clean-up fails") func finalizer()
        async throws
    {
        struct NotYet: Error {}
        let cleanUps = Box<Bool>()
        let informer = informer()
        let widgets = CachedClient(client.resource(DynamicObject.self, of: .widget), informer)
        var options = ControllerOptions()
        options.queue.backoff = Backoff(first: .milliseconds(1), limit: .milliseconds(5))
        let controller = Controller(
            name: "widgets",
            reconciler: ClosureReconciler { key in
                guard let widget = widgets.get(key) else { return .settled }
                guard widget.metadata.isBeingDeleted else {
                    try await widgets.addFinalizer("example.com/clean", to: widget)
                    return .settled
                }
                cleanUps.add(true)
                if cleanUps.values.count < 5 { throw NotYet() }
                try await widgets.removeFinalizer("example.com/clean", from: widget)
                return .settled
            },
            options: options,
            runtime: runtime
        )
        controller.watch(informer)
        let run = Task { try await controller.run() }
        put("a")
        try await running(informer) {
            await server.waitForRequests { $0.verb == "patch" }
            while server.get(.widget, .shop("a"))?[path: ["metadata", "finalizers"]] == nil { await Task.yield() }
            server.delete(.widget, .shop("a"))
            await cleanUps.wait(for: 4)
            await wait(for: nil, of: "a", in: informer)
            #expect(server.requests.filter { $0.verb == "patch" }.count == 2)
            run.cancel()
            _ = await run.result
        }
    }

    @Test("7.13 the next run sees the own write, and an echo writes nothing more", arguments: [true, false])
    func ownWrites(isPatch: Bool) async throws {
        let informer = informer()
        let widgets = CachedClient(client.resource(DynamicObject.self, of: .widget), informer)
        let runs = Box<JSONValue?>()
        let controller = Controller(
            name: "widgets",
            reconciler: ClosureReconciler { key in
                guard var widget = widgets.get(key) else { return .settled }
                runs.add(widget["status", "observed"])
                guard widget["status", "observed"] != widget["spec", "value"] else { return .settled }
                widget["status", "observed"] = widget["spec", "value"]
                if isPatch {
                    let status: JSONValue = ["observed": widget["spec", "value"] ?? .null]
                    try await widgets.send(.merge(["status": status]), to: key, subresource: "status")
                } else {
                    try await widgets.replace(widget, subresource: "status")
                }
                return .settled
            },
            runtime: runtime
        )
        controller.watch(informer)
        let run = Task { try await controller.run() }
        for index in 0..<20 { put("w\(index)", .integer(index)) }
        try await running(informer) {
            await runs.wait(for: 40)
            #expect(server.writeCount == 20)
            #expect(
                registry.text.contains(#"controller_runtime_reconcile_total{controller="widgets",result="success"} 40"#)
            )
            run.cancel()
            _ = await run.result
        }
    }

    @Test("7.44 metrics say what happened, under the names dashboards know, and no series has an object's name")
    func metrics() async throws {
        struct Broken: Error {}
        let informer = informer()
        let tries = Box<Bool>()
        var options = ControllerOptions(maxConcurrent: 2)
        options.queue.backoff = Backoff(first: .milliseconds(1), limit: .milliseconds(5))
        let controller = Controller(
            name: "widgets",
            reconciler: ClosureReconciler { _ in
                tries.add(true)
                switch tries.values.count {
                case 1: throw Broken()
                case 2: throw APIFailure.fixture(.conflict, code: 409)
                case 3: throw TerminalError(Broken())
                default: return .settled
                }
            },
            options: options,
            runtime: runtime
        )
        controller.watch(informer)
        let run = Task { try await controller.run() }
        put("object-name")
        try await running(informer) {
            await tries.wait(for: 3)
            put("object-name", 2)
            await tries.wait(for: 4)
            run.cancel()
            _ = await run.result
        }
        let text = registry.text
        for line in [
            #"controller_runtime_reconcile_total{controller="widgets",result="error"} 2"#,
            #"controller_runtime_reconcile_total{controller="widgets",result="requeue"} 1"#,
            #"controller_runtime_reconcile_errors_total{controller="widgets"} 2"#,
            #"controller_runtime_terminal_reconcile_errors_total{controller="widgets"} 1"#,
            #"controller_runtime_max_concurrent_reconciles{controller="widgets"} 2"#,
            #"homeostat_controller_conflicts_total{controller="widgets"} 1"#,
            #"workqueue_depth{name="widgets",controller="widgets"} 0"#,
            #"workqueue_retries_total{name="widgets",controller="widgets"} 2"#,
            #"homeostat_informer_lists_total{resource="widgets.example.com"} 1"#,
            #"homeostat_informer_objects{resource="widgets.example.com"} 1"#,
        ] { #expect(text.contains(line)) }
        #expect(!text.contains("object-name") && !text.contains("shop"))
    }

    @Test("7.16 a reconcile that writes and then fails keeps to its back-off, whatever its writes lead to")
    func failingWriter() async throws {
        struct Dropped: Error {}
        // The server drops what the status is about, so that every run writes again.
        server.drop(["status", "observed"], of: .widget)
        put("a")
        let clock = ManualClock()
        let time = RuntimeClock(manual: clock)
        let informer = informer()
        let widgets = CachedClient(client.resource(DynamicObject.self, of: .widget), informer)
        var options = ControllerOptions()
        // Timers would fall due at the hold's end otherwise, and the clock be moved to the wrong one.
        options.queue.holdLimit = .seconds(3600)
        let controller = Controller(
            name: "widgets",
            reconciler: ClosureReconciler { key in
                guard var widget = widgets.get(key) else { return .settled }
                widget["status"] = ["observed": 1, "at": .string("\(time.now)")]
                guard try await widgets.replace(widget, subresource: "status")["status"] == widget["status"] else {
                    throw Dropped()
                }
                return .settled
            },
            options: options,
            clock: time,
            chance: { 0 }
        )
        controller.watch(informer)
        let run = Task { try await controller.run() }
        defer { run.cancel() }
        try await running(informer) {
            var pause = Duration.milliseconds(5)
            var writes = 1
            while time.now + pause <= .seconds(60) {
                await clock.sleeper(dueIn: pause)
                // The list and the writes so far have been told, and led to nothing.
                await changes.wait(for: 1 + writes)
                #expect(server.writeCount == writes && controller.queueFigures.depth == 0)
                clock.advance(by: pause)
                writes += 1
                pause *= 2
            }
            #expect(writes == 14)
            put("a", 2)
            await server.waitForRequests(writes + 1) { $0.isWrite }
        }
    }

    @Test("a crash after any write leaves what was written and nothing more") func crash() async throws {
        let widgets: ResourceClient<DynamicObject> = client.resource(of: .widget)
        server.crash(afterWrite: 2)
        _ = try await widgets.create(.fixture("a", version: 1))
        await #expect(throws: APIFailure.self) { try await widgets.create(.fixture("b", version: 1)) }
        await server.crashed.wait()
        await #expect(throws: APIFailure.self) { try await widgets.create(.fixture("c", version: 1)) }
        server.recover()
        #expect(try await widgets.list().items.map(\.key.name).sorted() == ["a", "b"])
        await server.stop()
    }

    @Test("7.24 server-side apply keeps one manager's fields apart from another's") func apply() async throws {
        let widgets: ResourceClient<DynamicObject> = client.resource(of: .widget)
        let shape = FieldManager("homeostat", concern: "shape").name
        let traffic = FieldManager("homeostat", concern: "traffic").name
        let key = ObjectKey.shop("a")
        let first: JSONValue = ["metadata": ["labels": ["app": "x"]], "spec": ["size": 1, "color": "red"]]
        _ = try await widgets.apply(key, first, fieldManager: shape)
        _ = try await widgets.apply(key, ["spec": ["weight": 5]], fieldManager: traffic)
        let second: JSONValue = ["metadata": ["labels": ["app": "x"]], "spec": ["size": 2]]
        let result = try await widgets.apply(key, second, fieldManager: shape)
        #expect(result["spec"] == ["size": 2, "weight": 5])
        #expect(result.metadata.generation == 3)
        await #expect { try await widgets.apply(key, ["spec": ["weight": 9]], fieldManager: shape) } throws: {
            ($0 as? APIFailure)?.reason == .conflict
        }
        await server.stop()
    }
}

extension MetricsRegistry {
    var text: String { String(decoding: expose(), as: UTF8.self) }
}
