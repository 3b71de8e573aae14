import Synchronization

/// A clock that moves only when a test moves it.
package final class ManualClock: Clock {
    /// A point on the clock, as the time since it was made.
    package struct Instant: InstantProtocol {
        var offset: Duration
        package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        package func duration(to other: Instant) -> Duration { other.offset - offset }
        package static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
    }

    private struct Sleeper {
        var deadline: Instant
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Instant(offset: .zero)
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
        var watchers: [Int: (isMet: @Sendable ([Instant]) -> Bool, continuation: CheckedContinuation<Void, Never>)] =
            [:]
    }

    private let state = Mutex(State())

    /// Creates a clock at zero.
    package init() {}

    package var now: Instant { state.withLock { $0.now } }
    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                enum Step { case done, cancelled, parked([CheckedContinuation<Void, Never>]) }
                let step = state.withLock { state -> Step in
                    if state.cancelled.remove(id) != nil { return .cancelled }
                    if deadline <= state.now { return .done }
                    state.sleepers[id] = Sleeper(deadline: deadline, continuation: continuation)
                    let deadlines = state.sleepers.values.map(\.deadline)
                    let ready = state.watchers.filter { $0.value.isMet(deadlines) }
                    for id in ready.keys { state.watchers[id] = nil }
                    return .parked(ready.values.map(\.continuation))
                }
                switch step {
                case .done: continuation.resume()
                case .cancelled: continuation.resume(throwing: CancellationError())
                case .parked(let watchers): for watcher in watchers { watcher.resume() }
                }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: id)
                if sleeper == nil { state.cancelled.insert(id) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Suspends until at least `count` tasks sleep on this clock.
    package func sleepers(atLeast count: Int) async { await wait { $0.count >= count } }

    /// Suspends until a task sleeps that is due in exactly this time.
    package func sleeper(dueIn duration: Duration) async {
        let due = now.advanced(by: duration)
        await wait { $0.contains(due) }
    }

    /// Returns in a cancelled task too, so that a test's time limit can end it.
    private func wait(until isMet: @escaping @Sendable ([Instant]) -> Bool) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if Task.isCancelled || isMet(state.sleepers.values.map(\.deadline)) { return true }
                    state.watchers[id] = (isMet, continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.watchers.removeValue(forKey: id) }?.continuation.resume()
        }
    }

    /// Moves the clock and wakes the sleepers that are due, earliest first.
    package func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.sorted { $0.deadline < $1.deadline }
        }
        for sleeper in due { sleeper.continuation.resume() }
    }
}
