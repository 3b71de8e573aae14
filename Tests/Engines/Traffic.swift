import Engines
import Glibc

/// Made-up traffic: window by window, how many requests each track gets and how often they fail.
struct Traffic {
    struct Window {
        var canary: Int
        var stable: Int
        var rate: Double
    }

    var windows: [Window]

    /// The schedule of the reference simulation: 5, 10, 25 and 50 % for ten windows each.
    static func steps(perWindow requests: Int, rate: Double) -> Traffic {
        Traffic(
            windows: [0.05, 0.10, 0.25, 0.50].flatMap { share in
                let canary = max(Int(Double(requests) * share), 1)
                return Array(repeating: Window(canary: canary, stable: requests - canary, rate: rate), count: 10)
            }
        )
    }

    /// Share, traffic and failure rate all change each window, in a way fixed beforehand.
    static func restless(windows: Int) -> Traffic {
        var random = SeededRandom(seed: 99)
        return Traffic(
            windows: (0..<windows).map { _ in
                let requests = 50 + Int(random.unit() * 2_000)
                let canary = max(Int(Double(requests) * (0.01 + 0.89 * random.unit())), 1)
                return Window(canary: canary, stable: requests - canary, rate: 0.005 + 0.075 * random.unit())
            }
        )
    }

    var plan: [RateComparison.PlannedWindow] {
        windows.map { RateComparison.PlannedWindow(canary: $0.canary, stable: $0.stable) }
    }

    /// Runs a comparison until `stop` says so.
    ///
    /// - Returns: Number of the window, from 1, after which `stop` was true; nil when it never was.
    func run(
        _ configuration: RateComparison.Configuration,
        ratio: Double,
        seed: Int,
        until stop: (RateComparison) -> Bool
    ) throws -> Int? {
        var random = SeededRandom(seed: seed)
        var comparison = try RateComparison(configuration)
        for (index, window) in windows.enumerated() {
            try comparison.add(
                canary: TrackCounts(
                    total: window.canary,
                    failed: random.binomial(window.canary, window.rate * ratio)
                ),
                stable: TrackCounts(total: window.stable, failed: random.binomial(window.stable, window.rate))
            )
            if stop(comparison) { return index + 1 }
        }
        return nil
    }

    /// The windows after which runs with seeds 1...runs stopped, for those that did, in order.
    func stops(
        _ configuration: RateComparison.Configuration,
        ratio: Double,
        runs: Int,
        until stop: (RateComparison) -> Bool
    ) throws -> [Int] {
        try (1...runs).compactMap { try run(configuration, ratio: ratio, seed: $0, until: stop) }.sorted()
    }
}

/// Prints one row of the tables in `docs/statistics.md`, when `HOMEOSTAT_POWER_TABLE` is set in the environment.
func tableRow(_ cells: [String], stops: [Int], runs: Int) {
    guard getenv("HOMEOSTAT_POWER_TABLE") != nil else { return }
    let share = (Double(stops.count) / Double(runs) * 1000).rounded() / 1000
    let median = stops.isEmpty ? "" : "\(stops[stops.count / 2])"
    print("| " + (cells + ["\(share)", median]).joined(separator: " | ") + " |")
}

/// Largest share of `runs` that a probability of at most `alpha` explains, three standard errors above it.
func bound(_ alpha: Double, runs: Int) -> Double {
    alpha + 3 * (alpha * (1 - alpha) / Double(runs)).squareRoot()
}
