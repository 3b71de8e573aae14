/// How a server listens and what it puts up with.
package struct HTTPServerConfiguration: Sendable {
    /// The server's certificate and key, and who may vouch for clients.
    package struct TLS: Sendable {
        /// The certificate chain in PEM, the server's own first.
        package var certificatePEM: String
        /// The private key in PEM, not encrypted.
        package var keyPEM: String
        /// Authorities for client certificates in PEM.
        ///
        /// Clients are asked for a certificate but need not have one; see ``ServerRequest/clientCertificateSubject``.
        package var clientCAPEM: String?

        /// Creates the TLS settings.
        package init(certificatePEM: String, keyPEM: String, clientCAPEM: String? = nil) {
            self.certificatePEM = certificatePEM
            self.keyPEM = keyPEM
            self.clientCAPEM = clientCAPEM
        }
    }

    /// The IPv4 or IPv6 address to listen on.
    ///
    /// `0.0.0.0` is every IPv4 address, `::` every address of both kinds.
    package var address: String
    /// The port, 0 for any that is free.
    package var port: Int
    /// The largest body taken; a larger one is answered with 413.
    package var maxBodyBytes: Int
    /// How long a connection may stand still, in whole seconds, while a request or response is under way or between
    /// two.
    ///
    /// Time spent in a handler or waiting for a stream's next write does not count. Zero is no limit.
    package var idleLimit: Duration
    /// How many connections are open at once; more wait to be accepted.
    package var connectionLimit: Int
    /// TLS settings; nil serves plain HTTP.
    package var tls: TLS?

    /// Creates a configuration.
    package init(
        address: String = "127.0.0.1",
        port: Int = 0,
        maxBodyBytes: Int = 16 << 20,
        idleLimit: Duration = .seconds(120),
        connectionLimit: Int = 16_384,
        tls: TLS? = nil
    ) {
        self.address = address
        self.port = port
        self.maxBodyBytes = maxBodyBytes
        self.idleLimit = idleLimit
        self.connectionLimit = connectionLimit
        self.tls = tls
    }
}
