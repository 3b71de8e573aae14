extension RateComparison {
    /// What counts as worse and as good enough, and how often either may be said wrongly.
    package struct Configuration: Sendable, Equatable {
        /// Ratio of failure rates at and above which the canary is inferior; 1.02...8.
        package var margin: Double
        /// Largest probability of ever saying `worse` of a canary that is not worse; above 0, at most 0.5.
        package var alphaRollback: Double
        /// Largest probability of ever saying `nonInferior` of an inferior canary; above 0, at most 0.5.
        package var alphaPromote: Double
        /// Requests the canary must have answered before `nonInferior` is said; 0 or more.
        ///
        /// It does not hold `worse` back: that evidence is valid at any time, and a canary that fails its first ten
        /// requests must not be kept until it has failed two hundred.
        package var minSamples: Int
        /// Failure rate that does not matter, strictly between 0 and 1; nil when every failure matters.
        ///
        /// A canary shown to be below it is non-inferior whatever the ratio, so a service that never fails can be
        /// promoted, and a rise from one failure in a million to two rolls nothing back.
        package var tolerance: Double?

        /// Makes a configuration; its values are checked by ``RateComparison/init(_:)``.
        package init(
            margin: Double = 1.5,
            alphaRollback: Double = 0.01,
            alphaPromote: Double = 0.05,
            minSamples: Int = 200,
            tolerance: Double? = 0.001
        ) {
            self.margin = margin
            self.alphaRollback = alphaRollback
            self.alphaPromote = alphaPromote
            self.minSamples = minSamples
            self.tolerance = tolerance
        }

        /// The configuration each of `count` guard metrics must use so that together they keep this one's promises.
        ///
        /// Any one metric may roll back, so `alphaRollback` is divided among them (Bonferroni). Promotion needs
        /// *every* metric to be non-inferior: an inferior canary passes only if the metric in which it is inferior
        /// errs, so `alphaPromote` stays as it is (intersection-union test).
        ///
        /// - Parameter count: Number of metrics judged in one rollout; below 1 counts as 1.
        /// - Returns: This configuration with its part of `alphaRollback`.
        package func shared(among count: Int) -> Configuration {
            var part = self
            part.alphaRollback = alphaRollback / Double(max(count, 1))
            return part
        }

        func validate() throws(RateComparisonError) {
            func require(_ holds: Bool, _ detail: @autoclosure () -> String) throws(RateComparisonError) {
                if !holds { throw RateComparisonError(reason: .invalidConfiguration, detail: detail()) }
            }
            // Written so that NaN fails each of them.
            try require(
                margin >= 1.02 && margin <= RatioLikelihood.largestRatio,
                "margin: \(margin) is not in 1.02...8"
            )
            try require(
                alphaRollback > 0 && alphaRollback <= 0.5,
                "alphaRollback: \(alphaRollback) is not above 0 and up to 0.5"
            )
            try require(
                alphaPromote > 0 && alphaPromote <= 0.5,
                "alphaPromote: \(alphaPromote) is not above 0 and up to 0.5"
            )
            try require(minSamples >= 0, "minSamples: \(minSamples) is negative")
            if let tolerance {
                try require(
                    tolerance > 0 && tolerance < 1,
                    "tolerance: \(tolerance) is not between 0 and 1; leave it out for none"
                )
            }
        }

        /// A number that differs, for practical purposes, whenever any field differs.
        var fingerprint: UInt64 {
            var hash = FNV1a()
            for value in [margin, alphaRollback, alphaPromote, tolerance ?? -1] { hash.add(value.bitPattern) }
            hash.add(UInt64(bitPattern: Int64(minSamples)))
            return hash.value
        }
    }
}
