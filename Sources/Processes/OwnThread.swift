import Glibc

/// Threads for work that blocks.
enum OwnThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs work on a new thread.
    ///
    /// - Returns: The thread, to be joined or detached, once; nil when there was none to be had.
    static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let error = pthread_create(
            &thread,
            nil,
            { raw in
                if let raw { Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body() }
                return nil
            },
            work.toOpaque()
        )
        guard error == 0 else {
            work.release()
            return nil
        }
        return thread
    }
}

/// The system's words for an `errno`.
func describeError(_ code: Int32) -> String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }
