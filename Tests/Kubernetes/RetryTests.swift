import HTTPTransport
import Testing

@testable import Kubernetes

@Suite("Retries and limits") struct RetryTests {
    private func failure(_ reason: HTTPFailure.Reason, reached: Bool) -> HTTPFailure {
        HTTPFailure(reason, method: "GET", url: "http://x", detail: "", mayHaveReachedServer: reached)
    }

    @Test("a repeatable request is sent again with doubling waits, until the attempts are used up") func backoff() {
        var retries = Retries(RetryPolicy(attempts: 4), isRepeatable: true)
        let closed = failure(.closed, reached: true)
        #expect(retries.failed(closed, chance: 1) == .milliseconds(100))
        #expect(retries.failed(closed, chance: 1) == .milliseconds(200))
        #expect(retries.failed(closed, chance: 0) == .milliseconds(200))
        #expect(retries.failed(closed, chance: 1) == nil)
        #expect(retries.mayHaveHappened)
    }

    @Test("what must not be done twice is sent again only when it cannot have reached the server") func once() {
        var retries = Retries(RetryPolicy(), isRepeatable: false)
        #expect(retries.failed(failure(.connect, reached: false), chance: 0) != nil)
        #expect(!retries.mayHaveHappened)
        #expect(retries.failed(failure(.closed, reached: true), chance: 0) == nil)
        #expect(retries.mayHaveHappened)
    }

    @Test("failures that will not pass are not repeated") func permanent() {
        var retries = Retries(RetryPolicy(), isRepeatable: true)
        #expect(retries.failed(failure(.tls, reached: false), chance: 0) == nil)
    }

    @Test("the server's Retry-After is honoured exactly, for all verbs") func retryAfter() {
        for isRepeatable in [true, false] {
            var retries = Retries(RetryPolicy(), isRepeatable: isRepeatable)
            #expect(retries.answered(status: 429, retryAfter: .seconds(3), chance: 0.5) == .seconds(3))
            #expect(retries.answered(status: 503, retryAfter: .seconds(1), chance: 0.5) == .seconds(1))
            #expect(retries.answered(status: 429, retryAfter: .seconds(3600), chance: 0.5) == nil)
            #expect(!retries.mayHaveHappened)
        }
    }

    @Test("an overloaded server without Retry-After is given a second, and is not asked for ever") func throttled() {
        var retries = Retries(RetryPolicy(throttledAttempts: 3), isRepeatable: false)
        #expect(retries.answered(status: 429, retryAfter: nil, chance: 0) == .seconds(1))
        #expect(retries.answered(status: 429, retryAfter: nil, chance: 0) == .seconds(1))
        #expect(retries.answered(status: 429, retryAfter: nil, chance: 0) == nil)
    }

    @Test("a gateway's error repeats only what is repeatable; other answers are answers") func gateway() {
        var repeatable = Retries(RetryPolicy(), isRepeatable: true)
        #expect(repeatable.answered(status: 503, retryAfter: nil, chance: 1) == .milliseconds(100))
        var once = Retries(RetryPolicy(), isRepeatable: false)
        #expect(once.answered(status: 504, retryAfter: nil, chance: 1) == nil && once.mayHaveHappened)
        for status in [200, 201, 400, 401, 404, 409, 410, 422, 500] {
            #expect(repeatable.answered(status: status, retryAfter: nil, chance: 1) == nil)
        }
    }

    @Test("the token bucket lets a burst through and then spaces requests") func bucket() {
        var bucket = TokenBucket(perSecond: 10, burst: 3)
        #expect((0..<3).allSatisfy { _ in bucket.take(now: .zero) == .zero })
        #expect(bucket.take(now: .zero) == .milliseconds(100))
        #expect(bucket.take(now: .zero) == .milliseconds(200))
        #expect(bucket.take(now: .milliseconds(300)) == .zero)
        #expect(bucket.take(now: .seconds(100)) == .zero)
        #expect((0..<2).allSatisfy { _ in bucket.take(now: .seconds(100)) == .zero })
        #expect(bucket.take(now: .seconds(100)) > .zero)
    }

    @Test("the flight limit admits so many, in order, and forgets who gave up", .timeLimit(.minutes(1)))
    func flight() async throws {
        let limit = FlightLimit(1)
        try await limit.enter()
        let cancelled = Task { try await limit.enter() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let second = Task {
            try await limit.enter()
            return true
        }
        limit.leave()
        #expect(try await second.value)
        limit.leave()
        try await limit.enter()
    }
}
