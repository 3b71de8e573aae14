import Glibc

extension RateComparison {
    /// Requests one planned window is expected to bring.
    package struct PlannedWindow: Sendable, Equatable {
        /// Requests the canary will answer; 0 or more.
        package var canary: Int
        /// Requests the stable will answer; 0 or more.
        package var stable: Int

        /// Makes a planned window.
        package init(canary: Int, stable: Int) {
            self.canary = canary
            self.stable = stable
        }
    }

    /// Further requests the canary must answer before it is expected to be non-inferior, if it is healthy.
    ///
    /// Healthy means: it fails as often as the stable. The evidence is followed along the expected counts, which is
    /// close to the median of what happens. Works before the first window too: then it says whether a rollout can
    /// reach its goal at all.
    ///
    /// - Parameters:
    ///   - rate: Failure rate of both tracks, 0...1; nil for the ``pooledRate`` seen so far.
    ///   - share: The canary's share of the requests from now on, above 0 and up to 1.
    /// - Returns: 0 when it is non-inferior now; nil when a parameter is out of range, no rate is known, or 10¹² requests
    ///   would not be enough.
    package func canaryRequestsToNonInferior(rate: Double? = nil, share: Double) -> Int? {
        guard let rate = rate ?? pooledRate, rate >= 0, rate <= 1, share > 0, share <= 1 else { return nil }
        func reached(_ requests: Double) -> Bool {
            var plan = Plan(self)
            plan.add(canary: requests, stable: requests * (1 - share) / share, rate: rate)
            return plan.isNonInferior
        }
        if reached(0) { return 0 }
        var enough = 1.0
        while !reached(enough) {
            enough *= 2
            if enough > 1e12 { return nil }
        }
        var short = enough == 1 ? 0 : enough / 2
        while enough - short > 1 {
            let middle = ((short + enough) / 2).rounded(.down)
            if reached(middle) { enough = middle } else { short = middle }
        }
        return Int(enough)
    }

    /// Number of planned windows after which a healthy canary is expected to be non-inferior.
    ///
    /// - Parameters:
    ///   - windows: The windows to come, in order: a schedule of steps spelled out.
    ///   - rate: Failure rate of both tracks, 0...1; nil for the ``pooledRate`` seen so far.
    /// - Returns: 0 when it is non-inferior now, 1 for after the first window; nil when the whole plan is not enough, or
    ///   no rate is known.
    package func windowsToNonInferior(plan windows: [PlannedWindow], rate: Double? = nil) -> Int? {
        guard let rate = rate ?? pooledRate, rate >= 0, rate <= 1 else { return nil }
        var plan = Plan(self)
        if plan.isNonInferior { return 0 }
        for (index, window) in windows.enumerated() {
            plan.add(canary: Double(max(window.canary, 0)), stable: Double(max(window.stable, 0)), rate: rate)
            if plan.isNonInferior { return index + 1 }
        }
        return nil
    }

    /// The comparison carried on along expected counts.
    private struct Plan {
        let comparison: RateComparison
        var likelihood: RatioLikelihood
        var canary: Double
        var failed: Double

        init(_ comparison: RateComparison) {
            self.comparison = comparison
            likelihood = comparison.likelihood
            canary = Double(comparison.canary.total)
            failed = Double(comparison.canary.failed)
        }

        mutating func add(canary requests: Double, stable: Double, rate: Double) {
            let window = Window(
                canary: requests,
                canaryFailed: requests * rate,
                stable: stable,
                stableFailed: stable * rate
            )
            if let share = window.share {
                likelihood.add(canaryFailures: window.canaryFailed, failures: window.failures, share: share)
            }
            canary += requests
            failed += window.canaryFailed
        }

        var isNonInferior: Bool {
            canary >= Double(comparison.configuration.minSamples)
                && RateComparison.logENonInferior(likelihood, canary: canary, failed: failed, of: comparison)
                    >= -log(comparison.configuration.alphaPromote)
        }
    }
}
