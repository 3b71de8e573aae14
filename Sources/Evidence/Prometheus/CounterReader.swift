/// The growth of one series during a window.
package struct SeriesIncrease: Sendable, Equatable {
    /// The labels, without the metric's name.
    package var labels: [String: String]
    /// The growth.
    package var increase: CounterIncrease
    /// Whether the series began within the window.
    package var isNew: Bool
}

/// One counter's raw samples around a window, with what is known about the time before them.
struct CounterSamples {
    var labels: [String: String]
    var samples: [Sample]
    var baseline: CounterIncrease.Baseline
}

/// Reads raw samples of counters and measures their growth.
package struct CounterReader: Sendable {
    /// How far around a window is looked.
    package struct Limits: Sendable, Equatable {
        /// How far before a window raw samples are fetched; a few scrape intervals.
        package var lookback: Duration
        /// How far back the last value is looked for of a series without a sample in the lookback.
        ///
        /// It bridges gaps in the scrapes. A series whose gap is longer is taken for a new one.
        package var memory: Duration
        /// How far before its first sample Prometheus must have scraped anything, to be believed that a series is new.
        ///
        /// Otherwise it may be Prometheus that is new (an empty volume after a restart), and counting from zero would
        /// count everything since the pods started.
        package var watch: Duration
        /// How long Prometheus may take after its first scrape until it has scraped every target.
        ///
        /// Scrapes are spread over the interval and targets discovered one after another, so what appears shortly after
        /// the first sample of all need not be new. Two scrape intervals are safe.
        package var warmUp: Duration

        /// Makes limits.
        package init(
            lookback: Duration = .seconds(300),
            memory: Duration = .seconds(24 * 3600),
            watch: Duration = .seconds(3600),
            warmUp: Duration = .seconds(120)
        ) {
            self.lookback = lookback
            self.memory = memory
            self.watch = watch
            self.warmUp = warmUp
        }
    }

    /// Whom it asks.
    package let client: PrometheusClient
    /// How far it looks.
    package let limits: Limits

    /// Makes a reader.
    package init(_ client: PrometheusClient, limits: Limits = Limits()) {
        self.client = client
        self.limits = limits
    }

    /// The growth of each series that a selector chooses.
    ///
    /// Series without a sample in the window are in the answer too, with no samples; one that has none in the lookback
    /// either is not. Costs one query, and normally two more when a series has no sample before the window.
    package func increases(
        of selector: Selector,
        during window: TimeWindow
    ) async throws(CancellationError) -> Reading<[SeriesIncrease]> {
        try await samples(of: selector, around: window).map { all in
            all.map { one in
                SeriesIncrease(
                    labels: one.labels,
                    increase: CounterIncrease(of: one.samples, during: window, baseline: one.baseline),
                    isNew: one.baseline == .absent && one.samples.first.map { window.contains($0.time) } == true
                )
            }
        }
    }

    /// The raw samples of each series from the lookback to the end of a window.
    func samples(
        of selector: Selector,
        around window: TimeWindow
    ) async throws(CancellationError) -> Reading<[CounterSamples]> {
        let query = "\(selector)[\(PromQL.duration(window.length + limits.lookback))]"
        let answer = try await client.query(query, at: window.end, whole: true)
        guard let result = answer.value else { return answer.map { _ in [] } }
        if let fault = Self.fault(in: result, query: query) { return .invalid(fault) }
        var all = result.series.map { series in
            // NaN is no sample of a counter: with it left out, a series can still have its baseline looked up.
            CounterSamples(
                labels: Self.identity(series.labels),
                samples: series.samples.filter(\.value.isFinite),
                baseline: .unknown
            )
        }
        all.removeAll(where: \.samples.isEmpty)
        let isWithoutPast: (CounterSamples) -> Bool = { $0.samples.first.map { $0.time > window.start } ?? false }
        guard all.contains(where: isWithoutPast) else { return .value(all) }

        let past = try await lastValues(of: selector, before: window.start)
        guard let past = past.value else { return past.map { _ in [] } }
        for index in all.indices where isWithoutPast(all[index]) {
            if let value = past[all[index].labels], value.isFinite { all[index].baseline = .value(value) }
        }
        let isUnknown: (CounterSamples) -> Bool = { isWithoutPast($0) && past[$0.labels] == nil }
        guard all.contains(where: isUnknown) else { return .value(all) }

        let firstTimes = Set(all.filter(isUnknown).compactMap(\.samples.first?.time)).sorted()
        let since = try await firstWatched(firstTimes, by: selector.metric)
        guard let since = since.value else { return since.map { _ in [] } }
        for index in all.indices where isUnknown(all[index]) {
            guard let since, let first = all[index].samples.first?.time, first >= since else { continue }
            all[index].baseline = .absent
        }
        return .value(all)
    }

    /// The last value of each series that has one before a time; NaN is one too, and shows that the series is not new.
    private func lastValues(
        of selector: Selector,
        before time: SampleTime
    ) async throws(CancellationError) -> Reading<[[String: String]: Double]> {
        let query = "last_over_time(\(selector)[\(PromQL.duration(limits.memory))])"
        let answer = try await client.query(query, at: time, whole: true)
        return answer.map { result in
            let values = result.series.compactMap { series in
                series.samples.last.map { (Self.identity(series.labels), $0.value) }
            }
            return Dictionary(values) { first, _ in first }
        }
    }

    /// The first of some times, given in order, at which Prometheus had long been watching.
    ///
    /// Nearly always that is the first of them, which costs one query. It depends on a series' first sample and not on
    /// the window it is looked at through, so that windows add up in any case.
    private func firstWatched(
        _ times: [SampleTime],
        by metric: String
    ) async throws(CancellationError) -> Reading<SampleTime?> {
        var low = 0
        var high = times.count
        var middle = 0
        while low < high {
            let answer = try await wasWatching(metric, before: times[middle] - limits.warmUp)
            guard let isWatching = answer.value else { return answer.map { _ in nil } }
            if isWatching { high = middle } else { low = middle + 1 }
            middle = low + (high - low) / 2
        }
        return .value(low < times.count ? times[low] : nil)
    }

    /// Whether Prometheus had any target, or this metric by other ways, not long before a time.
    private func wasWatching(
        _ metric: String,
        before time: SampleTime
    ) async throws(CancellationError) -> Reading<Bool> {
        let range = PromQL.duration(limits.watch)
        let query = "count(last_over_time(up[\(range)])) or count(last_over_time(\(Selector(metric))[\(range)]))"
        return try await client.query(query, at: time).map { !$0.series.isEmpty }
    }

    private static func identity(_ labels: [String: String]) -> [String: String] {
        var labels = labels
        labels["__name__"] = nil
        return labels
    }

    private static func fault(in result: QueryResult, query: String) -> QueryFault? {
        guard result.kind == .matrix else {
            return QueryFault(
                .wrongType,
                query: query,
                "it gives a \(result.kind.rawValue) where raw samples are needed"
            )
        }
        guard result.series.allSatisfy({ $0.samples.allSatisfy { !($0.value < 0) } }) else {
            return QueryFault(.notACounter, query: query, "a value is below zero; name a counter")
        }
        return nil
    }
}
