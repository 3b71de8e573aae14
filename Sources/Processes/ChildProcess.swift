import CProcesses
package import FoundationEssentials
import Glibc
import Synchronization

/// A program that runs as a child of this process, in a process group of its own.
///
/// It inherits nothing: no descriptor but the three standard ones, no blocked or ignored signal, no environment. When it
/// ends, what is left of its group is killed, and when this object is let go, all of it.
package final class ChildProcess: Sendable {
    /// Its process number, which is also its group's; after its end it may be another's.
    package let id: Int32
    /// When it was started.
    package let startTime: Date

    private let core: Core

    /// Starts a program.
    ///
    /// - Throws: ``Failure`` with the reason `notFound` or `cannotStart`.
    package init(_ settings: Settings) throws(Failure) {
        let descriptors = try Descriptors(settings)
        defer { descriptors.close() }
        let reader = descriptors.reader
        startTime = Date()
        do throws(Failure) { id = try spawn(settings, descriptors.standard) } catch {
            reader.finish()
            throw error
        }
        core = Core(id)
        guard let watcher = OwnThread.start({ [core] in core.watch(reader) }) else {
            core.send(SIGKILL, to: .group)
            core.watch(reader)
            throw Failure(reason: .cannotStart, program: settings.program, detail: "no thread can be had")
        }
        pthread_detach(watcher)
    }

    deinit { core.send(SIGKILL, to: .group) }

    /// Whom a signal is for.
    package enum Target: Sendable {
        /// The program itself.
        case process
        /// The program and all that it started, unless they have left its group.
        case group
    }

    /// Sends a signal.
    ///
    /// - Returns: Whether there was somebody to send it to. There is not after the end, whoever has the number by then.
    @discardableResult
    package func send(_ signal: Int32, to target: Target = .group) -> Bool { core.send(signal, to: target) }

    /// How it ended; nil while it runs.
    package var result: Exit? { core.result }

    /// Whether it runs.
    package var isRunning: Bool { result == nil }

    /// Waits for its end.
    ///
    /// By then all that it said has been handed over.
    ///
    /// - Throws: `CancellationError` when the task is cancelled; the program runs on.
    package func exit() async throws -> Exit { try await core.exit() }

    /// The part that its threads hold too, so that they do not keep it running.
    private final class Core: Sendable {
        private struct State {
            var isThere = true
            var result: Exit?
            var nextID = 0
            var waiters: [Int: CheckedContinuation<Exit, any Error>] = [:]
        }

        private let id: Int32
        private let state = Mutex(State())

        init(_ id: Int32) { self.id = id }

        var result: Exit? { state.withLock { $0.result } }

        /// Under the lock, so that the process cannot be reaped, and its number be given to another, in between.
        @discardableResult
        func send(_ signal: Int32, to target: Target) -> Bool {
            state.withLock { state in
                state.isThere && kill(target == .group ? -id : id, signal) == 0
            }
        }

        /// Blocks until the end.
        func watch(_ reader: OutputReader) {
            var info = siginfo_t()
            while waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            // Not reaped yet, so the number is still its own.
            send(SIGKILL, to: .group)
            reader.finish()
            let (result, waiters) = state.withLock { state in
                state.isThere = false
                let result = reap()
                state.result = result
                defer { state.waiters = [:] }
                return (result, state.waiters.values)
            }
            for waiter in waiters { waiter.resume(returning: result) }
        }

        private func reap() -> Exit {
            var status: Int32 = 0
            var usage = rusage()
            var id: pid_t
            repeat { id = wait4(self.id, &status, 0, &usage) } while id < 0 && errno == EINTR
            let signal = status & 0x7F
            return Exit(
                status: id < 0 ? .unknown : signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal),
                endTime: Date(),
                userTime: Duration(usage.ru_utime),
                systemTime: Duration(usage.ru_stime),
                peakResidentBytes: usage.ru_maxrss * 1024
            )
        }

        func exit() async throws -> Exit {
            let waiter = state.withLock { state in
                state.nextID += 1
                return state.nextID
            }
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let now = state.withLock { state -> Swift.Result<Exit, any Error>? in
                        if let result = state.result { return .success(result) }
                        if Task.isCancelled { return .failure(CancellationError()) }
                        state.waiters[waiter] = continuation
                        return nil
                    }
                    if let now { continuation.resume(with: now) }
                }
            } onCancel: {
                state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume(throwing: CancellationError())
            }
        }
    }
}

extension Duration {
    fileprivate init(_ time: timeval) { self = .seconds(time.tv_sec) + .microseconds(time.tv_usec) }
}

// MARK: Starting

/// Starts a program with everything that its settings say.
private func spawn(
    _ settings: ChildProcess.Settings,
    _ standard: [Int32]
) throws(ChildProcess.Failure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let folder = settings.folder { homeostat_processes_add_folder(&actions, folder) }
    for (number, descriptor) in standard.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    // What other libraries opened is not always marked to be closed.
    homeostat_processes_add_close_from(&actions, 3)
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
    var id: pid_t = 0
    let error = withCStrings([settings.program] + settings.arguments) { arguments in
        withCStrings(settings.environment.map { "\($0.key)=\($0.value)" }) { environment in
            posix_spawnp(&id, settings.program, &actions, &attributes, arguments, environment)
        }
    }
    guard error != 0 else { return id }
    if let folder = settings.folder, access(folder, X_OK) != 0 {
        throw .init(
            reason: .cannotStart,
            program: settings.program,
            detail: "its folder \"\(folder)\" cannot be entered: \(describeError(errno))"
        )
    }
    throw .init(
        reason: error == ENOENT ? .notFound : .cannotStart,
        program: settings.program,
        detail: describeError(error)
    )
}

private func withCStrings<Result>(
    _ strings: [String],
    _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let pointers = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
}
