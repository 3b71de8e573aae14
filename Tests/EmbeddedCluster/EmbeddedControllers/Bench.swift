import EmbeddedAPI
import Engines
import JSON
import Kubernetes
import Synchronization
import Testing

@testable import EmbeddedControllers

/// An API and its controllers on a clock that only tests move.
final class Bench: Sendable {
    static let start = Timestamp(microseconds: 1_800_000_000_000_000)

    let core: APICore
    private let clock: TestTime
    private let controllers: [any ClusterController]
    private let loop: Mutex<ControllerLoop>
    private let failures = Mutex<[ControllerLoop.Failure]>([])

    init(_ controllers: [any ClusterController], seed: UInt64 = 1) throws {
        let clock = TestTime()
        self.clock = clock
        self.controllers = controllers
        core = try APICore(wall: { clock.now }, seed: seed, historyLimit: 1_000_000)
        loop = Mutex(ControllerLoop(core: core, controllers: controllers, wall: { clock.now }))
        restart()
    }

    var now: Timestamp { clock.now }

    /// What the API refused, but for conflicts.
    var refusals: [String] { failures.withLock { $0.map { "\($0.controller) \($0.key): \($0.status.message)" } } }

    /// Loses all that the controllers had in memory.
    func restart(writesLeft: Int = .max) {
        let left = Mutex(writesLeft)
        let gate: @Sendable () -> Bool = {
            left.withLock { left in
                left -= 1
                return left >= 0
            }
        }
        restart(gate)
    }

    private func restart(_ gate: @escaping @Sendable () -> Bool) {
        let fresh = ControllerLoop(
            Cluster(core: core, mayWrite: gate),
            controllers: controllers,
            wall: { [clock] in clock.now },
            report: { [weak self] failure in self?.failures.withLock { $0.append(failure) } }
        )
        loop.withLock { $0 = fresh }
    }

    /// Lets time pass, doing what falls due.
    func run(for duration: Duration) {
        let loop = loop.withLock { $0 }
        let end = clock.now + duration
        while let due = loop.settle(now: clock.now), due <= end { clock.now = max(due, clock.now) }
        clock.now = end
        _ = loop.settle(now: end)
    }

    // MARK: Calls

    @discardableResult
    func create(_ type: ResourceType, _ object: JSONValue) throws -> JSONValue {
        var object = object
        object["apiVersion"] = .string(type.apiVersion)
        object["kind"] = .string(type.kind)
        if type.isNamespaced, object.namespace.isEmpty { object[path: ["metadata", "namespace"]] = "default" }
        var call = APICall(.create, type, ObjectKey(namespace: object.namespace, name: ""), user: .admin)
        call.body = object
        return try core.perform(call).body
    }

    func patch(
        _ type: ResourceType,
        _ name: String,
        namespace: String = "default",
        subresource: String? = nil,
        _ patch: JSONValue
    ) throws {
        var call = APICall(.patch, type, ObjectKey(namespace: type.isNamespaced ? namespace : "", name: name))
        call.patchFormat = .merge
        call.subresource = subresource
        call.body = patch
        _ = try core.perform(call)
    }

    func delete(_ type: ResourceType, _ name: String, namespace: String = "default", policy: String? = nil) throws {
        var call = APICall(.delete, type, ObjectKey(namespace: type.isNamespaced ? namespace : "", name: name))
        call.propagationPolicy = policy
        _ = try core.perform(call)
    }

    func get(_ type: ResourceType, _ name: String, namespace: String = "default") throws -> JSONValue {
        try #require(core.get(type, ObjectKey(namespace: type.isNamespaced ? namespace : "", name: name)))
    }

    func list(_ type: ResourceType) -> [JSONValue] { core.list(type, namespace: type.isNamespaced ? "default" : "") }

    /// Events as `Reason: message`, oldest first.
    var events: [String] {
        core.list(.coreEvent).sorted(by: isOlder).map {
            "\($0["reason"]?.string ?? ""): \($0["message"]?.string ?? "")"
        }
    }

    // MARK: Objects

    func addNode(_ name: String = "one", cpu: String = "4", memory: String = "8Gi", pods: String = "110") throws {
        try create(.node, ["metadata": ["name": .string(name)]])
        let capacity: JSONValue = ["cpu": .string(cpu), "memory": .string(memory), "pods": .string(pods)]
        try patch(.node, name, subresource: "status", ["status": ["allocatable": capacity]])
    }

    static func template(app: String = "web", image: String = "web:1", cpu: String? = nil) -> JSONValue {
        var container: JSONValue = [
            "name": "main", "image": .string(image), "ports": [["name": "http", "containerPort": 8080]],
        ]
        if let cpu { container["resources"] = ["requests": ["cpu": .string(cpu)]] }
        return ["metadata": ["labels": ["app": .string(app)]], "spec": ["containers": [container]]]
    }

    func makeDeployment(
        _ name: String = "web",
        replicas: Int,
        surge: JSONValue = 1,
        unavailable: JSONValue = 0,
        _ more: JSONObject = [:]
    ) throws {
        var spec: JSONValue = [
            "replicas": .integer(replicas), "selector": ["matchLabels": ["app": .string(name)]],
            "template": Self.template(app: name), "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "strategy": [
                "type": "RollingUpdate", "rollingUpdate": ["maxSurge": surge, "maxUnavailable": unavailable],
            ],
        ]
        for (key, value) in more { spec[key] = value }
        try create(.deployment, ["metadata": ["name": .string(name)], "spec": spec])
    }

    func setImage(_ image: String, of name: String = "web") throws {
        try patch(.deployment, name, ["spec": ["template": Self.template(app: name, image: image)]])
    }
}

final class TestTime: Sendable {
    private let time = Mutex(Bench.start)

    var now: Timestamp {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }
}

/// A kubelet that runs nothing: pods become ready, succeed, fail and go as its script says.
struct ScriptedKubelet: ClusterController {
    enum Fate: Sendable {
        case ready(after: Duration)
        case never
        case ends(after: Duration, phase: String)
    }

    let name = "scripted-kubelet"
    var needsNode = false
    /// How long pods take to go.
    var grace: Duration = .zero
    var fate: @Sendable (JSONValue) -> Fate = { _ in .ready(after: .seconds(1)) }

    func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        change.resource == .pod && change.new != nil ? [change.key] : []
    }

    func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let pod = cluster.get(.pod, key) else { return nil }
        if let marked = pod.metadata["deletionTimestamp"]?.time {
            let asked = marked - .seconds(pod.metadata["deletionGracePeriodSeconds"]?.integer ?? 0)
            let rest = asked + grace - now
            guard rest <= .zero else { return rest }
            var call = APICall(.delete, .pod, key)
            call.gracePeriodSeconds = 0
            do throws(APIStatus) { _ = try cluster.call(call, by: name) } catch {
                if error.reason != "NotFound" { throw error }
            }
            return nil
        }
        guard !needsNode || !pod.nodeName.isEmpty, !pod.isOver else { return nil }
        switch fate(pod) {
        case .never: return nil
        case .ready(let delay):
            guard pod.phase != "Running" else { return nil }
            return try move(pod, to: "Running", after: delay, cluster, now)
        case .ends(let delay, let phase): return try move(pod, to: phase, after: delay, cluster, now)
        }
    }

    private func move(
        _ pod: JSONValue,
        to phase: String,
        after delay: Duration,
        _ cluster: Cluster,
        _ now: Timestamp
    )
        throws(APIStatus) -> Duration?
    {
        let rest = (pod.created ?? now) + delay - now
        guard rest <= .zero else { return rest }
        var status = pod.status
        status["phase"] = .string(phase)
        status["podIP"] = .string("127.0.\(Self.hash(pod.name) % 250).\(Self.hash(pod.uid) % 250 + 1)")
        status["conditions"] = [
            [
                "type": "Ready", "status": phase == "Running" ? "True" : "False",
                "lastTransitionTime": .string(now.description),
            ]
        ]
        if phase != "Running" {
            status["containerStatuses"] = [["state": ["terminated": ["finishedAt": .string(now.description)]]]]
        }
        try cluster.updateStatus(.pod, pod, status, by: name)
        return nil
    }

    /// A number that is the same for the same text, in each run.
    static func hash(_ text: String) -> Int {
        var hash = FNV1a()
        for byte in text.utf8 { hash.add(byte) }
        return Int(hash.value >> 3)
    }
}
