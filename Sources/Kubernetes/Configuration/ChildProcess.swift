import Glibc
import Synchronization

/// Runs a program to its end and keeps what it printed.
enum ChildProcess {
    struct Output: Sendable {
        /// The exit status; 128 and more for a signal, as shells have it.
        var status: Int
        var output: [UInt8]
        var errors: [UInt8]
    }

    enum Failure: Error {
        case notFound
        case cannotStart(String)
        case tooSlow
        case tooMuchOutput
    }

    private static let limitBytes = 1 << 20
    private static let starting = Mutex(())

    /// The child as both sides know it: the thread that reads from it and who cancels.
    private final class Child: Sendable {
        private struct State {
            var pid: pid_t?
            var isCancelled = false
        }

        private let state = Mutex(State())

        var isCancelled: Bool { state.withLock { $0.isCancelled } }

        func began(_ pid: pid_t) {
            state.withLock { state in
                state.pid = pid
                if state.isCancelled { Glibc.kill(-pid, SIGKILL) }
            }
        }

        /// Ends the child and its children.
        ///
        /// Under the lock, so that the process cannot be reaped, and its number be
        /// given to another, in between.
        func kill() {
            state.withLock { state in
                if let pid = state.pid { Glibc.kill(-pid, SIGKILL) }
            }
        }

        func cancel() {
            state.withLock { state in
                state.isCancelled = true
                if let pid = state.pid { Glibc.kill(-pid, SIGKILL) }
            }
        }

        func reap(_ pid: pid_t) -> Int {
            // Waits without reaping, then reaps under the lock.
            var info = siginfo_t()
            while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            return state.withLock { state in
                state.pid = nil
                var status: Int32 = 0
                while waitpid(pid, &status, 0) < 0, errno == EINTR {}
                let signal = status & 0x7F
                return signal == 0 ? Int(status >> 8 & 0xFF) : 128 + Int(signal)
            }
        }
    }

    /// Runs a program in a process group of its own, with nothing on its standard input.
    ///
    /// - Parameters:
    ///   - command: Looked for in the `PATH` of this process unless it has a slash.
    ///   - timeLimit: After it the whole group is killed.
    /// - Throws: ``Failure``, or `CancellationError`, which kills the group too.
    static func run(
        _ command: String,
        _ arguments: [String],
        environment: [String: String],
        timeLimit: Duration
    ) async throws -> Output {
        let child = Child()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Output, any Error>) in
                let isStarted = onOwnThread {
                    let result = Result { () throws(Failure) in
                        try runBlocking(command, arguments, environment, timeLimit, child)
                    }
                    if child.isCancelled {
                        continuation.resume(throwing: CancellationError())
                    } else {
                        continuation.resume(with: result.mapError { $0 as any Error })
                    }
                }
                if !isStarted { continuation.resume(throwing: Failure.cannotStart("no thread can be had")) }
            }
        } onCancel: {
            child.cancel()
        }
    }

    // MARK: On the thread

    private static func runBlocking(
        _ command: String,
        _ arguments: [String],
        _ environment: [String: String],
        _ timeLimit: Duration,
        _ child: Child
    ) throws(Failure) -> Output {
        let output = try Pipe()
        let errors = try Pipe()
        let pid = try spawn(command, arguments, environment, output, errors)
        child.began(pid)
        output.closeWriter()
        errors.closeWriter()
        let deadline = ContinuousClock.now.advanced(by: timeLimit)
        var failure: Failure?
        var texts: [[UInt8]] = [[], []]
        var isOpen = [true, true]
        while isOpen.contains(true), failure == nil {
            let left = ContinuousClock.now.duration(to: deadline)
            let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
            guard milliseconds > 0 else {
                failure = .tooSlow
                break
            }
            var polled = [
                pollfd(fd: isOpen[0] ? output.reader : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen[1] ? errors.reader : -1, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&polled, 2, Int32(min(milliseconds, 60_000))) > 0 else { continue }
            for index in 0..<2 where polled[index].revents != 0 {
                var part = [UInt8](repeating: 0, count: 16 << 10)
                let count = read(polled[index].fd, &part, part.count)
                if count > 0 {
                    texts[index] += part[..<count]
                    if texts[index].count > limitBytes { failure = .tooMuchOutput }
                } else if count == 0 || errno != EINTR {
                    isOpen[index] = false
                }
            }
        }
        // Also after success: what the program left behind would hold on to its group.
        child.kill()
        let status = child.reap(pid)
        if let failure { throw failure }
        return Output(status: status, output: texts[0], errors: texts[1])
    }

    private struct Pipe: ~Copyable {
        let reader: Int32
        private let writerEnd: Int32
        private let isWriterOpen = Mutex(true)

        init() throws(Failure) {
            var ends: [Int32] = [0, 0]
            // One call that does both (pipe2) is not to be had from here; the lock keeps another child from being
            // started in between, which would hold the pipe open.
            let isMade = ChildProcess.starting.withLock { _ in
                guard pipe(&ends) == 0 else { return false }
                for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
                return true
            }
            guard isMade else { throw .cannotStart(String(cString: strerror(errno))) }
            reader = ends[0]
            writerEnd = ends[1]
        }

        var writer: Int32 { writerEnd }

        func closeWriter() {
            let isOpen = isWriterOpen.withLock { isOpen in
                defer { isOpen = false }
                return isOpen
            }
            if isOpen { close(writerEnd) }
        }

        deinit {
            close(reader)
            closeWriter()
        }
    }

    private static func spawn(
        _ command: String,
        _ arguments: [String],
        _ environment: [String: String],
        _ output: borrowing Pipe,
        _ errors: borrowing Pipe
    ) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writer, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.writer, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        )
        var pid: pid_t = 0
        let error = withCStrings([command] + arguments) { arguments in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
                starting.withLock { _ in
                    posix_spawnp(&pid, command, &actions, &attributes, arguments, environment)
                }
            }
        }
        switch error {
        case 0: return pid
        case ENOENT: throw .notFound
        default: throw .cannotStart(String(cString: strerror(error)))
        }
    }

    private static func withCStrings<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// False when there is no thread to be had; the work is not done then.
    private static func onOwnThread(_ body: @escaping @Sendable () -> Void) -> Bool {
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
            return false
        }
        pthread_detach(thread)
        return true
    }
}
