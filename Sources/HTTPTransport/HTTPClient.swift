import Synchronization

/// Sends HTTP requests over connections it keeps.
///
/// All network work is done by libcurl on one thread of the client's own, started with the first request; callers are
/// suspended, never blocked. Redirects are not followed, cookies not kept, the environment not asked. Requests are not
/// repeated, with one exception made by libcurl: when a kept connection turns out to be closed before a byte of the
/// answer came, a request other than POST and PATCH is sent again on a new one.
package final class HTTPClient: Sendable {
    private struct State {
        var configuration: HTTPClientConfiguration
        var mailbox: Mailbox?
        /// Loops of earlier TLS configurations which may still have streams.
        var retired: [Mailbox] = []
        var isShutDown = false
    }

    private let state: Mutex<State>
    private let limitBytes: Int

    /// Creates a client; nothing is connected yet.
    ///
    /// - Throws: ``HTTPFailure/Reason/invalidRequest`` when the configuration contradicts itself.
    package init(_ configuration: HTTPClientConfiguration = HTTPClientConfiguration()) throws(HTTPFailure) {
        func refuse(_ detail: String) -> HTTPFailure {
            HTTPFailure(.invalidRequest, method: "configure", url: "HTTP client", detail: detail)
        }
        if let proxy = configuration.proxy {
            let schemes = ["http://", "https://", "socks5://", "socks5h://"]
            guard schemes.contains(where: { proxy.lowercased().hasPrefix($0) }), Self.isPlain(proxy) else {
                let shown = HTTPFailure.withoutSecrets(proxy)
                throw refuse("proxy: \"\(shown)\" is not an address; use http://, https:// or socks5://")
            }
        }
        guard (configuration.tls.clientCertificate == nil) == (configuration.tls.clientKey == nil) else {
            throw refuse("tls: a client certificate and its key come together; give both or neither")
        }
        state = Mutex(State(configuration: configuration))
        limitBytes = configuration.maxResponseBytes
    }

    deinit { shutdown() }

    /// Sends a request and waits for the whole answer.
    ///
    /// - Throws: ``HTTPFailure``, or `CancellationError` when the task is cancelled, which closes the transfer at once.
    nonisolated(nonsending) package func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        try Self.check(request)
        try Task.checkCancellation()
        let exchange = WholeExchange(request, limitBytes: limitBytes)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                submit(exchange, failed: { continuation.resume(throwing: $0) }) { mailbox in
                    exchange.begin(continuation, in: mailbox)
                }
            }
        } onCancel: {
            exchange.cancel()
        }
    }

    /// Sends a request and returns when the head of the answer came; the body is read from the stream.
    ///
    /// The request's time limit covers the body too, so it is usually nil here.
    ///
    /// - Throws: As ``send(_:)``.
    nonisolated(nonsending) package func stream(_ request: HTTPRequest) async throws -> HTTPStream {
        try Self.check(request)
        try Task.checkCancellation()
        let exchange = StreamExchange(request)
        let head = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: StreamExchange.HeadWaiter) in
                submit(exchange, failed: { continuation.resume(throwing: $0) }) { mailbox in
                    exchange.begin(continuation, in: mailbox)
                }
            }
        } onCancel: {
            exchange.cancel()
        }
        return HTTPStream(status: head.status, headers: head.headers, body: HTTPBody(exchange, client: self))
    }

    /// Uses other certificates from now on.
    ///
    /// Later requests open connections of their own. What is in flight ends in peace on the old ones, which close with
    /// the last of it; with nothing in flight they close at once. Without a change nothing happens.
    package func update(tls: TLSConfiguration) {
        let old = state.withLock { state -> Mailbox? in
            guard state.configuration.tls != tls else { return nil }
            state.configuration.tls = tls
            guard let old = state.mailbox else { return nil }
            state.mailbox = nil
            state.retired.removeAll { $0.isClosed }
            state.retired.append(old)
            return old
        }
        old?.advance(to: .retired)
    }

    /// Fails what is in flight with ``HTTPFailure/Reason/cancelledByShutdown``, closes all connections and ends the
    /// thread, without waiting for it.
    ///
    /// Later requests fail alike. May be called again.
    package func shutdown() {
        let mailboxes = state.withLock { state -> [Mailbox] in
            state.isShutDown = true
            defer {
                state.mailbox = nil
                state.retired = []
            }
            return state.retired + (state.mailbox.map { [$0] } ?? [])
        }
        for mailbox in mailboxes { mailbox.advance(to: .stopped) }
    }

    /// Hands an exchange to the loop, which from then on resumes its waiter.
    private func submit(
        _ exchange: some Exchange,
        failed: (HTTPFailure) -> Void,
        begin: (Mailbox) -> Bool
    ) {
        var hasBegun = false
        while true {
            let mailbox: Mailbox
            do {
                mailbox = try currentMailbox(for: exchange.request)
            } catch {
                if hasBegun { exchange.end(error) } else { failed(error) }
                return
            }
            guard begin(mailbox) else { return }
            hasBegun = true
            // Between finding the loop and posting to it, it may have been replaced or ended: look again.
            if mailbox.post(.start(exchange)) == .running { return }
        }
    }

    private func currentMailbox(for request: HTTPRequest) throws(HTTPFailure) -> Mailbox {
        let found = state.withLock { state -> Result<Mailbox, HTTPFailure> in
            if let mailbox = state.mailbox { return .success(mailbox) }
            if state.isShutDown {
                return .failure(HTTPFailure(.cancelledByShutdown, request, "the client was shut down"))
            }
            return Result { () throws(HTTPFailure) in
                let mailbox = try Loop.start(state.configuration)
                state.mailbox = mailbox
                return mailbox
            }
        }
        do {
            return try found.get()
        } catch {
            throw HTTPFailure(error.reason, request, error.detail)
        }
    }

    private static func check(_ request: HTTPRequest) throws(HTTPFailure) {
        guard HTTPHeaders.isToken(request.method) else {
            throw HTTPFailure(
                .invalidRequest,
                method: "send",
                url: request.url,
                detail: "the method is not an HTTP token"
            )
        }
        guard request.headers.isWellFormed else {
            throw HTTPFailure(.invalidRequest, request, "the name of a header field is not an HTTP token")
        }
        let start = request.url.prefix(8).lowercased()
        guard start.hasPrefix("http://") || start == "https://" else {
            throw HTTPFailure(.invalidURL, request, "the address must begin with http:// or https://")
        }
        guard isPlain(request.url) else {
            throw HTTPFailure(
                .invalidURL,
                request,
                "the address has a character that must be percent-encoded"
            )
        }
    }

    private static func isPlain(_ url: String) -> Bool { url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } }
}
