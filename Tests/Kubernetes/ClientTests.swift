import HTTPServing
import HTTPTransport
import JSON
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Kubernetes

@Suite("The client against a scripted server", .timeLimit(.minutes(1))) struct ClientTests {
    private let server: ScriptedServer

    init() throws { server = try ScriptedServer() }

    /// A clock that is always there already, and remembers the waits.
    private final class InstantClock: Clock {
        struct Instant: InstantProtocol {
            var offset: Duration
            func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
            func duration(to other: Instant) -> Duration { other.offset - offset }
            static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
        }
        private let state = Mutex((now: Duration.zero, waits: [Duration]()))
        var now: Instant { Instant(offset: state.withLock { $0.now }) }
        var minimumResolution: Duration { .zero }
        var waits: [Duration] { state.withLock { $0.waits } }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws {
            try Task.checkCancellation()
            state.withLock { state in
                state.waits.append(deadline.offset - state.now)
                state.now = max(state.now, deadline.offset)
            }
        }
    }

    private func client(
        clock: some Clock<Duration> = ContinuousClock(),
        metrics: MetricsRegistry? = nil,
        _ change: (inout ClientConfiguration) -> Void = { _ in }
    ) throws -> KubernetesClient {
        var configuration = ClientConfiguration(server: server.url)
        change(&configuration)
        return try KubernetesClient(configuration: configuration, metrics: metrics, clock: clock, chance: { 0 })
    }

    private var host: Substring { server.url.dropFirst(7) }

    private func failure(_ body: () async throws -> Void) async -> APIFailure? {
        do { try await body() } catch { return error as? APIFailure }
        return nil
    }

    private func object(_ name: String, _ more: JSONValue = [:], version: String = "1") -> JSONValue {
        var object = more
        object["apiVersion"] = "v1"
        object["kind"] = "ConfigMap"
        object["metadata"] = ["name": .string(name), "namespace": "n", "resourceVersion": .string(version)]
        return object
    }

    private func named(_ name: String) -> DynamicObject {
        DynamicObject(metadata: ObjectMeta(name: name, namespace: "n"), fields: [:])
    }

    private let path = "/api/v1/namespaces/n/configmaps"
    private let key = ObjectKey(namespace: "n", name: "a")

    // MARK: Retries

    @Test("429 with Retry-After waits as long as told and asks once more, for any verb", arguments: ["GET", "POST"])
    func throttled(method: String) async throws {
        let clock = InstantClock()
        let maps = try client(clock: clock).resource(of: .configMap)
        let answers: [ScriptedServer.Answer] = [
            .status(429, reason: "TooManyRequests", retryAfter: 3), .json(object("a")),
        ]
        server.on(method, path + (method == "GET" ? "/a" : ""), answers[0], answers[1])
        if method == "GET" { _ = try await maps.get(key) } else { _ = try await maps.create(named("a")) }
        #expect(clock.waits == [.seconds(3)] && server.requests.count == 2)
    }

    @Test("a read whose answer is lost is sent again after a jittered wait") func lostRead() async throws {
        let clock = InstantClock()
        server.on("GET", path + "/a", .response(.disconnect), .response(.disconnect), .json(object("a")))
        let maps = try client(clock: clock) { $0.retries = RetryPolicy(attempts: 10) }.resource(of: .configMap)
        #expect(try await maps.get(key).key == key)
        #expect(clock.waits == [.milliseconds(50), .milliseconds(100)] && server.requests.count == 3)
    }

    @Test("a creation whose answer is lost is not sent again by itself, and says that it may have happened")
    func lostCreate() async throws {
        server.on("POST", path, .response(.disconnect))
        let maps = try client(clock: InstantClock()).resource(of: .configMap)
        let lost = await failure { _ = try await maps.create(named("a")) }
        #expect(lost?.reason == .transport && lost?.mayHaveHappened == true && lost?.code == 0)
        #expect(server.requests.count == 1)
    }

    @Test("createOrAdopt takes its own object after a lost answer, and refuses another's") func adopt() async throws {
        let owner: JSONValue = [
            "apiVersion": "v1", "kind": "K", "name": "o", "uid": "mine", "controller": true,
        ]
        var stored = object("a")
        stored[path: ["metadata", "ownerReferences"]] = [owner]
        server.on("POST", path, .response(.disconnect), .status(409, reason: "AlreadyExists"))
        server.on("GET", path + "/a", .json(stored))
        let maps = try client(clock: InstantClock()).resource(of: .configMap)
        let (found, isNew) = try await maps.createOrAdopt(named("a"), controllerUID: "mine")
        #expect(!isNew && found.key == key)
        let other = await failure { _ = try await maps.createOrAdopt(named("a"), controllerUID: "other") }
        #expect(other?.reason == .alreadyExists)
    }

    @Test("a deletion whose answer was lost and that finds nothing left has succeeded") func lostDelete() async throws {
        server.on("DELETE", path + "/a", .response(.disconnect), .status(404, reason: "NotFound"))
        let maps = try client(clock: InstantClock()).resource(of: .configMap)
        try await maps.delete(key)
        #expect(server.requests.count == 2)
        let missing = await failure { try await maps.delete(key) }
        #expect(missing?.reason == .notFound)
    }

    @Test("requests are spaced by the token bucket when there is one") func bucket() async throws {
        let clock = InstantClock()
        server.on("GET", path + "/a", .json(object("a")))
        let maps = try client(clock: clock) {
            $0.requestsPerSecond = 10
            $0.burst = 2
        }
        .resource(of: .configMap)
        for _ in 0..<4 { _ = try await maps.get(key) }
        #expect(clock.waits == [.milliseconds(100), .milliseconds(100)])
    }

    // MARK: Answers

    @Test("HTML with 200 is told as what it is") func html() async throws {
        let page = ServerResponse(
            headers: [("Content-Type", "text/html")],
            body: .bytes(Array("<html>\n<title>Sign in</title>".utf8))
        )
        server.on("GET", "*", .response(page))
        let maps = try client().resource(of: .configMap)
        for body: () async throws -> Void in [
            { _ = try await maps.get(key) }, { _ = try await maps.list(in: "n") },
            { for try await _ in try await maps.watch(in: "n") {} },
        ] {
            let told = await failure(body)
            #expect(told?.reason == .malformedAnswer && told?.code == 200)
            #expect(told?.detail.contains("text/html") == true && told?.detail.contains("Sign in") == true)
        }
    }

    @Test("errors that are no Status keep their code and first words") func plainError() async throws {
        server.on("GET", path + "/a", .response(.text("no such thing", status: 404)))
        let told = await failure { _ = try await client().resource(of: .configMap).get(key) }
        #expect(told?.reason == .notFound && told?.detail.contains("no such thing") == true)
    }

    @Test("an answer that is broken JSON is told with the place") func brokenJSON() async throws {
        server.on("GET", path + "/a", .response(.json(Array(#"{"metadata":{"name":5}}"#.utf8))))
        let told = await failure { _ = try await client().resource(of: .configMap).get(key) }
        #expect(told?.reason == .malformedAnswer && "\(told as Any)".contains("metadata.name"))
    }

    @Test("each attempt of a request is counted, with its code or as without an answer") func attempts() async throws {
        let registry = MetricsRegistry()
        server.on("GET", path + "/a", .status(503, reason: "ServiceUnavailable", retryAfter: 0), .json(object("a")))
        server.on("POST", path, .response(.disconnect))
        let maps = try client(clock: InstantClock(), metrics: registry).resource(of: .configMap)
        _ = try await maps.get(key)
        _ = await failure { _ = try await maps.create(named("a")) }
        let text = String(decoding: registry.expose(), as: UTF8.self)
        for (code, method) in [("503", "GET"), ("200", "GET"), ("<error>", "POST")] {
            let series = #"rest_client_requests_total{code="\#(code)",host="\#(host)",method="\#(method)"} 1"#
            #expect(text.contains(series), "\(text)")
        }
    }

    @Test("requests are counted under controller-runtime's names, without any object's name") func metrics()
        async throws
    {
        let registry = MetricsRegistry()
        server.on("GET", path + "/a", .json(object("a")))
        let maps = try client(metrics: registry).resource(of: .configMap)
        _ = try await maps.get(key)
        _ = await failure { _ = try await maps.get(ObjectKey(namespace: "n", name: "b")) }
        let text = String(decoding: registry.expose(), as: UTF8.self)
        for code in [200, 404] {
            let series = #"rest_client_requests_total{code="\#(code)",host="\#(host)",method="GET"} 1"#
            #expect(text.contains(series), "\(text)")
        }
        #expect(text.contains(#"rest_client_request_duration_seconds_count{host="\#(host)",verb="get"} 2"#))
        #expect(!text.contains("configmaps"))
    }

    // MARK: Lists

    @Test("pages are put together; a malformed item is told by name and field, and the others come") func pages()
        async throws
    {
        server.on("GET", path, .list([object("a"), object("b")], resourceVersion: "7", token: "t1&"))
        var bad = object("c")
        bad[path: ["metadata", "generation"]] = "x"
        server.on("GET", path, query: ["continue": "t1&"], .list([bad, object("d")], resourceVersion: "7"))
        let list = try await client().resource(of: .configMap)
            .list(in: "n", ListOptions(labelSelector: "a in (b)", resourceVersion: "0"))
        #expect(list.items.map(\.metadata.name) == ["a", "b", "d"] && list.resourceVersion == "7")
        #expect(list.malformed.first?.key == ObjectKey(namespace: "n", name: "c"))
        #expect(list.malformed.first?.error.path == "metadata.generation")
        #expect(server.requests[0].query("resourceVersion") == "0" && server.requests[0].query("limit") == "500")
        #expect(server.requests[1].query("resourceVersion") == nil)
        #expect(server.requests.allSatisfy { $0.query("labelSelector") == "a in (b)" })
    }

    @Test("an expired continue token begins the list anew, in one answer, and says so") func expiredToken() async throws
    {
        let maps = try client().resource(of: .configMap)
        let seen = Mutex<[String]>([])
        server.on(
            "GET",
            path,
            .handler { request in
                let isFirst = request.query("limit") != nil && request.query("continue") == nil
                let items: [JSONValue] = [["metadata": ["name": isFirst ? "old" : "new"]]]
                let list: JSONValue = [
                    "kind": "List", "items": .array(items),
                    "metadata": ["resourceVersion": "9", "continue": isFirst ? "t" : ""],
                ]
                if request.query("continue") == "t" {
                    let status: JSONValue = ["kind": "Status", "code": 410, "reason": "Expired", "message": "m"]
                    return .json(status.bytes(), status: 410)
                }
                return .json(list.bytes())
            }
        )
        let version = try await maps.list(in: "n", ListOptions(limit: 1)) { batch in
            for item in batch {
                switch item {
                case .item(let object): seen.withLock { $0.append(object.metadata.name) }
                case .restart: seen.withLock { $0.append("restart") }
                case .malformed: Issue.record("malformed")
                }
            }
        }
        #expect(seen.withLock { $0 } == ["old", "restart", "new"] && version == "9")
        #expect(try await maps.list(in: "n", ListOptions(limit: 1)).items.map(\.metadata.name) == ["new"])
    }

    @Test("a list cut in its middle begins anew") func cutList() async throws {
        let cut = ScriptedStream()
        cut.send(#"{"kind":"List","metadata":{"resourceVersion":"3"},"items":[{"metadata":{"name":"a"}},{"meta"#)
        cut.cut()
        server.on("GET", path, .stream(cut), .list([object("a"), object("b")], resourceVersion: "4"))
        let list = try await client().resource(of: .configMap).list(in: "n")
        #expect(list.items.map(\.metadata.name) == ["a", "b"] && list.resourceVersion == "4")
    }

    @Test("items are handed over before the list is complete") func streaming() async throws {
        let body = ScriptedStream()
        let first = Latch()
        server.on("GET", path, .stream(body))
        let maps = try client().resource(of: .configMap)
        let run = Task { try await maps.list(in: "n") { _ in first.signal() } }
        body.send(#"{"items":[{"metadata":{"name":"a"}},"#)
        await first.wait()
        body.send(#"{"metadata":{"name":"b"}}],"metadata":{"resourceVersion":"5"}}"#)
        body.end()
        #expect(try await run.value == "5")
    }

    // MARK: Watches

    @Test("a watch cut in the middle of an object delivers the whole ones before, then tells the cut") func cutWatch()
        async throws
    {
        let body = ScriptedStream()
        server.on("GET", path, query: ["watch": "true"], .stream(body))
        var events = try await client().resource(of: .configMap).watch(in: "n", WatchOptions(resourceVersion: "5"))
            .makeAsyncIterator()
        body.event("ADDED", object("a"))
        body.send(#"{"type":"ADDED","object":{"metadata":{"na"#)
        let batch = try await events.next()
        guard case .added(let added)? = batch?.first, batch?.count == 1 else {
            Issue.record("\(batch as Any)")
            return
        }
        #expect(added.key == key)
        body.cut()
        let told = await failure { _ = try await events.next() }
        #expect(told?.reason == .transport)
        #expect(try await events.next() == nil)
        let request = try #require(server.requests.first)
        #expect(request.query("allowWatchBookmarks") == "true" && request.query("resourceVersion") == "5")
        #expect((300...600).contains(Int(request.query("timeoutSeconds") ?? "") ?? 0))
    }

    @Test("a watch that the server ends at an event's end, ends normally") func endedWatch() async throws {
        let body = ScriptedStream()
        server.on("GET", path, query: ["watch": "true"], .stream(body))
        body.event("ADDED", object("a"))
        body.end()
        var count = 0
        for try await batch in try await client().resource(of: .configMap).watch(in: "n") { count += batch.count }
        #expect(count == 1)
    }

    @Test("410 is told alike as an answer and as an event") func goneWatch() async throws {
        let body = ScriptedStream()
        body.event("ERROR", ["kind": "Status", "code": 410, "reason": "Expired", "message": "too old"])
        server.on("GET", path, query: ["watch": "true"], .status(410, reason: "Gone"), .stream(body))
        let maps = try client().resource(of: .configMap)
        for _ in 0..<2 {
            let told = await failure { for try await _ in try await maps.watch(in: "n") {} }
            #expect(told?.isExpired == true)
        }
    }

    @Test("an object of 3 MB is watched whole") func largeEvent() async throws {
        let body = ScriptedStream()
        server.on("GET", path, query: ["watch": "true"], .stream(body))
        let big = String(repeating: "x", count: 3 << 20)
        body.event("MODIFIED", object("a", ["data": ["x": .string(big)]]))
        let maps = try client().resource(of: .configMap)
        var events = try await maps.watch(in: "n").makeAsyncIterator()
        guard case .modified(let object)? = try await events.next()?.first else {
            Issue.record("no event")
            return
        }
        #expect(object["data", "x"]?.string == big)
    }

    @Test("letting a watch go closes it") func abandonedWatch() async throws {
        let body = ScriptedStream()
        server.on("GET", path, query: ["watch": "true"], .stream(body))
        let maps = try client().resource(of: .configMap)
        let run = Task { for try await _ in try await maps.watch(in: "n") {} }
        await body.opened.wait()
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        await body.abandoned.wait()
    }

    @Test("watches do not use up the connections of an HTTP/1.1 server") func manyWatches() async throws {
        let client = try client { $0.maxConnectionsPerHost = 2 }
        let maps = client.resource(of: .configMap)
        let body = ScriptedStream()
        server.on("GET", path, query: ["watch": "true"], .stream(body))
        server.on("GET", path + "/a", .json(object("a")))
        let runs = (0..<5).map { _ in Task { for try await _ in try await maps.watch(in: "n") {} } }
        await body.opened.wait(for: 5)
        _ = try await maps.get(key)
        for run in runs { run.cancel() }
    }

    // MARK: Writes

    @Test("each write says what it must: content type, manager, force, dry run, preconditions") func writes()
        async throws
    {
        server.on("*", path + "*", .json(object("a")))
        let maps = try client().resource(of: .configMap)
        _ = try await maps.apply(key, ["data": ["x": "1"]], fieldManager: "rollout", force: true, dryRun: true)
        _ = try await maps.patch(key, .json([.remove("/data")]), subresource: "status")
        try await maps.delete(key, DeleteOptions(uid: "u", propagation: .foreground, gracePeriodSeconds: 0))
        let requests = server.requests
        #expect(requests[0].header("Content-Type") == "application/apply-patch+yaml")
        #expect(requests[0].query("fieldManager") == "rollout" && requests[0].query("force") == "true")
        #expect(requests[0].query("dryRun") == "All")
        let applied = try JSONValue(parsing: requests[0].body)
        #expect(applied["kind"] == "ConfigMap" && applied["metadata"] == ["name": "a", "namespace": "n"])
        #expect(requests[1].rawPath == path + "/a/status" && requests[1].query("fieldManager") == "homeostat")
        #expect(requests[1].header("Content-Type") == "application/json-patch+json")
        let options = try JSONValue(parsing: requests[2].body)
        #expect(options["preconditions"] == ["uid": "u"] && options["propagationPolicy"] == "Foreground")
        #expect(options["gracePeriodSeconds"] == 0)
    }

    @Test("an eviction that a budget refuses is told at once, with the wait") func eviction() async throws {
        server.on(
            "GET",
            "/api/v1",
            .json([
                "kind": "APIResourceList", "groupVersion": "v1",
                "resources": [
                    ["name": "pods", "kind": "Pod", "namespaced": true],
                    ["name": "pods/eviction", "kind": "Eviction", "group": "policy", "version": "v1beta1"],
                ],
            ])
        )
        let eviction = "/api/v1/namespaces/n/pods/p/eviction"
        server.on("POST", eviction, .status(429, reason: "TooManyRequests", retryAfter: 10))
        let pods = try client().resource(of: .pod)
        let told = await failure { try await pods.evict(ObjectKey(namespace: "n", name: "p")) }
        #expect(told?.reason == .throttled && told?.retryAfter == .seconds(10))
        let sent = try JSONValue(parsing: try #require(server.requests("POST", eviction).first).body)
        #expect(sent["apiVersion"] == "policy/v1beta1" && server.requests("POST", eviction).count == 1)
    }
}
