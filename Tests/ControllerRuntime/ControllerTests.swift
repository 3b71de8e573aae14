import Kubernetes
import Synchronization
import TestSupport
import Testing

@testable import ControllerRuntime

@Suite("The controller", .timeLimit(.minutes(1))) struct ControllerTests {
    let source = ScriptedSource()
    let clock = ManualClock()
    let informer: Informer<DynamicObject>
    let ends = Box<String>()

    init() {
        var options = Informer<DynamicObject>.Options()
        options.watch.prefersWatchList = false
        informer = Informer(source: source, options: options, clock: RuntimeClock(manual: clock), chance: { 0 })
    }

    private func controller(
        _ options: ControllerOptions = ControllerOptions(),
        _ reconcile: @escaping @Sendable (ObjectKey) async throws -> Outcome
    ) -> Controller {
        Controller(
            name: "widgets",
            reconciler: ClosureReconciler(reconcile),
            options: options,
            clock: RuntimeClock(manual: clock),
            report: ControllerReport { [ends] event in
                if case .ended(let item, let end, _) = event { ends.add("\(item.key.name) \(end)") }
            },
            chance: { 0 }
        )
    }

    /// Runs informer and controller while the body runs.
    private func running(_ controller: Controller, _ body: () async throws -> Void) async throws {
        let runs = [Task { try await informer.run() }, Task { try await controller.run() }]
        defer { for run in runs { run.cancel() } }
        try await body()
        for run in runs { run.cancel() }
        for run in runs { _ = await run.result }
    }

    @Test("reconciles what is listed, then what changes") func basics() async throws {
        let keys = Box<String>()
        let controller = controller { key in
            keys.add(key.name)
            return .settled
        }
        controller.watch(informer)
        try await running(controller) {
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            await keys.wait(for: 1)
            source.answer(.events([.put(.fixture("b", version: 11)), .deleted(.fixture("a", version: 12))]))
            #expect(Set(await keys.wait(for: 3)) == ["a", "b"])
        }
    }

    @Test("nothing is reconciled before every watched informer is synced") func waitsForSync() async throws {
        let other = ScriptedSource()
        let second = Informer(source: other, clock: RuntimeClock(manual: clock))
        let keys = Box<String>()
        let controller = controller { [second] key in
            #expect(second.store.isSynced)
            keys.add(key.name)
            return .settled
        }
        controller.watch(informer)
        controller.watch(second) { _ in [] }
        let run = Task { try await second.run() }
        defer { run.cancel() }
        try await running(controller) {
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            try await informer.waitUntilSynced()
            #expect(controller.queueFigures.depth == 1 && keys.values.isEmpty)
            other.answer(.events([.bookmark(resourceVersion: "1", isInitialEventsEnd: true)]))
            await keys.wait(for: 1)
        }
    }

    @Test("7.14 7.15 one key runs once at a time, changes meanwhile are one more run, others are not delayed")
    func concurrency() async throws {
        let gate = Gate()
        let running = Mutex<Set<String>>([])
        let keys = Box<String>()
        let controller = controller(ControllerOptions(maxConcurrent: 4)) { key in
            #expect(running.withLock { $0.insert(key.name).inserted })
            keys.add(key.name)
            if key.name == "slow" { await gate.wait() }
            running.withLock { _ = $0.remove(key.name) }
            return .settled
        }
        controller.watch(informer)
        try await self.running(controller) {
            source.answer(.list([.put(.fixture("slow", version: 3))], version: "10"))
            await keys.wait(for: 1)
            for version in 11..<1011 { source.answer(.events([.put(.fixture("slow", version: version))])) }
            source.answer(.events([.put(.fixture("quick", version: 2000))]))
            #expect(await keys.wait(for: 2) == ["slow", "quick"])
            gate.open()
            #expect(await keys.wait(for: 3) == ["slow", "quick", "slow"])
            await ends.wait(for: 3)
            #expect(controller.queueFigures.depth == 0)
        }
    }

    @Test("7.16 a failing reconcile is tried again after the back-off, a change is served at once") func failure()
        async throws
    {
        struct Broken: Error {}
        let tries = Box<Bool>()
        let controller = controller { _ in
            tries.add(true)
            throw Broken()
        }
        controller.watch(informer)
        try await running(controller) {
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            for pause in [5, 10, 20] {
                await clock.sleepers(atLeast: 2)  // the time limit and the retry
                clock.advance(by: .milliseconds(pause))
            }
            await tries.wait(for: 4)
            source.answer(.events([.put(.fixture("a", version: 11, generation: 2))]))
            await tries.wait(for: 5)
            #expect(controller.queueFigures.retries >= 4)
        }
    }

    @Test("7.19 a reconcile beyond its limit is cancelled, counted and backed off; its worker is free")
    func timeLimit() async throws {
        let keys = Box<String>()
        let gate = Gate()
        let controller = controller(ControllerOptions(maxConcurrent: 1, timeLimit: .seconds(30))) { key in
            keys.add(key.name)
            if key.name == "deaf" { await gate.wait() }  // ignores its cancellation
            return .settled
        }
        controller.watch(informer)
        try await running(controller) {
            source.answer(.list([.put(.fixture("deaf", version: 3))], version: "10"))
            await keys.wait(for: 1)
            controller.enqueue(.shop("next"))
            await clock.sleepers(atLeast: 1)
            clock.advance(by: .seconds(30))
            #expect(await keys.wait(for: 2) == ["deaf", "next"])
            #expect(controller.runningCount >= 1)
            controller.enqueue(.shop("deaf"))  // still taken: not run a second time at once
            controller.enqueue(.shop("third"))
            #expect(await keys.wait(for: 3) == ["deaf", "next", "third"])
            gate.open()
            await keys.wait(for: 4)
        }
    }

    @Test("7.19 a reconcile that obeys its cancellation counts as timed out") func timeout() async throws {
        let clock = self.clock
        let controller = controller(ControllerOptions(timeLimit: .seconds(30))) { _ in
            try await clock.sleep(for: .seconds(1000))
            return .settled
        }
        controller.watch(informer)
        try await running(controller) {
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            await clock.sleepers(atLeast: 2)
            clock.advance(by: .seconds(30))
            #expect(await ends.wait(for: 1) == ["a timedOut"])
        }
    }

    @Test("7.20 being asked to wait by the server is no failure") func throttled() async throws {
        let tries = Box<Bool>()
        let controller = controller { _ in
            tries.add(true)
            if tries.values.count == 1 { throw APIFailure.fixture(.throttled, code: 429, retryAfter: .seconds(3)) }
            return .settled
        }
        try await running(controller) {
            controller.enqueue(.shop("a"))
            source.answer(.list([], version: "10"))
            await clock.sleepers(atLeast: 2)  // the time limit and the pause
            clock.advance(by: .seconds(3))
            await tries.wait(for: 2)
            #expect(controller.queueFigures.retries == 0)
        }
    }

    @Test("7.37 a child that moves to another parent leads to both") func ownerMoves() async throws {
        let parent = ResourceType(group: "example.com", version: "v1", kind: "Parent", plural: "parents")
        func child(of owner: String, version: Int) -> DynamicObject {
            var object = DynamicObject.fixture("child", version: version)
            object.metadata.ownerReferences = [
                OwnerReference(apiVersion: "example.com/v1beta1", kind: "Parent", name: owner, uid: "uid-\(owner)")
            ]
            return object
        }
        let keys = Box<String>()
        let controller = controller { key in
            keys.add(key.name)
            return .settled
        }
        controller.watch(informer, map: KeyMap.owner(parent))
        try await running(controller) {
            source.answer(.list([.put(child(of: "first", version: 3))], version: "10"))
            await keys.wait(for: 1)
            source.answer(.events([.put(child(of: "second", version: 11))]))
            #expect(Set(await keys.wait(for: 3)[1...]) == ["first", "second"])
        }
    }

    @Test("7.13 after a write the key waits until the cache has seen it") func ownWrites() async throws {
        let seen = Box<String>()
        let store = informer.store
        let controller = controller { key in
            seen.add(store.get(key)?.metadata.resourceVersion ?? "none")
            if seen.values.count == 1 { store.expect(.written(DynamicObject.fixture("a", version: 15))) }
            return .settled
        }
        controller.watch(informer)
        try await running(controller) {
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            await ends.wait(for: 1)
            source.answer(.events([.put(.fixture("a", version: 12))]))  // older than the own write
            source.answer(.events([.put(.fixture("b", version: 13))]))
            #expect(await seen.wait(for: 2) == ["3", "13"])
            source.answer(.events([.put(.fixture("a", version: 15))]))
            #expect(await seen.wait(for: 3).last == "15")
        }
    }

    @Test("7.13 a write that the cache never sees holds the key for a bounded time") func lostWrite() async throws {
        let seen = Box<Bool>()
        let store = informer.store
        let controller = controller { _ in
            seen.add(true)
            if seen.values.count == 1 { store.expect(.written(DynamicObject.fixture("a", version: 99))) }
            return .settled
        }
        controller.watch(informer)
        try await running(controller) {
            source.answer(.list([.put(.fixture("a", version: 3))], version: "10"))
            await ends.wait(for: 1)
            controller.enqueue(.shop("a"))
            await clock.sleepers(atLeast: 2)  // the time limit and the hold
            clock.advance(by: .seconds(5))
            await seen.wait(for: 2)
        }
    }

    @Test("7.28 draining lets running reconciles finish and begins no other") func drain() async throws {
        let gate = Gate()
        let keys = Box<String>()
        let controller = controller { key in
            keys.add(key.name)
            await gate.wait()
            return .settled
        }
        let run = Task { try await controller.run() }
        controller.enqueue(.shop("a"))
        await keys.wait(for: 1)
        controller.enqueue(.shop("b"))
        controller.drain()
        gate.open()
        try await run.value
        #expect(keys.values == ["a"] && ends.values == ["a settled"])
    }

    @Test("7.25 cancelling the controller cancels its running reconciles") func cancel() async throws {
        let began = Box<Bool>()
        let clock = self.clock
        let controller = controller { _ in
            began.add(true)
            try await clock.sleep(for: .seconds(1000))
            return .settled
        }
        let run = Task { try await controller.run() }
        controller.enqueue(.shop("a"))
        await began.wait(for: 1)
        run.cancel()
        _ = await run.result
        #expect(ends.values == ["a cancelled"])
    }

    @Test("filters let through what they should") func filters() {
        typealias Filter = EventFilter<DynamicObject>
        let old = DynamicObject.fixture("a", version: 1)
        var status = old
        status.metadata.resourceVersion = "2"
        var spec = status
        spec.metadata.generation = 2
        var going = status
        going.metadata.deletionTimestamp = Timestamp(microseconds: 1)
        func passes(_ filter: Filter, _ new: DynamicObject?, _ origin: Change<DynamicObject>.Origin = .watch) -> Bool {
            filter.passes(Change(old: old, new: new, origin: origin))
        }
        #expect(!passes(.generationChanged, status) && passes(.generationChanged, spec))
        #expect(passes(.generationChanged, going) && passes(.generationChanged, nil))
        #expect(passes(.generationChanged, old, .resync))
        #expect(passes(.versionChanged, status) && !passes(.versionChanged, old))
        #expect(!passes(.generationChanged && .versionChanged, status))
        #expect(passes(.generationChanged || .versionChanged, status))
        #expect(passes(!.generationChanged, status))
        #expect(passes(.changed { $0.metadata.generation }, spec))
    }
}
