import Glibc

/// TCP over IPv4 without blocking.
enum TCPSocket {
    static func address(_ host: String, _ port: Int) -> sockaddr_in? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        guard let number = UInt16(exactly: port), inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return nil }
        address.sin_port = number.bigEndian
        return address
    }

    private static func make() -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return socket(AF_INET, kind, 0)
    }

    private static func with(
        _ address: sockaddr_in,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = address
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Begins to connect; nil, with `errno` set, when it is refused at once.
    static func connect(_ host: String, _ port: Int) -> Int32? {
        guard let address = address(host, port) else {
            errno = EINVAL
            return nil
        }
        let descriptor = make()
        guard descriptor >= 0 else { return nil }
        if with(address, { Glibc.connect(descriptor, $0, $1) }) == 0 || errno == EINPROGRESS { return descriptor }
        let code = errno
        close(descriptor)
        errno = code
        return nil
    }

    /// How connecting ended: 0 for well, else the system's reason; nil while it is under way.
    static func connectResult(_ descriptor: Int32) -> Int32? {
        var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&state, 1, 0) > 0 else { return nil }
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return errno }
        return code
    }

    /// Listens; nil, with `errno` set, when the address cannot be had.
    static func listen(_ host: String, _ port: Int) -> Int32? {
        guard let address = address(host, port) else {
            errno = EINVAL
            return nil
        }
        let descriptor = make()
        guard descriptor >= 0 else { return nil }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        if with(address, { bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 1024) == 0 { return descriptor }
        let code = errno
        close(descriptor)
        errno = code
        return nil
    }

    /// Takes a waiting connection; nil when there is none.
    static func accept(_ descriptor: Int32) -> Int32? {
        while true {
            let peer = Glibc.accept(descriptor, nil, nil)
            if peer >= 0 {
                // Processes are only ever started by ChildProcess, which closes what is not its own.
                _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
                _ = fcntl(peer, F_SETFL, O_NONBLOCK)
                return peer
            }
            guard errno == EINTR || errno == ECONNABORTED else { return nil }
        }
    }

    static func sendAtOnce(_ descriptor: Int32) {
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Closes with a reset, so that the peer does not take it for a proper end.
    static func reset(_ descriptor: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
    }
}
