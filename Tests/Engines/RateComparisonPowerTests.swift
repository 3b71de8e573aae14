import Engines
import Glibc
import Testing

extension Configuration {
    var logAlphaRollback: Double { log(alphaRollback) }
}

/// Power on the schedule 5, 10, 25, 50 % of ten minutes each.
///
/// With `HOMEOSTAT_POWER_TABLE` set in the environment it also prints the rows that `docs/statistics.md` shows.
@Suite("Rate comparison: power") struct RateComparisonPowerTests {
    /// One row: what a reference simulation in numpy found (400 rollouts), and how far a sample may be from it.
    struct Row: CustomTestStringConvertible {
        var perMinute: Int
        var rate: Double
        var ratio = 1.0
        var margin = 1.5
        var share: Double
        var median: Int?

        var testDescription: String { "\(perMinute)/min, \(rate * 100) %, ratio \(ratio), margin \(margin)" }

        func check(_ stops: [Int], runs: Int, sourceLocation: SourceLocation = #_sourceLocation) {
            let measured = Double(stops.count) / Double(runs)
            // Three standard errors of the difference of the two samples, with a floor for shares near 0 and 1.
            let variance = max(share * (1 - share), 0.01) * (1 / Double(runs) + 1 / 400)
            #expect(abs(measured - share) <= 3 * variance.squareRoot(), sourceLocation: sourceLocation)
            if let median, !stops.isEmpty {
                #expect(abs(stops[stops.count / 2] - median) <= 3, sourceLocation: sourceLocation)
            }
        }

        func describe(_ stops: [Int], runs: Int, _ kind: String) {
            let cells = [kind, "\(perMinute)", "\(rate * 100) %", "\(ratio)", "\(margin)"]
            tableRow(cells, stops: stops, runs: runs)
        }
    }

    private static let runs = 400

    @Test(
        "finds a worse canary as often and as early as the reference simulation",
        arguments: [
            Row(perMinute: 6000, rate: 0.01, ratio: 1.25, share: 0.85, median: 29),
            Row(perMinute: 6000, rate: 0.01, ratio: 1.5, share: 1, median: 14),
            Row(perMinute: 6000, rate: 0.01, ratio: 2, share: 1, median: 5),
            Row(perMinute: 600, rate: 0.01, ratio: 1.5, share: 0.30, median: 32),
            Row(perMinute: 600, rate: 0.01, ratio: 2, share: 0.96, median: 26),
            Row(perMinute: 600, rate: 0.01, ratio: 3, share: 1, median: 13),
            Row(perMinute: 6000, rate: 0.001, ratio: 2, share: 0.95, median: 25),
        ]
    )
    func rollback(_ row: Row) throws {
        let traffic = Traffic.steps(perWindow: row.perMinute, rate: row.rate)
        let stops = try traffic.stops(Configuration(tolerance: nil), ratio: row.ratio, runs: Self.runs) {
            $0.evidenceSaysWorse
        }
        row.check(stops, runs: Self.runs)
        row.describe(stops, runs: Self.runs, "worse, evidence")
        if getenv("HOMEOSTAT_POWER_TABLE") != nil {
            let verdicts = try traffic.stops(Configuration(), ratio: row.ratio, runs: Self.runs) {
                $0.verdict == .worse
            }
            row.describe(verdicts, runs: Self.runs, "worse, verdict")
        }
    }

    @Test(
        "promotes a healthy canary as often and as early as the reference simulation",
        arguments: [
            Row(perMinute: 6000, rate: 0.01, margin: 1.25, share: 0.91, median: 25),
            Row(perMinute: 6000, rate: 0.01, margin: 1.5, share: 1, median: 12),
            Row(perMinute: 6000, rate: 0.01, margin: 2, share: 1, median: 4),
            Row(perMinute: 600, rate: 0.01, margin: 1.25, share: 0.17),
            Row(perMinute: 600, rate: 0.01, margin: 1.5, share: 0.47, median: 31),
            Row(perMinute: 600, rate: 0.01, margin: 2, share: 0.97, median: 23),
        ]
    )
    func promotion(_ row: Row) throws {
        let traffic = Traffic.steps(perWindow: row.perMinute, rate: row.rate)
        let configuration = Configuration(margin: row.margin, tolerance: nil)
        let stops = try traffic.stops(configuration, ratio: 1, runs: Self.runs) { $0.verdict == .nonInferior }
        row.check(stops, runs: Self.runs)
        row.describe(stops, runs: Self.runs, "non-inferior")
        if getenv("HOMEOSTAT_POWER_TABLE") != nil {
            let tolerant = try traffic.stops(Configuration(margin: row.margin), ratio: 1, runs: Self.runs) {
                $0.verdict == .nonInferior
            }
            row.describe(tolerant, runs: Self.runs, "non-inferior, tolerance 0.001")
        }
    }

    @Test("promotes a service that hardly ever fails, which the ratio alone cannot")
    func rareFailures() throws {
        let row = Row(perMinute: 600, rate: 0.00005, share: 1, median: 26)
        let traffic = Traffic.steps(perWindow: row.perMinute, rate: row.rate)
        let tolerant = try traffic.stops(Configuration(), ratio: 1, runs: Self.runs) { $0.verdict == .nonInferior }
        row.describe(tolerant, runs: Self.runs, "non-inferior, tolerance 0.001")
        #expect(Double(tolerant.count) > 0.8 * Double(Self.runs))
        let strict = try traffic.stops(Configuration(tolerance: nil), ratio: 1, runs: Self.runs) {
            $0.verdict == .nonInferior
        }
        row.describe(strict, runs: Self.runs, "non-inferior")
        #expect(strict.isEmpty)
    }
}
