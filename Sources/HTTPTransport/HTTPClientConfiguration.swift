/// Whom to trust and who to be on TLS connections.
///
/// PEM bytes, kept in memory only.
package struct TLSConfiguration: Sendable, Equatable {
    /// Certificates trusted as authorities, and no others; nil for the system's.
    package var certificateAuthority: [UInt8]?

    /// The client's certificate chain; needs ``clientKey``.
    package var clientCertificate: [UInt8]?

    /// The client's private key, not encrypted.
    package var clientKey: [UInt8]?

    /// The name to ask for (SNI) and to verify instead of the host of the address.
    ///
    /// Connections still go to the host and port of the address, and the `Host` field says what the address said.
    package var serverName: String?

    /// Accepts any certificate for any name.
    ///
    /// For tests and emergencies.
    package var insecureSkipVerify: Bool

    /// Creates a configuration; without arguments the system's authorities and no client certificate.
    package init(
        certificateAuthority: [UInt8]? = nil,
        clientCertificate: [UInt8]? = nil,
        clientKey: [UInt8]? = nil,
        serverName: String? = nil,
        insecureSkipVerify: Bool = false
    ) {
        self.certificateAuthority = certificateAuthority
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
        self.serverName = serverName
        self.insecureSkipVerify = insecureSkipVerify
    }
}

/// How an ``HTTPClient`` connects.
package struct HTTPClientConfiguration: Sendable {
    /// TLS trust and identity.
    package var tls: TLSConfiguration

    /// Address of a proxy (`http`, `https` or `socks5`; names are resolved by a SOCKS proxy); nil for none at all.
    ///
    /// The environment (`http_proxy`, `NO_PROXY`) is never asked.
    package var proxy: String?

    /// How long name lookup, TCP connect and TLS handshake may take together.
    package var connectTimeLimit: Duration

    /// Connections to one host and port at the same time, at least 1; further requests wait for one to become free.
    ///
    /// Running streams come on top, so that HTTP/1.1 watches never starve requests.
    package var maxConnectionsPerHost: Int

    /// Offers HTTP/2 on TLS connections and then sends all requests to a host over one of them.
    package var http2: Bool

    /// Asks for gzip and decompresses answers.
    package var compression: Bool

    /// The `User-Agent` field.
    package var userAgent: String

    /// The largest body ``HTTPClient/send(_:)`` takes in, after decompression.
    package var maxResponseBytes: Int

    /// Creates a configuration.
    package init(
        tls: TLSConfiguration = TLSConfiguration(),
        proxy: String? = nil,
        connectTimeLimit: Duration = .seconds(10),
        maxConnectionsPerHost: Int = 64,
        http2: Bool = true,
        compression: Bool = false,
        userAgent: String = "homeostat",
        maxResponseBytes: Int = 256 << 20
    ) {
        self.tls = tls
        self.proxy = proxy
        self.connectTimeLimit = connectTimeLimit
        self.maxConnectionsPerHost = maxConnectionsPerHost
        self.http2 = http2
        self.compression = compression
        self.userAgent = userAgent
        self.maxResponseBytes = maxResponseBytes
    }
}
