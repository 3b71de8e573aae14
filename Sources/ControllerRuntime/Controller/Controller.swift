package import Kubernetes
import Synchronization

/// How a ``Controller`` works.
package struct ControllerOptions: Sendable {
    /// How many keys are reconciled at the same time.
    package var maxConcurrent: Int
    /// How long a reconcile may take; it is cancelled then, and its worker goes on with other keys.
    package var timeLimit: Duration
    /// The rules of waiting keys.
    package var queue: WorkQueueCore<ObjectKey>.Options

    package init(
        maxConcurrent: Int = 1,
        timeLimit: Duration = .seconds(120),
        queue: WorkQueueCore<ObjectKey>.Options = WorkQueueCore<ObjectKey>.Options()
    ) {
        self.maxConcurrent = max(1, maxConcurrent)
        self.timeLimit = timeLimit
        self.queue = queue
    }
}

/// Calls a ``Reconciler`` for every key that changes concern, never for the same key twice at once.
package final class Controller: Sendable {
    /// A reconcile that has begun.
    private struct Running {
        var deadline: Duration
        var task: Task<Void, Never>?
        /// Resumed when the worker is free: at the end of the reconcile or at its time limit.
        var worker: CheckedContinuation<Void, Never>?
        var isOverdue = false
    }

    private struct State {
        var running: [Int: Running] = [:]
        var runs = 0
        var synced: [@Sendable () async throws -> Void] = []
    }

    package let name: String
    package let options: ControllerOptions
    private let reconciler: any Reconciler
    private let clock: RuntimeClock
    private let report: ControllerReport
    private let queue: WorkQueue<ObjectKey>
    private let limits: Alarm
    private let state = Mutex(State())

    /// - Parameters:
    ///   - name: In metrics and logs.
    ///   - report: Where it is told what happens.
    ///   - chance: Gives random numbers in `0..<1`.
    package init(
        name: String,
        reconciler: any Reconciler,
        options: ControllerOptions = ControllerOptions(),
        clock: RuntimeClock = .system,
        report: ControllerReport = ControllerReport(),
        chance: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        self.name = name
        self.reconciler = reconciler
        self.options = options
        self.clock = clock
        self.report = report
        queue = WorkQueue(options: options.queue, clock: clock, chance: chance)
        limits = Alarm(clock: clock)
    }

    /// A controller that counts and logs what it does.
    package convenience init(
        name: String,
        reconciler: any Reconciler,
        options: ControllerOptions = ControllerOptions(),
        runtime: RuntimeContext
    ) {
        self.init(
            name: name,
            reconciler: reconciler,
            options: options,
            clock: runtime.clock,
            report: ControllerReport(name: name, runtime),
            chance: runtime.chance
        )
        runtime.metrics.add(controller: name) { [weak self] in
            self.map { RuntimeMetrics.ControllerFigures(queue: $0.queueFigures, active: $0.runningCount) }
        }
    }

    // MARK: What leads to a reconcile

    /// Reconciles the objects of an informer when they change.
    package func watch<Object>(_ informer: Informer<Object>, filter: EventFilter<Object> = .all) {
        follow(informer) { [queue] changes in
            var keys: [(key: ObjectKey, cause: WorkQueueCore<ObjectKey>.Cause)] = []
            for change in changes where filter.passes(change) {
                keys.append((change.key, Self.cause(change, mayMend: Self.mayMend(change))))
            }
            queue.add(keys, priority: Self.priority(of: changes))
        }
    }

    /// Reconciles what the objects of an informer concern.
    ///
    /// - Parameter map: Called with the object before and after a change, so that an object which moves from one parent
    ///   to another leads to both.
    package func watch<Object>(
        _ informer: Informer<Object>,
        filter: EventFilter<Object> = .all,
        map: @escaping @Sendable (Object) -> [ObjectKey]
    ) {
        follow(informer) { [queue] changes in
            var keys: [(key: ObjectKey, cause: WorkQueueCore<ObjectKey>.Cause)] = []
            var known: Set<ObjectKey> = []
            for change in changes where filter.passes(change) {
                let cause = Self.cause(change, mayMend: false)
                // Of one version each key is told; without versions once is enough.
                if cause.version != nil { known = [] }
                for object in [change.old, change.new] {
                    for key in object.map(map) ?? [] where known.insert(key).inserted { keys.append((key, cause)) }
                }
            }
            queue.add(keys, priority: Self.priority(of: changes))
        }
    }

    /// Reconciles a key, now or after a while unless it will be earlier.
    package func enqueue(_ key: ObjectKey, after delay: Duration = .zero) {
        if delay > .zero { queue.add(key, after: delay) } else { queue.add(key) }
    }

    /// The queue's figures now.
    package var queueFigures: WorkQueue<ObjectKey>.Figures { queue.figures }

    /// How many reconciles run, those beyond their time limit included.
    package var runningCount: Int { state.withLock { $0.running.count } }

    private func follow<Object>(_ informer: Informer<Object>, _ handler: @escaping Informer<Object>.Handler) {
        state.withLock { $0.synced.append { [weak informer] in try await informer?.waitUntilSynced() } }
        informer.onChange(handler)
    }

    private static func priority<Object>(of changes: [Change<Object>]) -> WorkPriority {
        // All changes of a batch come from one list, watch read or resync.
        changes.first?.origin == .watch ? .change : .background
    }

    private static func cause<Object>(_ change: Change<Object>, mayMend: Bool) -> WorkQueueCore<ObjectKey>.Cause {
        // Only a watch tells each version by itself: in a list an own write may hide one of somebody else.
        let version = change.origin == .watch ? change.new?.metadata.resourceVersion : nil
        return WorkQueueCore.Cause(mayMend: mayMend, version: version)
    }

    /// Whether a change is one that may mend what made the reconcile fail, so that waiting on makes no sense.
    ///
    /// A status write, as the failing reconcile itself does, is none: it would make failures a tight loop.
    private static func mayMend<Object>(_ change: Change<Object>) -> Bool {
        guard change.origin == .watch, let new = change.new?.metadata else { return false }
        guard let old = change.old?.metadata else { return true }
        return old.generation != new.generation || old.annotations != new.annotations || old.labels != new.labels
            || old.isBeingDeleted != new.isBeingDeleted
    }

    // MARK: Working

    /// Works until the task is cancelled or the controller is drained and its running reconciles have ended.
    ///
    /// Begins when all informers it watches are synced. Running reconciles are cancelled with the task, and waited for
    /// until their time limit at most.
    /// - Throws: `CancellationError` when cancelled before it began.
    package func run() async throws {
        for wait in state.withLock({ $0.synced }) { try await wait() }
        report.began(options.maxConcurrent)
        await withDiscardingTaskGroup { group in
            for _ in 0..<options.maxConcurrent { group.addTask { await self.work() } }
        }
        queue.shutDown()
        limits.cancel()
    }

    /// Begins no reconcile any more; those that run may finish.
    package func drain() { queue.shutDown() }

    private func work() async {
        while let item = await queue.take() {
            report.took(item)
            await process(item)
        }
    }

    /// Runs one reconcile in a task of its own, so that one that ignores its cancellation costs no worker.
    private func process(_ item: WorkQueueCore<ObjectKey>.Item) async {
        let deadline = clock.now + options.timeLimit
        let run = state.withLock { state in
            state.runs += 1
            state.running[state.runs] = Running(deadline: deadline)
            return state.runs
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (worker: CheckedContinuation<Void, Never>) in
                state.withLock { $0.running[run]?.worker = worker }
                let task = Task { await self.reconcile(item, run: run) }
                // A task that has ended already is not kept.
                state.withLock { $0.running[run]?.task = task }
                if Task.isCancelled { task.cancel() }
                limits.set(deadline) { [weak self] in self?.enforceLimits() }
            }
        } onCancel: {
            state.withLock { $0.running[run]?.task }?.cancel()
        }
    }

    private func reconcile(_ item: WorkQueueCore<ObjectKey>.Item, run: Int) async {
        let writes = WriteLog()
        let context = ReconcileContext(controller: name, key: item.key, run: run, writes: writes)
        let began = clock.now
        let result: Result<Outcome, any Error>
        do {
            result = .success(
                try await ReconcileContext.$current.withValue(context) { try await reconciler.reconcile(item.key) }
            )
        } catch { result = .failure(error) }
        let ended = state.withLock { $0.running.removeValue(forKey: run) }
        let end = ReconcileEnd(
            result,
            isOverdue: ended?.isOverdue == true,
            isCancelled: Task.isCancelled
        )
        report.ended(item, end, took: clock.now - began)
        giveBack(item.key, end.queueResult, writes.take())
        ended?.worker?.resume()
    }

    /// Gives the key back to the queue; it is held back until the caches have seen what the reconcile wrote.
    private func giveBack(
        _ key: ObjectKey,
        _ result: WorkQueueCore<ObjectKey>.Result,
        _ writes: [WriteLog.Pending]
    ) {
        guard !writes.isEmpty else {
            queue.done(key, result)
            return
        }
        let versions = Set(writes.compactMap(\.version))
        let ticket = Mutex<Int?>(nil)
        // One more than there are writes: the last count comes when the ticket is known.
        let countdown = Countdown(writes.count + 1) { [queue] in
            if let ticket = ticket.withLock({ $0 }) { queue.release(key, ticket: ticket) }
        }
        var unseen = 0
        for write in writes {
            if write.notify({ countdown.one() }) { countdown.one() } else { unseen += 1 }
        }
        let given = queue.done(key, result, wrote: versions, holds: unseen > 0)
        ticket.withLock { $0 = given }
        countdown.one()
    }

    /// Cancels the reconciles that are beyond their limit and frees their workers; their keys stay taken.
    private func enforceLimits() {
        let now = clock.now
        let (overdue, next) = state.withLock { state in
            var overdue: [Running] = []
            for (run, running) in state.running where running.deadline <= now && !running.isOverdue {
                overdue.append(running)
                state.running[run]?.isOverdue = true
                state.running[run]?.worker = nil
            }
            return (overdue, state.running.values.filter { !$0.isOverdue }.map(\.deadline).min())
        }
        for running in overdue {
            running.task?.cancel()
            running.worker?.resume()
        }
        if let next { limits.set(next) { [weak self] in self?.enforceLimits() } }
    }
}
