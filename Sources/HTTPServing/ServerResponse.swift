/// What a handler answers.
package struct ServerResponse: Sendable {
    /// How the body is made.
    package enum Body: Sendable {
        /// The whole body; sent with its `Content-Length`.
        case bytes([UInt8])
        /// A body written over time, each write sent at once (chunked in HTTP/1.1).
        ///
        /// The closure runs in the request's task. The body ends cleanly when it returns and is cut when it throws. It
        /// does not run for HEAD.
        case stream(@Sendable (ResponseWriter) async throws -> Void)
        /// No answer at all: the connection is closed without a byte, for fault injection.
        case disconnect
    }

    /// The status code, 200...599; anything else is answered as 500.
    package var status: Int
    /// Header fields.
    ///
    /// `Content-Length`, `Transfer-Encoding` and `Date` are the server's and are ignored here.
    package var headers: [(name: String, value: String)]
    /// The body.
    package var body: Body

    /// Creates a response.
    package init(status: Int = 200, headers: [(name: String, value: String)] = [], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response with JSON bytes and `Content-Type: application/json`.
    package static func json(_ bytes: [UInt8], status: Int = 200) -> ServerResponse {
        ServerResponse(status: status, headers: [("Content-Type", "application/json")], body: .bytes(bytes))
    }

    /// A response with plain text in UTF-8.
    package static func text(_ text: String, status: Int = 200) -> ServerResponse {
        ServerResponse(
            status: status,
            headers: [("Content-Type", "text/plain; charset=utf-8")],
            body: .bytes(Array(text.utf8))
        )
    }

    /// A response whose body is written over time.
    package static func stream(
        status: Int = 200,
        contentType: String,
        _ body: @escaping @Sendable (ResponseWriter) async throws -> Void
    ) -> ServerResponse {
        ServerResponse(status: status, headers: [("Content-Type", contentType)], body: .stream(body))
    }

    /// Closes the connection without answering, for fault injection.
    package static let disconnect = ServerResponse(status: 500, body: .disconnect)
}
