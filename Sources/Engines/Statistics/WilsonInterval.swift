import Glibc

/// Wilson's score interval of a share, for display only.
///
/// It holds for a sample size fixed beforehand, not at every look; nothing may be decided by it.
///
/// - Parameters:
///   - successes: What is counted, 0...`total`.
///   - total: Observations; 0 or less gives nil.
///   - z: Standard normal quantile of the level; 1.96 for 95 %.
/// - Returns: An interval within 0...1; nil when the counts or `z` make no sense.
/// - SeeAlso: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
package func wilsonInterval(_ successes: Int, of total: Int, z: Double = 1.959963984540054) -> ClosedRange<Double>? {
    guard total > 0, (0...total).contains(successes), z >= 0, z.isFinite else { return nil }
    let n = Double(total)
    let share = Double(successes) / n
    let scale = 1 + z * z / n
    let center = (share + z * z / (2 * n)) / scale
    let half = z / scale * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    // Rounding may leave the end a hair beyond the share itself when that is 0 or 1.
    let lower = successes == 0 ? 0 : max(center - half, 0)
    let upper = successes == total ? 1 : min(center + half, 1)
    return lower...upper
}
