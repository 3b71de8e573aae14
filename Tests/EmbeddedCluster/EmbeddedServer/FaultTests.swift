import EmbeddedAPI
import EmbeddedServer
import HTTPServing
import HTTPTransport
import JSON
import Kubernetes
import Synchronization
import TestSupport
import Testing

@Suite("Faults of the embedded server", .timeLimit(.minutes(1)))
struct FaultTests {
    let fixture: ServerFixture
    let path = "/api/v1/namespaces/default/configmaps"

    init() throws { fixture = try ServerFixture(usesTLS: false) }

    @Test("answers what a hook says instead of doing it") func answers() async throws {
        fixture.faults.onRequest { $0.verb == "create" ? .answer(429, "TooManyRequests", retryAfter: 7) : nil }
        let answer = try await fixture.ask("POST", path, Sample.configMap("a"))
        #expect(answer.status == 429)
        #expect(answer.header("Retry-After") == "7")
        #expect(answer.json["reason"] == "TooManyRequests")
        #expect(fixture.core.get(.configMap, ObjectKey(namespace: "default", name: "a")) == nil)
        fixture.faults.onRequest(nil)
        #expect(try await fixture.ask("POST", path, Sample.configMap("a")).status == 201)
        #expect(
            fixture.faults.requests.map(\.description) == ["create configmaps default/", "create configmaps default/"]
        )
    }

    @Test("loses the answer of a write that was done") func losesAnswer() async throws {
        fixture.faults.onRequest { $0.isWrite ? .loseAnswer : nil }
        let transport = fixture.server.transport()
        await #expect(throws: HTTPFailure.self) {
            _ = try await transport.send(
                HTTPRequest(
                    method: "POST",
                    url: fixture.server.url + path,
                    headers: ["Content-Type": "application/json"],
                    body: Sample.configMap("a").bytes()
                )
            )
        }
        #expect(fixture.core.get(.configMap, ObjectKey(namespace: "default", name: "a")) != nil)
    }

    @Test("crashes after a write, is silent, and comes back") func crash() async throws {
        var watch = try await fixture.open("\(path)?watch=1")
        fixture.faults.crash(afterWrite: 2)
        #expect(try await fixture.ask("POST", path, Sample.configMap("a")).status == 201)
        let second = await fixture.server.front.answer(
            ServerRequest(
                method: "POST",
                target: path,
                headers: [("Content-Type", "application/json")],
                body: Sample.configMap("b").bytes()
            ),
            as: .admin
        )
        guard case .disconnect = second.body else {
            Issue.record("the write after which it crashes was answered")
            return
        }
        await fixture.faults.waitForCrash()
        await #expect(throws: HTTPFailure.self) { while try await watch.next() != nil {} }
        await #expect(throws: HTTPFailure.self) {
            _ = try await fixture.server.transport().send(HTTPRequest(url: fixture.server.url + "/version"))
        }
        #expect(fixture.core.get(.configMap, ObjectKey(namespace: "default", name: "b")) != nil)
        fixture.faults.recover()
        #expect(try await fixture.ask("/version").status == 200)
    }

    @Test("ends, cuts, expires and stalls watches") func watches() async throws {
        func open() async throws -> ServerFixture.Lines {
            try await fixture.open("\(path)?watch=1&resourceVersion=\(fixture.core.version)")
        }
        var ended = try await open()
        fixture.faults.endWatches()
        #expect(try await ended.next() == nil)
        var cut = try await open()
        fixture.faults.cutWatches()
        await #expect(throws: HTTPFailure.self) { _ = try await cut.next() }
        var expired = try await open()
        fixture.faults.expireWatches()
        #expect(try await expired.event() == "ERROR Expired")
        var stalled = try await open()
        fixture.faults.stallWatches()
        try fixture.create(.configMap, Sample.configMap("unseen"))
        fixture.faults.endWatches()
        #expect(try await stalled.next() == nil)
        var dropped = try await open()
        fixture.faults.dropEvents(1)
        try fixture.create(.configMap, Sample.configMap("lost"))
        #expect(try await dropped.event() == "ERROR Expired")
    }

    @Test("plays a script: the same seed gives the same faults") func script() async throws {
        let faults = Faults(
            seed: 7,
            rules: [
                .init(
                    .answer(code: 500, reason: "InternalError", retryAfterSeconds: nil),
                    verbs: ["get"],
                    probability: 0.4
                ),
                .init(.disconnect, resources: ["secrets"], limit: 1),
            ]
        )
        func run() async throws -> [Int] {
            let fixture = try ServerFixture(usesTLS: false)
            fixture.faults.script(faults)
            var codes: [Int] = []
            for _ in 0..<50 { codes.append(try await fixture.ask("\(path)/none").status) }
            return codes
        }
        let first = try await run()
        #expect(try await run() == first)
        let failures = first.count { $0 == 500 }
        #expect((8...32).contains(failures))
        #expect(first.count { $0 == 404 } == 50 - failures)
    }

    @Test("breaks single watches off after some events") func scriptedWatches() async throws {
        fixture.faults.script(Faults(rules: [.init(.cutWatch(afterEvents: 2), limit: 1)]))
        var watch = try await fixture.open("\(path)?watch=1")
        for name in ["a", "b", "c"] { try fixture.create(.configMap, Sample.configMap(name)) }
        #expect(try await watch.event() == "ADDED a")
        #expect(try await watch.event() == "ADDED b")
        await #expect(throws: HTTPFailure.self) { _ = try await watch.next() }
        var whole = try await fixture.open("\(path)?watch=1")
        for name in ["a", "b", "c"] { #expect(try await whole.event() == "ADDED \(name)") }
    }

    @Test("answers a list as it was before") func stale() async throws {
        try fixture.create(.configMap, Sample.configMap("old"))
        let version = fixture.core.version
        try fixture.create(.configMap, Sample.configMap("new"))
        fixture.faults.script(Faults(rules: [.init(.staleList(versions: 1), limit: 1)]))
        let stale = try await fixture.ask(path).json
        #expect(stale[path: ["metadata", "resourceVersion"]]?.string == String(version))
        #expect(stale["items"]?.array?.compactMap { $0[path: ["metadata", "name"]]?.string } == ["old"])
        #expect(try await fixture.ask(path).json["items"]?.array?.count == 2)
    }

    @Test("breaks an answer off in its middle") func truncated() async throws {
        fixture.faults.script(Faults(rules: [.init(.truncate(afterBytes: 20))]))
        let stream = try await fixture.server.transport().stream(HTTPRequest(url: fixture.server.url + "/version"))
        var body = stream.body.makeAsyncIterator()
        #expect(try await body.next()?.count == 20)
        await #expect(throws: HTTPFailure.self) { _ = try await body.next() }
    }

    @Test("is slow on the clock, and the client's limit passes on it") func latency() async throws {
        let clock = ManualClock()
        let fixture = try ServerFixture(usesTLS: false, options: { $0.front.clock = clock })
        fixture.faults.script(Faults(rules: [.init(.latency(.seconds(5)...(.seconds(5))))]))
        let transport = fixture.server.transport()
        let url = fixture.server.url + "/version"
        async let slow = transport.send(HTTPRequest(url: url, timeLimit: .seconds(10)))
        await clock.sleepers(atLeast: 2)
        clock.advance(by: .seconds(5))
        #expect(try await slow.status == 200)
        async let late = transport.send(HTTPRequest(url: url, timeLimit: .seconds(3)))
        await clock.sleepers(atLeast: 2)
        clock.advance(by: .seconds(3))
        do {
            _ = try await late
            Issue.record("no limit was kept")
        } catch let failure as HTTPFailure { #expect(failure.reason == .timeout) }
    }

    @Test("hides a kind and serves it again") func hidden() async throws {
        fixture.faults.setHidden(.configMap, true)
        #expect(try await fixture.ask(path).status == 404)
        #expect(try await !fixture.ask("/api/v1").text.contains("\"configmaps\""))
        fixture.faults.setHidden(.configMap, false)
        #expect(try await fixture.ask(path).status == 200)
    }

    @Test("serves our own client without sockets and over them", arguments: [true, false])
    func ownClient(_ usesSockets: Bool) async throws {
        let fixture = try ServerFixture(usesTLS: usesSockets)
        let client = try KubernetesClient(
            configuration: fixture.server.clientConfiguration(),
            transport: usesSockets ? nil : fixture.server.transport()
        )
        #expect(try await client.serverVersion().gitVersion == "v1.32.0+homeostat")
        #expect(try await client.discovery.find("deploy") == .deployment)
        let pods = client.resource(Pod.self)
        var watch = try await client.resource(ConfigMap.self).watch(in: "default").makeAsyncIterator()
        try fixture.create(.configMap, Sample.configMap("a"))
        guard case .added(let object)? = try await watch.next()?.first else {
            Issue.record("no object was added")
            return
        }
        #expect(object.metadata.name == "a")
        #expect(try await pods.list(in: "default").items.isEmpty)
        await fixture.server.stop()
    }
}
