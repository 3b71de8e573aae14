import Glibc

/// One connection through a service: bytes go both ways until both sides have said all.
struct Connection {
    /// One direction.
    private struct Way {
        var bytes: [UInt8] = []
        /// The source has said all.
        var isRead = false
        /// The destination knows.
        var isClosed = false
    }

    private static let limitBytes = 64 << 10

    let client: Int32
    private(set) var target: Int32
    private var isConnecting = true
    private var forth = Way()
    private var back = Way()
    /// Where to go when the target does not answer.
    private var others: ArraySlice<ServiceRoutes.Place>

    /// Nil when no target can be had; the client is then still the caller's.
    init?(client: Int32, targets: [ServiceRoutes.Place]) {
        self.client = client
        others = targets[...]
        target = -1
        guard connect() else { return nil }
    }

    private mutating func connect() -> Bool {
        while let place = others.popFirst() {
            guard let descriptor = TCPSocket.connect(place.address, place.port) else { continue }
            TCPSocket.sendAtOnce(descriptor)
            target = descriptor
            isConnecting = true
            return true
        }
        return false
    }

    /// What is polled: nothing of a side that has said all and is to be told nothing, as the end of such a one would be
    /// reported again and again.
    var polled: [pollfd] {
        let interest = interest
        return [
            pollfd(fd: forth.isRead && interest.client == 0 ? -1 : client, events: interest.client, revents: 0),
            pollfd(fd: back.isRead && interest.target == 0 ? -1 : target, events: interest.target, revents: 0),
        ]
    }

    /// What is waited for, of the client and of the target.
    private var interest: (client: Int16, target: Int16) {
        if isConnecting { return (0, Int16(POLLOUT)) }
        var interest: (client: Int16, target: Int16) = (0, 0)
        if !forth.isRead, forth.bytes.count < Self.limitBytes { interest.client |= Int16(POLLIN) }
        if !forth.bytes.isEmpty { interest.target |= Int16(POLLOUT) }
        if !back.isRead, back.bytes.count < Self.limitBytes { interest.target |= Int16(POLLIN) }
        if !back.bytes.isEmpty { interest.client |= Int16(POLLOUT) }
        return interest
    }

    /// Does what can be done without waiting.
    ///
    /// - Returns: False when the connection is over, and closed.
    mutating func move(_ buffer: inout [UInt8], clientEvents: Int16, targetEvents: Int16) -> Bool {
        if isConnecting {
            guard targetEvents != 0 else {
                guard clientEvents & Int16(POLLERR | POLLHUP) == 0 else { return abort() }
                return true
            }
            guard let code = TCPSocket.connectResult(target) else { return true }
            guard code == 0 else {
                close(target)
                target = -1
                return connect() ? true : abort()
            }
            isConnecting = false
        }
        guard (clientEvents | targetEvents) & Int16(POLLERR) == 0 else { return abort() }
        guard Self.pass(client, target, &forth, &buffer), Self.pass(target, client, &back, &buffer) else {
            return abort()
        }
        guard forth.isClosed, back.isClosed else { return true }
        close(client)
        close(target)
        return false
    }

    /// - Returns: False when the connection broke.
    private static func pass(_ from: Int32, _ to: Int32, _ way: inout Way, _ buffer: inout [UInt8]) -> Bool {
        if !way.isRead, way.bytes.count < limitBytes {
            let count = recv(from, &buffer, buffer.count, 0)
            if count > 0 {
                way.bytes += buffer[..<count]
            } else if count == 0 {
                way.isRead = true
            } else if errno != EAGAIN, errno != EINTR {
                return false
            }
        }
        if !way.bytes.isEmpty {
            let count = way.bytes.withUnsafeBytes {
                send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 { way.bytes.removeFirst(count) } else if errno != EAGAIN, errno != EINTR { return false }
        }
        if way.isRead, way.bytes.isEmpty, !way.isClosed {
            shutdown(to, Int32(SHUT_WR))
            way.isClosed = true
        }
        return true
    }

    /// Breaks both sides off, so that neither takes it for a proper end.
    mutating func abort() -> Bool {
        TCPSocket.reset(client)
        if target >= 0 { TCPSocket.reset(target) }
        return false
    }
}
