package import HTTPTransport

/// When the client itself sends a request again.
package struct RetryPolicy: Sendable, Equatable {
    /// How often a request is sent at most when no answer comes, or 502, 503 or 504 without `Retry-After`.
    package var attempts: Int
    /// How often a request is sent at most when the server asks for patience (429, or `Retry-After`).
    package var throttledAttempts: Int
    /// The wait before the second attempt; it doubles with each further one.
    package var firstDelay: Duration
    /// The longest wait between attempts when the server names none.
    package var longestDelay: Duration
    /// The longest `Retry-After` that is waited for here; a longer one is the caller's to handle.
    package var longestRetryAfter: Duration

    package init(
        attempts: Int = 4,
        throttledAttempts: Int = 10,
        firstDelay: Duration = .milliseconds(100),
        longestDelay: Duration = .seconds(5),
        longestRetryAfter: Duration = .seconds(60)
    ) {
        self.attempts = attempts
        self.throttledAttempts = throttledAttempts
        self.firstDelay = firstDelay
        self.longestDelay = longestDelay
        self.longestRetryAfter = longestRetryAfter
    }

    /// Every request is sent once; the caller has a back-off of its own.
    package static let none = RetryPolicy(attempts: 1, throttledAttempts: 1)
}

/// Counts the attempts of one request and decides whether there is a next one.
struct Retries {
    private let policy: RetryPolicy
    /// Whether doing the request twice does no more than doing it once.
    private let isRepeatable: Bool
    private var sent = 0
    private var throttled = 0
    /// Whether the server may have carried out an attempt that brought no answer.
    private(set) var mayHaveHappened = false

    init(_ policy: RetryPolicy, isRepeatable: Bool) {
        self.policy = policy
        self.isRepeatable = isRepeatable
    }

    /// How long to wait before the next attempt after one without an answer; nil to give up.
    mutating func failed(_ failure: HTTPFailure, chance: Double) -> Duration? {
        sent += 1
        if failure.mayHaveReachedServer { mayHaveHappened = true }
        guard failure.isRetryable, sent < policy.attempts, isRepeatable || !failure.mayHaveReachedServer else {
            return nil
        }
        return delay(sent, chance)
    }

    /// How long to wait before the next attempt after this answer; nil to take the answer.
    mutating func answered(status: Int, retryAfter: Duration?, chance: Double) -> Duration? {
        switch (status, retryAfter) {
        // The server says that it did not carry the request out, so any request may be sent again.
        case (429, _), (500..., .some):
            throttled += 1
            let wait = retryAfter ?? max(.seconds(1), delay(throttled, chance))
            guard throttled < policy.throttledAttempts, wait <= policy.longestRetryAfter else { return nil }
            return wait
        case (502...504, nil):
            sent += 1
            mayHaveHappened = true
            guard isRepeatable, sent < policy.attempts else { return nil }
            return delay(sent, chance)
        default: return nil
        }
    }

    /// Doubling, with "equal jitter": between half of the nominal delay and all of it.
    private func delay(_ attempt: Int, _ chance: Double) -> Duration {
        let nominal = min(policy.firstDelay * (1 << min(attempt - 1, 16)), policy.longestDelay)
        return nominal * (0.5 + chance / 2)
    }
}

extension HTTPHeaders {
    /// The `Retry-After` field in its form of whole seconds; the form of a date is not used by API servers.
    package var retryAfter: Duration? {
        self["Retry-After"].flatMap { Int($0) }.flatMap { $0 >= 0 ? .seconds($0) : nil }
    }
}
