import Synchronization

/// A count that tests wait on: "the handler is inside", "all thousand have arrived".
package final class Latch: Sendable {
    private struct State {
        var count = 0
        var nextID = 0
        var waiters: [Int: (count: Int, continuation: CheckedContinuation<Void, Never>)] = [:]
    }

    private let state = Mutex(State())

    /// Creates a latch at zero.
    package init() {}

    /// How often it was signalled.
    package var count: Int { state.withLock { $0.count } }

    /// Adds one and wakes those whose count is reached.
    package func signal() {
        let due = state.withLock { state in
            state.count += 1
            let due = state.waiters.filter { $0.value.count <= state.count }
            for id in due.keys { state.waiters[id] = nil }
            return due.values
        }
        for waiter in due { waiter.continuation.resume() }
    }

    /// Suspends until it was signalled `count` times, or the task is cancelled.
    package func wait(for count: Int = 1) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.count >= count || Task.isCancelled { return true }
                    state.waiters[id] = (count, continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
        }
    }
}
