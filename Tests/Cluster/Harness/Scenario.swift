import Foundation
import Glibc
import JSON
import Synchronization
import TestSupport
import Testing

/// Lets only so many in at once; the others wait their turn.
final class Gate: Sendable {
    private let state: Mutex<(free: Int, waiting: [CheckedContinuation<Void, Never>])>

    init(_ limit: Int) { state = Mutex((limit, [])) }

    /// Runs a body when there is room for it.
    func through<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        defer {
            let next = state.withLock { state in
                if !state.waiting.isEmpty { return Optional(state.waiting.removeFirst()) }
                state.free += 1
                return nil
            }
            next?.resume()
        }
        return try await body()
    }
}

/// A namespace of its own with an operator of its own, in which one thing is tried out.
final class Scenario: Sendable {
    let cluster: TestCluster
    let namespace: String
    let folder: URL
    /// Sees every version of every ModelDeployment.
    let recorder: Recorder
    private let running = Mutex<OperatorProcess?>(nil)

    /// Runs a body in a new namespace, and removes everything after it.
    ///
    /// Afterwards every status that was written is checked against kstatus.
    ///
    /// - Parameters:
    ///   - name: What it is about, as a part of the namespace's name.
    ///   - proxy: What the operator speaks to instead of the API server.
    static func run(
        _ name: String,
        through proxy: FaultProxy? = nil,
        withOperator: Bool = true,
        _ body: (Scenario) async throws -> Void
    ) async throws {
        try await gate.through { try await runNow(name, through: proxy, withOperator: withOperator, body) }
    }

    /// What has a deadline must not fail because of the others that run beside it.
    private static let gate = Gate(4)

    private static func runNow(
        _ name: String,
        through proxy: FaultProxy?,
        withOperator: Bool,
        _ body: (Scenario) async throws -> Void
    ) async throws {
        let cluster = try await TestCluster.ready()
        let namespace = "t-\(name)-\(UInt32.random(in: 0...0xfffff))"
        try await TestCluster.kubectl(["create", "namespace", namespace])
        let folder = try Command.temporaryFolder()
        let scenario = try await Scenario(cluster, namespace, folder)
        let result: Result<Void, any Error>
        do {
            try await TestCluster.kubectl(["-n", namespace, "apply", "-f", "-"], input: "\(ModelFixture.configMap)")
            if withOperator { try await scenario.startOperator(through: proxy) }
            try await body(scenario)
            try await scenario.checkStatuses()
            result = .success(())
        } catch {
            result = .failure(HarnessError("\(error)\n\(await scenario.report())"))
        }
        await scenario.end()
        try result.get()
    }

    private init(_ cluster: TestCluster, _ namespace: String, _ folder: URL) async throws {
        self.cluster = cluster
        self.namespace = namespace
        self.folder = folder
        recorder = try await Recorder(
            cluster,
            "/apis/homeostat.dev/v1alpha1/namespaces/\(namespace)/modeldeployments"
        )
    }

    private func end() async {
        await running.withLock { $0 }?.stop()
        do {
            try await removeFinalizers()
            try await TestCluster.kubectl(["delete", "namespace", namespace, "--wait=false"])
        } catch {
            Issue.record("cannot remove the namespace \(namespace): \(error)")
        }
        Command.remove(folder)
    }

    /// Without its operator nobody else lets go of the objects.
    private func removeFinalizers() async throws {
        for model in try await cluster.items(modelsPath) where model.at("metadata.finalizers") != nil {
            _ = try await TestCluster.attempt([
                "-n", namespace, "patch", "mdep", model.objectName, "--type=merge", "-p",
                "{\"metadata\":{\"finalizers\":null}}",
            ])
        }
    }

    private func checkStatuses() async throws {
        let models = try await cluster.items(modelsPath).map { "\(modelsPath)/\($0.objectName)" }
        let versions = try await recorder.stop(cluster, models)
        let violations = Recorder.kstatusViolations(versions)
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    }

    /// What is there, for whoever reads a failure.
    func report() async -> String {
        let models = (try? await cluster.items(modelsPath)) ?? []  // a report has what can be had
        let pods = (try? await pods()) ?? []
        let statuses = models.map { "\($0.objectName): \($0["status"] ?? .null)" }
        let states = pods.map { pod in
            "\(pod.objectName) \(pod.at("status.phase")?.string ?? "") \(pod.at("status.containerStatuses.0") ?? "")"
        }
        let events = (try? await events(of: nil)) ?? []
        return (statuses + states + ["events: \(events.joined(separator: " "))", running.withLock { $0 }?.tail ?? ""])
            .joined(separator: "\n")
    }

    // MARK: The operator

    /// The operator that runs for this namespace.
    var `operator`: OperatorProcess {
        get throws {
            guard let process = running.withLock({ $0 }) else { throw HarnessError("no operator runs") }
            return process
        }
    }

    /// Starts an operator and waits until it works.
    func startOperator(through proxy: FaultProxy? = nil) async throws {
        let kubeconfig = folder.appending(path: "kubeconfig")
        try cluster.writeOperatorKubeconfig(to: kubeconfig, server: proxy?.url)
        let process = try OperatorProcess(
            kubeconfig: kubeconfig,
            namespace: namespace,
            log: folder.appending(path: "operator.log")
        )
        running.withLock { $0 = process }
        try await process.started()
    }

    // MARK: What people do

    /// Applies a ModelDeployment.
    func apply(_ fixture: ModelFixture) async throws {
        try await TestCluster.kubectl(["-n", namespace, "apply", "-f", "-"], input: "\(fixture.manifest)")
    }

    /// Applies a ModelDeployment and waits until it serves; the revision it has then.
    @discardableResult
    func establish(_ fixture: ModelFixture) async throws -> String {
        try await apply(fixture)
        let model = try await settled(fixture.name, at: fixture.version)
        return model.at("status.stable.revision")?.string ?? ""
    }

    /// Makes a request to a rollout and waits until it is acknowledged.
    ///
    /// - Returns: `Accepted` or `Refused`.
    @discardableResult
    func request(_ verb: String, of revision: String, name: String = "churn") async throws -> String {
        let id = "\(verb)-\(UInt32.random(in: 0...0xffffff))"
        try await TestCluster.kubectl([
            "-n", namespace, "annotate", "mdep", name, "homeostat.dev/request=\(verb)/\(revision)/\(id)", "--overwrite",
        ])
        let model = try await model(name, "the request \(id) to be acknowledged") {
            $0.at("status.lastHandledRequest.id")?.string == id
        }
        return model.at("status.lastHandledRequest.result")?.string ?? ""
    }

    // MARK: What is there

    private var modelsPath: String { "/apis/homeostat.dev/v1alpha1/namespaces/\(namespace)/modeldeployments" }

    /// A ModelDeployment as it is now.
    func model(_ name: String = "churn") async throws -> JSONValue? { try await cluster.get("\(modelsPath)/\(name)") }

    /// Waits until a ModelDeployment is as asked for.
    @discardableResult
    func model(
        _ name: String = "churn",
        _ what: String,
        within limit: Duration = .seconds(60),
        is condition: (JSONValue) throws -> Bool
    ) async throws -> JSONValue {
        try await eventually("\(name): \(what)", within: limit) {
            guard let model = try await model(name), try condition(model) else { return nil }
            return model
        }
    }

    /// Waits until a version is stable, healthy and alone.
    @discardableResult
    func settled(
        _ name: String = "churn",
        at version: String,
        within limit: Duration = .seconds(90)
    ) async throws
        -> JSONValue
    {
        try await model(name, "version \(version) to be stable", within: limit) { model in
            model.condition("Ready")?["status"] == "True"
                && model.at("status.observedGeneration") == model.at("metadata.generation")
                && model.at("status.stable.version")?.string == version && model.at("status.canary") == nil
        }
    }

    /// Waits until the canary of a version waits in a step of this name.
    @discardableResult
    func atStep(_ step: String, of version: String, within limit: Duration = .seconds(60)) async throws -> JSONValue {
        try await model("churn", "version \(version) at step \(step)", within: limit) {
            $0.at("status.canary.version")?.string == version && $0.at("status.step.name")?.string == step
        }
    }

    /// The pods of one revision, or all.
    ///
    /// - Parameter ending: Whether those that are being deleted count too.
    func pods(of revision: String? = nil, ending: Bool = false) async throws -> [JSONValue] {
        try await cluster.items("/api/v1/namespaces/\(namespace)/pods")
            .filter { pod in
                (ending || pod.at("metadata.deletionTimestamp") == nil)
                    && (revision == nil || pod.at("metadata.labels")?["homeostat.dev/revision"]?.string == revision)
            }
    }

    /// The identities of the pods of a revision.
    func podUIDs(of revision: String) async throws -> Set<String> {
        Set(try await pods(of: revision).compactMap { $0.at("metadata.uid")?.string })
    }

    /// The Deployments.
    func deployments() async throws -> [JSONValue] {
        try await cluster.items("/apis/apps/v1/namespaces/\(namespace)/deployments")
    }

    /// The Services.
    func services() async throws -> [JSONValue] {
        try await cluster.items("/api/v1/namespaces/\(namespace)/services")
    }

    /// The reasons of the events about a ModelDeployment, each as often as it happened.
    ///
    /// Events of the same words are one series, so that their order says little.
    func events(of name: String? = "churn") async throws -> [String] {
        try await cluster.items("/apis/events.k8s.io/v1/namespaces/\(namespace)/events")
            .filter { event in
                event.at("regarding.kind")?.string == "ModelDeployment"
                    && (name == nil || event.at("regarding.name")?.string == name)
            }
            .flatMap { event in
                Array(repeating: event["reason"]?.string ?? "", count: event.at("series.count")?.integer ?? 1)
            }
    }

    /// What the operator has decided, in order, as its log says it.
    func decisions() throws -> [String] {
        try self.operator.text.split(separator: "\n")
            .compactMap { line in
                // What is no JSON is no line of the log.
                guard let entry = try? JSONValue(parsing: String(line)), entry["message"] == "decision" else {
                    return nil
                }
                return entry["reason"]?.string
            }
    }

    /// The steps that began, as their events say it.
    func stepEvents() async throws -> [String] {
        try await cluster.items("/apis/events.k8s.io/v1/namespaces/\(namespace)/events")
            .filter { $0["reason"] == "StepStarted" }
            .flatMap { event in
                Array(repeating: event["note"]?.string ?? "", count: event.at("series.count")?.integer ?? 1)
            }
    }

    /// Sends requests to a Service from now on.
    func traffic(to service: String = "churn", rate: Int = 40, tolerates: Set<Int> = []) async throws -> Traffic {
        let address: String = try await eventually("an address of the Service \(service)") {
            try await cluster.get("/api/v1/namespaces/\(namespace)/services/\(service)")?.at("spec.clusterIP")?.string
        }
        // The node learns of endpoints a little later than the API server; what is tested begins when it knows them.
        try await eventually("the Service \(service) to answer") {
            let first = try Traffic(to: "\(address):8080", rate: 20, tolerates: tolerates)
            try await first.firstResult()
            return await first.stop().total > 0
        }
        return try Traffic(to: "\(address):8080", rate: rate, tolerates: tolerates)
    }
}
