import EmbeddedAPI
import JSON
import Kubernetes
import Testing

@testable import EmbeddedControllers

@Suite("The scheduler")
struct SchedulerTests {
    private func makePod(_ bench: Bench, _ name: String, cpu: String? = nil, _ more: JSONObject = [:]) throws {
        var pod = Bench.template(cpu: cpu)
        pod[path: ["metadata", "name"]] = .string(name)
        for (key, value) in more { pod[path: ["spec", key]] = value }
        try bench.create(.pod, pod)
    }

    private func reason(_ bench: Bench, _ name: String) throws -> String {
        let condition = try bench.get(.pod, name).condition("PodScheduled")
        #expect(condition?["status"] == "False")
        #expect(condition?["reason"] == "Unschedulable")
        return condition?["message"]?.string ?? ""
    }

    @Test("a pod that fits nowhere says why, in its condition and in an event that counts")
    func unschedulable() throws {
        let bench = try Bench([Scheduler()])
        try bench.addNode(cpu: "2", memory: "1Gi")
        try makePod(bench, "big", cpu: "2500m")
        bench.run(for: .seconds(1))
        #expect(try reason(bench, "big") == "0/1 nodes are available: 1 Insufficient cpu.")
        #expect(bench.events == ["FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu."])
        try bench.patch(.node, "one", ["metadata": ["labels": ["changed": "yes"]]])
        bench.run(for: .seconds(1))
        #expect(bench.core.list(.coreEvent).map { $0["count"] } == [2])
    }

    @Test("the reasons of all nodes are counted together")
    func manyNodes() throws {
        let bench = try Bench([Scheduler()])
        try bench.addNode("a", cpu: "1")
        try bench.addNode("b", cpu: "1", memory: "1Mi")
        try bench.addNode("c")
        try bench.patch(
            .node,
            "c",
            ["spec": ["taints": [["key": "gpu", "value": "yes", "effect": "NoSchedule"]]]]
        )
        try bench.addNode("d")
        try bench.patch(.node, "d", ["spec": ["unschedulable": true]])
        try makePod(bench, "big", cpu: "2")
        bench.run(for: .seconds(1))
        #expect(
            try reason(bench, "big")
                == "0/4 nodes are available: 1 node(s) had taint {gpu: yes}, that the pod didn't tolerate, "
                + "1 node(s) were unschedulable, 2 Insufficient cpu."
        )
    }

    @Test("without nodes there is nothing to choose from")
    func noNodes() throws {
        let bench = try Bench([Scheduler()])
        try makePod(bench, "lonely")
        bench.run(for: .seconds(1))
        #expect(try reason(bench, "lonely") == "no nodes available to schedule pods")
    }

    @Test("selectors, affinity and tolerations decide which node takes a pod")
    func filter() {
        var node: JSONValue = [
            "metadata": ["name": "one", "labels": ["zone": "a", "size": "8"]], "spec": [:],
            "status": ["allocatable": ["cpu": "4", "memory": "8Gi", "pods": "10"]],
        ]
        func refusals(_ spec: JSONValue) -> [String] {
            NodeFilter(["spec": spec]).refusals(of: node, ClusterIndex.NodeUse())
        }
        func affinity(_ expression: JSONValue) -> JSONValue {
            [
                "affinity": [
                    "nodeAffinity": [
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            "nodeSelectorTerms": [["matchExpressions": [expression]]]
                        ]
                    ]
                ]
            ]
        }
        let mismatch = ["node(s) didn't match Pod's node affinity"]
        #expect(refusals([:]) == [])
        #expect(refusals(["nodeSelector": ["zone": "a"]]) == [])
        #expect(refusals(["nodeSelector": ["zone": "b"]]) == mismatch)
        #expect(refusals(affinity(["key": "zone", "operator": "In", "values": ["a", "b"]])) == [])
        #expect(refusals(affinity(["key": "zone", "operator": "NotIn", "values": ["a"]])) == mismatch)
        #expect(refusals(affinity(["key": "size", "operator": "Gt", "values": ["4"]])) == [])
        #expect(refusals(affinity(["key": "size", "operator": "Lt", "values": ["4"]])) == mismatch)
        #expect(refusals(affinity(["key": "gpu", "operator": "Exists"])) == mismatch)
        node["spec"] = [
            "taints": [["key": "gpu", "effect": "NoExecute"], ["key": "x", "effect": "PreferNoSchedule"]]
        ]
        #expect(refusals([:]) == ["node(s) had taint {gpu: }, that the pod didn't tolerate"])
        #expect(refusals(["tolerations": [["key": "gpu", "operator": "Exists"]]]) == [])
        #expect(refusals(["tolerations": [["operator": "Exists"]]]) == [])
        #expect(refusals(["tolerations": [["key": "gpu", "operator": "Exists", "effect": "NoSchedule"]]]).count == 1)
    }

    @Test(
        "quantities are read in thousandths",
        arguments: [
            ("100m", 100), ("2", 2000), ("0.5", 500), ("1Ki", 1_024_000), ("1.5Gi", 1_610_612_736_000),
            ("1k", 1_000_000),
            ("1e3", 1_000_000), ("1u", 1), ("16Ei", Int.max),
        ]
    )
    func quantities(text: String, thousandths: Int) { #expect(Quantity.thousandths(.string(text)) == thousandths) }

    @Test("pods fill the emptier node first, and one waits until there is room")
    func binding() throws {
        let bench = try Bench([Scheduler(), ScriptedKubelet(needsNode: true)])
        try bench.addNode("a", cpu: "2")
        try bench.addNode("b", cpu: "4")
        for index in 0..<4 { try makePod(bench, "pod-\(index)", cpu: "1500m") }
        bench.run(for: .seconds(10))
        #expect(bench.list(.pod).map(\.nodeName) == ["b", "a", "b", ""])
        #expect(bench.events.contains("Scheduled: Successfully assigned default/pod-0 to b"))
        try bench.delete(.pod, "pod-1")
        bench.run(for: .seconds(60))
        #expect(try bench.get(.pod, "pod-3").nodeName == "a")
        #expect(try bench.get(.pod, "pod-3").phase == "Running")
    }

    @Test("a node's lease is renewed on time, also after a restart")
    func heartbeat() throws {
        let bench = try Bench([NodeHeartbeat(every: .seconds(10))])
        try bench.addNode()
        bench.run(for: .seconds(25))
        let lease = try bench.get(.lease, "one", namespace: "kube-node-lease")
        #expect(lease.spec["renewTime"]?.time == Bench.start + .seconds(20))
        #expect(lease.spec["leaseDurationSeconds"] == 40)
        bench.restart()
        bench.run(for: .seconds(5))
        #expect(
            try bench.get(.lease, "one", namespace: "kube-node-lease").spec["renewTime"]?.time
                == Bench.start + .seconds(30)
        )
    }
}
