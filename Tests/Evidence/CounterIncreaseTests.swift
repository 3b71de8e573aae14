import Testing

@testable import Evidence

@Suite("Counter increase") struct CounterIncreaseTests {
    private func time(_ seconds: Int) -> SampleTime { SampleTime(milliseconds: seconds * 1000) }

    private func window(_ start: Int, _ end: Int) throws -> TimeWindow {
        try #require(TimeWindow(after: time(start), upTo: time(end)))
    }

    private func samples(_ values: (Int, Double)...) -> [Sample] { values.map { Sample(time($0.0), $0.1) } }

    @Test("counts what lies after the start, up to and including the end") func borders() throws {
        let all = samples((0, 5), (10, 7), (20, 12), (30, 20))
        let one = CounterIncrease(of: all, during: try window(10, 20), baseline: .unknown)
        #expect(one.count == 5)
        #expect(one.samples == 1)
        #expect(one.lastSample == time(20))
        #expect(CounterIncrease(of: all, during: try window(11, 19), baseline: .unknown).samples == 0)
    }

    @Test("counts from zero after a restart") func restart() throws {
        let all = samples((0, 100), (10, 110), (20, 3), (30, 8), (40, 2))
        let one = CounterIncrease(of: all, during: try window(0, 40), baseline: .unknown)
        #expect(one.count == 10 + 3 + 5 + 2)
        #expect(one.resets == 2)
    }

    @Test(
        "counts the first sample of a series by what is known about the time before",
        arguments: [(CounterIncrease.Baseline.absent, 9), (.unknown, 2), (.value(4), 5), (.value(8), 9)]
    )
    func baseline(baseline: CounterIncrease.Baseline, count: Int) throws {
        let all = samples((10, 7), (20, 9))
        #expect(CounterIncrease(of: all, during: try window(0, 20), baseline: baseline).count == count)
    }

    @Test("passes over NaN and infinite samples") func notNumbers() throws {
        let all = samples((0, 1), (10, .nan), (20, .infinity), (30, 4))
        let one = CounterIncrease(of: all, during: try window(0, 30), baseline: .unknown)
        #expect(one.count == 3)
        #expect(one.samples == 1)
        let none = CounterIncrease(of: samples((10, .nan)), during: try window(0, 30), baseline: .absent)
        #expect(none.samples == 0)
    }

    @Test("gives no count for what is not whole or beyond exact numbers") func notCounts() throws {
        let half = CounterIncrease(of: samples((0, 0), (1, 1.5)), during: try window(0, 1), baseline: .unknown)
        #expect(half.count == nil)
        let huge = CounterIncrease(of: samples((0, 0), (1, 1e17)), during: try window(0, 1), baseline: .unknown)
        #expect(huge.count == nil)
        let close = CounterIncrease(of: samples((0, 0.1), (1, 3.1)), during: try window(0, 1), baseline: .unknown)
        #expect(close.count == 3)
    }

    @Test("adds up over any partition of time to the count over the whole", arguments: 0..<200)
    func partition(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        // A counter with restarts, scraped with gaps of up to minutes, from before the first window or within it.
        var samples: [Sample] = []
        var value = 0.0
        var now = Int.random(in: -100_000..<300_000, using: &random)
        while now < 1_000_000 {
            if Int.random(in: 0..<8, using: &random) == 0 { value = 0 }
            value += Double(Int.random(in: 0..<50, using: &random))
            samples.append(Sample(SampleTime(milliseconds: now), value))
            now +=
                Int.random(in: 0..<12, using: &random) == 0
                ? Int.random(in: 100_000..<400_000, using: &random) : Int.random(in: 1..<20_000, using: &random)
        }
        let cuts = (0..<Int.random(in: 0..<30, using: &random)).map { _ in Int.random(in: 1..<999_999, using: &random) }
        let borders = ([0, 1_000_000] + Set(cuts)).sorted().map(SampleTime.init(milliseconds:))

        func count(_ start: SampleTime, _ end: SampleTime) throws -> Int {
            let window = try #require(TimeWindow(after: start, upTo: end))
            // What the reader fetches: a lookback of raw samples, and the last value before it when that finds none.
            let fetched = samples.filter { $0.time > start - .seconds(60) && $0.time <= end }
            let last = samples.last { $0.time <= start }
            let increase = CounterIncrease(
                of: fetched,
                during: window,
                baseline: last.map { .value($0.value) } ?? .absent
            )
            return try #require(increase.count)
        }

        let whole = try count(SampleTime(milliseconds: 0), SampleTime(milliseconds: 1_000_000))
        let parts = try zip(borders, borders.dropFirst()).map { try count($0, $1) }.reduce(0, +)
        #expect(parts == whole)
    }

    @Test("never lets two windows in a row share or miss a moment") func windows() throws {
        let first = try #require(TimeWindow.next(after: time(0), now: time(100), settle: .seconds(15)))
        #expect(first.end == time(85))
        #expect(TimeWindow.next(after: first.end, now: time(100), settle: .seconds(15)) == nil)
        let second = try #require(TimeWindow.next(after: first.end, now: time(130), settle: .seconds(15)))
        #expect(second.start == first.end)
        for second in 1...115 {
            let moment = time(second)
            #expect(first.contains(moment) != self.contains(moment, from: 85, to: 115))
        }
    }

    private func contains(_ moment: SampleTime, from: Int, to: Int) -> Bool {
        moment > time(from) && moment <= time(to)
    }

    @Test("writes times as the API takes them") func times() {
        #expect(SampleTime(milliseconds: 1_435_781_430_007).description == "1435781430.007")
        #expect(SampleTime(milliseconds: -1_500).description == "-1.500")
        #expect(SampleTime(microseconds: -1).milliseconds == -1)
        #expect(SampleTime(microseconds: 1_999).milliseconds == 1)
        #expect(SampleTime(seconds: 1_435_781_430.781)?.milliseconds == 1_435_781_430_781)
        #expect(SampleTime(seconds: .nan) == nil)
    }
}

@Suite("Histogram increase") struct HistogramIncreaseTests {
    private let window = TimeWindow(after: SampleTime(milliseconds: 0), upTo: SampleTime(milliseconds: 100))

    private func bucket(_ pod: String, _ bound: String, _ values: [(Int, Double)]) -> CounterSamples {
        CounterSamples(
            labels: ["pod": pod, "le": bound],
            samples: values.map { Sample(SampleTime(milliseconds: $0.0), $0.1) },
            baseline: .absent
        )
    }

    private func buckets(_ series: [CounterSamples]) throws -> [LatencyBucket]? {
        var histogram = HistogramIncrease()
        for process in HistogramIncrease.processes(series) { histogram.add(process, during: try #require(window)) }
        return histogram.buckets
    }

    @Test("sees a restart in all buckets when one shows it") func restart() throws {
        let series = [
            bucket("a", "0.1", [(0, 2), (50, 3)]), bucket("a", "+Inf", [(0, 100), (50, 5)]),
        ]
        #expect(
            try buckets(series) == [
                LatencyBucket(upperBound: 0.1, count: 3), LatencyBucket(upperBound: .infinity, count: 5),
            ]
        )
    }

    @Test("keeps the bounds that all active pods share") func layouts() throws {
        let series = [
            bucket("a", "0.1", [(50, 1)]), bucket("a", "1", [(50, 2)]), bucket("a", "+Inf", [(50, 3)]),
            bucket("b", "0.5", [(50, 4)]), bucket("b", "1.0", [(50, 5)]), bucket("b", "+Inf", [(50, 6)]),
            bucket("idle", "7", [(50, 0)]), bucket("idle", "+Inf", [(50, 0)]),
        ]
        #expect(
            try buckets(series) == [
                LatencyBucket(upperBound: 1, count: 7), LatencyBucket(upperBound: .infinity, count: 9),
            ]
        )
    }

    @Test("gives empty buckets when nothing was observed") func idle() throws {
        let series = [bucket("a", "1", [(0, 4), (50, 4)]), bucket("a", "+Inf", [(0, 9), (50, 9)])]
        #expect(
            try buckets(series) == [
                LatencyBucket(upperBound: 1, count: 0), LatencyBucket(upperBound: .infinity, count: 0),
            ]
        )
    }
}
