import Synchronization

/// A client's connection: what is true for all its requests, and the one under way.
final class PeerConnection: Sendable {
    private struct State {
        weak var current: Exchange?
        var hasHungUp = false
        var token: UInt64 = 0
        var subject: String??
    }

    let remoteAddress: String
    private let state = Mutex(State())

    init(remoteAddress: String) { self.remoteAddress = remoteAddress }

    /// The monitor's name for this connection.
    var token: UInt64 {
        get { state.withLock { $0.token } }
        set { state.withLock { $0.token = newValue } }
    }

    /// The subject of the client's certificate, read by `read` the first time: the handshake is over by then.
    func subject(_ read: () -> String?) -> String? {
        if let known = state.withLock({ $0.subject }) { return known }
        let subject = read()
        state.withLock { $0.subject = .some(subject) }
        return subject
    }

    /// Makes an exchange the one to be told of a hang-up; true when the client has left already.
    func begin(_ exchange: Exchange) -> Bool {
        state.withLock { state in
            state.current = exchange
            return state.hasHungUp
        }
    }

    /// Called on the monitor's thread.
    func clientHungUp() {
        let exchange = state.withLock { state in
            state.hasHungUp = true
            return state.current
        }
        exchange?.clientHungUp()
    }
}
