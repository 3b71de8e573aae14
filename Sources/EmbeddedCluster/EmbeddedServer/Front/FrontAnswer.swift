package import HTTPServing

/// Takes the bytes of an answer that is written over time.
package protocol ByteSink: Sendable {
    /// Hands bytes over; suspends while the reader is slow.
    ///
    /// - Throws: When the reader has gone, or the task is cancelled.
    func write(_ bytes: [UInt8]) async throws
    /// Cuts the body after what was written, without its proper end.
    func abort()
}

extension ResponseWriter: ByteSink {}

/// What the server answers, on a socket or without one.
package struct FrontAnswer: Sendable {
    /// Writes a body over time; it ends cleanly when this returns and is cut when it throws.
    package typealias Stream = @Sendable (any ByteSink) async throws -> Void

    package enum Body: Sendable {
        case bytes([UInt8])
        case stream(Stream)
        /// The connection is closed without a byte.
        case disconnect
    }

    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: Body

    package init(status: Int = 200, headers: [(name: String, value: String)] = [], body: Body) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    static func bytes(_ bytes: [UInt8], contentType: String, status: Int = 200) -> FrontAnswer {
        FrontAnswer(status: status, headers: [("Content-Type", contentType)], body: .bytes(bytes))
    }

    static func text(_ text: String, status: Int = 200) -> FrontAnswer {
        .bytes(Array(text.utf8), contentType: "text/plain; charset=utf-8", status: status)
    }

    static let disconnect = FrontAnswer(status: 500, body: .disconnect)

    /// The answer for a socket.
    var response: ServerResponse {
        switch body {
        case .bytes(let bytes): ServerResponse(status: status, headers: headers, body: .bytes(bytes))
        case .stream(let write):
            ServerResponse(status: status, headers: headers, body: .stream { try await write($0) })
        case .disconnect: .disconnect
        }
    }
}
