import Engines
import Testing

/// The promises in `docs/statistics.md`, over many seeded rollouts that are looked at after every window.
@Suite("Rate comparison: guarantees") struct RateComparisonGuaranteeTests {
    struct Scenario: CustomTestStringConvertible {
        var testDescription: String
        var traffic: Traffic
        var alpha: Double
        var tolerance: Double?
    }

    private static let runs = 2000

    @Test(
        "calls an equally good canary worse in no more rollouts than allowed",
        arguments: [
            Scenario(
                testDescription: "busy, 0.1 %",
                traffic: .steps(perWindow: 6000, rate: 0.001),
                alpha: 0.05,
                tolerance: nil
            ),
            Scenario(
                testDescription: "quiet, 5 %",
                traffic: .steps(perWindow: 600, rate: 0.05),
                alpha: 0.01,
                tolerance: nil
            ),
            Scenario(
                testDescription: "all changing each window",
                traffic: .restless(windows: 60),
                alpha: 0.05,
                tolerance: nil
            ),
            Scenario(
                testDescription: "nearly half fail",
                traffic: .steps(perWindow: 120, rate: 0.45),
                alpha: 0.05,
                tolerance: nil
            ),
            Scenario(
                testDescription: "hardly any failure",
                traffic: .steps(perWindow: 300, rate: 0.0005),
                alpha: 0.05,
                tolerance: 0.001
            ),
        ]
    )
    func falseRollback(_ scenario: Scenario) throws {
        let configuration = Configuration(alphaRollback: scenario.alpha, tolerance: scenario.tolerance)
        let stops = try scenario.traffic.stops(configuration, ratio: 1, runs: Self.runs) {
            // The verdict can only be rarer than its evidence; without a tolerance hold even that to the promise.
            scenario.tolerance == nil ? $0.evidenceSaysWorse : $0.verdict == .worse
        }
        tableRow(["false worse", scenario.testDescription, "\(scenario.alpha)"], stops: stops, runs: Self.runs)
        #expect(Double(stops.count) / Double(Self.runs) <= bound(scenario.alpha, runs: Self.runs))
    }

    @Test(
        "calls an inferior canary non-inferior in no more rollouts than allowed",
        arguments: [
            Scenario(
                testDescription: "just at the margin",
                traffic: .steps(perWindow: 3000, rate: 0.01),
                alpha: 0.05,
                tolerance: nil
            ),
            Scenario(
                testDescription: "just at margin and tolerance",
                traffic: .steps(perWindow: 6000, rate: 0.001 / 1.5),
                alpha: 0.05,
                tolerance: 0.001
            ),
            Scenario(
                testDescription: "just at the margin, all changing each window",
                traffic: .restless(windows: 60),
                alpha: 0.05,
                tolerance: 0.001
            ),
            Scenario(
                testDescription: "just at the margin, nearly half fail",
                traffic: .steps(perWindow: 200, rate: 0.3),
                alpha: 0.05,
                tolerance: nil
            ),
        ]
    )
    func falsePromotion(_ scenario: Scenario) throws {
        let configuration = Configuration(
            margin: 1.5,
            alphaRollback: 1e-12,
            alphaPromote: scenario.alpha,
            minSamples: 0,
            tolerance: scenario.tolerance
        )
        let stops = try scenario.traffic.stops(configuration, ratio: 1.5, runs: Self.runs) {
            $0.verdict == .nonInferior
        }
        tableRow(["false non-inferior", scenario.testDescription, "\(scenario.alpha)"], stops: stops, runs: Self.runs)
        #expect(Double(stops.count) / Double(Self.runs) <= bound(scenario.alpha, runs: Self.runs))
    }

    @Test(
        "has the true ratio in its interval after every window, as often as promised",
        arguments: [0.5, 1.0, 2.5]
    )
    func coverage(ratio: Double) throws {
        // 80 %: a promise that is far easier to break than 95 % if the interval were wrong.
        let misses = try Traffic.restless(windows: 30).stops(Configuration(), ratio: ratio, runs: Self.runs) {
            let interval = $0.interval(level: 0.8)
            return ratio < interval.lower || ratio > interval.upper ?? .infinity
        }
        tableRow(["missed by the interval", "ratio \(ratio)", "0.2"], stops: misses, runs: Self.runs)
        #expect(Double(misses.count) / Double(Self.runs) <= bound(0.2, runs: Self.runs))
    }

    @Test("narrows its interval around the true ratio")
    func narrowing() throws {
        var random = SeededRandom(seed: 3)
        var comparison = try RateComparison()
        for _ in 0..<50 {
            try comparison.add(
                canary: TrackCounts(total: 3000, failed: random.binomial(3000, 0.03)),
                stable: TrackCounts(total: 3000, failed: random.binomial(3000, 0.02))
            )
        }
        let interval = comparison.interval()
        #expect(interval.lower > 1.3 && interval.lower < 1.5)
        #expect(try #require(interval.upper) < 1.75 && #require(interval.upper) > 1.5)
    }
}

extension RateComparison {
    /// Whether the evidence alone reaches the threshold of `worse`, material or not.
    var evidenceSaysWorse: Bool { logEWorse >= -configuration.logAlphaRollback }
}
