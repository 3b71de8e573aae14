/// How much counters grew during a window, from their raw samples.
///
/// The growth from one sample to the next belongs to the time of the later one. So adjacent windows share nothing and
/// miss nothing: the sum over the parts of any partition is the count over the whole. Nothing is extrapolated, and
/// counters that hold counts give counts (`increase()` and `rate()` of PromQL give neither).
package struct CounterIncrease: Sendable, Equatable {
    /// What a series stood at when the window began.
    package enum Baseline: Sendable, Equatable {
        /// The last value before the first sample that is given.
        case value(Double)
        /// The series did not exist: it began at zero.
        case absent
        /// It cannot be known whether it existed; its first sample is then only a point to count from.
        case unknown
    }

    /// The growth; 0 or more.
    package var amount = 0.0
    /// Samples within the window.
    package var samples = 0
    /// Times the counter began again from zero.
    package var resets = 0
    /// The last sample within the window.
    package var lastSample: SampleTime?

    /// No growth.
    package init() {}

    /// Measures one series.
    ///
    /// A value below the one before is a restart: what it shows has been counted from zero. What was counted between
    /// the last sample before a restart and the restart was never seen by anyone and is not in the figure. A series that
    /// ends keeps what it had counted up to its last sample. NaN and infinite samples are passed over.
    ///
    /// - Parameters:
    ///   - samples: In the order of their time; those before the window serve as its baseline, those after are ignored.
    ///   - window: What to measure.
    ///   - baseline: What the series stood at before the first of `samples`; needed when none lies before the window.
    ///   - restarts: Times of samples at which the counter is known to have begun again, beside those seen in it.
    package init(
        of samples: [Sample],
        during window: TimeWindow,
        baseline: Baseline,
        restarts: Set<SampleTime> = []
    ) {
        var last: Double? =
            switch baseline {
            case .value(let value): value
            case .absent: 0
            case .unknown: nil
            }
        for sample in samples where sample.time <= window.end && sample.value.isFinite {
            if sample.time > window.start {
                if let last {
                    let isRestart = sample.value < last || restarts.contains(sample.time)
                    if isRestart { resets += 1 }
                    amount += isRestart ? sample.value : sample.value - last
                }
                self.samples += 1
                lastSample = sample.time
            }
            last = sample.value
        }
    }

    /// Adds what another counter, or the same one in the window after, grew by.
    package mutating func add(_ other: CounterIncrease) {
        amount += other.amount
        samples += other.samples
        resets += other.resets
        lastSample = [lastSample, other.lastSample].compactMap(\.self).max()
    }

    /// The growth as a whole number; nil when it is none (not a counter of things) or beyond 2⁵³, where a double stops
    /// counting by ones.
    package var count: Int? {
        let rounded = amount.rounded()
        // Whole values have whole differences exactly; the tolerance is for counts that went through arithmetic.
        guard amount >= 0, rounded <= 9_007_199_254_740_992, abs(amount - rounded) <= 1e-6 * max(1, rounded) else {
            return nil
        }
        return Int(rounded)
    }
}
