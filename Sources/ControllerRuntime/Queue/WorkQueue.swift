import Synchronization

/// Hands keys to workers: ``WorkQueueCore`` with a lock, a clock and waiting tasks.
package final class WorkQueue<Key: Hashable & Sendable>: Sendable {
    package typealias Core = WorkQueueCore<Key>

    private struct State {
        var core: Core
        var takers = Ring<(id: Int, continuation: CheckedContinuation<Core.Item?, Never>)>()
        var nextTaker = 0
        var cancelled: Set<Int> = []
        var adds = 0
        var retries = 0
    }

    private let state: Mutex<State>
    private let clock: RuntimeClock
    private let chance: @Sendable () -> Double
    private let alarm: Alarm

    /// - Parameter chance: Gives random numbers in `0..<1`.
    package init(
        options: Core.Options = Core.Options(),
        clock: RuntimeClock = .system,
        chance: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        state = Mutex(State(core: Core(options: options)))
        self.clock = clock
        self.chance = chance
        alarm = Alarm(clock: clock)
    }

    /// The queue's figures at one moment.
    package struct Figures: Sendable {
        package var depth = 0
        package var delayed = 0
        package var processing = 0
        package var adds = 0
        package var retries = 0
        package var unfinished: Duration = .zero
        package var longest: Duration = .zero
    }

    /// The queue's figures now.
    package var figures: Figures {
        let now = clock.now
        return state.withLock { state in
            let running = state.core.running(now: now)
            return Figures(
                depth: state.core.depth,
                delayed: state.core.delayed,
                processing: state.core.processingCount,
                adds: state.adds,
                retries: state.retries,
                unfinished: running.total,
                longest: running.longest
            )
        }
    }

    /// Makes a key ready.
    package func add(_ key: Key, priority: WorkPriority = .change) {
        add(CollectionOfOne((key: key, cause: Core.Cause())), priority: priority)
    }

    /// Makes many keys ready at once.
    package func add(_ keys: some Collection<(key: Key, cause: Core.Cause)>, priority: WorkPriority) {
        let now = clock.now
        change { state in
            for (key, cause) in keys where state.core.add(key, priority: priority, cause: cause, now: now) {
                state.adds += 1
            }
        }
    }

    /// Makes a key ready after a while, unless it will be earlier.
    package func add(_ key: Key, after delay: Duration) {
        let now = clock.now
        change { $0.core.add(key, after: delay, now: now) }
    }

    /// The next key to work on; nil when the queue is shut down or the task is cancelled.
    ///
    /// Every key that is handed out must come back through ``done(_:_:wrote:holds:)``.
    package func take() async -> Core.Item? {
        let id = state.withLock { state in
            state.nextTaker += 1
            return state.nextTaker
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Core.Item?, Never>) in
                let isCancelled = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return true }
                    state.takers.append((id, continuation))
                    return false
                }
                if isCancelled { continuation.resume(returning: nil) } else { change { _ in } }
            }
        } onCancel: {
            let taker = state.withLock { state -> CheckedContinuation<Core.Item?, Never>? in
                var found: CheckedContinuation<Core.Item?, Never>?
                state.takers.removeAll { taker in
                    if taker.id == id { found = taker.continuation }
                    return taker.id == id
                }
                if found == nil { state.cancelled.insert(id) }
                return found
            }
            taker?.resume(returning: nil)
        }
    }

    /// Takes back a key whose work has ended.
    ///
    /// - Parameter wrote: The versions of the objects that the run wrote.
    /// - Returns: The ticket for ``release(_:ticket:)`` when the key is held.
    @discardableResult
    package func done(_ key: Key, _ result: Core.Result, wrote: Set<String> = [], holds: Bool = false) -> Int? {
        let now = clock.now
        let chance = chance()
        return change { state in
            if result == .failed { state.retries += 1 }
            return state.core.done(key, result, wrote: wrote, holds: holds, now: now, chance: chance)
        }
    }

    /// Ends a hold.
    package func release(_ key: Key, ticket: Int) { change { $0.core.release(key, ticket: ticket) } }

    /// Hands nothing out any more; waiting workers get nil.
    package func shutDown() {
        change { $0.core.shutDown() }
        alarm.cancel()
    }

    /// Changes the core, hands what is ready to whoever waits, and sets the alarm for what is not.
    @discardableResult
    private func change<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        let now = clock.now
        var ready: [(CheckedContinuation<Core.Item?, Never>, Core.Item?)] = []
        var due: Duration?
        let result = state.withLock { state in
            let result = body(&state)
            // Only somebody who waits needs to be woken: with no taker, the next one finds what is due by itself.
            while !state.takers.isEmpty {
                let item: Core.Item?
                switch state.core.take(now: now) {
                case .item(let next): item = next
                case .over: item = nil
                case .nothing(let until):
                    due = until
                    return result
                }
                if let taker = state.takers.popFirst() { ready.append((taker.continuation, item)) }
            }
            return result
        }
        for (continuation, item) in ready { continuation.resume(returning: item) }
        if let due { alarm.set(due) { [weak self] in self?.change { _ in } } }
        return result
    }
}
