import JSON
import Kubernetes
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import ControllerRuntime

extension EventNote {
    static func fixture(
        _ note: String = "it happened",
        regarding name: String = "a",
        namespace: String = "shop",
        reason: String = "Happened"
    ) -> EventNote {
        EventNote(
            regarding: ObjectReference(
                apiVersion: "example.com/v1",
                kind: "Widget",
                namespace: namespace,
                name: name,
                uid: "uid-\(name)"
            ),
            reason: reason,
            action: "Reconcile",
            note: note
        )
    }
}

@Suite("Which events are written") struct EventCorrelatorTests {
    let wall = Timestamp(microseconds: 1_795_176_000_000_000)

    private func correlator(_ change: (inout EventCorrelator.Options) -> Void = { _ in }) -> EventCorrelator {
        var options = EventCorrelator.Options()
        change(&options)
        return EventCorrelator(controller: "example.com/operator", instance: "pod-1", seed: 7, options: options)
    }

    private func created(_ write: EventCorrelator.Write?) -> JSONValue? {
        if case .create(_, let value) = write { value } else { nil }
    }

    private func count(_ write: EventCorrelator.Write?) -> Int? {
        if case .patch(_, let value) = write { value[path: ["series", "count"]]?.integer } else { nil }
    }

    @Test("a note is an event with all that the API asks for") func fields() {
        var events = correlator()
        let event = created(events.record(.fixture(), now: .zero, wall: wall))
        #expect(event?["eventTime"] == "2026-11-20T12:00:00.000000Z")
        #expect(event?["reportingController"] == "example.com/operator" && event?["reportingInstance"] == "pod-1")
        #expect(event?["action"] == "Reconcile" && event?["reason"] == "Happened" && event?["type"] == "Normal")
        #expect(event?[path: ["regarding", "uid"]] == "uid-a" && event?["note"] == "it happened")
        #expect(event?[path: ["metadata", "namespace"]] == "shop")
    }

    @Test("objects of no namespace have their events in default") func clusterScoped() {
        var events = correlator()
        let event = created(events.record(.fixture(namespace: ""), now: .zero, wall: wall))
        #expect(event?[path: ["metadata", "namespace"]] == "default")
        #expect(event?[path: ["regarding", "namespace"]] == nil)
    }

    @Test("a note is cut to 1024 bytes between two characters") func cut() {
        var events = correlator()
        let event = created(events.record(.fixture(String(repeating: "é", count: 600)), now: .zero, wall: wall))
        #expect(event?["note"]?.string?.utf8.count == 1024)
        let odd = created(events.record(.fixture("x" + String(repeating: "é", count: 600)), now: .zero, wall: wall))
        #expect(odd?["note"]?.string?.utf8.count == 1023)
    }

    @Test("the same thing again is a series: written the second time, then every half hour, then at its end")
    func series() {
        var events = correlator()
        var writes: [Int?] = []
        for minute in 0..<40 {
            let now = Duration.seconds(minute * 60)
            let write = events.record(.fixture(), now: now, wall: wall + now)
            if let write { writes.append(count(write)) }
        }
        #expect(writes == [nil, 2, 32])
        #expect(events.sweep(now: .seconds(39 * 60 + 359)).isEmpty)
        #expect(events.sweep(now: .seconds(39 * 60 + 360)).map { count($0) } == [40])
        #expect(events.seriesCount == 0)
        #expect(created(events.record(.fixture(), now: .seconds(46 * 60), wall: wall)) != nil)
    }

    @Test("7.39 ten thousand notes of one object in a minute are at most a few writes", arguments: [true, false])
    func storm(sameText: Bool) {
        var events = correlator()
        var writes = 0
        for index in 0..<10_000 {
            let note = EventNote.fixture(sameText ? "same" : "number \(index)")
            if events.record(note, now: .milliseconds(index * 6), wall: wall) != nil { writes += 1 }
        }
        #expect(writes <= 12)
        #expect(events.finish(now: .seconds(60)).map { count($0) } == [sameText ? 10_000 : 9990])
    }

    @Test(
        "7.39 an object may cause a burst of different events and then one each five minutes; others are not affected"
    )
    func spam() {
        var events = correlator()
        func write(_ index: Int, _ name: String, at now: Duration) -> Bool {
            events.record(.fixture(regarding: name, reason: "Reason\(index)"), now: now, wall: wall) != nil
        }
        #expect((0..<100).filter { write($0, "a", at: .zero) }.count == 25)
        #expect(events.suppressed == 75)
        #expect(write(200, "b", at: .zero))
        #expect(!write(201, "a", at: .seconds(299)))
        #expect(write(202, "a", at: .seconds(301)))
    }

    @Test("different steps of a rollout are different events") func steps() {
        var events = correlator()
        let texts = ["step five done", "step half done", "step all done"]
        #expect(texts.compactMap { created(events.record(.fixture($0), now: .zero, wall: wall)) }.count == 3)
    }

    @Test("what is remembered is bounded") func bounded() {
        var events = correlator { $0.capacity = 100 }
        for index in 0..<1000 {
            _ = events.record(.fixture(regarding: "w\(index)"), now: .milliseconds(index), wall: wall)
        }
        #expect(events.seriesCount <= 100)
    }
}

@Suite("The event recorder", .timeLimit(.minutes(1))) struct EventRecorderTests {
    final class MemorySink: EventSink {
        let writes = Box<EventCorrelator.Write>()
        let attempts = Box<Bool>()
        private let failure = Mutex<APIFailure?>(nil)

        func fail(_ failure: APIFailure?) { self.failure.withLock { $0 = failure } }

        func write(_ write: EventCorrelator.Write) async throws {
            attempts.add(true)
            if let failure = failure.withLock({ $0 }) { throw failure }
            writes.add(write)
        }
    }

    let sink = MemorySink()
    let clock = ManualClock()
    let registry = MetricsRegistry()

    private func recorder(capacity: Int = 1000) -> EventRecorder {
        EventRecorder(
            sink: sink,
            controller: "example.com/operator",
            instance: "pod-1",
            capacity: capacity,
            runtime: RuntimeContext(
                clock: RuntimeClock(manual: clock),
                metrics: RuntimeMetrics(registry),
                chance: { 0 }
            )
        )
    }

    @Test("writes what is recorded, from its own task") func writes() async throws {
        let recorder = recorder()
        recorder.record(.fixture())
        #expect(sink.writes.values.isEmpty)
        let run = Task { try await recorder.run() }
        await sink.writes.wait(for: 1)
        run.cancel()
        _ = await run.result
    }

    @Test("7.28 at the end everything that waits is written, counts of series included") func drain() async throws {
        let recorder = recorder()
        for _ in 0..<5 { recorder.record(.fixture()) }
        for index in 0..<3 { recorder.record(.fixture("note \(index)")) }
        let run = Task { try await recorder.run() }
        recorder.drain()
        try await run.value
        #expect(sink.writes.values.count == 6)  // four created, one second time, one last count
        recorder.record(.fixture("too late"))
        #expect(registry.text.contains(#"homeostat_events_dropped_total{reason="queue_full"} 1"#))
    }

    @Test("what does not fit is dropped and counted; recording never waits") func bounded() {
        let recorder = recorder(capacity: 2)
        for index in 0..<5 { recorder.record(.fixture(reason: "Reason\(index)")) }
        #expect(registry.text.contains(#"homeostat_events_dropped_total{reason="queue_full"} 3"#))
    }

    @Test("what may pass is tried again, what may not is dropped and counted") func failures() async throws {
        let recorder = recorder()
        let run = Task { try await recorder.run() }
        sink.fail(.fixture(.unavailable, code: 503))
        recorder.record(.fixture("first"))
        await sink.attempts.wait(for: 1)
        await clock.sleepers(atLeast: 2)  // the sweep and the pause
        sink.fail(nil)
        clock.advance(by: .seconds(1))
        await sink.writes.wait(for: 1)
        sink.fail(.fixture(.forbidden, code: 403))
        recorder.record(.fixture("second"))
        await sink.attempts.wait(for: 3)
        recorder.drain()
        try await run.value
        #expect(sink.attempts.values.count == 3)
        #expect(registry.text.contains(#"homeostat_events_dropped_total{reason="forbidden"} 1"#))
    }

    @Test("writes events and series to an API server") func served() async throws {
        let server = try MiniAPIServer()
        let recorder = EventRecorder(
            sink: ClientEventSink(try server.client()),
            controller: "example.com/operator",
            instance: "pod-1"
        )
        for _ in 0..<7 { recorder.record(.fixture()) }
        let run = Task { try await recorder.run() }
        recorder.drain()
        try await run.value
        let events = server.objects(.event)
        #expect(events.count == 1)
        #expect(events.first?[path: ["series", "count"]] == 7)
        #expect(events.first?["note"] == "it happened")
        #expect(server.requests.map(\.verb) == ["create", "patch", "patch"])
        await server.stop()
    }
}
