import Synchronization

/// Calls back once a time is reached: one sleeping task, however often the time changes.
final class Alarm: Sendable {
    private struct State {
        var due: Duration?
        var task: Task<Void, Never>?
        var isOver = false
    }

    private let state = Mutex(State())
    private let clock: RuntimeClock

    init(clock: RuntimeClock) { self.clock = clock }

    deinit { state.withLock { $0.task }?.cancel() }

    /// Makes sure that `fire` is called at `due` or earlier.
    ///
    /// An earlier time that is set already stays: `fire` looks for itself whether something is due, and sets again.
    func set(_ due: Duration, fire: @escaping @Sendable () -> Void) {
        let old = state.withLock { state -> Task<Void, Never>? in
            guard !state.isOver else { return nil }
            if let current = state.due, current <= due { return nil }
            let old = state.task
            state.due = due
            state.task = Task { [weak self, clock] in
                guard (try? await clock.sleep(until: due)) != nil else { return }  // cancelled: replaced or over
                guard let self, self.reached(due) else { return }
                fire()
            }
            return old
        }
        old?.cancel()
    }

    /// Sets nothing any more.
    func cancel() {
        let task = state.withLock { state in
            state.isOver = true
            state.due = nil
            return state.task
        }
        task?.cancel()
    }

    private func reached(_ due: Duration) -> Bool {
        state.withLock { state in
            guard state.due == due else { return false }
            state.due = nil
            state.task = nil
            return true
        }
    }
}
