import Kubernetes
import Synchronization
import TestSupport
import Testing

@testable import ControllerRuntime

@Suite("The manager", .timeLimit(.minutes(1))) struct ManagerTests {
    let clock = ManualClock()
    let lease = MemoryLease()
    let log = Box<String>()
    let signals: AsyncStream<Int32>.Continuation
    private let stream: AsyncStream<Int32>

    init() { (stream, signals) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(8)) }

    private var runtime: RuntimeContext {
        RuntimeContext(clock: RuntimeClock(manual: clock), chance: { 0 })
    }

    private func elector(_ identity: String = "me") -> LeaderElector {
        LeaderElector(store: lease, name: "operator", identity: identity, runtime: runtime)
    }

    private func manager(_ elector: LeaderElector? = nil) -> Manager {
        Manager(elector: elector, signals: stream, runtime: runtime)
    }

    /// Adds a part that logs its start and end.
    private func add(_ name: String, _ stage: ManagerStage, to manager: Manager, drains: Bool = false) {
        let gate = Gate()
        let drain: @Sendable () -> Void = { gate.open() }
        manager.add(name, stage, drain: drains ? drain : nil) { [log] in
            log.add("+\(name)")
            if drains { await gate.wait() } else { await Latch().wait() }
            log.add("-\(name)")
        }
    }

    @Test("7.28 a signal ends the parts in order: work, events, caches, servers, and last the lease") func order() async
    {
        let elector = elector()
        let manager = manager(elector)
        add("server", .servers, to: manager)
        add("cache", .caches, to: manager)
        add("events", .events, to: manager, drains: true)
        manager.add("controller", .leader) { [log, lease] in
            log.add("+controller")
            await Latch().wait()
            #expect(lease.record?.holderIdentity == "me")
            log.add("-controller")
        }
        let run = Task { await manager.run() }
        await log.wait(for: 4)
        #expect(manager.isReady)
        signals.yield(15)
        #expect(await run.value.code == 0)
        #expect(log.values.suffix(4) == ["-controller", "-events", "-cache", "-server"])
        #expect(lease.record?.holderIdentity == "")
        #expect(!manager.isReady)
    }

    @Test("7.28 a second signal ends at once") func secondSignal() async {
        let manager = manager()
        let gate = Gate()
        manager.add("stubborn", .leader) { [log] in
            log.add("+")
            await gate.wait()
        }
        let run = Task { await manager.run() }
        await log.wait(for: 1)
        signals.yield(15)
        signals.yield(15)
        #expect(await run.value.code == 130)
        gate.open()
    }

    @Test("7.28 what does not end in the grace period is named and not waited for") func grace() async {
        let elector = elector()
        let manager = manager(elector)
        let gate = Gate()
        manager.add("stubborn", .leader) { [log] in
            log.add("+")
            await gate.wait()
        }
        let run = Task { await manager.run() }
        await log.wait(for: 1)
        signals.yield(15)
        await clock.sleeper(dueIn: .seconds(30))
        // The lease goes on being renewed while the work may still run.
        for _ in 0..<15 {
            await clock.sleeper(dueIn: .seconds(2))
            clock.advance(by: .seconds(2))
        }
        let exit = await run.value
        #expect(exit.code == 1 && exit.description == "did not end in time: stubborn")
        #expect(lease.record?.holderIdentity == "me")
        gate.open()
    }

    @Test("7.25 a lost lease ends everything without waiting, with a failure code") func leaseLost() async {
        let manager = manager(elector())
        let gate = Gate()
        let cancelled = Box<Bool>()
        manager.add("controller", .leader) { [log] in
            log.add("+")
            await Latch().wait()
            cancelled.add(Task.isCancelled)
            await gate.wait()
        }
        let run = Task { await manager.run() }
        await log.wait(for: 1)
        lease.fail(.fixture(.unavailable, code: 503))
        for _ in 0..<5 {
            await clock.sleeper(dueIn: .seconds(2))
            clock.advance(by: .seconds(2))
        }
        let exit = await run.value
        #expect(exit.code == 1 && exit.description == "the lease was lost")
        #expect(await cancelled.wait(for: 1) == [true])
        gate.open()
    }

    @Test("7.29 a process that does not lead never starts leader work, also while it ends") func notLeading() async {
        lease.set(
            LeaseRecord(
                holderIdentity: "other",
                leaseDurationSeconds: 15,
                acquireTime: Timestamp(microseconds: 0),
                renewTime: Timestamp(microseconds: 0),
                leaseTransitions: 1
            )
        )
        let manager = manager(elector())
        add("cache", .caches, to: manager)
        add("controller", .leader, to: manager)
        let run = Task { await manager.run() }
        await log.wait(for: 1)
        await clock.sleepers(atLeast: 1)
        signals.yield(15)
        #expect(await run.value.code == 0)
        #expect(log.values == ["+cache", "-cache"])
        #expect(lease.record?.holderIdentity == "other")
    }

    @Test("a part that ends by itself ends the process, in order and with a failure code") func failure() async {
        struct Broken: Error {}
        let manager = manager()
        add("server", .servers, to: manager)
        manager.add("controller", .leader) { throw Broken() }
        let exit = await manager.run()
        #expect(exit.code == 1 && exit.description == "controller failed: Broken()")
        #expect(log.values == ["+server", "-server"])
    }

    @Test("7.36 readiness names each cache that is not synced, and why") func readiness() async throws {
        let server = try MiniAPIServer(kinds: [.widget])
        server.onRequest { $0.type == .widget ? .answer(403, "Forbidden") : nil }
        let client = try server.client { $0.retries = .none }
        let widgets = Informer<DynamicObject>(client: client.resource(of: .widget), runtime: runtime)
        let pods = Informer<DynamicObject>(client: client.resource(of: .pod), runtime: runtime)
        let manager = manager()
        manager.add(widgets)
        manager.add(pods)
        let run = Task { await manager.run() }
        try await pods.waitUntilSynced()
        await server.waitForRequests { $0.type == .widget }
        await clock.sleepers(atLeast: 1)
        #expect(!manager.isReady)
        let failures = manager.readiness.compactMap { check in check.failure.map { (check.name, $0) } }
        #expect(failures.map(\.0) == ["widgets.example.com"])
        #expect(failures.first?.1.contains("a fault was injected") == true)
        signals.yield(15)
        #expect(await run.value.code == 0)
        await server.stop()
    }
}
