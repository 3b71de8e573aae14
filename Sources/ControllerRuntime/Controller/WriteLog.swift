import Kubernetes
import Synchronization

/// What a reconcile has written and its caches must have seen before the same key is reconciled again.
///
/// Otherwise the next run would plan from the state before its own writes: create twice, or write over what it wrote.
final class WriteLog: Sendable {
    struct Pending: Sendable {
        /// The version that was written; nil for a deletion.
        let version: String?
        /// Whether it was seen; if not, the closure is called once when it is.
        let notify: @Sendable (@escaping @Sendable () -> Void) -> Bool
    }

    private let pending = Mutex<[Pending]>([])

    func note(_ write: Pending) { pending.withLock { $0.append(write) } }
    func take() -> [Pending] {
        pending.withLock { pending in
            defer { pending = [] }
            return pending
        }
    }
}

extension Store {
    /// Notes that the running reconcile has written an object of this store, so that its next run sees the write.
    ///
    /// Does nothing outside of a reconcile.
    package func expect(_ expectation: Expectation) {
        ReconcileContext.current?.writes.note(
            WriteLog.Pending(version: expectation.version) { notify in self.notify(when: expectation, notify) }
        )
    }
}

/// Calls back when a number of things have happened.
final class Countdown: Sendable {
    private let left: Mutex<Int>
    private let reached: @Sendable () -> Void

    init(_ count: Int, reached: @escaping @Sendable () -> Void) {
        left = Mutex(count)
        self.reached = reached
    }

    func one() {
        let isReached = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isReached { reached() }
    }
}
