import CMicrohttpd
import Glibc
import Synchronization

/// Notices clients that go away while libmicrohttpd does not look.
///
/// A suspended connection is outside libmicrohttpd's epoll set, so a client that leaves while its handler works, or
/// while its stream is silent, would stay unseen. One thread waits on a second epoll set for `EPOLLRDHUP` of all
/// connections: one system call per connection, none per request.
final class HangUpMonitor: Sendable {
    private struct State {
        var nextToken: UInt64 = 1
        var connections: [UInt64: PeerConnection] = [:]
    }

    private static let stopToken: UInt64 = 0
    private let state = Mutex(State())
    private let epoll: Int32
    private let wakeup: Int32
    private let thread = OwnThread()

    init() throws(HTTPServerError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_CLOEXEC))
        guard epoll >= 0, wakeup >= 0, homeostat_epoll_watch_readable(epoll, wakeup, Self.stopToken) == 0 else {
            throw HTTPServerError(.cannotStart, "cannot start the server: \(describeError(errno))")
        }
        guard thread.start({ [self] in run() }) else {
            throw HTTPServerError(.cannotStart, "cannot start the server: no thread to be had")
        }
    }

    deinit {
        close(epoll)
        close(wakeup)
    }

    /// Watches a connection until ``forget(_:)``.
    func watch(_ connection: PeerConnection, socket: Int32) -> UInt64 {
        let token = state.withLock { state in
            let token = state.nextToken
            state.nextToken += 1
            state.connections[token] = connection
            return token
        }
        _ = homeostat_epoll_watch_hang_up(epoll, socket, token)
        return token
    }

    /// Forgets a connection.
    ///
    /// Its socket leaves the set when it is closed; an event still under way finds no one.
    func forget(_ token: UInt64) {
        state.withLock { _ = $0.connections.removeValue(forKey: token) }
    }

    /// Ends the thread and waits for it.
    ///
    /// Blocks, briefly.
    func stop() {
        var one: UInt64 = 1
        write(wakeup, &one, 8)
        thread.join()
    }

    private func run() {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 64) { tokens in
            guard let base = tokens.baseAddress else { return }
            while true {
                let count = Int(homeostat_epoll_wait(epoll, base))
                if count < 0 { return }
                for token in tokens.prefix(count) {
                    if token == Self.stopToken { return }
                    state.withLock { $0.connections[token] }?.clientHungUp()
                }
            }
        }
    }
}
