import Engines
import Testing

@Suite("Histogram quantile") struct HistogramQuantileTests {
    private func histogram(_ buckets: KeyValuePairs<Double, Double>) -> CumulativeHistogram {
        CumulativeHistogram(buckets.map { CumulativeHistogram.Bucket(upperBound: $0.key, count: $0.value) })
    }

    private let latency: CumulativeHistogram = CumulativeHistogram([
        .init(upperBound: 0.1, count: 50), .init(upperBound: 0.2, count: 80), .init(upperBound: 0.5, count: 95),
        .init(upperBound: .infinity, count: 100),
    ])

    // Rank q · 100 within the bucket that reaches it: .25 → half of 0...0.1; .5 → the whole of it; .65 → 15 of 30
    // within 0.1...0.2; .9 → 10 of 15 within 0.2...0.5; above .95 → the highest finite bound.
    @Test(
        "interpolates within the bucket that holds the rank",
        arguments: [(0, 0), (0.25, 0.05), (0.5, 0.1), (0.65, 0.15), (0.9, 0.4), (0.95, 0.5), (0.99, 0.5), (1, 0.5)]
    )
    func interpolation(q: Double, value: Double) throws {
        #expect(abs(try #require(latency.quantile(q)) - value) < 1e-12)
    }

    @Test("takes buckets in any order and adds up equal bounds")
    func unsorted() throws {
        let mixed = histogram([.infinity: 100, 0.2: 80, 0.1: 20, 0.5: 95, 0.1: 30])
        #expect(mixed.quantile(0.65) == latency.quantile(0.65))
    }

    @Test("raises a count that falls below the one before it")
    func nonMonotonic() throws {
        let torn = histogram([1: 60, 2: 50, 4: 90, .infinity: 100])
        // As 60, 60, 90, 100: rank 75 is half way from 60 to 90 in 2...4.
        #expect(torn.quantile(0.75) == 3)
        #expect(torn.quantile(0.6) == 1)
    }

    @Test("takes a rise by rounding alone for none")
    func rounding() {
        #expect(histogram([1: 3, 2: 3.000_000_000_000_000_4, .infinity: 3.000_000_000_000_000_4]).quantile(1) == 1)
    }

    @Test("does not reach below a lowest bound that is not positive")
    func negativeBounds() {
        let temperatures = histogram([-10: 20, 0: 50, 10: 100, .infinity: 100])
        #expect(temperatures.quantile(0.1) == -10)
        #expect(temperatures.quantile(0.35) == -5)
        #expect(histogram([0: 20, 10: 100, .infinity: 100]).quantile(0.1) == 0)
    }

    @Test("answers the highest finite bound when all observations are above it")
    func overflow() {
        #expect(histogram([1: 0, 2: 0, .infinity: 7]).quantile(0.5) == 2)
    }

    @Test("answers infinities for a quantile outside 0 to 1")
    func outside() {
        #expect(latency.quantile(-0.01) == -.infinity)
        #expect(latency.quantile(1.01) == .infinity)
    }

    @Test("answers nothing where Prometheus answers NaN")
    func undefined() {
        #expect(latency.quantile(.nan) == nil)
        #expect(histogram([:]).quantile(0.5) == nil)
        #expect(histogram([.infinity: 5]).quantile(0.5) == nil)
        #expect(histogram([1: 5, 2: 6]).quantile(0.5) == nil)
        #expect(histogram([1: 0, .infinity: 0]).quantile(0.5) == nil)
        #expect(histogram([1: .nan, .infinity: 3]).quantile(0.5) == nil)
        #expect(histogram([.nan: 2, .infinity: 3]).quantile(0.5) == nil)
        #expect(histogram([1: 0, 2: 3, .infinity: 3]).quantile(0) == nil)
    }
}

@Suite("Wilson interval") struct WilsonIntervalTests {
    // 81 of 263: Newcombe, Stat. Med. 17 (1998), method 3: 0.2553 to 0.3662.
    @Test("agrees with a published example")
    func published() throws {
        let interval = try #require(wilsonInterval(81, of: 263))
        #expect(abs(interval.lowerBound - 0.2553) < 5e-5)
        #expect(abs(interval.upperBound - 0.3662) < 5e-5)
    }

    @Test("keeps to 0 and 1 when nothing or everything is counted")
    func ends() throws {
        // 0 of n: upper end z² / (n + z²) = 3.8415 / 13.8415.
        let none = try #require(wilsonInterval(0, of: 10))
        #expect(none.lowerBound == 0)
        #expect(abs(none.upperBound - 0.27753) < 1e-5)
        let all = try #require(wilsonInterval(10, of: 10))
        #expect(all.upperBound == 1)
        #expect(abs(all.lowerBound - 0.72247) < 1e-5)
    }

    @Test("refuses counts that make no sense")
    func senseless() {
        #expect(wilsonInterval(0, of: 0) == nil)
        #expect(wilsonInterval(-1, of: 5) == nil)
        #expect(wilsonInterval(6, of: 5) == nil)
        #expect(wilsonInterval(1, of: 5, z: .nan) == nil)
    }
}
