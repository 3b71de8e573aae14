/// One HTTP request, with its whole body.
package struct ServerRequest: Sendable {
    /// The method as sent, for example `GET`.
    package var method: String
    /// The path with percent-escapes decoded; bytes that are not UTF-8 become U+FFFD.
    ///
    /// Never holds the query.
    package var path: String
    /// The path as it was sent, escapes kept: split this one where a segment may hold an escaped `/`.
    package var rawPath: String
    /// The query's pairs in the order sent, decoded; a name without `=` has an empty value.
    package var query: [(name: String, value: String)]
    /// The header fields in the order sent, names spelled as sent.
    package var headers: [(name: String, value: String)]
    /// The body; empty when there was none.
    package var body: [UInt8]
    /// The client's IP address, without its port.
    package var remoteAddress: String
    /// The subject (RFC 4514, `CN=…,O=…`) of a client certificate that was verified against the configured authority.
    package var clientCertificateSubject: String?

    /// Creates a request, for calling a handler without a socket.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - target: Path and query as on a request line; an absolute URL's origin is dropped.
    ///   - headers: The header fields.
    ///   - body: The body.
    ///   - remoteAddress: The client's address.
    ///   - clientCertificateSubject: The subject of the verified client certificate.
    package init(
        method: String = "GET",
        target: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        remoteAddress: String = "127.0.0.1",
        clientCertificateSubject: String? = nil
    ) {
        let parsed = RequestTarget(target)
        self.method = method
        self.path = parsed.path
        self.rawPath = parsed.rawPath
        self.query = parsed.query
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
        self.clientCertificateSubject = clientCertificateSubject
    }

    /// The first value of a query parameter; nil when it is absent.
    package func query(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The first value of a header field, its name compared without regard to ASCII case; nil when it is absent.
    package func header(_ name: String) -> String? {
        headers.first { equalIgnoringCase($0.name, name) }?.value
    }
}

/// Whether two header names are the same field.
func equalIgnoringCase(_ a: String, _ b: String) -> Bool {
    func lowercased(_ byte: UInt8) -> UInt8 { 65...90 ~= byte ? byte + 32 : byte }
    return a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { lowercased($0) == lowercased($1) }
}
