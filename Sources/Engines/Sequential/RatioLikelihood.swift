import Glibc

/// What the failures seen so far say about the ratio of the canary's failure rate to the stable's.
///
/// Of the failures of a window, each falls on the canary with probability `s·r / (1 + s·(r − 1))`, where `s` is the
/// canary's share of the window's requests and `r` the ratio of rates; the common rate drops out. Against `r = 1` a
/// window adds `Xc·ln r − X·ln(1 + s·(r − 1))` to the log-likelihood. That is kept for a fixed grid of ratios and for
/// the margin, so the share may differ from window to window and no window need be kept.
struct RatioLikelihood: Sendable, Equatable {
    /// Points on each side of ratio 1.
    ///
    /// The spacing is 4.4 %, and the evidence differs by hundredths of a nat from that of a finer grid.
    static let pointsPerSide = 48
    /// Largest ratio of the grid; the smallest is its reciprocal.
    static let largestRatio = 8.0
    /// Natural logarithms of the grid's ratios, ascending; the middle one is 0.
    static let logRatios: [Double] = (0...(2 * pointsPerSide)).map {
        Double($0 - pointsPerSide) * log(largestRatio) / Double(pointsPerSide)
    }
    /// The grid's ratios minus one: what the update multiplies by the share.
    private static let excesses: [Double] = logRatios.map { expm1($0) }

    /// Log-likelihood at each grid ratio, relative to ratio 1.
    var values: [Double]
    /// Log-likelihood at the margin, relative to ratio 1.
    var atMargin = 0.0
    /// The non-inferiority margin, a ratio.
    let margin: Double

    init(margin: Double) {
        self.margin = margin
        values = Array(repeating: 0, count: Self.logRatios.count)
    }

    /// Adds one window in which both tracks were exposed.
    ///
    /// - Parameters:
    ///   - canaryFailures: Failures of the canary; a fraction when planning with expectations.
    ///   - failures: Failures of both tracks.
    ///   - share: The canary's share of the window's requests, strictly between 0 and 1.
    mutating func add(canaryFailures: Double, failures: Double, share: Double) {
        guard failures > 0 else { return }
        var index = 0
        while index < values.count {
            values[index] += canaryFailures * Self.logRatios[index] - failures * log1p(share * Self.excesses[index])
            index += 1
        }
        atMargin += Self.gain(ratio: margin, canaryFailures: canaryFailures, failures: failures, share: share)
    }

    /// What one window adds to the log-likelihood of `ratio`, relative to ratio 1.
    static func gain(ratio: Double, canaryFailures: Double, failures: Double, share: Double) -> Double {
        canaryFailures * log(ratio) - failures * log1p(share * (ratio - 1))
    }
}

/// Weights over a stretch of the ratio grid: the bets an e-process makes.
struct RatioPrior: Sendable, Equatable {
    /// First grid position that has a weight.
    let first: Int
    /// Logarithms of the weights from `first` on; the weights sum to 1.
    let logWeights: [Double]

    /// A normal density in the log-ratio around `center`, cut to the grid positions in `range` and normalised.
    private init(range: Range<Int>, center: Double, deviation: Double) {
        first = range.lowerBound
        let raw = range.map { index in
            let distance = (RatioLikelihood.logRatios[index] - center) / deviation
            return -0.5 * distance * distance
        }
        let total = log(raw.reduce(0) { $0 + exp($1) })
        logWeights = raw.map { $0 - total }
    }

    /// Bets that the canary is worse: ratios above 1.
    static let worse = RatioPrior(
        range: (RatioLikelihood.pointsPerSide + 1)..<RatioLikelihood.logRatios.count,
        center: 0,
        deviation: 0.7
    )

    /// Bets on any ratio: what the confidence interval is inverted from.
    static let anyRatio = RatioPrior(range: 0..<RatioLikelihood.logRatios.count, center: 0, deviation: 0.7)

    /// Bets that the ratio is below `margin`.
    static func below(margin: Double) -> RatioPrior {
        // A point within 1 % of the margin cannot tell itself from it and would only take weight from the others.
        let end = RatioLikelihood.logRatios.firstIndex { $0 > log(margin) - 0.01 } ?? RatioLikelihood.logRatios.count
        return RatioPrior(range: 0..<end, center: log(margin), deviation: 0.5)
    }

    /// Natural logarithm of the mixture of likelihoods, relative to ratio 1.
    func logMixture(_ likelihood: RatioLikelihood) -> Double {
        LogSpace.sum(weights: logWeights, values: likelihood.values, from: first)
    }
}
