import Kubernetes
import TestSupport
import Testing

@testable import ControllerRuntime

@Suite("The informer", .timeLimit(.minutes(1))) struct InformerTests {
    let source = ScriptedSource()
    let clock = ManualClock()
    let changes = Box<Change<DynamicObject>>()
    let report = Box<String>()
    let informer: Informer<DynamicObject>

    init() {
        var options = Informer<DynamicObject>.Options()
        options.watch.prefersWatchList = false
        informer = Self.make(source, clock, options, report)
        informer.onChange { [changes] in for change in $0 { changes.add(change) } }
    }

    static func make(
        _ source: ScriptedSource,
        _ clock: ManualClock,
        _ options: Informer<DynamicObject>.Options,
        _ report: Box<String>
    ) -> Informer<DynamicObject> {
        Informer(
            source: source,
            indexes: [.label("app")],
            options: options,
            clock: RuntimeClock(manual: clock),
            report: InformerReport { event in
                switch event {
                case .malformed(let key, let reason): report.add("malformed \(key?.description ?? "?"): \(reason)")
                case .failed(let fault, _): report.add("failed \(fault.label)")
                default: break
                }
            },
            chance: { 0 }
        )
    }

    /// Runs the informer while the body runs.
    private func running(_ informer: Informer<DynamicObject>, _ body: () async throws -> Void) async throws {
        let run = Task { try await informer.run() }
        defer { run.cancel() }
        try await body()
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
    }

    @Test("lists, then watches from the list's version, and tells every change in order") func follow() async throws {
        try await running(informer) {
            #expect(!informer.store.isSynced)
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            try await informer.waitUntilSynced()
            source.answer(.events([.put(.fixture("b", version: 11)), .deleted(.fixture("a", version: 12))]))
            let told = await changes.wait(for: 3)
            #expect(told.map { "\($0.key.name) \($0.origin)" } == ["a list", "b watch", "a watch"])
            #expect(source.requests.values == ["list 0", "watch 10"])
            #expect(informer.unreadiness == nil)
        }
    }

    @Test("7.2 after 410 inside the watch the deleted are told, nothing is brought back") func gone() async throws {
        try await running(informer) {
            source.answer(.list([.put(.fixture("a", version: 3)), .put(.fixture("b", version: 4))], version: "10"))
            await changes.wait(for: 2)
            source.answer(.fail(APIFailure.fixture(.expired, code: 410)))
            source.answer(.list([.put(.fixture("b", version: 4)), .put(.fixture("c", version: 20))], version: "30"))
            let told = await changes.wait(for: 4)
            #expect(Set(told[2...].map { "\($0.key.name) \($0.new == nil)" }) == ["a true", "c false"])
            await source.requests.wait(for: 4)
            #expect(source.requests.values == ["list 0", "watch 10", "list ", "watch 30"])
        }
    }

    @Test("7.8 a normal end is followed from the bookmark's version at once") func bookmark() async throws {
        try await running(informer) {
            source.answer(.list([], version: "10"))
            source.answer(.events([.bookmark(resourceVersion: "55", isInitialEventsEnd: false)]))
            source.answer(.end)
            #expect(await source.requests.wait(for: 3).last == "watch 55")
        }
    }

    @Test("7.10 an outage is waited out and the list asked for once when the server is back") func outage() async throws
    {
        try await running(informer) {
            for pause in [800, 1600, 3200] {
                source.answer(.fail(APIFailure.fixture(.unavailable, code: 503)))
                await clock.sleepers(atLeast: 1)
                clock.advance(by: .milliseconds(pause))
            }
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            await changes.wait(for: 1)
            #expect(source.requests.values.prefix(4) == ["list 0", "list 0", "list 0", "list 0"])
        }
    }

    @Test("7.11 a watch that tells older versions is left and everything listed anew") func wentBack() async throws {
        try await running(informer) {
            source.answer(.list([.put(.fixture("a", version: 90))], version: "100"))
            source.answer(.events([.put(.fixture("a", version: 41))]))
            source.answer(.list([.put(.fixture("a", version: 41))], version: "50"))
            await changes.wait(for: 2)
            #expect(informer.store.get(.shop("a"))?.metadata.resourceVersion == "41")
            await source.requests.wait(for: 4)
            #expect(source.requests.values.suffix(2) == ["list ", "watch 50"])
        }
    }

    @Test("7.22 an object that cannot be read is told by name; the others arrive") func malformed() async throws {
        try await running(informer) {
            source.answer(
                .list(
                    [.malformed(.shop("bad"), "spec.value: expected a number"), .put(.fixture("a", version: 3))],
                    version: "9"
                )
            )
            source.answer(.events([.malformed(nil, "no JSON"), .put(.fixture("b", version: 11))]))
            await changes.wait(for: 2)
            #expect(report.values == ["malformed shop/bad: spec.value: expected a number", "malformed ?: no JSON"])
        }
    }

    @Test("7.36 missing rights are named and heal by themselves") func forbidden() async throws {
        try await running(informer) {
            source.answer(.fail(APIFailure.fixture(.forbidden, code: 403)))
            await clock.sleepers(atLeast: 1)
            #expect(informer.unreadiness == "widgets.example.com: cannot watch widgets: forbidden")
            source.answer(.list([], version: "10"))
            clock.advance(by: .milliseconds(800))
            try await informer.waitUntilSynced()
            #expect(informer.unreadiness == nil)
        }
    }

    @Test("7.42 a streamed first state without an end is given up after a bounded silence") func silence() async throws
    {
        let informer = Self.make(source, clock, Informer.Options(), report)
        try await running(informer) {
            source.answer(.events([.put(.fixture("a", version: 3))]))
            await clock.sleepers(atLeast: 1)
            clock.advance(by: .seconds(10))
            await source.requests.wait(for: 2)
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            try await informer.waitUntilSynced()
            await source.requests.wait(for: 3)
            #expect(source.requests.values == ["watch-list", "list 0", "watch 10"])
            #expect(informer.store.count == 1)
        }
    }

    @Test("a streamed first state becomes the cache at its end, and the stream goes on") func watchList() async throws {
        let informer = Self.make(source, clock, Informer.Options(), report)
        informer.onChange { [changes] in for change in $0 { changes.add(change) } }
        try await running(informer) {
            source.answer(.events([.put(.fixture("b", version: 9)), .put(.fixture("a", version: 3))]))
            source.answer(
                .events([.bookmark(resourceVersion: "12", isInitialEventsEnd: true), .put(.fixture("c", version: 13))])
            )
            await changes.wait(for: 3)
            source.answer(.end)
            await source.requests.wait(for: 2)
            #expect(source.requests.values == ["watch-list", "watch 13"])
        }
    }

    @Test("a resync tells every object again without asking the server") func resync() async throws {
        var options = Informer<DynamicObject>.Options()
        options.watch.prefersWatchList = false
        options.resync = .seconds(600)
        let informer = Self.make(source, clock, options, report)
        informer.onChange { [changes] in for change in $0 { changes.add(change) } }
        try await running(informer) {
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            await changes.wait(for: 1)
            await clock.sleepers(atLeast: 1)
            clock.advance(by: .seconds(540))
            #expect(await changes.wait(for: 2)[1].origin == .resync)
            await source.requests.wait(for: 2)
            #expect(source.requests.values.count == 2)
        }
    }
}
