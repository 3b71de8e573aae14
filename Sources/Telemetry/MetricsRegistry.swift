import Synchronization

/// The metrics of a program, shown in Prometheus's text format.
///
/// Metrics are made once, at start-up, and kept by who counts. Names, label names and label values are the programmer's:
/// a name that Prometheus would refuse, or a wrong number of label values, ends the program with a message.
package final class MetricsRegistry: Sendable {
    private let families = Mutex<[String: any MetricFamily]>([:])
    private let seriesLimit: Int

    /// Creates an empty registry.
    ///
    /// - Parameter seriesLimit: How many label combinations one metric may have. Further ones are counted together, in a
    ///   series whose label values are all `other`.
    package init(seriesLimit: Int = 1000) { self.seriesLimit = seriesLimit }

    /// A count that only grows.
    ///
    /// Asking again for the same name and labels gives the same counter.
    ///
    /// - Parameters:
    ///   - name: The name, ending in `_total`.
    ///   - help: One sentence.
    ///   - labels: The names of the labels; their values are given at each use, in this order.
    package func counter(_ name: String, help: String, labels: [String] = []) -> Counter {
        register(Counter(MetricDescription(name, help, "counter", labels), limit: seriesLimit))
    }

    /// A value that goes up and down.
    ///
    /// - Parameters:
    ///   - name: The name, with its base unit.
    ///   - help: One sentence.
    ///   - labels: The names of the labels.
    package func gauge(_ name: String, help: String, labels: [String] = []) -> Gauge {
        register(Gauge(MetricDescription(name, help, "gauge", labels), limit: seriesLimit))
    }

    /// A distribution in buckets.
    ///
    /// - Parameters:
    ///   - name: The name, with its base unit.
    ///   - help: One sentence.
    ///   - labels: The names of the labels; `le` is taken.
    ///   - buckets: Upper bounds, finite and ascending; the bucket for the rest is added.
    package func histogram(
        _ name: String,
        help: String,
        labels: [String] = [],
        buckets: [Double] = Histogram.secondsBuckets
    ) -> Histogram {
        register(
            Histogram(
                MetricDescription(name, help, "histogram", labels),
                limit: seriesLimit,
                buckets: { _ in buckets }
            )
        )
    }

    /// A distribution whose buckets differ from series to series.
    ///
    /// - Parameters:
    ///   - name: The name, with its base unit.
    ///   - help: One sentence.
    ///   - labels: The names of the labels; `le` is taken.
    ///   - bucketsFor: The upper bounds for a series' label values, finite and ascending. Asked once per series.
    package func histogram(
        _ name: String,
        help: String,
        labels: [String],
        bucketsFor: @escaping @Sendable ([String]) -> [Double]
    ) -> Histogram {
        register(
            Histogram(MetricDescription(name, help, "histogram", labels), limit: seriesLimit, buckets: bucketsFor)
        )
    }

    /// What a metric that is worked out at each scrape means.
    package enum ObservedKind: String, Sendable {
        /// A value that goes up and down.
        case gauge
        /// A count that only grows.
        case counter
    }

    /// A metric that is worked out at each scrape.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - kind: What it means.
    ///   - help: One sentence.
    ///   - labels: The names of the labels.
    ///   - evaluate: The series of now, each with its label values; none leaves the metric out. It must be quick.
    package func observe(
        _ name: String,
        _ kind: ObservedKind = .gauge,
        help: String,
        labels: [String],
        evaluate: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        _ = register(
            ObservedMetric(MetricDescription(name, help, kind.rawValue, labels), limit: seriesLimit, evaluate: evaluate)
        )
    }

    /// A metric without labels that is worked out at each scrape; nil leaves it out.
    package func observe(
        _ name: String,
        _ kind: ObservedKind = .gauge,
        help: String,
        evaluate: @escaping @Sendable () -> Double?
    ) {
        observe(name, kind, help: help, labels: []) { evaluate().map { [([], $0)] } ?? [] }
    }

    /// All metrics in Prometheus's text format 0.0.4, sorted by name and label values.
    ///
    /// Metrics without series are left out.
    package func expose() -> [UInt8] {
        // Evaluated outside the lock: an observed metric runs its owner's code.
        let families = families.withLock { Array($0.values) }.sorted { $0.description.name < $1.description.name }
        var text = MetricText()
        for family in families { family.write(to: &text) }
        return text.bytes
    }

    /// The content type of ``expose()``.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private func register<Family: MetricFamily>(_ family: Family) -> Family {
        let known = families.withLock { families in
            let known = families[family.description.name]
            if known == nil { families[family.description.name] = family }
            return known
        }
        guard let known else { return family }
        guard let same = known as? Family, same.description.labels == family.description.labels else {
            fatalError("the metric \(family.description.name) is made twice, as different things")
        }
        return same
    }
}
