import Glibc
import Synchronization
import Telemetry

/// Makes services reachable at their addresses: each connection goes to one of the ready endpoints, in turn.
///
/// One thread serves all connections. A service without ready endpoints has no listener, so that connections to it are
/// refused.
final class ServiceForwarder: Sendable {
    private struct State {
        var routes = ServiceRoutes()
        var isOver = false
        var thread: pthread_t?
    }

    private let state = Mutex(State())
    private let waker: Int32
    private let logger: Logger

    init(logger: Logger) throws(FileFailure) {
        self.logger = logger
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw FileFailure("make", "pipe", errno) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        waker = ends[1]
        let worker = Worker(self, sleeper: ends[0])
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { raw in
                if let raw { Unmanaged<Worker>.fromOpaque(raw).takeRetainedValue().run() }
                return nil
            },
            Unmanaged.passRetained(worker).toOpaque()
        )
        guard code == 0 else {
            // The reference that the thread would have taken.
            Unmanaged.passUnretained(worker).release()
            for end in ends { close(end) }
            throw FileFailure("start", "the thread of services", code)
        }
        state.withLock { [thread] in $0.thread = thread }
    }

    /// Takes other routes from now on; connections that are under way stay.
    func update(_ routes: ServiceRoutes) {
        let isNews = state.withLock { state in
            guard state.routes != routes else { return false }
            state.routes = routes
            return true
        }
        if isNews { wake() }
    }

    /// Closes everything, and returns when it is closed.
    ///
    /// Must be called before it is let go.
    func stop() {
        let thread = state.withLock { state in
            state.isOver = true
            defer { state.thread = nil }
            return state.thread
        }
        guard let thread else { return }
        wake()
        pthread_join(thread, nil)
        close(waker)
    }

    private func wake() {
        // A pipe that is full says already what this would.
        _ = write(waker, [1], 1)
    }

    private var current: ServiceRoutes? { state.withLock { $0.isOver ? nil : $0.routes } }

    /// What the thread alone holds.
    private final class Worker {
        private let owner: ServiceForwarder
        private let sleeper: Int32
        private var routes = ServiceRoutes()
        private var listeners: [ServiceRoutes.Place: Int32] = [:]
        private var refused: Set<ServiceRoutes.Place> = []
        private var turns: [ServiceRoutes.Place: Int] = [:]
        private var connections: [Connection] = []
        private var buffer = [UInt8](repeating: 0, count: 64 << 10)

        init(_ owner: ServiceForwarder, sleeper: Int32) {
            self.owner = owner
            self.sleeper = sleeper
        }

        func run() {
            while let routes = owner.current {
                if routes != self.routes { take(routes) }
                wait()
            }
            for index in connections.indices { _ = connections[index].abort() }
            for listener in listeners.values { close(listener) }
            close(sleeper)
        }

        private func take(_ routes: ServiceRoutes) {
            self.routes = routes
            for (place, listener) in listeners where routes.targets[place] == nil {
                close(listener)
                listeners[place] = nil
                turns[place] = nil
            }
            refused.formIntersection(routes.targets.keys)
            for place in routes.targets.keys where listeners[place] == nil && !refused.contains(place) {
                if let listener = TCPSocket.listen(place.address, place.port) {
                    listeners[place] = listener
                } else {
                    refused.insert(place)
                    let why = String(cString: strerror(errno))
                    let address = place.description
                    owner.logger.warning(
                        "service address refused",
                        ["address": .string(address), "error": .string(why)]
                    )
                }
            }
        }

        private func wait() {
            let places = Array(listeners)
            var polled = [pollfd(fd: sleeper, events: Int16(POLLIN), revents: 0)]
            polled += places.map { pollfd(fd: $0.value, events: Int16(POLLIN), revents: 0) }
            for connection in connections { polled += connection.polled }
            guard poll(&polled, nfds_t(polled.count), -1) > 0 else { return }
            if polled[0].revents != 0 { while read(sleeper, &buffer, buffer.count) > 0 {} }
            var kept: [Connection] = []
            for (index, connection) in connections.enumerated() {
                let at = 1 + places.count + 2 * index
                let events = (polled[at].revents, polled[at + 1].revents)
                var connection = connection
                let isOpen =
                    events == (0, 0)
                    || connection.move(&buffer, clientEvents: events.0, targetEvents: events.1)
                if isOpen { kept.append(connection) }
            }
            connections = kept
            for (index, (place, listener)) in places.enumerated() where polled[1 + index].revents != 0 {
                while let client = TCPSocket.accept(listener) { begin(client, place) }
            }
        }

        private func begin(_ client: Int32, _ place: ServiceRoutes.Place) {
            TCPSocket.sendAtOnce(client)
            let targets = routes.targets[place] ?? []
            let turn = turns[place, default: 0] % max(targets.count, 1)
            turns[place] = turn + 1
            let order = Array(targets[turn...] + targets[..<turn])
            if let connection = Connection(client: client, targets: order) {
                connections.append(connection)
            } else {
                TCPSocket.reset(client)
            }
        }
    }
}
