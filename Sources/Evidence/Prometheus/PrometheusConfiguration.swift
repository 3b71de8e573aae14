package import JSON

/// How to reach a Prometheus.
package struct PrometheusConfiguration: Sendable {
    /// Who asks.
    package enum Authorization: Sendable, Equatable {
        /// Nobody in particular.
        case none
        /// The bearer of a token.
        case bearer(token: String)
        /// A user with a password.
        case basic(user: String, password: String)
    }

    /// The address without a slash at its end, as `http://prometheus:9090/prefix`.
    package let address: String
    /// Gives the credentials, for every try anew, so that a Secret made or changed later is used.
    package var authorization: @Sendable () async throws -> Authorization
    /// How long one query may take, with all tries.
    package var timeLimit: Duration
    /// The mean wait before the second try; doubled for each further one.
    package var firstBackoff: Duration
    /// The longest mean wait before a further try.
    package var longestBackoff: Duration
    /// How many tries one query has at most.
    package var tryLimit: Int

    /// Checks and keeps the settings.
    ///
    /// - Parameters:
    ///   - address: `http://…` or `https://…`, with the path that Prometheus is served under, if any.
    ///   - field: Where the address was read, for the error.
    ///   - authorization: The credentials; an error thrown is reported as an outage for want of credentials.
    ///   - timeLimit: How long one query may take, with all tries.
    ///   - firstBackoff: The mean wait before the second try.
    ///   - longestBackoff: The longest mean wait.
    ///   - tryLimit: How many tries a query has at most, 1 or more.
    /// - Throws: ``FieldError`` for an address that is not one.
    package init(
        address: String,
        field: String = "spec.analysis.prometheus.address",
        authorization: @escaping @Sendable () async throws -> Authorization = { .none },
        timeLimit: Duration = .seconds(10),
        firstBackoff: Duration = .milliseconds(200),
        longestBackoff: Duration = .seconds(5),
        tryLimit: Int = 4
    ) throws(FieldError) {
        var trimmed = address[...]
        while trimmed.last == "/" { trimmed.removeLast() }
        let scheme = ["http://", "https://"].first { trimmed.lowercased().hasPrefix($0) }
        guard let scheme, trimmed.utf8.count > scheme.utf8.count,
            trimmed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        else {
            throw FieldError(
                path: field,
                problem: "\"\(address)\" is not the address of a Prometheus",
                remedy: "use http://host:port or https://host:port, with a path if need be"
            )
        }
        guard !trimmed.utf8.contains(UInt8(ascii: "@")) else {
            throw FieldError(
                path: field,
                problem: "\"\(scheme)…\" holds credentials",
                remedy: "keep them in a Secret"
            )
        }
        self.address = String(trimmed)
        self.authorization = authorization
        self.timeLimit = timeLimit
        self.firstBackoff = firstBackoff
        self.longestBackoff = longestBackoff
        self.tryLimit = max(1, tryLimit)
    }
}
