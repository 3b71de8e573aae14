import Glibc

extension RateComparison {
    /// Natural logarithm of the e-value against "the canary fails at most as often as the stable".
    package var logEWorse: Double { RatioPrior.worse.logMixture(likelihood) }

    /// Natural logarithm of the e-value against "the canary is inferior": ratio at or above the margin *and* rate at
    /// or above the tolerance.
    ///
    /// The mean of two e-values, one against each half of that hypothesis; an inferior canary satisfies both halves,
    /// so both are e-values for it and so is their mean. Without a tolerance it is the first alone.
    package var logENonInferior: Double {
        Self.logENonInferior(likelihood, canary: Double(canary.total), failed: Double(canary.failed), of: self)
    }

    /// Estimated ratio of the canary's failure rate to the stable's; nil while it has no finite value.
    ///
    /// The Mantel-Haenszel rate ratio, in which each window is compared with itself, held within ``interval(level:)``
    /// at 95 %. It is nil before the first failure in a window that both tracks served, and while the stable has none.
    /// - SeeAlso: Greenland and Robins, "Estimation of a common effect parameter from sparse follow-up data",
    ///   Biometrics 41, 1985.
    package var ratio: Double? {
        guard weightedStable > 0 else { return nil }
        let interval = interval()
        return min(max(weightedCanary / weightedStable, interval.lower), interval.upper ?? .infinity)
    }

    /// An interval for the ratio of failure rates that holds at every look at once.
    package struct Interval: Sendable, Equatable {
        /// Smallest ratio not excluded; 0 when the evidence does not bound it within the grid (ratios below 1/8).
        package var lower: Double
        /// Largest ratio not excluded; nil when the evidence does not bound it within the grid (ratios above 8).
        package var upper: Double?

        /// Makes an interval; nil is no upper bound.
        package init(lower: Double, upper: Double?) {
            self.lower = lower
            self.upper = upper
        }
    }

    /// The anytime-valid confidence interval of the ratio.
    ///
    /// All ratios `r` that the mixture does not beat by `1/alpha`: `ln Σ wᵢ L(rᵢ) − ln L(r) < ln(1/alpha)`. If the
    /// ratio is constant, the probability that it is outside the interval after *any* window is at most `1 − level`.
    /// Ends between grid points are rounded outwards.
    ///
    /// - Parameter level: Coverage, strictly between 0 and 1; anything else gives the unbounded interval.
    /// - Returns: The interval, which always holds the ratio the evidence favours most.
    /// - SeeAlso: Robbins, "Statistical methods related to the law of the iterated logarithm", 1970.
    package func interval(level: Double = 0.95) -> Interval {
        guard level > 0, level < 1 else { return Interval(lower: 0, upper: nil) }
        let least = RatioPrior.anyRatio.logMixture(likelihood) + log(1 - level)
        let values = likelihood.values
        // The likelihood is log-concave in the log-ratio, so what is not excluded is one stretch. It is not empty: the
        // mixture cannot exceed the likelihood's maximum over the grid.
        guard let first = values.firstIndex(where: { $0 > least }), let last = values.lastIndex(where: { $0 > least })
        else { return Interval(lower: 0, upper: nil) }
        var interval = Interval(lower: 0, upper: nil)
        if first > 0 { interval.lower = exp(end(inside: first, step: -1, within: first...last, least: least)) }
        if last + 1 < values.count {
            interval.upper = exp(end(inside: last, step: 1, within: first...last, least: least))
        }
        return interval
    }

    /// The log-ratio beyond grid position `inside`, in the direction of `step`, at which the likelihood is surely below
    /// `least`.
    private func end(inside: Int, step: Int, within stretch: ClosedRange<Int>, least: Double) -> Double {
        let grid = RatioLikelihood.logRatios
        let values = likelihood.values
        let outside = grid[inside + step]
        guard stretch.contains(inside - step) else { return outside }
        // A concave curve lies below the line through two of its points, prolonged: where the line is below, it is too.
        let fall = values[inside - step] - values[inside]
        guard fall > 0 else { return outside }
        let cells = (values[inside] - least) / fall
        return cells >= 1 ? outside : grid[inside] + (outside - grid[inside]) * cells
    }

    /// The canary's failure rate so far; nil without requests.
    package var canaryRate: Double? { canary.total > 0 ? Double(canary.failed) / Double(canary.total) : nil }

    /// The stable's failure rate so far; nil without requests.
    package var stableRate: Double? { stable.total > 0 ? Double(stable.failed) / Double(stable.total) : nil }

    /// Failures per request of both tracks together; nil without requests.
    package var pooledRate: Double? {
        let total = Double(canary.total) + Double(stable.total)
        return total > 0 ? (Double(canary.failed) + Double(stable.failed)) / total : nil
    }

    /// Whether the latest windows show the difference to be one that does not matter, which withholds `worse`.
    package var isHarmlessLately: Bool {
        max(harmlessness.ratio, harmlessness.rate) >= Harmlessness.threshold(configuration)
    }

    static func logENonInferior(
        _ likelihood: RatioLikelihood,
        canary: Double,
        failed: Double,
        of comparison: RateComparison
    ) -> Double {
        let byRatio = comparison.belowMargin.logMixture(likelihood) - likelihood.atMargin
        guard let belowTolerance = comparison.belowTolerance else { return byRatio }
        return LogSpace.mean(byRatio, belowTolerance.logE(total: canary, failed: failed))
    }
}
