import Synchronization

/// Lets one task sleep until another has something for it; what was signalled while it was awake is not lost.
final class Wakeup: Sendable {
    private struct State {
        var isSet = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Wakes the waiting task, or lets the next wait return at once.
    func set() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter else {
                state.isSet = true
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    /// Suspends until ``set()``, or returns at once in a cancelled task.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isSet = state.withLock { state in
                    if state.isSet || Task.isCancelled {
                        state.isSet = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isSet { continuation.resume() }
            }
        } onCancel: {
            set()
        }
    }
}

/// Runs work that must end by a time.
///
/// - Throws: ``DeadlineExceeded`` when it did not; the work is cancelled then, and waited for.
func withDeadline<Result: Sendable>(
    _ deadline: Duration,
    _ clock: RuntimeClock,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await clock.sleep(until: deadline)
            return nil
        }
        defer { group.cancelAll() }
        // Both were added, so there is a first one.
        guard let first = try await group.next(), let result = first else { throw DeadlineExceeded() }
        return result
    }
}

struct DeadlineExceeded: Error, CustomStringConvertible {
    var description: String { "there was no answer in time" }
}
