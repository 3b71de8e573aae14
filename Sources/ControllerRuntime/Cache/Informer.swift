package import Kubernetes
import Synchronization

/// Follows one kind of object: keeps a ``Store`` equal to the API server and tells handlers what changed.
///
/// Any number of controllers share one informer, so there is one list and one watch for each kind.
package final class Informer<Object: KubernetesObject>: Sendable {
    package typealias Handler = @Sendable ([Change<Object>]) -> Void

    /// What can be tuned.
    package struct Options: Sendable {
        /// The rules of listing and watching.
        package var watch = WatchMachine.Options()
        /// How often handlers are told of every object although nothing happened, ± 10 %; nil is never.
        package var resync: Duration?

        package init() {}
    }

    private struct State {
        var machine: WatchMachine
        var handlers: [Handler] = []
        var syncWaiters: [Int: CheckedContinuation<Void, any Error>] = [:]
        var cancelled: Set<Int> = []
        var nextWaiter = 0
    }

    /// The cached objects.
    package let store: Store<Object>
    /// What is followed, as `widgets.example.com`.
    package let name: String
    private let source: any ObjectSource<Object>
    private let writer: StoreWriter<Object>
    private let options: Options
    private let clock: RuntimeClock
    private let chance: @Sendable () -> Double
    private let state: Mutex<State>
    private let report: InformerReport

    /// - Parameters:
    ///   - source: Where objects come from.
    ///   - indexes: Further ways to find objects.
    ///   - transform: Changes each object before it is stored, as to drop what nobody reads.
    ///   - report: Where it is told what happens.
    ///   - chance: Gives random numbers in `0..<1`.
    package init(
        source: any ObjectSource<Object>,
        indexes: [Index<Object>] = [],
        transform: (@Sendable (inout Object) -> Void)? = nil,
        options: Options = Options(),
        clock: RuntimeClock = .system,
        report: InformerReport = InformerReport(),
        chance: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        store = Store(indexes: indexes)
        writer = StoreWriter(store, transform: transform)
        name = source.name
        self.source = source
        self.options = options
        self.clock = clock
        self.report = report
        self.chance = chance
        state = Mutex(State(machine: WatchMachine(options: options.watch)))
    }

    /// Has `handler` called with every change, in order, from the informer's task; it must be quick.
    ///
    /// What is in the store already is told at once. A handler that is added while the informer runs may be told a
    /// change twice.
    package func onChange(_ handler: @escaping Handler) {
        state.withLock { $0.handlers.append(handler) }
        let known = store.state.withLock { Array($0.items.values) }
        if !known.isEmpty { handler(known.map { Change(old: nil, new: $0, origin: .list) }) }
    }

    /// Whether the cache follows the server, and if not, why.
    package var status: WatchMachine.Status {
        let now = clock.now
        return state.withLock { $0.machine.status(now: now) }
    }

    /// Why the cache cannot be relied on; nil when it can.
    package var unreadiness: String? {
        guard case .unsynced(let reason) = status else { return nil }
        return "\(name): \(reason)"
    }

    /// Suspends until the first list is complete.
    ///
    /// - Throws: `CancellationError`.
    package func waitUntilSynced() async throws {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if state.machine.hasSynced { return .success(()) }
                    state.syncWaiters[id] = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.syncWaiters.removeValue(forKey: id)
                if waiter == nil { state.cancelled.insert(id) }
                return waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    /// Follows the server until the task is cancelled.
    ///
    /// - Throws: `CancellationError`, nothing else: every failure is waited out and shows in ``status``.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.follow() }
            if let interval = options.resync { group.addTask { try await self.resync(every: interval) } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func follow() async throws {
        var next = step(.started)
        while true {
            try Task.checkCancellation()
            switch next {
            case .wait(let duration):
                try await clock.sleep(for: duration)
                next = step(.waited)
            case .list(let version): next = try await list(version)
            case .watch(let version, let timeout):
                next = try await watch(from: version, timeout: timeout, isInitial: false)
            case .watchList(let timeout): next = try await watch(from: "", timeout: timeout, isInitial: true)
            case nil:
                fatalError("the watch machine left the informer of \(name) without anything to do")
            }
        }
    }

    private func list(_ version: String) async throws -> WatchMachine.Command? {
        report.listed()
        writer.beginReplace()
        do {
            let version = try await source.list(resourceVersion: version) { [writer, report] updates in
                for update in updates {
                    switch update {
                    case .put(let object): writer.stage(object)
                    case .malformed(let key, let reason):
                        if let key { writer.stageUnreadable(key) }
                        report.malformed(key, reason)
                    case .restart: writer.beginReplace()
                    case .deleted, .bookmark: break
                    }
                }
            }
            finishReplace(at: version)
            return step(.listed(resourceVersion: version))
        } catch {
            return try failed(error)
        }
    }

    private func watch(from version: String, timeout: Duration, isInitial: Bool) async throws -> WatchMachine.Command? {
        report.watched()
        if isInitial { writer.beginReplace() }
        let progress = WatchProgress(isInitial: isInitial, now: clock.now)
        do {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                defer { group.cancelAll() }
                group.addTask {
                    try await self.source.watch(
                        resourceVersion: version,
                        sendsInitialEvents: isInitial,
                        timeout: timeout,
                        opened: { _ = self.step(.opened) },
                        deliver: { self.deliver($0, progress) }
                    )
                    return true
                }
                if isInitial {
                    group.addTask {
                        try await self.guardInitialEvents(progress)
                        return false
                    }
                }
                // The guard ends when the first state is complete; the watch goes on.
                while let isWatch = try await group.next(), !isWatch {}
            }
        } catch let limit as InitialEventsOverdue {
            report.failed(limit.fault, "the end of the first state was never announced")
            return step(.failed(limit.fault))
        } catch {
            return try failed(error)
        }
        return progress.interruption ?? step(.ended)
    }

    /// Takes in what a watch brought.
    ///
    /// - Returns: Whether to go on.
    private func deliver(_ updates: [ObjectUpdate<Object>], _ progress: WatchProgress) -> Bool {
        var rest = updates[...]
        if progress.isInitial {
            progress.noteActivity(clock.now)
            let (applied, after) = writer.stage(rest)
            for (key, reason) in applied.malformed { report.malformed(key, reason) }
            guard let version = applied.initialEventsEnd else { return true }
            finishReplace(at: version)
            progress.endInitial()
            _ = step(.initialEventsEnded(resourceVersion: version))
            rest = after
        }
        guard !rest.isEmpty else { return true }
        let applied = writer.apply(Array(rest))
        for (key, reason) in applied.malformed { report.malformed(key, reason) }
        tell(applied.changes)
        report.changed(applied.changes.count, objects: store.count)
        if let version = applied.version, let command = step(.progressed(resourceVersion: version)) {
            progress.interrupt(command)
            return false
        }
        if applied.wentBack, let command = step(.wentBack) {
            report.failed(.expired, "the server told a version older than one seen before")
            progress.interrupt(command)
            return false
        }
        return true
    }

    private func guardInitialEvents(_ progress: WatchProgress) async throws {
        while let deadline = progress.deadline(options.watch) {
            guard clock.now < deadline else { throw InitialEventsOverdue() }
            try await clock.sleep(until: deadline)
        }
    }

    private func finishReplace(at version: String) {
        let changes = writer.finishReplace(at: version)
        tell(changes)
        report.changed(changes.count, objects: store.count)
    }

    private func failed(_ error: any Error) throws -> WatchMachine.Command? {
        // Cancelled from outside: the end of the informer, not a failure of the server.
        if Task.isCancelled { throw CancellationError() }
        let fault = WatchMachine.Fault(error)
        report.failed(fault, "\(error)")
        return step(.failed(fault))
    }

    private func tell(_ changes: [Change<Object>]) {
        guard !changes.isEmpty else { return }
        for handler in state.withLock({ $0.handlers }) { handler(changes) }
    }

    private func resync(every interval: Duration) async throws {
        while true {
            try await clock.sleep(for: interval * (0.9 + 0.2 * chance()))
            let known = store.state.withLock { Array($0.items.values) }
            tell(known.map { Change(old: $0, new: $0, origin: .resync) })
        }
    }

    private func step(_ input: WatchMachine.Input) -> WatchMachine.Command? {
        let now = clock.now
        let chance = chance()
        let (command, waiters, status) = state.withLock { state in
            let before = state.machine.hasSynced
            let command = state.machine.step(input, now: now, chance: chance)
            var waiters: [CheckedContinuation<Void, any Error>] = []
            if !before, state.machine.hasSynced {
                waiters = Array(state.syncWaiters.values)
                state.syncWaiters = [:]
            }
            return (command, waiters, state.machine.status(now: now))
        }
        report.isSynced(status == .synced)
        for waiter in waiters { waiter.resume() }
        return command
    }
}

private struct InitialEventsOverdue: Error {
    var fault: WatchMachine.Fault { .initialEventsUnfinished }
}

/// How far one watch is, shared between its reader and the guard of its first state.
private final class WatchProgress: Sendable {
    private struct State {
        var isInitial: Bool
        var began: Duration
        var lastActivity: Duration
        var interruption: WatchMachine.Command?
    }

    private let state: Mutex<State>

    init(isInitial: Bool, now: Duration) {
        state = Mutex(State(isInitial: isInitial, began: now, lastActivity: now))
    }

    var isInitial: Bool { state.withLock { $0.isInitial } }
    var interruption: WatchMachine.Command? { state.withLock { $0.interruption } }

    func noteActivity(_ now: Duration) { state.withLock { $0.lastActivity = now } }
    func endInitial() { state.withLock { $0.isInitial = false } }
    func interrupt(_ command: WatchMachine.Command) { state.withLock { $0.interruption = command } }

    /// When the first state is overdue; nil when it is complete.
    func deadline(_ options: WatchMachine.Options) -> Duration? {
        state.withLock { state in
            guard state.isInitial else { return nil }
            return min(state.began + options.initialEventsLimit, state.lastActivity + options.initialEventsSilence)
        }
    }
}
