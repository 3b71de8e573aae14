import CMicrohttpd
import Glibc

/// A listening TCP socket, made here rather than by libmicrohttpd so that a failure names its cause.
final class ListeningSocket: Sendable {
    let descriptor: Int32
    let port: Int

    init(address: String, port: Int) throws(HTTPServerError) {
        let what = "cannot listen on \"\(address):\(port)\""
        guard let number = UInt16(exactly: port) else {
            throw HTTPServerError(.invalidAddress, "\(what): the port is not in 0...65535")
        }
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        let isV4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1
        guard isV4 || inet_pton(AF_INET6, address, &v6.sin6_addr) == 1 else {
            throw HTTPServerError(
                .invalidAddress,
                "\(what): not an IP address; use 127.0.0.1, 0.0.0.0 or :: for example"
            )
        }
        v4.sin_family = sa_family_t(AF_INET)
        v4.sin_port = number.bigEndian
        v6.sin6_family = sa_family_t(AF_INET6)
        v6.sin6_port = number.bigEndian
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(isV4 ? AF_INET : AF_INET6, kind, 0)
        guard socket >= 0 else { throw HTTPServerError(.cannotListen, "\(what): \(describeError(errno))") }
        var on: Int32 = 1
        var off: Int32 = 0
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if !isV4 {
            setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, socklen_t(MemoryLayout<Int32>.size))
        }
        let isBound = isV4 ? Self.bind(socket, &v4) : Self.bind(socket, &v6)
        guard isBound, listen(socket, 4096) == 0 else {
            let cause = describeError(errno)
            Glibc.close(socket)
            throw HTTPServerError(.cannotListen, "\(what): \(cause)")
        }
        descriptor = socket
        self.port =
            isV4
            ? Int(UInt16(bigEndian: Self.name(socket, &v4).sin_port))
            : Int(UInt16(bigEndian: Self.name(socket, &v6).sin6_port))
    }

    deinit { close(descriptor) }

    /// Refuses new connections from now on.
    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private static func bind<Address>(_ socket: Int32, _ address: inout Address) -> Bool {
        withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(socket, $0, socklen_t(MemoryLayout<Address>.size)) == 0
            }
        }
    }

    private static func name<Address>(_ socket: Int32, _ address: inout Address) -> Address {
        var length = socklen_t(MemoryLayout<Address>.size)
        withUnsafeMutablePointer(to: &address) { address in
            _ = address.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        return address
    }
}
