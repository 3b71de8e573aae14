/// An IP address and a port to listen on.
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// The IPv4 or IPv6 address, without brackets.
    package var address: String
    /// The port, 0 for any that is free.
    package var port: Int

    /// Creates an address.
    package init(_ address: String, _ port: Int) {
        self.address = address
        self.port = port
    }

    /// Reads `address:port`, `[v6]:port` or `:port`, which is every address.
    ///
    /// Nil for anything else. Whether the address is one is found out when listening.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self.init(host.isEmpty ? "::" : String(host), Int(port))
    }

    /// The address as it is read.
    package var description: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }
}
