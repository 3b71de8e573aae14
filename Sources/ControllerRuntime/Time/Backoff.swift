/// A delay that grows with each failure, with a random part so that many waiters do not come back together.
package struct Backoff: Sendable, Hashable {
    /// The delay after the first failure.
    package var first: Duration
    /// By how much the delay grows with each further failure; at least 1.
    package var factor: Double
    /// What the delay never exceeds.
    package var limit: Duration
    /// The share of the delay that is random, 0...1: delays lie between `(1 - jitter)` and 1 times the full one.
    package var jitter: Double

    package init(first: Duration, factor: Double = 2, limit: Duration, jitter: Double = 0.5) {
        self.first = first
        self.factor = max(1, factor)
        self.limit = limit
        self.jitter = min(max(jitter, 0), 1)
    }

    /// The delay after a number of failures in a row.
    ///
    /// - Parameters:
    ///   - failures: At least 1; less counts as 1.
    ///   - chance: A random number in `0..<1`.
    package func delay(afterFailures failures: Int, chance: Double) -> Duration {
        var full = first
        var rest = failures - 1
        // Reaches the limit after a few rounds, however many failures there were.
        while rest > 0, factor > 1, full > .zero, (full < limit) {
            full = full * factor
            rest -= 1
        }
        return min(full, limit) * (1 - jitter * chance)
    }
}

/// A budget of so many per second that may be saved up to a burst.
package struct TokenBucket: Sendable {
    /// How many become available each second.
    package let rate: Double
    /// How many can be saved up.
    package let burst: Double
    private var level: Double
    private var filledAt: Duration = .zero

    /// - Parameters:
    ///   - rate: Per second; must be above 0.
    ///   - burst: At least 1.
    package init(rate: Double, burst: Int) {
        self.rate = max(rate, 1e-9)
        self.burst = Double(max(1, burst))
        level = self.burst
    }

    /// Takes one if there is one.
    ///
    /// - Returns: Zero when it was taken; otherwise how long until there is one, and nothing was taken.
    package mutating func take(now: Duration) -> Duration {
        fill(now)
        guard level >= 1 else { return .seconds((1 - level) / rate) }
        level -= 1
        return .zero
    }

    /// Takes one that may not be there yet.
    ///
    /// - Returns: How long to wait before using it.
    package mutating func reserve(now: Duration) -> Duration {
        fill(now)
        level -= 1
        return level >= 0 ? .zero : .seconds(-level / rate)
    }

    private mutating func fill(_ now: Duration) {
        guard now > filledAt else { return }
        let passed = (now - filledAt) / .seconds(1)
        level = min(burst, level + passed * rate)
        filledAt = now
    }
}
