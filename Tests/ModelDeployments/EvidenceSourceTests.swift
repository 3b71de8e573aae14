import Engines
import HTTPServing
import HTTPTransport
import HomeostatAPI
import JSON
import Kubernetes
import Synchronization
import TestSupport
import Testing

@testable import ModelDeployments

@Suite("Prometheus as the source of evidence", .timeLimit(.minutes(1))) struct EvidenceSourceTests {
    @Test("45 a Secret that is missing holds the analysis, which starts by itself when the Secret is made")
    func missingSecret() async throws {
        let seen = Mutex<[String]>([])
        let prometheus = try HTTPServer(HTTPServerConfiguration()) { request in
            seen.withLock { $0.append(request.header("authorization") ?? "") }
            return .json(Array(#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.utf8))
        }
        let server = try MiniAPIServer(kinds: [ModelDeployment.resource])
        let client = try server.client()
        let source = PrometheusSource(http: try HTTPClient(), kubernetes: client)
        let object = Self.object(prometheus: "http://127.0.0.1:\(prometheus.port)")

        guard case .unavailable(let reason) = try await Self.ask(source, object) else {
            Issue.record("without its Secret the source is unavailable")
            return
        }
        #expect(reason.contains("prometheus-token") && seen.withLock { $0.isEmpty })
        let secret: JSONValue = [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "prometheus-token", "namespace": "shop"],
            "data": ["token": "c2VzYW1l"],
        ]
        _ = server.put(.secret, secret)
        guard case .insufficient = try await Self.ask(source, object) else {
            Issue.record("Prometheus has answered that there is nothing")
            return
        }
        #expect(seen.withLock { $0.first } == "Bearer sesame")
        client.shutdown()
        await server.stop()
        await prometheus.stop()
    }

    @Test("a selector of a right form that says nothing is told with its field and place in the verdict")
    func brokenSelectors() async throws {
        let server = try MiniAPIServer(kinds: [ModelDeployment.resource])
        let client = try server.client()
        let http = try HTTPClient()
        let source = PrometheusSource(http: http, kubernetes: client)
        var object = Self.object(prometheus: "http://127.0.0.1:9")
        object.spec.analysis?.prometheus.auth = nil
        object.spec.analysis?.metrics[0].errorRate?.failed = "errors_total{code=~5..}"
        var slow = MetricSpec()
        slow.name = "slow"
        slow.latency = LatencyMetric()
        slow.latency?.histogram = "seconds{le=\"1\"}"
        object.spec.analysis?.metrics.append(slow)
        let said = [
            "errors":
                "spec.analysis.metrics[0].errorRate.failed: \"errors_total{code=~5..}\" has \"5\" at character 20 "
                + "instead of a value in quotes",
            "slow": "spec.analysis.metrics[1].latency.histogram: \"seconds{le=\"1\"}\" has a condition on le; leave it "
                + "out, all its values are needed and told apart",
        ]
        let refused = object.validate().map(\.path)
        #expect(!refused.contains { $0.hasSuffix("failed") || $0.hasSuffix("histogram") })
        for (metric, message) in said {
            guard case .unavailable(let reason) = try await Self.ask(source, object, metric) else {
                Issue.record("\(metric) is judged")
                continue
            }
            #expect(reason == message)
        }
        http.shutdown()
        client.shutdown()
        await server.stop()
    }

    private static func ask(
        _ source: PrometheusSource,
        _ object: ModelDeployment,
        _ metric: String = "errors"
    ) async throws -> MetricEvidence.Reading? {
        let start = Timestamp(microseconds: 1_700_000_000_000_000)
        var rollout = Rollout(
            canary: RolloutState.RevisionRecord(revision: "v2", version: "2.0.0"),
            stepsHash: "",
            startedAt: start
        )
        rollout.evidence = AnalysisState(startedAt: start, metrics: [MetricState(name: metric, since: start)])
        let found = try await source.evidence(
            for: object,
            policy: Policy(object),
            stable: "v1",
            rollout: rollout,
            now: start + .seconds(60)
        )
        return found?.metrics.first?.reading
    }

    private static func object(prometheus address: String) -> ModelDeployment {
        var object = ModelDeployment(metadata: ObjectMeta(name: "churn", namespace: "shop"))
        var analysis = AnalysisSpec()
        analysis.prometheus.address = address
        var auth = PrometheusAuth()
        var token = SecretKeyReference()
        token.secretName = "prometheus-token"
        token.key = "token"
        auth.bearerToken = token
        analysis.prometheus.auth = auth
        var metric = MetricSpec()
        metric.name = "errors"
        var rate = ErrorRateMetric()
        rate.total = "model_requests_total"
        rate.failed = "model_requests_total{code=~\"5..\"}"
        metric.errorRate = rate
        analysis.metrics = [metric]
        object.spec.analysis = analysis
        return object
    }
}
