/// One request to send.
package struct HTTPRequest: Sendable {
    /// The method, an HTTP token in upper case.
    package var method: String

    /// An absolute `http` or `https` address, already percent-encoded.
    ///
    /// It is sent as it stands (no removal of `..`).
    package var url: String

    /// Fields to send.
    ///
    /// `Host`, `Content-Length`, `User-Agent` and `Accept` are added when they are missing.
    package var headers: HTTPHeaders

    /// The body; nil for none, empty for `Content-Length: 0`.
    package var body: [UInt8]?

    /// How long the whole exchange may take, from the call to the last byte of the body; nil for no limit.
    package var timeLimit: Duration?

    /// How long the server may stay without sending a byte, counted from the call on; nil for no limit.
    ///
    /// Time in which a slow reader holds the transfer up does not count.
    package var idleLimit: Duration?

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - method: An HTTP token in upper case.
    ///   - url: An absolute, percent-encoded `http` or `https` address.
    ///   - headers: Fields to send.
    ///   - body: The body, nil for none.
    ///   - timeLimit: Limit of the whole exchange; nil for none, as streams need it.
    ///   - idleLimit: Limit of the time without a byte from the server; nil for none.
    package init(
        method: String = "GET",
        url: String,
        headers: HTTPHeaders = [:],
        body: [UInt8]? = nil,
        timeLimit: Duration? = .seconds(30),
        idleLimit: Duration? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeLimit = timeLimit
        self.idleLimit = idleLimit
    }
}

/// A whole answer.
///
/// Every status is an answer, redirects included; they are not followed.
package struct HTTPResponse: Sendable {
    /// The status code, 200 to 999 (1xx answers are left out).
    package var status: Int

    /// The fields of the final answer.
    package var headers: HTTPHeaders

    /// The body, decompressed if the client asked for compression.
    package var body: [UInt8]

    /// Creates an answer.
    package init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
