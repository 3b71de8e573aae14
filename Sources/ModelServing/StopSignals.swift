import Dispatch
import Glibc
import Synchronization

/// Says when to stop.
protocol StopSource: Sendable {
    /// Suspends until it is time.
    func wait() async
}

/// SIGTERM and SIGINT as a wish to stop; the second one ends the process at once.
final class StopSignals: StopSource {
    private struct State {
        var isRaised = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    // Dispatch's sources are safe to hold from any thread; they are only cancelled, in deinit.
    private nonisolated(unsafe) var sources: [any DispatchSourceSignal] = []

    init() {
        for number in [SIGTERM, SIGINT] {
            // Dispatch only watches: without this the signal would still end the process.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [weak self] in self?.raised(number) }
            source.resume()
            sources.append(source)
        }
    }

    deinit { for source in sources { source.cancel() } }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isRaised = state.withLock { state in
                if !state.isRaised { state.waiter = continuation }
                return state.isRaised
            }
            if isRaised { continuation.resume() }
        }
    }

    private func raised(_ number: Int32) {
        let (isSecond, waiter) = state.withLock { state in
            defer {
                state.isRaised = true
                state.waiter = nil
            }
            return (state.isRaised, state.waiter)
        }
        if isSecond { _exit(128 + number) }
        waiter?.resume()
    }
}
