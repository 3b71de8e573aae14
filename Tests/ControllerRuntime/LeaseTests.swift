import HTTPTransport
import JSON
import Kubernetes
import Synchronization
import TestSupport
import Testing

@testable import ControllerRuntime

@Suite("Deciding about the lease") struct LeaseMachineTests {
    let wall = Timestamp(microseconds: 1_795_176_000_000_000)

    private func lease(_ holder: String, transitions: Int = 3, seconds: Int = 15) -> LeaseRecord {
        LeaseRecord(
            holderIdentity: holder,
            leaseDurationSeconds: seconds,
            acquireTime: wall,
            renewTime: wall,
            leaseTransitions: transitions
        )
    }

    /// A machine that took the lease at time zero.
    private func leader(_ identity: String = "me") -> LeaseMachine {
        var machine = LeaseMachine(identity: identity)
        guard case .create(let record) = machine.plan(now: .zero, wall: wall) else { return machine }
        machine.wrote(record, resourceVersion: "1", sentAt: .zero)
        return machine
    }

    @Test("a lease that is not there is made") func create() {
        let machine = leader()
        #expect(machine.leadership(now: .zero) == Epoch(transitions: 0, holder: "me"))
    }

    @Test("7.25 a lease counts from when its renewal was sent, and ends before others may take it") func deadline() {
        var machine = leader()
        guard case .replace(let record, "1") = machine.plan(now: .seconds(2), wall: wall) else {
            Issue.record("no renewal")
            return
        }
        machine.wrote(record, resourceVersion: "2", sentAt: .seconds(2))
        #expect(machine.leadership(now: .milliseconds(11_999)) != nil)
        #expect(machine.leadership(now: .seconds(12)) == nil)
        #expect(machine.expiresAt == .seconds(17))
    }

    @Test("another's lease is left alone until it was seen unchanged for its whole duration") func candidate() {
        var machine = LeaseMachine(identity: "me")
        machine.saw(lease("other"), resourceVersion: "5", now: .seconds(100))
        #expect(machine.plan(now: .seconds(114), wall: wall) == .leave)
        machine.saw(lease("other"), resourceVersion: "5", now: .seconds(114))
        guard case .replace(let record, "5") = machine.plan(now: .seconds(115), wall: wall) else {
            Issue.record("not taken")
            return
        }
        #expect(record.holderIdentity == "me" && record.leaseTransitions == 4)
    }

    @Test("7.27 a renewal starts the wait anew, whatever the clocks of the two say") func clockSkew() {
        var machine = LeaseMachine(identity: "me")
        var record = lease("other")
        record.renewTime = Timestamp(microseconds: 0)
        machine.saw(record, resourceVersion: "5", now: .seconds(100))
        record.renewTime = Timestamp(microseconds: 1)
        machine.saw(record, resourceVersion: "6", now: .seconds(110))
        #expect(machine.plan(now: .seconds(124), wall: wall) == .leave)
    }

    @Test("a lease that was given back is taken at once") func released() {
        var machine = LeaseMachine(identity: "me")
        machine.saw(lease("", seconds: 1), resourceVersion: "5", now: .seconds(100))
        guard case .replace(let record, _) = machine.plan(now: .seconds(100), wall: wall) else {
            Issue.record("not taken")
            return
        }
        #expect(record.leaseTransitions == 4)
    }

    @Test("7.26 a lease that was not trusted for a while begins a new epoch even under the own name") func newEpoch() {
        var machine = leader()
        guard case .replace(let record, _) = machine.plan(now: .seconds(30), wall: wall) else {
            Issue.record("not taken")
            return
        }
        #expect(record.leaseTransitions == 1)
        machine.wrote(record, resourceVersion: "2", sentAt: .seconds(30))
        #expect(machine.leadership(now: .seconds(30)) == Epoch(transitions: 1, holder: "me"))
    }

    @Test("a lease that cannot be trusted any more is not given back: it may be another's") func lateRelease() {
        let machine = leader()
        #expect(machine.release(now: .seconds(3), wall: wall)?.record.holderIdentity == "")
        #expect(machine.release(now: .seconds(11), wall: wall) == nil)
    }

    @Test("candidates spread out, the holder does not") func pauses() {
        #expect(LeaseMachine(identity: "me").pause(chance: 0.5) == .milliseconds(3200))
        #expect(leader().pause(chance: 0.5) == .seconds(2))
    }

    @Test("a lease is read as it was written") func roundTrip() {
        let record = lease("other")
        #expect(LeaseRecord(spec: record.spec) == record)
        #expect(record.spec["renewTime"] == "2026-11-20T12:00:00.000000Z")
    }

    @Test("two processes never lead at once, whatever is delayed or lost", arguments: 0..<30 as Range<UInt64>)
    func property(seed: UInt64) {
        var random = Seeded(state: seed)
        var machines = [LeaseMachine(identity: "a"), LeaseMachine(identity: "b")]
        var stored: (record: LeaseRecord, version: Int)?
        // Each machine's clock has its own zero.
        let offsets = [Duration.seconds(Int.random(in: 0..<1000, using: &random)), .zero]
        var now = Duration.zero
        var epochs: [Epoch] = []
        for _ in 0..<2000 {
            now += .milliseconds(Int.random(in: 0..<3000, using: &random))
            let me = Int.random(in: 0..<2, using: &random)
            let own = now + offsets[me]
            machines[me].saw(stored?.record, resourceVersion: "\(stored?.version ?? 0)", now: own)
            let sentAt = own
            let plan = machines[me].plan(now: own, wall: wall + now)
            now += .milliseconds(Int.random(in: 0..<500, using: &random))
            switch plan {
            case .leave: break
            case .create(let record) where stored == nil, .replace(let record, _):
                stored = (record, (stored?.version ?? 0) + 1)
                // The answer may be lost; then the write happened and the writer does not know.
                if Int.random(in: 0..<10, using: &random) > 0 {
                    machines[me].wrote(record, resourceVersion: "\(stored?.version ?? 0)", sentAt: sentAt)
                }
            case .create: break
            }
            let leaders = [0, 1].compactMap { machines[$0].leadership(now: now + offsets[$0]) }
            #expect(leaders.count < 2)
            if let epoch = leaders.first, epoch != epochs.last {
                if let last = epochs.last { #expect(epoch.transitions > last.transitions) }
                epochs.append(epoch)
            }
        }
        #expect(!epochs.isEmpty)
    }
}

/// A lease in memory that can fail or keep its callers waiting.
final class MemoryLease: LeaseStore {
    private struct State {
        var lease: (record: LeaseRecord, version: Int)?
        var failure: APIFailure?
        var hangs = false
    }

    private let state = Mutex(State())
    let writes = Box<LeaseRecord>()

    var record: LeaseRecord? { state.withLock { $0.lease?.record } }

    func fail(_ failure: APIFailure?) { state.withLock { $0.failure = failure } }
    func hang(_ hangs: Bool) { state.withLock { $0.hangs = hangs } }
    func set(_ record: LeaseRecord) { state.withLock { $0.lease = (record, ($0.lease?.version ?? 0) + 1) } }

    private func enter() async throws {
        let (failure, hangs) = state.withLock { ($0.failure, $0.hangs) }
        if hangs { await Latch().wait() }
        try Task.checkCancellation()
        if let failure { throw failure }
    }

    func read() async throws -> (record: LeaseRecord, resourceVersion: String)? {
        try await enter()
        return state.withLock { $0.lease.map { ($0.record, "\($0.version)") } }
    }

    func create(_ record: LeaseRecord) async throws -> String {
        try await enter()
        let isNew = state.withLock { state in
            guard state.lease == nil else { return false }
            state.lease = (record, 1)
            return true
        }
        guard isNew else { throw APIFailure.fixture(.alreadyExists, code: 409) }
        writes.add(record)
        return "1"
    }

    func replace(_ record: LeaseRecord, resourceVersion: String) async throws -> String {
        try await enter()
        let version = state.withLock { state -> Int? in
            guard let lease = state.lease, "\(lease.version)" == resourceVersion else { return nil }
            state.lease = (record, lease.version + 1)
            return lease.version + 1
        }
        guard let version else { throw APIFailure.fixture(.conflict, code: 409) }
        writes.add(record)
        return "\(version)"
    }
}

@Suite("Leader election", .timeLimit(.minutes(1))) struct LeaderElectorTests {
    let lease = MemoryLease()
    let clock = ManualClock()
    let wall = ManualWallClock()

    private func elector(_ identity: String) -> LeaderElector {
        LeaderElector(
            store: lease,
            name: "operator",
            identity: identity,
            runtime: RuntimeContext(clock: RuntimeClock(manual: clock, wall: wall), chance: { 0 })
        )
    }

    private func other(transitions: Int = 5) -> LeaseRecord {
        LeaseRecord(
            holderIdentity: "other",
            leaseDurationSeconds: 15,
            acquireTime: wall.now,
            renewTime: wall.now,
            leaseTransitions: transitions
        )
    }

    @Test("takes a free lease, renews it, and tells its epoch") func takes() async throws {
        let elector = elector("me")
        #expect(throws: LeadershipLost.self) { try elector.check() }
        #expect(try await elector.acquire() == Epoch(transitions: 0, holder: "me"))
        let renewal = Task { try await elector.renew() }
        for count in 2...4 {
            await clock.sleeper(dueIn: .seconds(2))
            clock.advance(by: .seconds(2))
            await lease.writes.wait(for: count)
        }
        #expect(try elector.check() == Epoch(transitions: 0, holder: "me"))
        renewal.cancel()
        _ = await renewal.result
    }

    @Test("7.25 when the lease cannot be renewed, work must stop five seconds before another may take it")
    func lost() async throws {
        let elector = elector("me")
        _ = try await elector.acquire()
        lease.fail(.fixture(.unavailable, code: 503))
        let renewal = Task { try await elector.renew() }
        for _ in 0..<5 {
            #expect(elector.epoch != nil)
            await clock.sleeper(dueIn: .seconds(2))
            clock.advance(by: .seconds(2))
        }
        #expect(elector.epoch == nil)
        await #expect(throws: LeadershipLost.self) { try await renewal.value }
    }

    @Test("7.25 a renewal that hangs does not delay the loss") func hangs() async throws {
        let elector = elector("me")
        _ = try await elector.acquire()
        lease.hang(true)
        let renewal = Task { try await elector.renew() }
        await clock.sleeper(dueIn: .seconds(2))
        clock.advance(by: .seconds(2))
        await clock.sleeper(dueIn: .seconds(8))
        clock.advance(by: .seconds(8))
        await #expect(throws: LeadershipLost.self) { try await renewal.value }
    }

    @Test("7.25 a lease taken by another is lost at once") func stolen() async throws {
        let elector = elector("me")
        _ = try await elector.acquire()
        lease.set(other())
        let renewal = Task { try await elector.renew() }
        await clock.sleeper(dueIn: .seconds(2))
        clock.advance(by: .seconds(2))
        await #expect(throws: LeadershipLost.self) { try await renewal.value }
        #expect(lease.record?.holderIdentity == "other")
    }

    @Test("7.26 a process that was frozen beyond the lease writes nothing before it has looked again") func frozen()
        async throws
    {
        let elector = elector("me")
        _ = try await elector.acquire()
        clock.advance(by: .seconds(60))  // frozen: nothing of it ran
        #expect(throws: LeadershipLost.self) { try elector.check() }
    }

    @Test("7.27 a step of the time of day changes nothing") func clockStep() async throws {
        let elector = elector("me")
        _ = try await elector.acquire()
        wall.advance(by: .seconds(-3600))
        #expect(elector.epoch != nil)
        wall.advance(by: .seconds(7200))
        #expect(elector.epoch != nil)
    }

    @Test("waits for another's lease to run out, and then begins the next epoch") func waits() async throws {
        lease.set(other())
        let elector = elector("me")
        let acquired = Task { try await elector.acquire() }
        for _ in 0..<8 {
            await clock.sleeper(dueIn: .seconds(2))
            clock.advance(by: .seconds(2))
        }
        #expect(try await acquired.value == Epoch(transitions: 6, holder: "me"))
    }

    @Test("gives the lease back so that the next takes it at once") func release() async throws {
        let elector = elector("me")
        _ = try await elector.acquire()
        await elector.release()
        #expect(lease.record?.holderIdentity == "" && elector.epoch == nil)
        #expect(try await self.elector("next").acquire() == Epoch(transitions: 1, holder: "next"))
    }

    @Test("works on a Lease of an API server, and keeps what others put on it") func served() async throws {
        let server = try MiniAPIServer()
        let client = try server.client()
        let key = ObjectKey(namespace: "system", name: "operator")
        let store = ClientLeaseStore(client, key)
        #expect(try await store.read() == nil)
        let version = try await store.create(other())
        server.change(.lease, key, ["metadata", "labels"], ["team": "x"])
        await #expect(throws: APIFailure.self) { try await store.replace(other(), resourceVersion: version) }
        let read = try #require(try await store.read())
        #expect(read.record == other())
        _ = try await store.replace(other(transitions: 6), resourceVersion: read.resourceVersion)
        let stored = server.get(.lease, key)
        #expect(stored?[path: ["spec", "leaseTransitions"]] == 6)
        #expect(stored?[path: ["metadata", "labels", "team"]] == "x")
        await server.stop()
    }

    @Test("7.25 writes of a process that does not lead are refused before they are sent") func fence() async throws {
        let server = try MiniAPIServer(kinds: [.widget])
        let elector = elector("me")
        let plain = try server.client()
        let fenced = try KubernetesClient(
            configuration: plain.configuration,
            transport: FencedTransport(HTTPClient(), elector)
        )
        let widgets: ResourceClient<DynamicObject> = fenced.resource(of: .widget)
        await #expect(throws: LeadershipLost.self) { try await widgets.create(.fixture("a", version: 1)) }
        #expect(try await widgets.list().items.isEmpty)
        _ = try await elector.acquire()
        _ = try await widgets.create(.fixture("a", version: 1))
        clock.advance(by: .seconds(11))
        await #expect(throws: LeadershipLost.self) { try await widgets.delete(.shop("a")) }
        #expect(server.objects(.widget).count == 1)
        await server.stop()
    }
}
