import CCurl
import Synchronization

/// The way into a ``Loop`` from other threads.
///
/// A `CURLM` belongs to its loop's thread; all that others may do is leave a command here and call `curl_multi_wakeup`.
final class Mailbox: Sendable {
    enum Command: Sendable {
        case start(any Exchange)
        /// Nobody waits any more.
        case stop(any Exchange)
        /// The reader of a stream that held the network back has made room.
        case resume(any Exchange)
    }

    /// Where the loop is on its way to its end.
    enum Stage: Int, Comparable, Sendable {
        case running
        /// Takes nothing new, finishes what it has.
        case retired
        /// Fails what it has.
        case stopped
        /// The handle is freed.
        case closed

        static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }
    }

    private struct State {
        var commands: [Command] = []
        var stage = Stage.running
        /// True while the loop sleeps, or is about to, and nobody has woken it.
        var isResting = false
    }

    /// Freed by the loop after `close`, so it is touched only under the lock and before `.closed`.
    nonisolated(unsafe) private let multi: UnsafeMutableRawPointer
    private let state = Mutex(State())

    init(multi: UnsafeMutableRawPointer) { self.multi = multi }

    /// Leaves a command.
    ///
    /// - Returns: The stage of the loop; it took a start only when this is `.running`.
    @discardableResult
    func post(_ command: Command) -> Stage {
        state.withLock { state in
            if case .start = command, state.stage != .running { return state.stage }
            guard state.stage != .closed else { return .closed }
            state.commands.append(command)
            wake(&state)
            return state.stage
        }
    }

    /// True when the loop has ended.
    var isClosed: Bool { state.withLock { $0.stage == .closed } }

    /// Moves the loop on towards its end; never back.
    func advance(to stage: Stage) {
        state.withLock { state in
            guard state.stage < stage else { return }
            state.stage = stage
            wake(&state)
        }
    }

    /// Swaps the waiting commands for an empty array with room and says the stage.
    ///
    /// Loop's thread only.
    func collect(into commands: inout [Command]) -> Stage {
        state.withLock { state in
            state.isResting = false
            swap(&state.commands, &commands)
            return state.stage
        }
    }

    /// True when nothing came since `collect`; from then on a command wakes the loop.
    ///
    /// Loop's thread only.
    func rest(seen stage: Stage) -> Bool {
        state.withLock { state in
            guard state.commands.isEmpty, state.stage == stage else { return false }
            state.isResting = true
            return true
        }
    }

    /// Ends the traffic if no command is left; after this nobody touches the handle.
    ///
    /// Loop's thread only.
    func close() -> Bool {
        state.withLock { state in
            guard state.commands.isEmpty else { return false }
            state.stage = .closed
            return true
        }
    }

    private func wake(_ state: inout State) {
        guard state.isResting else { return }
        state.isResting = false
        curl_multi_wakeup(multi)
    }
}
