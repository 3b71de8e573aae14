import Glibc

/// Judges, window by window, whether a canary fails more often than the stable track.
///
/// It may be asked after every window, and stopped at any time: the probability that a canary which is not worse is
/// *ever* called `worse` is at most `alphaRollback`, and that an inferior one is ever called `nonInferior` at most
/// `alphaPromote`. Traffic, the canary's share and the common failure rate may change from window to window.
/// `docs/statistics.md` has the formulas, the proofs, the measured power and the limits.
///
/// It is a value: feed windows to ``add(canary:stable:)``, read ``verdict``, keep ``encoded`` across restarts.
package struct RateComparison: Sendable, Equatable {
    /// What the evidence allows to be said.
    package enum Verdict: String, Sendable, Equatable, CaseIterable {
        /// The canary fails more often than the stable track, by more than could be shrugged off: roll back.
        case worse
        /// The canary is within the margin or below the tolerance: it may go on.
        case nonInferior
        /// There is not enough evidence for either.
        case collecting
    }

    /// Margins and error probabilities of this comparison.
    package let configuration: Configuration
    /// The canary's counts over all windows.
    package internal(set) var canary = TrackCounts(total: 0, failed: 0)
    /// The stable track's counts over all windows.
    package internal(set) var stable = TrackCounts(total: 0, failed: 0)
    /// Windows added so far.
    package internal(set) var windows = 0
    /// Windows in which a track had more failures than requests, which were cut to its requests.
    ///
    /// One now and then comes from two counters read a moment apart; many mean that the two queries do not match.
    package internal(set) var clampedWindows = 0

    var likelihood: RatioLikelihood
    /// Mantel-Haenszel sums `Σ Xc·Ns/N` and `Σ Xs·Nc/N`, whose quotient estimates the ratio across windows of any share.
    var weightedCanary = 0.0
    var weightedStable = 0.0
    var harmlessness = Harmlessness()

    let belowMargin: RatioPrior
    let belowTolerance: RateBelowTolerance?

    /// Starts a comparison without evidence.
    ///
    /// - Throws: ``RateComparisonError`` with `invalidConfiguration`, naming the field.
    package init(_ configuration: Configuration = Configuration()) throws(RateComparisonError) {
        try configuration.validate()
        self.configuration = configuration
        likelihood = RatioLikelihood(margin: configuration.margin)
        belowMargin = .below(margin: configuration.margin)
        belowTolerance = configuration.tolerance.map(RateBelowTolerance.init(tolerance:))
    }

    /// Adds the counts of one window, in which the share of traffic was decided beforehand.
    ///
    /// A window without requests on one of the tracks says nothing about the ratio; what it says about the canary's
    /// own rate is kept. More failures than requests are cut to the requests and counted in ``clampedWindows``.
    ///
    /// - Throws: ``RateComparisonError`` with `invalidCounts` when a count is negative or a sum would overflow; nothing
    ///   has been added then.
    package mutating func add(canary: TrackCounts, stable: TrackCounts) throws(RateComparisonError) {
        for (track, counts) in [("canary", canary), ("stable", stable)] where counts.total < 0 || counts.failed < 0 {
            throw RateComparisonError(
                reason: .invalidCounts,
                detail: "\(track) has \(counts.failed) failed of \(counts.total)"
            )
        }
        let canaryFailed = min(canary.failed, canary.total)
        let stableFailed = min(stable.failed, stable.total)
        let (canaryTotal, canaryOverflow) = self.canary.total.addingReportingOverflow(canary.total)
        let (stableTotal, stableOverflow) = self.stable.total.addingReportingOverflow(stable.total)
        guard !canaryOverflow, !stableOverflow else {
            throw RateComparisonError(reason: .invalidCounts, detail: "the sum of requests is too large")
        }
        self.canary = TrackCounts(total: canaryTotal, failed: self.canary.failed + canaryFailed)
        self.stable = TrackCounts(total: stableTotal, failed: self.stable.failed + stableFailed)
        windows += 1
        if canaryFailed < canary.failed || stableFailed < stable.failed { clampedWindows += 1 }

        learn(
            Window(
                canary: Double(canary.total),
                canaryFailed: Double(canaryFailed),
                stable: Double(stable.total),
                stableFailed: Double(stableFailed)
            )
        )
    }

    /// What may be said now.
    ///
    /// It follows the evidence and is not latched: act on it when it is read. `worse` is read first, and is withheld
    /// only while the latest windows show the difference to be one that does not matter (see `docs/statistics.md`,
    /// "Worse, but does it matter?").
    package var verdict: Verdict {
        if logEWorse >= -log(configuration.alphaRollback), !isHarmlessLately { return .worse }
        let enough = canary.total >= configuration.minSamples
        return enough && logENonInferior >= -log(configuration.alphaPromote) ? .nonInferior : .collecting
    }

    private mutating func learn(_ window: Window) {
        var marginGain = 0.0
        if let share = window.share, window.failures > 0 {
            likelihood.add(canaryFailures: window.canaryFailed, failures: window.failures, share: share)
            weightedCanary += window.canaryFailed * (1 - share)
            weightedStable += window.stableFailed * share
            marginGain = -RatioLikelihood.gain(
                ratio: configuration.margin,
                canaryFailures: window.canaryFailed,
                failures: window.failures,
                share: share
            )
        }
        harmlessness.add(window, marginGain: marginGain, configuration: configuration)
    }
}

/// One window as real numbers, so that planning can use expectations.
struct Window {
    var canary: Double
    var canaryFailed: Double
    var stable: Double
    var stableFailed: Double

    var failures: Double { canaryFailed + stableFailed }

    /// The canary's share of the requests; nil when a track had none and the ratio is therefore not observed.
    var share: Double? {
        canary > 0 && stable > 0 ? canary / (canary + stable) : nil
    }
}

/// Whether the *latest* windows show a difference too small to matter.
///
/// Two cumulative sums, each held between 0 and ``cap``: the log-likelihood ratio of equal rates against the margin,
/// and of half the tolerance against the tolerance. They forget: a canary that was harmless for a day and breaks now
/// loses its credit within a few failures, however long the day was. They only ever withhold `worse`, so they need no
/// error guarantee of their own.
struct Harmlessness: Sendable, Equatable {
    var ratio = 0.0
    var rate = 0.0

    /// Credit that can be held beyond the threshold, in nats: enough to ride out chance, little enough to lose fast.
    private static let reserve = 10.0

    static func threshold(_ configuration: RateComparison.Configuration) -> Double { -log(configuration.alphaPromote) }
    static func cap(_ configuration: RateComparison.Configuration) -> Double { threshold(configuration) + reserve }

    mutating func add(_ window: Window, marginGain: Double, configuration: RateComparison.Configuration) {
        let cap = Self.cap(configuration)
        ratio = min(max(ratio + marginGain, 0), cap)
        if let tolerance = configuration.tolerance {
            let success = log1p(-tolerance / 2) - log1p(-tolerance)
            let gain = window.canaryFailed * log(0.5) + (window.canary - window.canaryFailed) * success
            rate = min(max(rate + gain, 0), cap)
        }
    }
}
