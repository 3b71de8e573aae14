import Glibc

/// Evidence that the canary's failure rate is below a rate that does not matter.
///
/// For a rate `q` below the tolerance `t` the likelihood ratio `(q/t)^x · ((1−q)/(1−t))^(n−x)` of `x` failures in `n`
/// requests is an e-process against every rate at or above `t`: one more request multiplies it, in expectation, by
/// `1 + (p − t)·(q/t − (1−q)/(1−t))`, which is at most 1 when `p ≥ t`. A fixed mixture over `q` is one too. It
/// depends on the counts alone, so nothing else need be kept.
struct RateBelowTolerance: Sendable, Equatable {
    /// Part of the mixture that bets on a canary that never fails: the case the ratio can say nothing about.
    private static let neverFails = 0.25
    private static let points = 24

    private let logWeights: [Double]
    /// `ln(q/t)`: what each failure adds.
    private let perFailure: [Double]
    /// `ln((1−q)/(1−t))`: what each success adds.
    private let perSuccess: [Double]

    /// Makes the mixture for a tolerance strictly between 0 and 1.
    init(tolerance: Double) {
        var weights = [log(Self.neverFails)]
        var failure = [-Double.infinity]
        var success = [-log1p(-tolerance)]
        for index in 0..<Self.points {
            // From 5 % below the tolerance down to a thirtieth of it.
            let logShare = -0.05 - (log(30) - 0.05) * Double(index) / Double(Self.points - 1)
            weights.append(log((1 - Self.neverFails) / Double(Self.points)))
            failure.append(logShare)
            success.append(log1p(-tolerance * exp(logShare)) - log1p(-tolerance))
        }
        logWeights = weights
        perFailure = failure
        perSuccess = success
    }

    /// Natural logarithm of the e-value; counts may be fractions when planning with expectations.
    func logE(total: Double, failed: Double) -> Double {
        var values: [Double] = []
        values.reserveCapacity(perFailure.count)
        var index = 0
        while index < perFailure.count {
            // 0 · −∞ is not a number, and a canary that never failed is just what that bet is for.
            let lost = failed > 0 ? failed * perFailure[index] : 0
            values.append(lost + (total - failed) * perSuccess[index])
            index += 1
        }
        return LogSpace.sum(weights: logWeights, values: values, from: 0)
    }
}
