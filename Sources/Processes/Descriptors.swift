import CProcesses
import Glibc
import Synchronization

/// The descriptors of a child that is being started.
struct Descriptors {
    /// Input, output, errors; copies over 2, so that putting one in its place overwrites none of the others.
    let standard: [Int32]
    /// Reads what the child says to this process.
    let reader: OutputReader

    init(_ settings: ChildProcess.Settings) throws(ChildProcess.Failure) {
        var opening = Opening(program: settings.program)
        do throws(ChildProcess.Failure) {
            try opening.open(settings.input)
            try opening.open(settings.output)
            if let errors = settings.errors {
                try opening.open(errors)
            } else {
                try opening.adopt(opening.standard[1], isOwned: false, "standard error")
            }
            reader = try OutputReader(opening.sources, program: settings.program)
        } catch {
            for descriptor in opening.standard + opening.sources.map(\.descriptor) { Glibc.close(descriptor) }
            throw error
        }
        standard = opening.standard
    }

    /// Closes the child's ends, once it has them.
    func close() { for descriptor in standard { Glibc.close(descriptor) } }
}

/// Opens one descriptor after the other.
private struct Opening {
    let program: String
    var standard: [Int32] = []
    var sources: [OutputReader.Source] = []

    mutating func open(_ input: ChildProcess.Input) throws(ChildProcess.Failure) {
        switch input {
        case .null: try open("/dev/null", O_RDONLY)
        case .file(let path): try open(path, O_RDONLY)
        case .descriptor(let descriptor): try adopt(descriptor, isOwned: false, "standard input")
        }
    }

    mutating func open(_ output: ChildProcess.Output) throws(ChildProcess.Failure) {
        switch output {
        case .null: try open("/dev/null", O_WRONLY)
        case .file(let path): try open(path, O_WRONLY | O_CREAT | O_APPEND)
        case .descriptor(let descriptor): try adopt(descriptor, isOwned: false, "output")
        case .parts(let take):
            var ends: [Int32] = [-1, -1]
            guard homeostat_processes_pipe(&ends) == 0 else { throw failure("cannot make a pipe", errno) }
            sources.append(.init(descriptor: ends[0], take: take))
            try adopt(ends[1], isOwned: true, "a pipe")
        }
    }

    private mutating func open(_ path: String, _ flags: Int32) throws(ChildProcess.Failure) {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("cannot open \"\(path)\"", errno) }
        try adopt(descriptor, isOwned: true, path)
    }

    /// Adds a copy, and closes the original when it was opened for this.
    mutating func adopt(_ descriptor: Int32, isOwned: Bool, _ what: String) throws(ChildProcess.Failure) {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        let error = errno
        if isOwned { close(descriptor) }
        guard copy >= 0 else { throw failure("cannot hand over \(what)", error) }
        standard.append(copy)
    }

    private func failure(_ what: String, _ error: Int32) -> ChildProcess.Failure {
        .init(reason: .cannotStart, program: program, detail: "\(what): \(describeError(error))")
    }
}

/// Reads a child's pipes, on a thread of its own, until they end or the child has.
final class OutputReader: Sendable {
    struct Source: Sendable {
        var descriptor: Int32
        var take: @Sendable ([UInt8]) -> Void
    }

    /// What there is to do at the end; nil when there is nothing, or it is done.
    private struct Running {
        var thread: pthread_t
        /// Its closing wakes the thread.
        var waker: Int32
    }

    /// As much as a pipe can hold unless root has allowed more (`/proc/sys/fs/pipe-max-size`).
    private static let pipeLimitBytes = 1 << 20

    private let running = Mutex<Running?>(nil)

    /// Takes over the descriptors, unless it throws.
    init(_ sources: [Source], program: String) throws(ChildProcess.Failure) {
        guard !sources.isEmpty else { return }
        func failure(_ detail: String) -> ChildProcess.Failure {
            .init(reason: .cannotStart, program: program, detail: detail)
        }
        var ends: [Int32] = [-1, -1]
        guard homeostat_processes_pipe(&ends) == 0 else { throw failure("cannot make a pipe: \(describeError(errno))") }
        guard let thread = OwnThread.start({ [sleeper = ends[0]] in Self.read(sources, sleeper) }) else {
            for end in ends { close(end) }
            throw failure("no thread can be had")
        }
        running.withLock { $0 = Running(thread: thread, waker: ends[1]) }
    }

    /// Blocks until all that is in the pipes by now has been handed over.
    func finish() {
        let running = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let running else { return }
        close(running.waker)
        pthread_join(running.thread, nil)
    }

    private static func read(_ sources: [Source], _ sleeper: Int32) {
        var open = sources
        var polled: [pollfd] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        // Somebody who has left the child's group may hold a pipe open, and write on, for ever.
        var rest: [Int32: Int]?
        while !open.isEmpty {
            polled = open.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            if rest == nil { polled.append(pollfd(fd: sleeper, events: Int16(POLLIN), revents: 0)) }
            guard poll(&polled, nfds_t(polled.count), rest == nil ? -1 : 0) >= 0 else { continue }
            if rest == nil, let last = polled.popLast(), last.revents != 0 {
                rest = [:]
                continue
            }
            open = zip(open, polled).filter { source, state in
                var isOver = rest != nil && state.revents == 0
                if state.revents != 0 {
                    let count = Glibc.read(source.descriptor, &buffer, buffer.count)
                    if count > 0 {
                        source.take(Array(buffer[..<count]))
                        rest?[source.descriptor, default: 0] += count
                        isOver = rest?[source.descriptor] ?? 0 >= pipeLimitBytes
                    } else {
                        isOver = count == 0 || errno != EINTR
                    }
                }
                if isOver {
                    source.take([])
                    close(source.descriptor)
                }
                return !isOver
            }.map(\.0)
        }
        close(sleeper)
    }
}
