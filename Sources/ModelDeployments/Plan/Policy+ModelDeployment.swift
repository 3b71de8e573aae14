import Telemetry
internal import JSON
internal import Engines
internal import Evidence
package import HomeostatAPI
internal import Kubernetes

extension Policy {
    /// The finalizer that holds a ModelDeployment until the way back is done.
    package static let finalizer = "homeostat.dev/restore"

    /// What an object asks for.
    ///
    /// Whatever is wrong with it stands in ``errors``; the rest is then as good as can be read.
    package init(_ object: ModelDeployment) {
        let spec = object.spec
        self.init(
            key: object.metadata.key,
            generation: object.metadata.generation,
            revision: Revision.hash(of: spec),
            version: spec.model.version,
            replicas: max(0, spec.replicas),
            steps: spec.strategy.steps.compactMap { Step($0, analysis: spec.analysis) },
            analysis: spec.analysis.map(Analysis.init),
            progressDeadline: .seconds(max(1, spec.progressDeadlineSeconds)),
            historyLimit: max(0, spec.revisionHistoryLimit),
            isSuspended: spec.suspend,
            deletion: spec.deletionPolicy,
            deletedAt: object.metadata.deletionTimestamp,
            hasFinalizer: object.metadata.finalizers.contains(Self.finalizer),
            request: object.metadata.annotations[OperatorRequest.annotation].map(Request.init(parsing:)),
            errors: object.validate().map(\.description) + Self.queryErrors(spec)
        )
        minReadySeconds = max(0, spec.minReadySeconds)
    }

    /// What is wrong with the PromQL in a specification, which no schema can say.
    private static func queryErrors(_ spec: ModelDeploymentSpec) -> [String] {
        (spec.analysis?.metrics ?? []).enumerated().flatMap { index, metric in
            let path = "spec.analysis.metrics[\(index)]"
            var errors: [String] = []
            func check(_ parse: () throws -> Void) { do { try parse() } catch { errors.append("\(error)") } }
            if let rate = metric.errorRate {
                check { _ = try Selector(parsing: rate.total, field: "\(path).errorRate.total") }
                check { _ = try Selector(parsing: rate.failed, field: "\(path).errorRate.failed") }
            }
            if let latency = metric.latency {
                check { _ = try Selector(parsing: latency.histogram, field: "\(path).latency.histogram") }
            }
            if let query = metric.query { check { _ = try QueryTemplate(parsing: query, field: "\(path).query") } }
            if let test = metric.effectiveSequential {
                check { _ = try RateComparison(RateComparison.Configuration(test)) }
            }
            return errors
        }
    }
}

extension Policy.Step {
    /// A step of a specification; nil when it says nothing or several things.
    init?(_ step: CanaryStep, analysis: AnalysisSpec?) {
        switch step.action {
        case .setWeight(let weight): self.init(step.name, .setWeight(weight))
        case .pause(let duration): self.init(step.name, .pause(duration))
        case .analysis(let own):
            let minimum = own.minDuration ?? analysis?.minDuration
            self.init(step.name, .analysis(minimum: minimum?.duration ?? .zero))
        case nil: return nil
        }
    }
}

extension Policy.Analysis {
    init(_ spec: AnalysisSpec) {
        self.init(
            interval: spec.interval.duration,
            metrics: spec.metrics.map(Policy.Metric.init),
            onNoData: spec.onNoData,
            noDataTimeout: spec.noDataTimeout?.duration ?? spec.interval.duration * 5,
            maximum: spec.maxDuration.duration,
            onTimeout: spec.onTimeout
        )
    }
}

extension Policy.Metric {
    init(_ spec: MetricSpec) {
        var limits: [Policy.Limit] = []
        if let threshold = spec.threshold {
            if threshold.max != nil || threshold.min != nil {
                limits.append(Policy.Limit(minimum: threshold.min, maximum: threshold.max))
            }
            for (name, limit) in [
                ("p50", threshold.p50), ("p90", threshold.p90), ("p95", threshold.p95), ("p99", threshold.p99),
            ] {
                if let limit { limits.append(Policy.Limit(name, maximum: limit.max.duration.inSeconds)) }
            }
        }
        // The specification counts the looks that condemn; here the ones that are forgiven are counted.
        self.init(
            spec.name,
            sequential: spec.effectiveSequential.map(RateComparison.Configuration.init),
            limits: limits,
            failureLimit: max(0, spec.failureLimit - 1)
        )
    }
}

extension RateComparison.Configuration {
    init(_ test: SequentialTest) {
        self.init(
            margin: test.margin,
            alphaRollback: test.alphaRollback,
            alphaPromote: test.alphaPromote,
            minSamples: test.minSamples,
            tolerance: test.tolerance > 0 ? test.tolerance : nil
        )
    }
}

extension Policy.Request {
    /// The request in an annotation; one that cannot be read is answered with what is wrong with it.
    init(parsing text: String) {
        do throws(FieldError) {
            let request = try OperatorRequest(parsing: text)
            self.init(request.verb, revision: request.revision, id: request.id)
        } catch {
            let shown = String(text.prefix(128))
            self.init(nil, text: shown, revision: "", id: shown, fault: "\(error)")
        }
    }
}
