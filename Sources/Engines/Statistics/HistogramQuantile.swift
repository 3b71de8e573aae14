/// A classic Prometheus histogram: cumulative counts by upper bound.
package struct CumulativeHistogram: Sendable, Equatable {
    /// One `_bucket` series.
    package struct Bucket: Sendable, Equatable {
        /// Inclusive upper bound, the label `le`; `+Inf` for the last.
        package var upperBound: Double
        /// Observations at or below the bound: a count, an increase or a rate.
        package var count: Double

        /// Makes a bucket.
        package init(upperBound: Double, count: Double) {
            self.upperBound = upperBound
            self.count = count
        }
    }

    /// The buckets in any order; equal bounds are added up.
    package var buckets: [Bucket]

    /// Makes a histogram of buckets in any order.
    package init(_ buckets: [Bucket]) {
        self.buckets = buckets
    }

    /// The value below which the share `q` of the observations lies, as `histogram_quantile` of Prometheus computes it.
    ///
    /// Observations are taken as evenly spread within a bucket, the lowest bucket as starting at 0 if its bound is above
    /// 0. A quantile in the `+Inf` bucket is the highest finite bound; one in a lowest bucket with a bound of 0 or less
    /// is that bound. Counts that fall from one bucket to the next (scrapes are not atomic) are raised to the one before.
    ///
    /// - Parameter q: 0...1; below gives `-infinity`, above `+infinity`, as in Prometheus.
    /// - Returns: nil where Prometheus gives NaN: no observations, no `+Inf` bucket, fewer than two buckets, `q` not a
    ///   number, or `q` 0 with an empty lowest bucket. And when a bound or a count is not a number, for which
    ///   Prometheus makes no promise.
    package func quantile(_ q: Double) -> Double? {
        guard !q.isNaN else { return nil }
        guard q >= 0 else { return -.infinity }
        guard q <= 1 else { return .infinity }
        guard let cumulative = monotonicBuckets(), cumulative.count >= 2, let last = cumulative.last,
            last.upperBound == .infinity, last.count > 0
        else { return nil }

        let rank = q * last.count
        let finite = cumulative.dropLast()
        guard let index = finite.firstIndex(where: { $0.count >= rank }) else { return finite.last?.upperBound }
        let bucket = finite[index]
        if index == 0, bucket.upperBound <= 0 { return bucket.upperBound }
        let below = index == 0 ? Bucket(upperBound: 0, count: 0) : finite[index - 1]
        let share = (rank - below.count) / (bucket.count - below.count)
        return share.isNaN ? nil : below.upperBound + (bucket.upperBound - below.upperBound) * share
    }

    /// The buckets by bound, each bound once, counts never falling; nil when something is not a number.
    private func monotonicBuckets() -> [Bucket]? {
        guard !buckets.contains(where: { $0.upperBound.isNaN || $0.count.isNaN }) else { return nil }
        var result: [Bucket] = []
        for bucket in buckets.sorted(by: { $0.upperBound < $1.upperBound }) {
            if let last = result.last, last.upperBound == bucket.upperBound {
                result[result.count - 1].count += bucket.count
            } else {
                result.append(bucket)
            }
        }
        for index in result.indices.dropFirst() {
            // A rise by rounding alone counts as none, or quantile 1 would lie in a bucket that holds nothing.
            let before = result[index - 1].count
            if result[index].count <= before * (1 + 1e-12) { result[index].count = before }
        }
        return result
    }
}
