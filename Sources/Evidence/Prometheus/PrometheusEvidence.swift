package import JSON

/// Requests of one revision in one window.
package struct RateCounts: Sendable, Equatable {
    /// Requests answered, failures included.
    package var total: Int
    /// Failed requests; at most `total`.
    package var failed: Int
    /// Failures beyond `total`, which were left out of `failed`.
    ///
    /// A few come from two counters that were read a moment apart, many from two selectors that do not belong together.
    package var excessFailed: Int
    /// Series of requests with a sample in the window; usually pods × status codes.
    package var series: Int
    /// Times one of the counters began again from zero.
    package var resets: Int
    /// The last sample of a request counter in the window.
    package var lastSample: SampleTime

    /// Makes counts.
    package init(total: Int, failed: Int, excessFailed: Int, series: Int, resets: Int, lastSample: SampleTime) {
        self.total = total
        self.failed = failed
        self.excessFailed = excessFailed
        self.series = series
        self.resets = resets
        self.lastSample = lastSample
    }
}

/// One bucket of a histogram, cumulative.
package struct LatencyBucket: Sendable, Equatable {
    /// The inclusive upper bound in the histogram's own unit, seconds by convention; `+Inf` for the last.
    package var upperBound: Double
    /// Observations at or below the bound.
    package var count: Int

    /// Makes a bucket.
    package init(upperBound: Double, count: Int) {
        self.upperBound = upperBound
        self.count = count
    }
}

/// Observations of one revision in one window.
package struct LatencyCounts: Sendable, Equatable {
    /// The buckets by rising bound, the last of which is `+Inf`; counts never fall.
    package var buckets: [LatencyBucket]
    /// The last sample in the window.
    package var lastSample: SampleTime

    /// All observations.
    package var total: Int { buckets.last?.count ?? 0 }

    /// Makes counts.
    package init(buckets: [LatencyBucket], lastSample: SampleTime) {
        self.buckets = buckets
        self.lastSample = lastSample
    }
}

/// Facts about the revisions of a model, measured by Prometheus.
///
/// The pods' namespace and revision must be labels of their series; `docs/evidence.md` shows the relabelling.
package struct PrometheusEvidence: Sendable {
    /// The labels that say whose a series is.
    package struct LabelNames: Sendable, Equatable {
        /// The label that holds the pod's namespace.
        package var namespace: String
        /// The label that holds the pod's revision.
        package var revision: String

        /// Makes the names.
        package init(namespace: String = "namespace", revision: String = "homeostat_dev_revision") {
            self.namespace = namespace
            self.revision = revision
        }
    }

    /// How the values of a revision's pods become one.
    package enum Aggregation: String, Sendable, CaseIterable {
        case max, min, sum, avg
    }

    private let client: PrometheusClient
    private let reader: CounterReader
    private let labels: LabelNames

    /// Makes the source.
    package init(
        _ client: PrometheusClient,
        limits: CounterReader.Limits = CounterReader.Limits(),
        labels: LabelNames = LabelNames()
    ) {
        self.client = client
        self.labels = labels
        reader = CounterReader(client, limits: limits)
    }

    /// A selector of a counter, histogram or gauge of the model's pods, read from a resource.
    ///
    /// - Throws: ``FieldError`` as ``Selector/init(parsing:field:)``, and for a condition on the revision, which is added
    ///   for each query.
    package func selector(_ text: String, field: String) throws(FieldError) -> Selector {
        try selector(text, field: field, added: [labels.revision])
    }

    /// A selector of a histogram of the model's pods, read from a resource; its name with or without `_bucket`.
    ///
    /// - Throws: ``FieldError`` as ``selector(_:field:)``, and for a condition on `le`.
    package func histogram(_ text: String, field: String) throws(FieldError) -> Selector {
        try selector(text, field: field, added: [labels.revision, "le"])
    }

    private func selector(_ text: String, field: String, added: [String]) throws(FieldError) -> Selector {
        let selector = try Selector(parsing: text, field: field)
        if let own = selector.matchers.first(where: { added.contains($0.label) }) {
            throw FieldError(
                path: field,
                problem: "\"\(text)\" has a condition on \(own.label)",
                remedy: "leave it out, all its values are needed and told apart"
            )
        }
        return selector
    }

    // MARK: Rates

    /// Requests and failed requests of each revision during a window.
    ///
    /// When the answer is no value, nothing has been counted for any revision: let the next window begin where this one
    /// began, and what happened meanwhile is counted then. `insufficient` means that a revision has no series of
    /// requests (`noSeries`) or none with a sample in the window (`stale`); failure counters that do not exist are zero,
    /// because a counter by status code appears with the first failure.
    ///
    /// - Parameters:
    ///   - total: The counter of all requests.
    ///   - failed: The counter of failed ones, often the same with a condition more.
    ///   - revisions: Whose requests; at least one.
    ///   - namespace: Where their pods are.
    ///   - window: When; see ``TimeWindow/next(after:now:settle:)``.
    package func counts(
        total: Selector,
        failed: Selector,
        revisions: [String],
        namespace: String,
        during window: TimeWindow
    ) async throws(CancellationError) -> Reading<[String: RateCounts]> {
        let totalSelector = choose(total, revisions, namespace)
        let totals = try await reader.increases(of: totalSelector, during: window)
        guard let totals = totals.value else { return totals.map { _ in [:] } }
        let failedSelector = choose(failed, revisions, namespace)
        let failures = try await reader.increases(of: failedSelector, during: window)
        guard let failures = failures.value else { return failures.map { _ in [:] } }

        var counts: [String: RateCounts] = [:]
        for revision in Set(revisions).sorted() {
            let all = sum(totals, of: revision)
            guard let last = all.increase.lastSample else {
                return .insufficient(missing(total, revision, existing: totals, window))
            }
            let bad = sum(failures, of: revision).increase
            guard let totalCount = all.increase.count else { return .invalid(Self.notACount(totalSelector)) }
            guard let failedCount = bad.count else { return .invalid(Self.notACount(failedSelector)) }
            counts[revision] = RateCounts(
                total: totalCount,
                failed: min(failedCount, totalCount),
                excessFailed: max(0, failedCount - totalCount),
                series: all.series,
                resets: all.increase.resets,
                lastSample: last
            )
        }
        return .value(counts)
    }

    private func sum(_ series: [SeriesIncrease], of revision: String) -> (increase: CounterIncrease, series: Int) {
        var result = (increase: CounterIncrease(), series: 0)
        for one in series where one.labels[labels.revision] == revision {
            result.increase.add(one.increase)
            if one.increase.samples > 0 { result.series += 1 }
        }
        return result
    }

    private func missing(
        _ selector: Selector,
        _ revision: String,
        existing: [SeriesIncrease],
        _ window: TimeWindow
    ) -> Insufficiency {
        guard existing.contains(where: { $0.labels[labels.revision] == revision }) else {
            return Insufficiency(
                .noSeries,
                "revision \(revision) has no series of \(selector) with the label \(labels.revision)"
            )
        }
        return Insufficiency(
            .stale,
            "revision \(revision) has no sample of \(selector) in the last \(PromQL.duration(window.length))"
        )
    }

    private static func notACount(_ selector: Selector) -> QueryFault {
        QueryFault(.notACounter, query: selector.description, "it grew by a number that is not whole; name a counter")
    }

    // MARK: Latency

    /// Observations of a classic histogram by bucket, for each revision during a window.
    ///
    /// Buckets of one process are read together: when one of them restarts, all do, so no bucket of a scrape is taken
    /// for grown and another for restarted. Where pods have different bounds, the bounds common to all that observed
    /// anything are given, at which the counts are exact. Answers other than a value are as for
    /// ``counts(total:failed:revisions:namespace:during:)``.
    ///
    /// - Parameters:
    ///   - histogram: The histogram's name, with or without `_bucket`, and conditions; none on `le`.
    ///   - revisions: Whose observations; at least one.
    ///   - namespace: Where their pods are.
    ///   - window: When.
    package func latency(
        histogram: Selector,
        revisions: [String],
        namespace: String,
        during window: TimeWindow
    ) async throws(CancellationError) -> Reading<[String: LatencyCounts]> {
        var family = histogram
        if !family.metric.hasSuffix("_bucket") { family.metric += "_bucket" }
        let selector = choose(family, revisions, namespace)
        let answer = try await reader.samples(of: selector, around: window)
        guard let samples = answer.value else { return answer.map { _ in [:] } }

        var result: [String: LatencyCounts] = [:]
        for revision in Set(revisions).sorted() {
            let own = samples.filter { $0.labels[labels.revision] == revision }
            var histogram = HistogramIncrease()
            for process in HistogramIncrease.processes(own) { histogram.add(process, during: window) }
            guard let last = histogram.lastSample else {
                let seen = own.map { SeriesIncrease(labels: $0.labels, increase: CounterIncrease(), isNew: false) }
                return .insufficient(missing(family, revision, existing: seen, window))
            }
            guard let buckets = histogram.buckets else { return .invalid(Self.notACount(selector)) }
            guard buckets.last?.upperBound == .infinity else {
                return .invalid(
                    QueryFault(
                        .wrongType,
                        query: selector.description,
                        "it has no bucket le=\"+Inf\"; name a histogram"
                    )
                )
            }
            result[revision] = LatencyCounts(buckets: buckets, lastSample: last)
        }
        return .value(result)
    }

    // MARK: Gauges and queries

    /// The present value of a gauge for each revision that has one.
    ///
    /// A revision without a series, or whose value is NaN or infinite, is not in the answer; when that is so for all of
    /// them, the answer is insufficient. Prometheus drops a gauge at once when its target is gone, or else after five
    /// minutes without a sample.
    package func gauge(
        _ selector: Selector,
        revisions: [String],
        namespace: String,
        by aggregation: Aggregation = .max,
        at time: SampleTime? = nil
    ) async throws(CancellationError) -> Reading<[String: Double]> {
        let label = PromQL.label(labels.revision)
        let query = "\(aggregation.rawValue) by (\(label)) (\(choose(selector, revisions, namespace)))"
        return try await client.query(query, at: time).flatMap { result in
            var values: [String: Double] = [:]
            for series in result.series {
                guard let revision = series.labels[labels.revision], let sample = series.samples.last,
                    sample.value.isFinite
                else { continue }
                values[revision] = sample.value
            }
            if values.isEmpty {
                let reason: Insufficiency.Reason = result.series.isEmpty ? .noSeries : .notANumber
                return .insufficient(Insufficiency(reason, "no revision has a value of \(selector)"))
            }
            return .value(values)
        }
    }

    /// How far each revision's pods have loaded their model: of the furthest pod, 0...1.
    ///
    /// Revisions whose pods do not report it are not in the answer.
    package func modelLoadProgress(
        _ selector: Selector = Selector("model_load_progress_ratio"),
        revisions: [String],
        namespace: String,
        at time: SampleTime? = nil
    ) async throws(CancellationError) -> Reading<[String: Double]> {
        try await gauge(selector, revisions: revisions, namespace: namespace, by: .max, at: time)
            .map { $0.mapValues { min(max($0, 0), 1) } }
    }

    /// The number that a person's own query gives; see ``PrometheusClient/number(_:at:)``.
    package func number(
        _ template: QueryTemplate,
        _ values: QueryTemplate.Values,
        at time: SampleTime? = nil
    ) async throws(CancellationError) -> Reading<Double> {
        try await client.number(template.query(values), at: time)
    }

    private func choose(_ selector: Selector, _ revisions: [String], _ namespace: String) -> Selector {
        selector.adding([
            Selector.Matcher(labels.namespace, .equal, namespace),
            .anyOf(labels.revision, Set(revisions).sorted()),
        ])
    }
}
