import EmbeddedAPI
import JSON
import Kubernetes
import Testing

@testable import EmbeddedControllers

@Suite("Deployments")
struct DeploymentTests {
    private let controllers: [any ClusterController] = [
        DeploymentController(), ReplicaSetController(), GarbageCollector(), ScriptedKubelet(),
    ]

    private func condition(_ object: JSONValue, _ type: String) -> [String] {
        let condition = object.condition(type)
        return ["status", "reason", "message"].map { condition?[$0]?.string ?? "" }
    }

    @Test("a deployment gets a replica set, pods, its revision and its conditions")
    func first() throws {
        let bench = try Bench(controllers)
        try bench.makeDeployment(replicas: 3)
        bench.run(for: .seconds(5))
        let deployment = try bench.get(.deployment, "web")
        let set = try #require(bench.list(.replicaSet).first)
        #expect(bench.list(.pod).count == 3)
        #expect(deployment.annotations["deployment.kubernetes.io/revision"] == "1")
        #expect(set.annotations["deployment.kubernetes.io/desired-replicas"] == "3")
        #expect(set.annotations["deployment.kubernetes.io/max-replicas"] == "4")
        #expect(set.name == "web-\(set.labels["pod-template-hash"]?.string ?? "?")")
        #expect(
            condition(deployment, "Available") == [
                "True", "MinimumReplicasAvailable", "Deployment has minimum availability.",
            ]
        )
        #expect(
            condition(deployment, "Progressing") == [
                "True", "NewReplicaSetAvailable", "ReplicaSet \"\(set.name)\" has successfully progressed.",
            ]
        )
        #expect(deployment.status["availableReplicas"] == 3)
        #expect(deployment.generation == 1)
        #expect(deployment.status["observedGeneration"] == 1)
        #expect(bench.events.contains("ScalingReplicaSet: Scaled up replica set \(set.name) to 3"))
        #expect(bench.events.count { $0.hasPrefix("SuccessfulCreate: Created pod: web-") } == 3)
        #expect(bench.refusals == [])
    }

    @Test("an update replaces the pods, keeps the old revision, and undoing it makes it the latest one")
    func updateAndUndo() throws {
        let bench = try Bench(controllers)
        try bench.makeDeployment(replicas: 3)
        bench.run(for: .seconds(5))
        let first = try #require(bench.list(.replicaSet).first)
        try bench.setImage("web:2")
        bench.run(for: .seconds(30))
        #expect(bench.list(.replicaSet).count == 2)
        #expect(try bench.get(.replicaSet, first.name).spec["replicas"] == 0)
        #expect(bench.list(.pod).map { $0.spec["containers"]?[0]?["image"] } == ["web:2", "web:2", "web:2"])
        try bench.setImage("web:1")
        bench.run(for: .seconds(30))
        let back = try bench.get(.replicaSet, first.name)
        #expect(back.spec["replicas"] == 3)
        #expect(back.annotations["deployment.kubernetes.io/revision"] == "3")
        #expect(back.annotations["deployment.kubernetes.io/revision-history"] == "1")
        #expect(try bench.get(.deployment, "web").annotations["deployment.kubernetes.io/revision"] == "3")
    }

    @Test("revisions beyond the limit are forgotten, the oldest first")
    func history() throws {
        let bench = try Bench(controllers)
        try bench.makeDeployment(replicas: 1, ["revisionHistoryLimit": 2])
        for version in 1...5 {
            try bench.setImage("web:\(version)")
            bench.run(for: .seconds(20))
        }
        let revisions = bench.list(.replicaSet).compactMap {
            $0.annotations["deployment.kubernetes.io/revision"]?.string
        }
        #expect(revisions.sorted() == ["3", "4", "5"])
    }

    @Test("a rollout that stands still fails its deadline, and recovers with a template that works")
    func deadline() throws {
        let kubelet = ScriptedKubelet { pod in
            pod.spec["containers"]?[0]?["image"] == "web:broken" ? .never : .ready(after: .seconds(1))
        }
        let bench = try Bench([DeploymentController(), ReplicaSetController(), kubelet])
        try bench.makeDeployment(replicas: 2, ["progressDeadlineSeconds": 60])
        bench.run(for: .seconds(10))
        try bench.setImage("web:broken")
        bench.run(for: .seconds(59))
        #expect(condition(try bench.get(.deployment, "web"), "Progressing")[1] == "ReplicaSetUpdated")
        bench.run(for: .seconds(5))
        let stuck = try bench.get(.deployment, "web")
        #expect(condition(stuck, "Progressing").prefix(2) == ["False", "ProgressDeadlineExceeded"])
        #expect(condition(stuck, "Progressing")[2].hasSuffix("has timed out progressing."))
        #expect(condition(stuck, "Available")[0] == "True")
        try bench.setImage("web:3")
        bench.run(for: .seconds(30))
        #expect(condition(try bench.get(.deployment, "web"), "Progressing")[1] == "NewReplicaSetAvailable")
    }

    @Test("a paused deployment follows its number of replicas but not its template")
    func pause() throws {
        let bench = try Bench(controllers)
        try bench.makeDeployment(replicas: 2)
        bench.run(for: .seconds(5))
        try bench.patch(.deployment, "web", ["spec": ["paused": true]])
        try bench.setImage("web:2")
        try bench.patch(.deployment, "web", ["spec": ["replicas": 4]])
        bench.run(for: .seconds(30))
        #expect(bench.list(.replicaSet).count == 1)
        #expect(bench.list(.pod).count == 4)
        #expect(
            condition(try bench.get(.deployment, "web"), "Progressing") == [
                "Unknown", "DeploymentPaused", "Deployment is paused",
            ]
        )
        try bench.patch(.deployment, "web", ["spec": ["paused": nil]])
        bench.run(for: .seconds(60))
        #expect(bench.list(.replicaSet).count == 2)
        #expect(condition(try bench.get(.deployment, "web"), "Progressing")[1] == "NewReplicaSetAvailable")
    }

    @Test("recreation waits for the last old pod to be gone before it makes a new one")
    func recreate() throws {
        let bench = try Bench([
            DeploymentController(), ReplicaSetController(), ScriptedKubelet(grace: .seconds(10)),
        ])
        try bench.makeDeployment(replicas: 3, ["strategy": ["type": "Recreate"]])
        bench.run(for: .seconds(5))
        try bench.setImage("web:2")
        bench.run(for: .seconds(60))
        var alive: [ObjectKey: JSONValue] = [:]
        for change in try bench.core.changes(after: bench.core.oldestVersion, limit: 100_000)
        where change.resource == .pod {
            alive[change.key] = change.new
            let images = Set(alive.values.map { $0.spec["containers"]?[0]?["image"] })
            #expect(images.count <= 1, "both at \(change.version)")
        }
        #expect(alive.count == 3)
        #expect(alive.values.allSatisfy { $0.spec["containers"]?[0]?["image"] == "web:2" })
    }

    @Test("pods count as available after minReadySeconds, and the rollout waits for them")
    func minReady() throws {
        let bench = try Bench(controllers)
        try bench.makeDeployment(replicas: 2, ["minReadySeconds": 20])
        bench.run(for: .seconds(15))
        let early = try bench.get(.deployment, "web")
        #expect(early.status["readyReplicas"] == 2)
        #expect(early.status["availableReplicas"] == nil)
        #expect(
            condition(early, "Available") == [
                "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.",
            ]
        )
        bench.run(for: .seconds(10))
        #expect(try bench.get(.deployment, "web").status["availableReplicas"] == 2)
    }

    @Test(
        "at every version a rollout keeps within its surge and its unavailable pods",
        arguments: 0..<24 as Range<UInt64>
    )
    func limits(seed: UInt64) throws {
        var chance = SeededChance(seed: seed)
        let replicas = Int.random(in: 1...8, using: &chance)
        let surge = Int.random(in: 0...3, using: &chance)
        let unavailable = Int.random(in: (surge == 0 ? 1 : 0)...3, using: &chance)
        let slowest = Int.random(in: 1...20, using: &chance)
        let kubelet = ScriptedKubelet { .ready(after: .seconds(ScriptedKubelet.hash($0.name) % slowest)) }
        let bench = try Bench([DeploymentController(), ReplicaSetController(), kubelet], seed: seed)
        try bench.makeDeployment(replicas: replicas, surge: .integer(surge), unavailable: .integer(unavailable))
        bench.run(for: .seconds(60))
        let start = bench.core.version
        var pods = Dictionary(uniqueKeysWithValues: bench.list(.pod).map { ($0.key, $0) })
        try bench.setImage("web:2")
        bench.run(for: .seconds(Int.random(in: 0...15, using: &chance)))
        // Another one before the first is through.
        try bench.setImage("web:3")
        bench.run(for: .seconds(600))
        for change in try bench.core.changes(after: start, limit: 1_000_000) where change.resource == .pod {
            pods[change.key] = change.new
            let active = pods.values.filter(\.isActivePod)
            #expect(active.count <= replicas + surge)
            #expect(active.count(where: \.isReadyPod) >= replicas - unavailable)
        }
        #expect(
            pods.values.filter(\.isActivePod).map { $0.spec["containers"]?[0]?["image"] }
                == Array(repeating: "web:3", count: replicas)
        )
        #expect(bench.refusals == [])
    }

    @Test("controllers that die between any two writes leave the same end", arguments: 0..<60)
    func crash(writes: Int) throws {
        let crashed = try end(crashingAfter: writes)
        let undisturbed = try Self.undisturbed.get()
        #expect(crashed.count == undisturbed.count)
        for (one, other) in zip(crashed, undisturbed) { #expect(one == other) }
    }

    private static let undisturbed = Result { try DeploymentTests().end(crashingAfter: nil) }

    /// What a rollout comes to: statuses, sets and pods, without what counts steps and times.
    private func end(crashingAfter writes: Int?) throws -> [JSONValue] {
        let bench = try Bench(controllers)
        try bench.makeDeployment(replicas: 3, unavailable: 1)
        bench.run(for: .seconds(10))
        try bench.setImage("web:2")
        if let writes {
            bench.restart(writesLeft: writes)
            bench.run(for: .seconds(5))
            bench.restart()
        }
        bench.run(for: .seconds(100))
        var deployment = try bench.get(.deployment, "web").status
        deployment["conditions"] = .array(
            (deployment["conditions"]?.array ?? []).map { [$0["type"] ?? "", $0["status"] ?? "", $0["reason"] ?? ""] }
        )
        let sets = bench.list(.replicaSet).map { set -> JSONValue in
            var status = set.status
            status["observedGeneration"] = nil
            return [.string(set.name), set.spec, status, .object(set.annotations)]
        }
        let pods = bench.list(.pod).map { JSONValue.string("\($0.labels) \($0.phase)") }
        return [deployment] + sets + pods
    }
}
