import Telemetry

/// Spaces requests so that they stay below a rate on average, with room for bursts.
package struct TokenBucket: Sendable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var last: Duration = .zero

    /// - Parameters:
    ///   - perSecond: Requests a second, above 0.
    ///   - burst: Requests that may be sent at once after a pause, at least 1.
    package init(perSecond: Double, burst: Int) {
        self.perSecond = perSecond
        self.burst = Double(max(1, burst))
        tokens = self.burst
    }

    /// Takes a token and says how long to wait until it is good.
    ///
    /// - Parameter now: Time on a monotonic clock, never before that of an earlier call.
    package mutating func take(now: Duration) -> Duration {
        tokens = min(burst, tokens + (now - last).inSeconds * perSecond)
        last = now
        tokens -= 1
        return tokens >= 0 ? .zero : .seconds(-tokens / perSecond)
    }
}
