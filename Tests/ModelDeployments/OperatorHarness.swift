import ControllerRuntime
import HomeostatAPI
import JSON
import Kubernetes
import Synchronization
import Telemetry
import TestSupport

@testable import ModelDeployments

/// The real controller against an API server in memory, with a workload that is ready as soon as it is asked for.
final class OperatorHarness: Sendable {
    let server: MiniAPIServer
    let key = ObjectKey(namespace: "shop", name: "churn")
    private let workload: Task<Void, any Error>
    private let notes = Mutex<[EventNote]>([])
    private let source: any EvidenceSource

    init(source: any EvidenceSource = SilentSource()) throws {
        server = try MiniAPIServer(kinds: [ModelDeployment.resource])
        self.source = source
        let namespace: JSONValue = [
            "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(key.namespace)],
        ]
        _ = server.put(.namespace, namespace)
        let server = server
        let client = try server.client()
        workload = Task {
            // The Deployment controller and the kubelet in one: pods are ready at once.
            while !Task.isCancelled {
                // A server that is down for a while is watched again when it is back.
                guard let stream = try? await client.resource(DynamicObject.self, of: .deployment).watch() else {
                    await Task.yield()
                    continue
                }
                do {
                    for try await batch in stream {
                        for case .added(let object) in batch { Self.bringUp(object, server) }
                        for case .modified(let object) in batch { Self.bringUp(object, server) }
                    }
                } catch { continue }
            }
        }
    }

    var told: [EventNote] { notes.withLock { $0 } }

    private static func bringUp(_ object: DynamicObject, _ server: MiniAPIServer) {
        let replicas = object["spec", "replicas"]?.integer ?? 1
        guard
            object["status", "availableReplicas"]?.integer != replicas
                || object["status", "observedGeneration"]?.integer != object.metadata.generation
        else { return }
        server.change(
            .deployment,
            object.key,
            ["status"],
            [
                "observedGeneration": .integer(object.metadata.generation), "replicas": .integer(replicas),
                "readyReplicas": .integer(replicas), "availableReplicas": .integer(replicas),
            ]
        )
    }

    /// Runs an operator until the closure ends.
    func withOperator(
        fence: Fence = .open,
        clock: RuntimeClock = .system,
        _ body: () async throws -> Void
    ) async throws {
        let client = try server.client { $0.retries = .none }
        let runtime = RuntimeContext(clock: clock, chance: { 0 })
        let manager = Manager(signals: AsyncStream { _ in }, runtime: runtime)
        ModelDeploymentsSetup(
            client: client,
            source: source,
            fence: fence,
            runtime: runtime,
            metrics: RolloutMetrics(MetricsRegistry()),
            tell: { note in self.notes.withLock { $0.append(note) } }
        ).add(to: manager)
        let run = Task { await manager.run() }
        do { try await body() } catch {
            run.cancel()
            throw error
        }
        run.cancel()
        client.shutdown()
        // What it was about to write must not be taken for the next operator's.
        _ = await run.value
    }

    /// Applies a version with these steps, as a person would.
    func apply(_ version: String, replicas: Int = 4, steps: [CanaryStep], analysis: AnalysisSpec? = nil) {
        var object = ModelDeployment(metadata: ObjectMeta(name: key.name, namespace: key.namespace))
        object.spec.model.name = "churn"
        object.spec.model.version = version
        object.spec.replicas = replicas
        object.spec.template = ["spec": ["containers": [["name": "model", "image": "model-server"]]]]
        object.spec.strategy.canary = CanaryStrategy(steps: steps)
        object.spec.analysis = analysis
        guard server.get(ModelDeployment.resource, key) != nil else {
            _ = server.put(ModelDeployment.resource, object.value)
            return
        }
        server.change(ModelDeployment.resource, key, ["spec"], object.spec.json)
    }

    /// The object as it is stored.
    var stored: ModelDeployment? {
        server.get(ModelDeployment.resource, key).flatMap { try? ModelDeployment(parsing: $0.bytes()) }
    }

    /// Suspends until the stored object fulfils a condition.
    func wait(until isDone: @escaping @Sendable (ModelDeployment) -> Bool) async throws {
        let client = try server.client()
        defer { client.shutdown() }
        while true {
            if let stored, isDone(stored) { return }
            try Task.checkCancellation()
            guard let stream = try? await client.resource(ModelDeployment.self).watch() else { continue }
            do {
                for try await batch in stream {
                    for case .added(let object) in batch where isDone(object) { return }
                    for case .modified(let object) in batch where isDone(object) { return }
                }
            } catch is APIFailure { continue }
        }
    }

    /// Pods asked for, by model version.
    var sizes: [String: Int] {
        var sizes: [String: Int] = [:]
        for deployment in server.objects(.deployment) {
            let version = deployment[path: ["metadata", "annotations", ChildNames.versionAnnotation]]?.string ?? ""
            sizes[version] = deployment[path: ["spec", "replicas"]]?.integer ?? 0
        }
        return sizes
    }

    func stop() async {
        workload.cancel()
        await server.stop()
    }
}

extension ModelDeployment {
    var value: JSONValue { (try? JSONValue(parsing: bytes())) ?? .null }
    var isSettled: Bool { status.phase == .healthy && status.observedGeneration == metadata.generation }
}

/// A source of evidence that is not asked.
struct SilentSource: EvidenceSource {
    func evidence(
        for object: ModelDeployment,
        policy: Policy,
        stable: String,
        rollout: Rollout,
        now: Timestamp
    ) async throws(CancellationError) -> WindowEvidence? { nil }

    func loadProgress(
        for object: ModelDeployment,
        revisions: [String]
    ) async throws(CancellationError) -> [String: Double] { [:] }
}
