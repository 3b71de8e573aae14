internal import Engines
internal import Evidence
internal import FoundationEssentials
package import HTTPTransport
package import HomeostatAPI
internal import JSON
package import Kubernetes
import Synchronization

/// Where the measurements of both tracks come from.
package protocol EvidenceSource: Sendable {
    /// What the metrics say over their windows that end now; nil when no window can end yet.
    ///
    /// - Throws: `CancellationError` alone; a source that fails is a reading.
    func evidence(
        for object: ModelDeployment,
        policy: Policy,
        stable: String,
        rollout: Rollout,
        now: Timestamp
    ) async throws(CancellationError) -> WindowEvidence?

    /// How much of its model the furthest pod of each revision has loaded, in `0...1`; empty when nobody reports it.
    func loadProgress(
        for object: ModelDeployment,
        revisions: [String]
    ) async throws(CancellationError) -> [String: Double]
}

/// Prometheus, one client for each address.
package final class PrometheusSource: EvidenceSource {
    /// How long after its end a window is read, so that the last scrape has arrived.
    package static let settle = Duration.seconds(3)

    private struct Address: Hashable {
        var namespace: String
        var spec: PrometheusSpec
    }

    private let http: HTTPClient
    private let kubernetes: KubernetesClient
    /// Clients are kept, because they know since when a server has not answered.
    ///
    /// Bounded: the oldest go first.
    private let clients = Mutex<[(address: Address, client: PrometheusClient)]>([])

    /// - Parameter kubernetes: Reads the Secrets with credentials.
    package init(http: HTTPClient, kubernetes: KubernetesClient) {
        self.http = http
        self.kubernetes = kubernetes
    }

    package func evidence(
        for object: ModelDeployment,
        policy: Policy,
        stable: String,
        rollout: Rollout,
        now: Timestamp
    ) async throws(CancellationError) -> WindowEvidence? {
        guard let analysis = object.spec.analysis, let known = rollout.evidence else { return nil }
        let end = SampleTime(microseconds: now.microseconds) - Self.settle
        let canary = rollout.canary.revision
        var metrics: [MetricEvidence] = []
        for (place, metric) in analysis.metrics.enumerated() {
            guard let state = known.metric(metric.name) else { continue }
            let start = SampleTime(microseconds: state.countedUntil.microseconds)
            guard let window = TimeWindow(after: start, upTo: end) else { continue }
            let question = Question(
                metric: metric,
                field: "spec.analysis.metrics[\(place)]",
                stable: stable,
                canary: canary,
                namespace: object.metadata.namespace,
                name: object.metadata.name,
                interval: analysis.interval.duration,
                window: window
            )
            switch source(object.metadata.namespace, analysis.prometheus) {
            case .success(let source):
                metrics.append(MetricEvidence(metric.name, try await Self.ask(source, question)))
            case .failure(let error): metrics.append(MetricEvidence(metric.name, .unavailable("\(error)")))
            }
        }
        return metrics.isEmpty ? nil : WindowEvidence(end: Timestamp(microseconds: end.microseconds), metrics: metrics)
    }

    package func loadProgress(
        for object: ModelDeployment,
        revisions: [String]
    ) async throws(CancellationError) -> [String: Double] {
        guard let analysis = object.spec.analysis,
            case .success(let source) = source(object.metadata.namespace, analysis.prometheus)
        else { return [:] }
        return try await source.modelLoadProgress(revisions: revisions, namespace: object.metadata.namespace).value
            ?? [:]
    }

    // MARK: Questions

    private struct Question {
        var metric: MetricSpec
        /// Its path in the resource.
        var field: String
        var stable: String
        var canary: String
        var namespace: String
        var name: String
        var interval: Duration
        var window: TimeWindow
    }

    private static func ask(
        _ source: PrometheusEvidence,
        _ question: Question
    ) async throws(CancellationError) -> MetricEvidence.Reading {
        do {
            if let rate = question.metric.errorRate { return try await ask(source, question, rate) }
            if let latency = question.metric.latency { return try await ask(source, question, latency) }
            if let query = question.metric.query { return try await ask(source, question, query) }
            return .insufficient("the metric says nothing")
        } catch let error as FieldError {
            // The API server has checked the form alone; the verdict tells the rest.
            return .unavailable("\(error)")
        } catch { throw CancellationError() }
    }

    private static func ask(
        _ source: PrometheusEvidence,
        _ question: Question,
        _ rate: ErrorRateMetric
    ) async throws -> MetricEvidence.Reading {
        let answer = try await source.counts(
            total: try source.selector(rate.total, field: "\(question.field).errorRate.total"),
            failed: try source.selector(rate.failed, field: "\(question.field).errorRate.failed"),
            revisions: [question.stable, question.canary],
            namespace: question.namespace,
            during: question.window
        )
        return reading(answer) { counts in
            func track(_ revision: String) -> TrackCounts {
                TrackCounts(total: counts[revision]?.total ?? 0, failed: counts[revision]?.failed ?? 0)
            }
            return .counts(canary: track(question.canary), stable: track(question.stable))
        }
    }

    private static func ask(
        _ source: PrometheusEvidence,
        _ question: Question,
        _ latency: LatencyMetric
    ) async throws -> MetricEvidence.Reading {
        let answer = try await source.latency(
            histogram: try source.histogram(latency.histogram, field: "\(question.field).latency.histogram"),
            revisions: [question.canary],
            namespace: question.namespace,
            during: question.window
        )
        return reading(answer) { counts in
            let buckets = counts[question.canary]?.buckets ?? []
            let histogram = CumulativeHistogram(
                buckets.map { CumulativeHistogram.Bucket(upperBound: $0.upperBound, count: Double($0.count)) }
            )
            var values: [String: Double] = [:]
            for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
                values[name] = histogram.quantile(share)
            }
            return values.isEmpty ? .insufficient("the canary answered no request in the window") : .values(values)
        }
    }

    private static func ask(
        _ source: PrometheusEvidence,
        _ question: Question,
        _ query: String
    ) async throws -> MetricEvidence.Reading {
        let template = try QueryTemplate(parsing: query, field: "\(question.field).query")
        let values = QueryTemplate.Values(
            namespace: question.namespace,
            revision: question.canary,
            name: question.name,
            interval: question.interval
        )
        return reading(try await source.number(template, values, at: question.window.end)) { .values(["value": $0]) }
    }

    private static func reading<Value>(
        _ answer: Reading<Value>,
        _ read: (Value) -> MetricEvidence.Reading
    ) -> MetricEvidence.Reading {
        switch answer {
        case .value(let value): read(value)
        case .insufficient(let why): .insufficient(why.description)
        case .unavailable(let outage): .unavailable(outage.description)
        // A wrong question is no answer until a person puts it right; the weight is held meanwhile.
        case .invalid(let fault): .unavailable(fault.description)
        }
    }

    // MARK: Clients

    private func source(_ namespace: String, _ spec: PrometheusSpec) -> Result<PrometheusEvidence, any Error> {
        Result {
            let address = Address(namespace: namespace, spec: spec)
            let labels = PrometheusEvidence.LabelNames(
                namespace: spec.labels.namespace,
                revision: spec.labels.revision
            )
            return PrometheusEvidence(try client(address), labels: labels)
        }
    }

    private func client(_ address: Address) throws -> PrometheusClient {
        if let known = clients.withLock({ $0.first { $0.address == address }?.client }) { return known }
        let kubernetes = kubernetes
        let configuration = try PrometheusConfiguration(
            address: address.spec.address,
            authorization: { try await Self.authorization(address.spec.auth, address.namespace, kubernetes) },
            timeLimit: address.spec.timeout.duration
        )
        let made = PrometheusClient(configuration, http: http)
        return clients.withLock { clients in
            // Another reconcile may have been faster; its client may know of an outage already.
            if let known = clients.first(where: { $0.address == address })?.client { return known }
            clients.append((address, made))
            if clients.count > 256 { clients.removeFirst() }
            return made
        }
    }

    private static func authorization(
        _ auth: PrometheusAuth?,
        _ namespace: String,
        _ kubernetes: KubernetesClient
    ) async throws -> PrometheusConfiguration.Authorization {
        if let token = auth?.bearerToken { return .bearer(token: try await secret(token, namespace, kubernetes)) }
        guard let basic = auth?.basic else { return .none }
        return .basic(
            user: try await secret(basic.username, namespace, kubernetes),
            password: try await secret(basic.password, namespace, kubernetes)
        )
    }

    private static func secret(
        _ reference: SecretKeyReference,
        _ namespace: String,
        _ kubernetes: KubernetesClient
    ) async throws -> String {
        let key = ObjectKey(namespace: namespace, name: reference.secretName)
        let secret = try await kubernetes.resource(DynamicObject.self, of: .secret).get(key)
        guard let encoded = secret["data", reference.key]?.string, let data = Data(base64Encoded: encoded) else {
            throw MissingSecretKey(secret: key, key: reference.key)
        }
        return String(decoding: data, as: UTF8.self)
    }
}

/// A Secret that is there and has not the key that is asked for.
package struct MissingSecretKey: Error, CustomStringConvertible {
    package var secret: ObjectKey
    package var key: String

    package var description: String { "the Secret \"\(secret)\" has no key \"\(key)\"; add it" }
}
