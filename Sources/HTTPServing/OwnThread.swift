import Glibc
import Synchronization

/// A thread of its own for work that blocks.
final class OwnThread: Sendable {
    private let handle = Mutex<pthread_t?>(nil)

    /// Runs `body` on a new thread; false when the system has none.
    func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        let box = Unmanaged.passRetained(Body(run: body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        guard result == 0 else {
            box.release()
            return false
        }
        handle.withLock { $0 = thread }
        return true
    }

    /// Waits for the thread's end, once.
    func join() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_join(thread, nil) }
    }

    /// Runs blocking work on a thread of its own and suspends until it is done.
    static func run(_ work: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let thread = OwnThread()
            let started = thread.start {
                work()
                thread.detach()
                done.resume()
            }
            if !started {
                // Out of threads: blocking this one briefly is better than not stopping.
                work()
                done.resume()
            }
        }
    }

    private func detach() {
        pthread_detach(pthread_self())
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }
}

/// The system's words for an `errno`.
func describeError(_ code: Int32) -> String {
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
}
