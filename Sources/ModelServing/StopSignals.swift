import Glibc
import Processes
import Synchronization

/// Says when to stop.
protocol StopSource: Sendable {
    /// Suspends until it is time.
    func wait() async
}

/// The first signal that asks the process to end as a wish to stop; the second one ends the process at once.
final class StopSignals: StopSource {
    private struct State {
        var isRaised = false
        var waiter: CheckedContinuation<Void, Never>?

        /// Whom to wake.
        mutating func raise() -> CheckedContinuation<Void, Never>? {
            isRaised = true
            defer { waiter = nil }
            return waiter
        }
    }

    private final class Wish: Sendable {
        let state = Mutex(State())

        func raised(_ number: Int32) {
            let (isSecond, waiter) = state.withLock { ($0.isRaised, $0.raise()) }
            if isSecond { _exit(128 + number) }
            waiter?.resume()
        }
    }

    private let wish = Wish()
    private let signals: TerminationSignals

    /// Throws when signals cannot be heard.
    init() throws(TerminationSignals.Failure) { signals = try TerminationSignals { [wish] in wish.raised($0) } }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isRaised = wish.state.withLock { state in
                if !state.isRaised { state.waiter = continuation }
                return state.isRaised
            }
            if isRaised { continuation.resume() }
        }
    }
}
