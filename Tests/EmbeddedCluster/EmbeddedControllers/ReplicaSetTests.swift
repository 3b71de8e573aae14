import EmbeddedAPI
import JSON
import Kubernetes
import Testing

@testable import EmbeddedControllers

@Suite("Replica sets")
struct ReplicaSetTests {
    private let controllers: [any ClusterController] = [ReplicaSetController(), GarbageCollector(), ScriptedKubelet()]

    private func makeSet(_ bench: Bench, _ name: String = "web", replicas: Int) throws {
        try bench.create(
            .replicaSet,
            [
                "metadata": ["name": .string(name)],
                "spec": [
                    "replicas": .integer(replicas), "selector": ["matchLabels": ["app": "web"]],
                    "template": Bench.template(),
                ],
            ]
        )
    }

    private func makePod(_ bench: Bench, _ name: String) throws {
        var pod = Bench.template()
        pod[path: ["metadata", "name"]] = .string(name)
        try bench.create(.pod, pod)
    }

    @Test("orphans that are selected are adopted before new pods are made")
    func adoption() throws {
        let bench = try Bench(controllers)
        try makePod(bench, "stray")
        try makeSet(bench, replicas: 2)
        bench.run(for: .seconds(5))
        let pods = bench.list(.pod)
        let set = try bench.get(.replicaSet, "web")
        #expect(pods.count == 2)
        #expect(pods.contains { $0.name == "stray" })
        #expect(pods.allSatisfy { $0.controllingOwner?.uid == set.uid })
        #expect(set.status["readyReplicas"] == 2)
    }

    @Test("a pod that is no longer selected is let go and replaced")
    func release() throws {
        let bench = try Bench(controllers)
        try makeSet(bench, replicas: 1)
        bench.run(for: .seconds(5))
        let name = try #require(bench.list(.pod).first).name
        try bench.patch(.pod, name, ["metadata": ["labels": ["app": "debug"]]])
        bench.run(for: .seconds(5))
        #expect(bench.list(.pod).count == 2)
        #expect(try bench.get(.pod, name).owners == [])
    }

    @Test("pods of another controller are left alone")
    func strangers() throws {
        let bench = try Bench(controllers)
        try makeSet(bench, "one", replicas: 2)
        bench.run(for: .seconds(1))
        try makeSet(bench, "two", replicas: 2)
        bench.run(for: .seconds(5))
        let owners = bench.list(.pod).compactMap { $0.controllingOwner?.name }
        #expect(owners.sorted() == ["one", "one", "two", "two"])
    }

    @Test("pods that are not ready go first, then the younger ones")
    func ranking() throws {
        func pod(
            _ name: String,
            node: String? = "n",
            phase: String = "Running",
            ready: Int?,
            restarts: Int = 0
        ) -> JSONValue {
            var pod: JSONValue = [
                "metadata": ["name": .string(name)], "spec": [:],
                "status": [
                    "phase": .string(phase), "containerStatuses": [["restartCount": .integer(restarts)]],
                ],
            ]
            if let node { pod["spec"] = ["nodeName": .string(node)] }
            if let ready {
                pod[path: ["status", "conditions"]] = [
                    [
                        "type": "Ready", "status": "True",
                        "lastTransitionTime": .string(Timestamp(seconds: Double(ready)).description),
                    ]
                ]
            }
            return pod
        }
        let pods = [
            pod("steady", ready: 1), pod("younger", ready: 100), pod("restarted", ready: 1, restarts: 3),
            pod("crowded", node: "full", ready: 1), pod("waiting", node: nil, phase: "Pending", ready: nil),
            pod("starting", phase: "Pending", ready: nil), pod("broken", ready: nil),
        ]
        let crowd = ["a", "b", "c"].map { pod($0, node: "full", ready: 1) }
        #expect(
            PodRanking.ordered(pods, related: crowd).map(\.name) == [
                "waiting", "starting", "broken", "crowded", "younger", "restarted", "steady",
            ]
        )
    }

    @Test("a pod that fails is replaced, and stays for those who look into it")
    func failedPods() throws {
        let kubelet = ScriptedKubelet { _ in .ready(after: .seconds(1)) }
        let bench = try Bench([ReplicaSetController(), kubelet])
        try makeSet(bench, replicas: 1)
        bench.run(for: .seconds(5))
        let name = try #require(bench.list(.pod).first).name
        try bench.patch(.pod, name, subresource: "status", ["status": ["phase": "Failed"]])
        bench.run(for: .seconds(5))
        #expect(bench.list(.pod).map(\.phase).sorted() == ["Failed", "Running"])
        #expect(try bench.get(.replicaSet, "web").status["replicas"] == 1)
    }

    @Test("nothing is written when nothing is to be done, also after a restart")
    func idle() throws {
        // A scheduler that finds no node says so again when it is started again.
        let controllers = StandardControllers.all(authority: "CA", sign: { $0.account }).filter {
            $0.name != "scheduler"
        }
        let bench = try Bench(controllers + [ScriptedKubelet()])
        try bench.makeDeployment(replicas: 2)
        try bench.create(
            .service,
            [
                "metadata": ["name": "web"],
                "spec": ["selector": ["app": "web"], "ports": [["port": 80, "protocol": "TCP"]]],
            ]
        )
        bench.run(for: .seconds(1000))
        let version = bench.core.version
        bench.run(for: .seconds(10_000))
        bench.restart()
        bench.run(for: .seconds(10_000))
        #expect(bench.core.version == version)
        #expect(bench.refusals == [])
    }
}
