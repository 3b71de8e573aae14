import Synchronization

/// A distribution in buckets.
package final class Histogram: MetricFamily {
    /// Upper bounds for latencies in seconds, 5 ms to 10 s (those of Prometheus's client libraries).
    package static let secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    /// What a series holds.
    package struct Snapshot: Sendable, Equatable {
        /// Upper bounds, ascending.
        package var bounds: [Double]
        /// Observations in each bucket (not cumulative), one more than bounds: the last has no upper bound.
        package var counts: [Int]
        /// The sum of all observations.
        package var sum: Double
        /// How many observations there were.
        package var count: Int { counts.reduce(0, +) }
    }

    private final class Series: Sendable {
        let state: Mutex<Snapshot>

        init(_ bounds: [Double], of description: MetricDescription) {
            guard zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }), bounds.allSatisfy(\.isFinite) else {
                fatalError("the buckets of \(description.name) are not finite and ascending")
            }
            state = Mutex(Snapshot(bounds: bounds, counts: Array(repeating: 0, count: bounds.count + 1), sum: 0))
        }
    }

    let description: MetricDescription
    private let table: SeriesTable<Series>

    init(_ description: MetricDescription, limit: Int, buckets: @escaping @Sendable ([String]) -> [Double]) {
        self.description = description
        table = SeriesTable(description, limit: limit) { Series(buckets($0), of: description) }
    }

    /// Counts a value; a bucket holds values up to and including its bound.
    ///
    /// NaN is ignored.
    ///
    /// - Parameters:
    ///   - value: The value, in the metric's unit.
    ///   - labels: The label values, in the order of the names.
    package func observe(_ value: Double, _ labels: [String] = []) {
        guard !value.isNaN else { return }
        table[labels].state.withLock { state in
            var low = 0
            var high = state.bounds.count
            while low < high {
                let middle = (low + high) / 2
                if value <= state.bounds[middle] { high = middle } else { low = middle + 1 }
            }
            state.counts[low] += 1
            state.sum += value
        }
    }

    /// Counts a time span, in seconds.
    package func observe(_ span: Duration, _ labels: [String] = []) { observe(span.inSeconds, labels) }

    /// What a series holds; nil when there is none.
    package func snapshot(_ labels: [String] = []) -> Snapshot? { table.known(labels)?.state.withLock { $0 } }

    /// Makes a series exist, empty.
    package func prepare(_ labels: [String]) { _ = table[labels] }

    /// Forgets a series.
    package func remove(_ labels: [String]) { table.remove(labels) }

    /// Forgets the series whose label values match.
    package func removeAll(where matches: ([String]) -> Bool) { table.removeAll(where: matches) }

    func write(to text: inout MetricText) {
        let series = table.sorted
        guard !series.isEmpty else { return }
        text.header(description)
        for (values, series) in series {
            let snapshot = series.state.withLock { $0 }
            var total = 0
            for (bound, count) in zip(snapshot.bounds + [.infinity], snapshot.counts) {
                total += count
                text.sample(
                    description,
                    suffix: "_bucket",
                    values: values,
                    extra: ("le", MetricText.number(bound)),
                    Double(total)
                )
            }
            text.sample(description, suffix: "_sum", values: values, snapshot.sum)
            text.sample(description, suffix: "_count", values: values, Double(total))
        }
    }
}

/// A metric that is worked out at each scrape.
final class ObservedMetric: MetricFamily {
    let description: MetricDescription
    private let limit: Int
    private let evaluate: @Sendable () -> [(labels: [String], value: Double)]

    init(
        _ description: MetricDescription,
        limit: Int,
        evaluate: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        self.description = description
        self.limit = limit
        self.evaluate = evaluate
    }

    func write(to text: inout MetricText) {
        let series = evaluate().filter { $0.labels.count == description.labels.count }
            .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
        guard !series.isEmpty else { return }
        text.header(description)
        for (values, value) in series.prefix(limit) { text.sample(description, values: values, value) }
    }
}
