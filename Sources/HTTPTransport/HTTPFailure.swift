/// Why an exchange brought no answer.
///
/// A status such as 500 is an answer and no failure.
package struct HTTPFailure: Error, CustomStringConvertible {
    /// What happened, in a word fit for a metric label.
    package enum Reason: String, Sendable, CaseIterable {
        /// No connection: refused, unreachable, or the proxy would not.
        case connect
        /// The name of the host or the proxy is unknown.
        case resolve
        /// The TLS handshake failed, or a certificate was not accepted, on either side.
        case tls
        /// A time limit passed; the detail says which.
        case timeout
        /// The connection or the HTTP/2 stream ended before the answer was complete.
        case closed
        /// The answer is larger than allowed.
        case tooLarge
        /// The address cannot be used.
        case invalidURL
        /// The method, a field name or the configuration cannot be used.
        case invalidRequest
        /// The client was shut down.
        case cancelledByShutdown
        /// What came is not HTTP, or not what was asked for.
        case protocolError
        /// The system or libcurl lacks something: memory, a thread, a file descriptor.
        case unavailable
    }

    /// What happened.
    package var reason: Reason

    /// The method of the request.
    package var method: String

    /// The address, without user information and with the values of query items that look like secrets left out.
    package var url: String

    /// The facts, with the text of libcurl or OpenSSL in quotes.
    package var detail: String

    /// False when the server cannot have seen the request, so that repeating it repeats no effect.
    package var mayHaveReachedServer: Bool

    /// Creates a failure; the address is cleaned of secrets.
    package init(
        _ reason: Reason,
        method: String,
        url: String,
        detail: String,
        mayHaveReachedServer: Bool = false
    ) {
        self.reason = reason
        self.method = method
        self.url = Self.withoutSecrets(url)
        self.detail = detail
        self.mayHaveReachedServer = mayHaveReachedServer
    }

    init(_ reason: Reason, _ request: HTTPRequest, _ detail: String, mayHaveReachedServer: Bool = false) {
        self.init(
            reason,
            method: request.method,
            url: request.url,
            detail: detail,
            mayHaveReachedServer: mayHaveReachedServer
        )
    }

    /// Whether the same request may succeed later.
    ///
    /// Says nothing about doing it twice: see ``mayHaveReachedServer``.
    package var isRetryable: Bool {
        switch reason {
        case .connect, .resolve, .timeout, .closed, .unavailable: true
        case .tls, .tooLarge, .invalidURL, .invalidRequest, .cancelledByShutdown, .protocolError: false
        }
    }

    /// `cannot <method> "<address>": <detail>`.
    package var description: String { "cannot \(method) \"\(url)\": \(detail)" }

    private static let secretWords = [
        "token", "secret", "passw", "signature", "credential", "key", "auth", "sig", "session", "code",
    ]

    /// The address with its user information removed and the values of secret-looking query items replaced.
    static func withoutSecrets(_ url: String) -> String {
        var rest = Substring(url)
        var result = ""
        if let scheme = rest.firstRange(ofASCII: "://") {
            result += rest[..<scheme.upperBound]
            rest = rest[scheme.upperBound...]
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        result += authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        rest = rest[authority.endIndex...]
        rest = rest.prefix { $0 != "#" }
        let path = rest.prefix { $0 != "?" }
        result += path
        guard path.endIndex < rest.endIndex else { return result }
        let query = rest[rest.index(after: path.endIndex)...]
        let items = query.split(separator: "&", omittingEmptySubsequences: false)
            .map { item in
                let name = item.prefix { $0 != "=" }
                let lowered = name.lowercased()
                let isSecret = secretWords.contains { Substring(lowered).firstRange(ofASCII: $0) != nil }
                return isSecret && name.endIndex < item.endIndex ? "\(name)=redacted" : String(item)
            }
        return result + "?" + items.joined(separator: "&")
    }
}

extension Substring {
    func firstRange(ofASCII text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            formIndex(after: &start)
        }
        return nil
    }
}
