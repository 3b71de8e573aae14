/// An answer whose body is read as it comes.
package struct HTTPStream: Sendable {
    /// The status code, 200 to 999.
    package var status: Int

    /// The fields of the answer.
    package var headers: HTTPHeaders

    /// The body.
    ///
    /// It must be read or let go: the transfer lasts as long as it.
    package var body: HTTPBody

    /// Creates a stream, for layers between a client and its user and for tests.
    package init(status: Int, headers: HTTPHeaders = [:], body: HTTPBody) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The body of a streamed answer, in parts as they came.
///
/// One reader at a time. At most about 1 MiB waits for it; then the server is held back. (Over HTTP/2 libcurl itself takes
/// in what its stream window of 32 MiB allowed before; other streams of the connection go on.) Parts are never empty and
/// their borders mean nothing. The sequence ends normally only at a clean end of the body. It throws
/// ``HTTPFailure/Reason/closed`` when the body was cut, ``HTTPFailure/Reason/timeout`` when a limit passed, and
/// `CancellationError` when the reader's task is cancelled. What came before a failure is given out before it.
///
/// The transfer is closed when the iterator is let go, or the sequence if it has no iterator. The client stays alive
/// until then.
package struct HTTPBody: AsyncSequence, Sendable {
    package typealias Element = [UInt8]

    /// Closes the transfer of a body that nobody began to read.
    private final class Owner: Sendable {
        let exchange: StreamExchange
        let client: HTTPClient

        init(_ exchange: StreamExchange, _ client: HTTPClient) {
            self.exchange = exchange
            self.client = client
        }

        deinit { exchange.cancelWithoutReader() }
    }

    /// Closes the transfer that an iterator read.
    private final class Reader: Sendable {
        let exchange: StreamExchange
        let client: HTTPClient

        init(_ exchange: StreamExchange, _ client: HTTPClient) {
            self.exchange = exchange
            self.client = client
            exchange.attachReader()
        }

        deinit { exchange.cancel() }
    }

    private enum Source: Sendable {
        case transfer(Owner)
        case function(@Sendable () async throws -> [UInt8]?)
    }

    private let source: Source

    init(_ exchange: StreamExchange, client: HTTPClient) { source = .transfer(Owner(exchange, client)) }

    /// A body made by a function, for layers that change one on its way and for tests.
    ///
    /// - Parameter next: Answers the next part, not empty, or nil at the end. Called by one reader at a time.
    package init(next: @escaping @Sendable () async throws -> [UInt8]?) { source = .function(next) }

    /// Begins to read; the second iterator of a body goes on where the first one is.
    package func makeAsyncIterator() -> AsyncIterator {
        switch source {
        case .transfer(let owner):
            let reader = Reader(owner.exchange, owner.client)
            return AsyncIterator { try await reader.exchange.nextPart() }
        case .function(let next): return AsyncIterator(next: next)
        }
    }

    /// Reads the whole body.
    ///
    /// - Parameter limit: The most bytes to accept.
    /// - Returns: All bytes that were still to come.
    /// - Throws: ``HTTPFailure/Reason/tooLarge`` beyond the limit, else as the sequence does.
    nonisolated(nonsending) package func collect(limit: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        var parts = makeAsyncIterator()
        while let part = try await parts.next() {
            guard part.count <= limit - whole.count else { throw tooLarge(limit: limit) }
            if whole.isEmpty { whole = part } else { whole += part }
        }
        return whole
    }

    private func tooLarge(limit: Int) -> HTTPFailure {
        let detail = "the answer has more than \(limit) bytes, which is the limit"
        guard case .transfer(let owner) = source else {
            return HTTPFailure(.tooLarge, method: "read", url: "", detail: detail, mayHaveReachedServer: true)
        }
        return HTTPFailure(.tooLarge, owner.exchange.request, detail, mayHaveReachedServer: true)
    }

    /// Reads a body; letting it go closes the transfer.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private let nextPart: @Sendable () async throws -> [UInt8]?

        fileprivate init(next: @escaping @Sendable () async throws -> [UInt8]?) { nextPart = next }

        /// The next part, never empty; nil after a clean end.
        nonisolated(nonsending) package mutating func next() async throws -> [UInt8]? { try await nextPart() }

        /// The next part, never empty; nil after a clean end.
        package mutating func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
            try await nextPart()
        }
    }
}
