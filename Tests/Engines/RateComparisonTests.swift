import Engines
import Glibc
import Testing

typealias Configuration = RateComparison.Configuration

/// The windows of the reference cases: canary requests and failures, stable requests and failures.
private struct Case: CustomTestStringConvertible {
    var name: String
    var canaryFailed: [Int]
    var stableFailed: [Int]
    var logEWorse: [Double]
    var logENonInferior: [Double]
    /// The same from the reference simulation's own, finer grids, after the last window.
    var finer: (worse: Double, nonInferior: Double)

    var testDescription: String { name }

    static let canary = [300, 310, 540, 225, 240, 1500, 6, 30000]
    static let stable = [5700, 5890, 4860, 675, 11760, 1500, 54, 570_000]

    // Counts: numpy.random.default_rng(20240601), rng.binomial(Nc, .01 * ratio), rng.binomial(Ns, .01), first with ratio
    // 1.7, then 0.9. Evidence: numpy, Σ over windows of Xc ln θ(r) + Xs ln(1 − θ(r)) less the same at the null ratio,
    // θ(r) = Nc r / (Nc r + Ns); log-sum-exp over r = 8^(k/48) with weights exp(−½ (ln r / .7)²), k = 1...48, for
    // worse; r = 8^(k/48) ≤ 1.5 e^-.01 with weights exp(−½ (ln(r / 1.5) / .5)²), k ≥ −48, for non-inferior at 1.5.
    // The finer grids: 60 ratios from 1.02 to 8, and 1.5 / g for 60 values of g from 1.02 to 6.
    static let all = [
        Case(
            name: "a canary 1.7 times worse",
            canaryFailed: [7, 6, 8, 7, 2, 25, 0, 509],
            stableFailed: [62, 53, 57, 4, 101, 17, 0, 5684],
            logEWorse: [
                1.0420686616566202, 2.079135764138856, 1.6355865093618254, 3.5718457713713807, 3.0644098263260067,
                3.5824322288814523, 3.5824322288814523, 59.295471025865375,
            ],
            logENonInferior: [
                -0.8137135740305473, -1.1987643119983615, -1.1467820647096907, -1.571749068446244, -1.4891148358659088,
                -1.5586253944994766, -1.5586253944994766, -3.6394049105522357,
            ],
            finer: (59.273145960418105, -4.208645621630012)
        ),
        Case(
            name: "a canary a little better",
            canaryFailed: [1, 0, 5, 2, 0, 10, 0, 242],
            stableFailed: [63, 70, 47, 10, 144, 12, 0, 5739],
            logEWorse: [
                -1.1648054448158296, -1.9209877136823312, -2.025364417287889, -2.180606847292887, -2.5241948637643445,
                -2.6576400420790702, -2.6576400420790702, -6.189737804775187,
            ],
            logENonInferior: [
                1.199245540045641, 3.75815257348881, 3.8490267007078787, 4.6027123658392854, 6.97637584876988,
                7.584057508440347, 7.584057508440347, 61.71410911278072,
            ],
            finer: (-4.559594423425597, 61.731755845026754)
        ),
    ]

    func window(_ index: Int) -> (TrackCounts, TrackCounts) {
        (
            TrackCounts(total: Self.canary[index], failed: canaryFailed[index]),
            TrackCounts(total: Self.stable[index], failed: stableFailed[index])
        )
    }
}

/// A comparison fed with one window.
private func after(
    canary: (Int, Int),
    stable: (Int, Int),
    _ configuration: Configuration = Configuration()
) throws -> RateComparison {
    var comparison = try RateComparison(configuration)
    try comparison.add(
        canary: TrackCounts(total: canary.0, failed: canary.1),
        stable: TrackCounts(total: stable.0, failed: stable.1)
    )
    return comparison
}

@Suite("Rate comparison: evidence") struct RateComparisonEvidenceTests {
    // Only the order of additions differs from the reference, so it agrees to rounding.
    @Test("agrees with the reference implementation after every window", arguments: Case.all)
    fileprivate func reference(_ expected: Case) throws {
        var comparison = try RateComparison(Configuration(tolerance: nil))
        for index in Case.canary.indices {
            let (canary, stable) = expected.window(index)
            try comparison.add(canary: canary, stable: stable)
            #expect(abs(comparison.logEWorse - expected.logEWorse[index]) < 1e-9)
            #expect(abs(comparison.logENonInferior - expected.logENonInferior[index]) < 1e-9)
        }
    }

    @Test("loses nothing that counts by its coarser grid", arguments: Case.all)
    fileprivate func coarserGrid(_ expected: Case) throws {
        let last = expected.logEWorse.count - 1
        // Evidence for a verdict is compared; against one, the grids have different closest bets and must differ.
        if expected.finer.worse > 0 { #expect(abs(expected.logEWorse[last] - expected.finer.worse) < 0.03) }
        if expected.finer.nonInferior > 0 {
            #expect(abs(expected.logENonInferior[last] - expected.finer.nonInferior) < 0.03)
        }
    }

    @Test("is the mixture of binomial probability ratios worked out failure by failure")
    func binomial() throws {
        // Share 1/4: under ratio r a failure is the canary's with probability r / (r + 3).
        let comparison = try after(canary: (100, 2), stable: (300, 1), Configuration(tolerance: nil))
        var sum = 0.0
        var weights = 0.0
        for k in 1...48 {
            let r = pow(8, Double(k) / 48)
            let weight = exp(-0.5 * pow(log(r) / 0.7, 2))
            let theta = r / (r + 3)
            sum += weight * (theta * theta * (1 - theta)) / (0.25 * 0.25 * 0.75)
            weights += weight
        }
        #expect(abs(comparison.logEWorse - log(sum / weights)) < 1e-12)
    }

    // scipy.special.logsumexp over q = 0 (weight .25) and 24 rates from e^-.05 down to 1/30 of the tolerance (.75 / 24
    // each) of x ln(q/t) + (n − x) ln((1−q)/(1−t)).
    @Test(
        "gathers evidence below the tolerance from the canary's own rate",
        arguments: [
            (1000, 0, 0.001, 0.8173713538061584), (5000, 0, 0.001, 4.418836573880392),
            (10000, 3, 0.001, 2.2420423175390307), (200, 7, 0.02, -2.8029450203817556),
        ]
    )
    func tolerance(total: Int, failed: Int, tolerance: Double, logE: Double) throws {
        let comparison = try after(canary: (total, failed), stable: (0, 0), Configuration(tolerance: tolerance))
        // Without a stable the ratio's e-value is 1, and the two are averaged.
        #expect(abs(comparison.logENonInferior - log((1 + exp(logE)) / 2)) < 1e-9)
    }

    @Test("says nothing without failures and without traffic on both tracks")
    func noInformation() throws {
        let windows = [((500, 0), (9500, 0)), ((0, 0), (9500, 80)), ((500, 40), (0, 0)), ((0, 0), (0, 0))]
        for (canary, stable) in windows {
            let comparison = try after(canary: canary, stable: stable, Configuration(tolerance: nil))
            #expect(comparison.logEWorse.magnitude < 1e-12)
            #expect(comparison.logENonInferior.magnitude < 1e-12)
            #expect(comparison.ratio == nil)
            #expect(comparison.interval() == RateComparison.Interval(lower: 0, upper: nil))
            #expect(comparison.verdict == .collecting)
        }
    }

    @Test("estimates the ratio within windows, not across a change of share and rate")
    func estimate() throws {
        var comparison = try RateComparison()
        // The canary fails twice as often in each window, yet its overall rate, 2.8 %, is below the stable's.
        try comparison.add(
            canary: TrackCounts(total: 1000, failed: 100),
            stable: TrackCounts(total: 9000, failed: 450)
        )
        try comparison.add(
            canary: TrackCounts(total: 9000, failed: 180),
            stable: TrackCounts(total: 1000, failed: 10)
        )
        let ratio = try #require(comparison.ratio)
        #expect(abs(ratio - 2) < 1e-12)
        #expect(comparison.canaryRate == 0.028)
        #expect(comparison.stableRate == 0.046)
        #expect(comparison.pooledRate == 740.0 / 20000)
    }

    @Test("bounds the ratio from one side when one track never fails")
    func openInterval() throws {
        let spotless = try after(canary: (5000, 0), stable: (5000, 40)).interval()
        #expect(spotless.lower == 0)
        #expect(try #require(spotless.upper) < 0.6)
        let hopeless = try after(canary: (5000, 40), stable: (5000, 0))
        #expect(hopeless.interval().upper == nil)
        #expect(hopeless.interval().lower > 1.7)
        #expect(hopeless.ratio == nil)
    }

    @Test("gives a wider interval for a higher level, and the unbounded one for none")
    func levels() throws {
        let comparison = try after(canary: (5000, 60), stable: (5000, 50))
        let (narrow, wide) = (comparison.interval(level: 0.8), comparison.interval(level: 0.99))
        #expect(wide.lower < narrow.lower)
        #expect(try #require(wide.upper) > #require(narrow.upper))
        for level in [0, 1, -1, .nan] as [Double] {
            #expect(comparison.interval(level: level) == RateComparison.Interval(lower: 0, upper: nil))
        }
    }

    @Test("does not depend on the order of the windows")
    func order() throws {
        let expected = Case.all[0]
        var random = SeededRandom(seed: 5)
        var results: [RateComparison] = []
        for _ in 0..<20 {
            var comparison = try RateComparison()
            for index in Case.canary.indices.shuffled(using: &random) {
                let (canary, stable) = expected.window(index)
                try comparison.add(canary: canary, stable: stable)
            }
            results.append(comparison)
        }
        for comparison in results {
            #expect(abs(comparison.logEWorse - results[0].logEWorse) < 1e-9)
            #expect(abs(comparison.logENonInferior - results[0].logENonInferior) < 1e-9)
            #expect(abs(comparison.interval().lower - results[0].interval().lower) < 1e-9)
            #expect(comparison.canary == results[0].canary)
        }
    }

    @Test("stays finite and sensible at extreme counts")
    func extremes() throws {
        let huge = Int.max / 4
        let cases = [
            ((huge, huge), (huge, 0)), ((huge, 0), (huge, huge)), ((huge, huge), (huge, huge)), ((1, 1), (huge, 1)),
            ((huge, 1), (1, 1)), ((huge, 0), (huge, 0)), ((1, 0), (huge, huge)),
        ]
        for (canary, stable) in cases {
            let comparison = try after(canary: canary, stable: stable)
            #expect(comparison.logEWorse.isFinite && comparison.logENonInferior.isFinite)
            let interval = comparison.interval()
            #expect(interval.lower.isFinite && interval.lower <= interval.upper ?? .infinity)
            #expect(comparison.ratio?.isFinite != false)
        }
        #expect(try after(canary: (huge, huge), stable: (huge, 0)).verdict == .worse)
        #expect(try after(canary: (huge, 0), stable: (huge, huge)).verdict == .nonInferior)
    }

    @Test("stays exact over a billion requests in many windows")
    func billion() throws {
        var comparison = try RateComparison()
        for _ in 0..<1000 {
            try comparison.add(
                canary: TrackCounts(total: 500_000, failed: 10_000),
                stable: TrackCounts(total: 500_000, failed: 10_000)
            )
        }
        let once = try after(canary: (500_000_000, 10_000_000), stable: (500_000_000, 10_000_000))
        // Sums of 10⁷ nats: a relative error of 1e-12 is what a thousand additions may leave.
        #expect(abs(comparison.logENonInferior / once.logENonInferior - 1) < 1e-12)
        let interval = comparison.interval()
        #expect(interval.lower < 1 && interval.lower > 0.95)
        #expect(try #require(interval.upper) < 1.05)
        #expect(comparison.ratio == 1)
        #expect(comparison.verdict == .nonInferior)
    }
}

@Suite("Rate comparison: verdicts") struct RateComparisonVerdictTests {
    @Test("calls a canary worse on its first dozen requests when all of them fail")
    func earlyRollback() throws {
        #expect(try after(canary: (12, 12), stable: (228, 2)).verdict == .worse)
    }

    @Test("calls a canary good only after the least number of samples")
    func leastSamples() throws {
        let configuration = Configuration(minSamples: 10_000, tolerance: 0.01)
        #expect(try after(canary: (9_999, 0), stable: (90_000, 0), configuration).verdict == .collecting)
        #expect(try after(canary: (10_000, 0), stable: (90_000, 0), configuration).verdict == .nonInferior)
    }

    @Test("promotes a service that never fails only by its tolerance")
    func neverFails() throws {
        #expect(try after(canary: (5_000, 0), stable: (95_000, 0)).verdict == .nonInferior)
        #expect(try after(canary: (3_000, 0), stable: (95_000, 0)).verdict == .collecting)
        let strict = Configuration(tolerance: nil)
        #expect(try after(canary: (5_000_000, 0), stable: (95_000_000, 0), strict).verdict == .collecting)
    }

    @Test("does not roll back a doubling of failures that do not matter, unless every failure matters")
    func immaterialRate() throws {
        let counts = (canary: (500_000_000, 1_000), stable: (500_000_000, 500))
        #expect(try after(canary: counts.canary, stable: counts.stable).verdict == .nonInferior)
        let strict = Configuration(tolerance: nil)
        #expect(try after(canary: counts.canary, stable: counts.stable, strict).verdict == .worse)
    }

    @Test("does not roll back a surely worse canary that is surely within the margin")
    func immaterialRatio() throws {
        let comparison = try after(canary: (500_000_000, 5_500_000), stable: (500_000_000, 5_000_000))
        #expect(comparison.logEWorse > 100)
        #expect(comparison.verdict == .nonInferior)
        // So little worse that no bet of the mixture is near it.
        #expect(try after(canary: (500_000_000, 5_005_000), stable: (500_000_000, 5_000_000)).logEWorse < 0)
        // 1.4 is below the margin of 1.5 as well, but nearer to it than to 1.
        #expect(try after(canary: (500_000_000, 7_000_000), stable: (500_000_000, 5_000_000)).verdict == .worse)
    }

    @Test("finds a break after a long spotless time within a few failures")
    func lateBreak() throws {
        var comparison = try RateComparison()
        for _ in 0..<1_000 {
            try comparison.add(canary: TrackCounts(total: 300, failed: 0), stable: TrackCounts(total: 5700, failed: 0))
        }
        #expect(comparison.verdict == .nonInferior)
        var failures = 0
        while comparison.verdict != .worse && failures < 1_000 {
            try comparison.add(canary: TrackCounts(total: 300, failed: 3), stable: TrackCounts(total: 5700, failed: 0))
            failures += 3
        }
        #expect(failures <= 30)
    }

    @Test("cuts failures to requests and counts the windows in which it did")
    func clamped() throws {
        var comparison = try after(canary: (10, 12), stable: (90, 1))
        #expect(comparison.canary == TrackCounts(total: 10, failed: 10))
        #expect(comparison.clampedWindows == 1)
        try comparison.add(canary: TrackCounts(total: 10, failed: 10), stable: TrackCounts(total: 90, failed: 90))
        #expect(comparison.clampedWindows == 1)
        #expect(comparison.windows == 2)
    }

    @Test("refuses negative and overflowing counts and stays as it was")
    func invalidCounts() throws {
        var comparison = try after(canary: (Int.max, 1), stable: (90, 1))
        let before = comparison
        let refused = [((-1, 0), (5, 0)), ((5, -1), (5, 0)), ((5, 0), (-5, 0)), ((5, 0), (5, -2)), ((1, 0), (5, 0))]
        for (canary, stable) in refused {
            let failure = #expect(throws: RateComparisonError.self) {
                try comparison.add(
                    canary: TrackCounts(total: canary.0, failed: canary.1),
                    stable: TrackCounts(total: stable.0, failed: stable.1)
                )
            }
            #expect(failure?.reason == .invalidCounts)
            #expect(comparison == before)
        }
    }

    @Test(
        "refuses a configuration that cannot be kept",
        arguments: [
            Configuration(margin: 1), Configuration(margin: 8.1), Configuration(margin: .nan),
            Configuration(alphaRollback: 0), Configuration(alphaRollback: 0.6), Configuration(alphaPromote: -1),
            Configuration(alphaPromote: .nan), Configuration(minSamples: -1), Configuration(tolerance: 0),
            Configuration(tolerance: 1), Configuration(tolerance: .nan),
        ]
    )
    func configuration(_ configuration: Configuration) {
        let failure = #expect(throws: RateComparisonError.self) { try RateComparison(configuration) }
        #expect(failure?.reason == .invalidConfiguration)
    }

    @Test("divides the probability of a false rollback, and only that, among metrics")
    func shared() {
        #expect(Configuration(alphaRollback: 0.03).shared(among: 3) == Configuration(alphaRollback: 0.01))
        #expect(Configuration().shared(among: 0) == Configuration())
    }
}

@Suite("Rate comparison: planning") struct RateComparisonPlanningTests {
    // Medians of the reference simulation, margin and window: 1.5 → 12, 2 → 4, 3 → 2 at 6,000 a minute, 2 → 23 at 600.
    @Test(
        "expects about as many windows as the median of simulated rollouts",
        arguments: [(6000, 1.5, 12), (6000, 2.0, 4), (6000, 3.0, 2), (600, 2.0, 23), (600, 3.0, 14)]
    )
    func medians(perWindow: Int, margin: Double, median: Int) throws {
        let traffic = Traffic.steps(perWindow: perWindow, rate: 0.01)
        let comparison = try RateComparison(Configuration(margin: margin, tolerance: nil))
        let expected = try #require(comparison.windowsToNonInferior(plan: traffic.plan, rate: 0.01))
        #expect(abs(expected - median) <= 2)
    }

    @Test("says beforehand that 600 requests a minute cannot certify a margin of 1.25 in 40 minutes")
    func impossible() throws {
        let comparison = try RateComparison(Configuration(margin: 1.25))
        let plan = Traffic.steps(perWindow: 600, rate: 0.01).plan
        #expect(comparison.windowsToNonInferior(plan: plan, rate: 0.01) == nil)
    }

    @Test("asks for just as many requests as make the expected evidence enough")
    func requests() throws {
        let comparison = try RateComparison(Configuration(tolerance: nil))
        let requests = try #require(comparison.canaryRequestsToNonInferior(rate: 0.01, share: 0.5))
        let plan = { [RateComparison.PlannedWindow(canary: $0, stable: $0)] }
        #expect(comparison.windowsToNonInferior(plan: plan(requests), rate: 0.01) == 1)
        #expect(comparison.windowsToNonInferior(plan: plan(requests - 1), rate: 0.01) == nil)
        // A tenth of the failures needs ten times the requests: only failures carry information.
        let rare = try #require(comparison.canaryRequestsToNonInferior(rate: 0.001, share: 0.5))
        #expect(abs(Double(rare) / Double(requests) - 10) < 0.01)
    }

    @Test("counts what has been seen, uses the pooled rate, and ends at zero")
    func progress() throws {
        let start = try RateComparison(Configuration(tolerance: nil))
        #expect(start.canaryRequestsToNonInferior(share: 0.5) == nil)
        let some = try after(canary: (2000, 20), stable: (2000, 20), Configuration(tolerance: nil))
        let fromStart = try #require(start.canaryRequestsToNonInferior(rate: 0.01, share: 0.5))
        let further = try #require(some.canaryRequestsToNonInferior(share: 0.5))
        #expect(further == fromStart - 2000)
        let decided = try after(canary: (200_000, 2000), stable: (200_000, 2000))
        #expect(decided.canaryRequestsToNonInferior(share: 0.5) == 0)
        #expect(decided.windowsToNonInferior(plan: []) == 0)
    }

    @Test("knows how long a service that never fails takes, and that without a tolerance it takes for ever")
    func neverFails() throws {
        let requests = try RateComparison().canaryRequestsToNonInferior(rate: 0, share: 0.1)
        #expect(try (4_000...4_500).contains(#require(requests)))
        #expect(
            try RateComparison(Configuration(tolerance: nil)).canaryRequestsToNonInferior(rate: 0, share: 0.1) == nil
        )
        for (rate, share) in [(0.1, 0), (0.1, 1.1), (-0.1, 0.5), (1.1, 0.5), (.nan, 0.5), (0.1, .nan)]
            as [(Double, Double)]
        {
            #expect(try RateComparison().canaryRequestsToNonInferior(rate: rate, share: share) == nil)
        }
    }
}
