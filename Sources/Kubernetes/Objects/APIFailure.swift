package import JSON

/// A request to the API server that did not succeed, with what the server said about it.
package struct APIFailure: Error, Sendable, CustomStringConvertible {
    /// A closed set of causes, fit for a metric label.
    package enum Reason: String, Sendable, CaseIterable {
        case notFound, alreadyExists, conflict, invalid, badRequest, unauthorized, forbidden, gone, expired, throttled
        case unavailable, timeout, tooLarge, methodNotAllowed, notAcceptable, internalError
        /// No answer came: the connection could not be made or broke.
        case transport
        /// An answer came that the API server does not send.
        case malformedAnswer
        case other
    }

    /// One thing that is wrong with the object that was sent.
    package struct Cause: Sendable, Hashable {
        /// As `FieldValueInvalid`.
        package var reason: String
        package var message: String
        /// The path of the field, as `spec.replicas`.
        package var field: String

        package init(reason: String = "", message: String = "", field: String = "") {
            self.reason = reason
            self.message = message
            self.field = field
        }
    }

    package var reason: Reason
    /// What was attempted, as `get`, `list`, `watch`, `create`, `patch`, `apply` or `delete`.
    package var verb: String
    /// On what, as `deployments.apps "shop/churn"`.
    package var target: String
    /// The HTTP status code; 0 when no answer came.
    package var code: Int
    /// The server's message, or what happened.
    package var detail: String
    package var causes: [Cause]
    /// How long the server asked to wait.
    package var retryAfter: Duration?
    package var underlying: (any Error)?
    /// Whether the server may have carried out an attempt whose answer was lost.
    package var mayHaveHappened = false

    package init(
        _ reason: Reason,
        verb: String,
        target: String,
        code: Int = 0,
        detail: String,
        causes: [Cause] = [],
        retryAfter: Duration? = nil,
        underlying: (any Error)? = nil
    ) {
        self.reason = reason
        self.verb = verb
        self.target = target
        self.code = code
        self.detail = detail
        self.causes = causes
        self.retryAfter = retryAfter
        self.underlying = underlying
    }

    /// Whether the same request may succeed later.
    package var isRetryable: Bool {
        switch reason {
        case .conflict, .throttled, .unavailable, .timeout, .transport, .internalError, .malformedAnswer: true
        default: retryAfter != nil
        }
    }

    /// Whether the version or token the request started from is too old: list again.
    package var isExpired: Bool { reason == .gone || reason == .expired }

    package var description: String {
        "cannot \(verb) \(target): \(detail)" + (underlying is JSONError ? underlying.map { ": \($0)" } ?? "" : "")
    }
}

extension APIFailure {
    /// What a `Status` object says, or the bare code when the body is not one.
    ///
    /// - Parameters:
    ///   - code: The HTTP status code, or the `code` of a Status inside a watch.
    ///   - status: The Status object, if the body was one.
    package init(code: Int, status: JSONValue?, verb: String, target: String, retryAfter: Duration? = nil) {
        let details = status?["details"]
        let seconds = details?["retryAfterSeconds"]?.integer
        self.init(
            Self.reason(code: code, name: status?["reason"]?.string ?? ""),
            verb: verb,
            target: target,
            code: code,
            detail: status?["message"]?.string ?? "the server answered with status \(code)",
            causes: (details?["causes"]?.array ?? []).map {
                Cause(
                    reason: $0["reason"]?.string ?? "",
                    message: $0["message"]?.string ?? "",
                    field: $0["field"]?.string ?? ""
                )
            },
            retryAfter: retryAfter ?? seconds.flatMap { $0 > 0 ? .seconds($0) : nil }
        )
    }

    private static func reason(code: Int, name: String) -> Reason {
        switch (name, code) {
        case ("NotFound", _): .notFound
        case ("AlreadyExists", _): .alreadyExists
        case ("Conflict", _): .conflict
        case ("Invalid", _): .invalid
        case ("Expired", _): .expired
        case ("Gone", _): .gone
        case ("Timeout", _), ("ServerTimeout", _): .timeout
        case ("TooManyRequests", _): .throttled
        case (_, 400): .badRequest
        case (_, 401): .unauthorized
        case (_, 403): .forbidden
        case (_, 404): .notFound
        case (_, 405): .methodNotAllowed
        case (_, 406), (_, 415): .notAcceptable
        case (_, 408), (_, 504): .timeout
        case (_, 409): .conflict
        case (_, 410): .gone
        case (_, 413): .tooLarge
        case (_, 422): .invalid
        case (_, 429): .throttled
        case (_, 502), (_, 503): .unavailable
        case (_, 500...): .internalError
        default: .other
        }
    }
}
