import CProcesses
import Glibc
import Synchronization

/// Hears the signals that ask this process to end; while somebody does, they do not end it by themselves.
///
/// There may be many listeners at once, and each hears every signal. With the last of them the signals do again what they
/// did before the first.
package final class TerminationSignals: Sendable {
    /// What is listened for.
    package static let numbers = [SIGTERM, SIGINT]

    /// Why nothing can be heard: the system has no descriptor or no thread left.
    package struct Failure: Error, CustomStringConvertible {
        /// The system's reason.
        package var description: String
    }

    private let listener: Int

    /// Listens from now on until ``end()``, or until it is let go.
    ///
    /// - Parameter receive: Called with the number of each signal, one after the other and on a thread that all listeners
    ///   share: it must not block.
    /// - Throws: ``Failure``; then the signals end the process as ever.
    package init(_ receive: @escaping @Sendable (Int32) -> Void) throws(Failure) {
        listener = try Switchboard.shared.add(receive)
    }

    deinit { end() }

    /// Listens no more; a call that is under way may still end after this.
    package func end() { Switchboard.shared.remove(listener) }

    /// The signals from now on, until the stream is let go or its reader is cancelled.
    ///
    /// - Throws: ``Failure``; then the signals end the process as ever.
    package static func system() throws(Failure) -> AsyncStream<Int32> {
        let (stream, feed) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(8))
        let signals = try TerminationSignals { feed.yield($0) }
        feed.onTermination = { _ in signals.end() }
        return stream
    }
}

/// The one handler of the process, and who hears from it.
private final class Switchboard: Sendable {
    static let shared = Switchboard()

    private struct State {
        var listeners: [Int: @Sendable (Int32) -> Void] = [:]
        var nextID = 0
        /// What the signals did before the first listener.
        var previous: [(number: Int32, action: sigaction)] = []
        /// Made once and never closed: a handler may be about to write on any thread, and the number of a closed
        /// descriptor soon belongs to something else.
        var isReading = false
    }

    private let state = Mutex(State())

    func add(_ receive: @escaping @Sendable (Int32) -> Void) throws(TerminationSignals.Failure) -> Int {
        let result = state.withLock { state -> Result<Int, TerminationSignals.Failure> in
            if !state.isReading {
                if let failure = startReading() { return .failure(failure) }
                state.isReading = true
            }
            if state.listeners.isEmpty {
                for number in TerminationSignals.numbers {
                    var action = sigaction()
                    guard homeostat_processes_watch_signal(number, &action) == 0 else { continue }
                    state.previous.append((number, action))
                }
            }
            state.nextID += 1
            state.listeners[state.nextID] = receive
            return .success(state.nextID)
        }
        return try result.get()
    }

    func remove(_ id: Int) {
        // Let go outside the lock: the closure may hold the last reference to another listener.
        let removed = state.withLock { state in
            let removed = state.listeners.removeValue(forKey: id)
            if removed != nil, state.listeners.isEmpty {
                for (number, action) in state.previous {
                    var action = action
                    sigaction(number, &action, nil)
                }
                state.previous = []
            }
            return removed
        }
        withExtendedLifetime(removed) {}
    }

    private func startReading() -> TerminationSignals.Failure? {
        var ends: [Int32] = [-1, -1]
        guard homeostat_processes_pipe(&ends) == 0 else {
            return .init(description: "cannot make a pipe for signals: \(describeError(errno))")
        }
        // Only the handler's end: its thread must not wait, the reader's has nothing else to do.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        homeostat_processes_set_signal_writer(ends[1])
        guard let thread = OwnThread.start({ [self, reader = ends[0]] in read(reader) }) else {
            for end in ends { close(end) }
            return .init(description: "cannot start a thread for signals")
        }
        pthread_detach(thread)
        return nil
    }

    private func read(_ reader: Int32) {
        var number: UInt8 = 0
        while true {
            let count = Glibc.read(reader, &number, 1)
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                return
            }
            let listeners = state.withLock { $0.listeners.sorted { $0.key < $1.key } }
            for (_, receive) in listeners { receive(Int32(number)) }
        }
    }
}
