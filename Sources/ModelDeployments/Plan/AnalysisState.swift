package import Engines
package import HomeostatAPI
package import Kubernetes

/// What one metric said over one window.
package struct MetricEvidence: Sendable, Equatable {
    package var name: String
    package var reading: Reading

    package init(_ name: String, _ reading: Reading) {
        self.name = name
        self.reading = reading
    }

    package enum Reading: Sendable, Equatable {
        /// Requests and failures of each track within the window.
        case counts(canary: TrackCounts, stable: TrackCounts)
        /// Values of the canary by quantity: `value`, `p99`, …
        case values([String: Double])
        /// The source answered and had nothing to say; neither success nor failure.
        case insufficient(String)
        /// The source did not answer.
        case unavailable(String)
    }
}

/// The evidence of all metrics, each over a window of its own that begins where its last one ended.
package struct WindowEvidence: Sendable, Equatable {
    /// Where the windows end.
    package var end: Timestamp
    package var metrics: [MetricEvidence]

    package init(end: Timestamp, metrics: [MetricEvidence]) {
        self.end = end
        self.metrics = metrics
    }
}

/// What has been learnt about a canary since it took traffic.
package struct AnalysisState: Sendable, Equatable {
    package var startedAt: Timestamp
    /// When the metrics were looked at last.
    package var lookedAt: Timestamp
    package var metrics: [MetricState]

    package init(startedAt: Timestamp, metrics: [MetricState] = []) {
        self.startedAt = startedAt
        lookedAt = startedAt
        self.metrics = metrics
    }

    package func metric(_ name: String) -> MetricState? { metrics.first { $0.name == name } }

    /// Since when a source has not answered; nil while all do.
    package var unavailableSince: Timestamp? { metrics.compactMap(\.unavailableSince).min() }
    /// Since when a source has had nothing to say; nil while all have.
    package var insufficientSince: Timestamp? { metrics.compactMap(\.insufficientSince).min() }
}

/// What has been learnt from one metric.
package struct MetricState: Sendable, Equatable {
    package var name: String
    package var comparison: RateComparison?
    /// Windows in a row in which a limit was broken.
    package var failures = 0
    /// Windows in which all limits were kept.
    package var passes = 0
    /// The last window's values by quantity.
    package var values: [String: Double] = [:]
    /// Which limit the last window broke, in words.
    package var broken: String?
    package var unavailableSince: Timestamp?
    package var insufficientSince: Timestamp?
    /// What the source said when it was unavailable or had nothing to say.
    package var detail = ""
    package var updatedAt: Timestamp
    /// Up to where its evidence has been counted; a window without an answer is asked for again, so nothing is lost.
    package var countedUntil: Timestamp

    package init(name: String, comparison: RateComparison? = nil, since start: Timestamp) {
        self.name = name
        self.comparison = comparison
        updatedAt = start
        countedUntil = start
    }
}

extension MetricState {
    /// Adds one window.
    mutating func add(
        _ reading: MetricEvidence.Reading,
        upTo end: Timestamp,
        policy: Policy.Metric,
        now: Timestamp
    ) {
        guard end > countedUntil else { return }
        updatedAt = now
        switch reading {
        case .unavailable(let reason):
            unavailableSince = unavailableSince ?? now
            detail = reason
            return
        case .insufficient(let reason):
            unavailableSince = nil
            insufficientSince = insufficientSince ?? now
            detail = reason
            return
        case .counts(let canary, let stable):
            do throws(RateComparisonError) {
                try comparison?.add(canary: canary, stable: stable)
                countedUntil = end
            } catch {
                insufficientSince = insufficientSince ?? now
                detail = "\(error)"
                return
            }
            values = canary.total > 0 ? ["value": Double(canary.failed) / Double(canary.total)] : [:]
            guard canary.total > 0 else {
                unavailableSince = nil
                insufficientSince = insufficientSince ?? now
                detail = "the canary answered no request in the window"
                return
            }
        case .values(let readings):
            values = readings
            countedUntil = end
        }
        unavailableSince = nil
        insufficientSince = nil
        detail = ""
        check(policy.limits)
    }

    private mutating func check(_ limits: [Policy.Limit]) {
        guard !limits.isEmpty else { return }
        let values = values
        broken = limits.lazy.compactMap { $0.broken(by: values) }.first
        if broken == nil {
            failures = 0
            passes += 1
        } else {
            failures += 1
        }
    }

    /// What the metric says now.
    package func verdict(_ policy: Policy.Metric) -> Verdict {
        if comparison?.verdict == .worse { return .worse }
        if failures > policy.failureLimit { return .failed }
        if unavailableSince != nil { return .unavailable }
        if insufficientSince != nil { return .insufficientData }
        if let comparison, comparison.verdict != .nonInferior { return .collecting }
        guard !policy.limits.isEmpty else { return comparison == nil ? .collecting : .nonInferior }
        guard broken == nil, passes > 0 else { return .collecting }
        return comparison == nil ? .passed : .nonInferior
    }
}

extension Policy.Limit {
    /// Which bound a window's values break, in words; nil when none, or when there is no such value.
    func broken(by values: [String: Double]) -> String? {
        guard let value = values[quantity] else { return nil }
        let name = quantity == "value" ? "" : "\(quantity) "
        let unit = Self.unit(quantity)
        if let maximum, !(value <= maximum) { return "\(name)\(value.short)\(unit) is above \(maximum.short)\(unit)" }
        if let minimum, !(value >= minimum) { return "\(name)\(value.short)\(unit) is below \(minimum.short)\(unit)" }
        return nil
    }

    /// What follows a value of a quantity: quantiles are of latencies, in seconds.
    static func unit(_ quantity: String) -> String { quantity == "value" ? "" : "s" }
}

extension Double {
    /// The number to four significant digits, for people.
    package var short: String {
        guard isFinite, self != 0 else { return self == 0 ? "0" : "\(self)" }
        var scale = 1.0
        var magnitude = Swift.abs(self)
        while magnitude < 1000, scale < 1e12 {
            magnitude *= 10
            scale *= 10
        }
        let rounded = (self * scale).rounded() / scale
        return rounded == rounded.rounded() && Swift.abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
    }
}
