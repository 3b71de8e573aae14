import EmbeddedAPI
import JSON
import Kubernetes
import Testing

@testable import EmbeddedControllers

@Suite("Owners, namespaces and accounts")
struct LifecycleTests {
    private func makeMap(
        _ bench: Bench,
        _ name: String,
        owners: [JSONValue] = [],
        namespace: String = "default"
    ) throws
        -> JSONValue
    {
        var metadata: JSONValue = ["name": .string(name), "namespace": .string(namespace)]
        if !owners.isEmpty { metadata["ownerReferences"] = .array(owners) }
        return try bench.create(.configMap, ["metadata": metadata])
    }

    private func reference(_ object: JSONValue, blocks: Bool = false) -> JSONValue {
        [
            "apiVersion": "v1", "kind": "ConfigMap", "name": .string(object.name), "uid": .string(object.uid),
            "blockOwnerDeletion": .bool(blocks),
        ]
    }

    private func names(_ bench: Bench) -> [String] { bench.list(.configMap).map(\.name) }

    @Test("what an owner had goes after it, down to the last descendant")
    func background() throws {
        let bench = try Bench([GarbageCollector()])
        let owner = try makeMap(bench, "owner")
        let child = try makeMap(bench, "child", owners: [reference(owner)])
        _ = try makeMap(bench, "grandchild", owners: [reference(child)])
        _ = try makeMap(bench, "stranger")
        bench.run(for: .zero)
        #expect(names(bench).count == 4)
        try bench.delete(.configMap, "owner", policy: "Background")
        bench.run(for: .zero)
        #expect(names(bench) == ["stranger"])
    }

    @Test("an object with another owner left stays, without the one that is gone")
    func twoOwners() throws {
        let bench = try Bench([GarbageCollector()])
        let one = try makeMap(bench, "one")
        let two = try makeMap(bench, "two")
        _ = try makeMap(bench, "child", owners: [reference(one), reference(two)])
        bench.run(for: .zero)
        try bench.delete(.configMap, "one", policy: "Background")
        bench.run(for: .zero)
        #expect(try bench.get(.configMap, "child").owners.map(\.name) == ["two"])
    }

    @Test("owners that never were, or were made anew, or live elsewhere do not hold an object")
    func absentOwners() throws {
        let bench = try Bench([GarbageCollector()])
        let elsewhere = try makeMap(bench, "elsewhere", namespace: "kube-system")
        var invented = reference(elsewhere)
        invented["name"] = "nobody"
        invented["uid"] = "00000000-0000-0000-0000-000000000000"
        let again = try makeMap(bench, "again")
        var stale = reference(again)
        stale["uid"] = "00000000-0000-0000-0000-000000000001"
        _ = try makeMap(bench, "a", owners: [invented])
        _ = try makeMap(bench, "b", owners: [stale])
        _ = try makeMap(bench, "c", owners: [reference(elsewhere)])
        bench.run(for: .zero)
        #expect(names(bench) == ["again"])
        #expect(bench.events.contains { $0.hasPrefix("OwnerRefInvalidNamespace: ownerRef [v1/ConfigMap") })
    }

    @Test("a restart finds what lost its owner while nobody looked")
    func missedDeletion() throws {
        let bench = try Bench([GarbageCollector()])
        let owner = try makeMap(bench, "owner")
        _ = try makeMap(bench, "child", owners: [reference(owner)])
        bench.run(for: .zero)
        try bench.delete(.configMap, "owner", policy: "Background")
        bench.restart()
        bench.run(for: .zero)
        #expect(names(bench) == [])
    }

    @Test("a foreground deletion takes the blocking dependents first")
    func foreground() throws {
        let bench = try Bench([GarbageCollector()])
        let owner = try makeMap(bench, "owner")
        let child = try makeMap(bench, "child", owners: [reference(owner, blocks: true)])
        _ = try makeMap(bench, "grandchild", owners: [reference(child, blocks: true)])
        try bench.patch(.configMap, "grandchild", ["metadata": ["finalizers": ["example.com/hold"]]])
        bench.run(for: .zero)
        try bench.delete(.configMap, "owner", policy: "Foreground")
        bench.run(for: .seconds(5))
        #expect(names(bench) == ["child", "grandchild", "owner"])
        #expect(bench.list(.configMap).allSatisfy { $0.isBeingDeleted })
        try bench.patch(.configMap, "grandchild", ["metadata": ["finalizers": nil]])
        bench.run(for: .seconds(5))
        #expect(names(bench) == [])
    }

    @Test("orphans lose their owner and stay")
    func orphan() throws {
        let bench = try Bench([GarbageCollector()])
        let owner = try makeMap(bench, "owner")
        _ = try makeMap(bench, "child", owners: [reference(owner)])
        bench.run(for: .zero)
        try bench.delete(.configMap, "owner", policy: "Orphan")
        bench.run(for: .zero)
        #expect(names(bench) == ["child"])
        #expect(try bench.get(.configMap, "child").owners == [])
    }

    @Test("a namespace goes when everything in it is gone, and says what it waits for")
    func namespace() throws {
        let bench = try Bench([NamespaceController(), GarbageCollector()])
        try bench.create(.namespace, ["metadata": ["name": "old"]])
        _ = try makeMap(bench, "a", namespace: "old")
        _ = try makeMap(bench, "b", namespace: "old")
        try bench.patch(.configMap, "b", namespace: "old", ["metadata": ["finalizers": ["example.com/hold"]]])
        try bench.delete(.namespace, "old")
        bench.run(for: .seconds(5))
        let namespace = try bench.get(.namespace, "old")
        #expect(namespace.status["phase"] == "Terminating")
        #expect(
            namespace.condition("NamespaceContentRemaining")?["message"]
                == "Some resources are remaining: configmaps. has 1 resource instances"
        )
        #expect(
            namespace.condition("NamespaceFinalizersRemaining")?["message"]
                == "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
        )
        try bench.patch(.configMap, "b", namespace: "old", ["metadata": ["finalizers": nil]])
        bench.run(for: .seconds(5))
        #expect(bench.core.get(.namespace, ObjectKey(name: "old")) == nil)
    }

    @Test("each namespace has its default account and the authority's certificate, for as long as it is there")
    func accounts() throws {
        let bench = try Bench([ServiceAccountController(authority: "CERTIFICATE")])
        bench.run(for: .zero)
        #expect(
            bench.core.list(.serviceAccount).map(\.namespace).sorted() == [
                "default", "kube-node-lease", "kube-public", "kube-system",
            ]
        )
        try bench.delete(.serviceAccount, "default")
        try bench.patch(.configMap, "kube-root-ca.crt", ["data": ["ca.crt": "forged"]])
        bench.run(for: .zero)
        #expect(try bench.get(.serviceAccount, "default").name == "default")
        #expect(try bench.get(.configMap, "kube-root-ca.crt")["data"] == ["ca.crt": "CERTIFICATE"])
    }

    @Test("a token secret is filled, and goes with its account")
    func tokens() throws {
        let bench = try Bench([TokenController(authority: "CA") { "\($0.namespace)/\($0.account)/\($0.secret)" }])
        let account = try bench.create(.serviceAccount, ["metadata": ["name": "robot"]])
        try bench.create(
            .secret,
            [
                "metadata": [
                    "name": "robot-token", "annotations": ["kubernetes.io/service-account.name": "robot"],
                ],
                "type": "kubernetes.io/service-account-token",
            ]
        )
        bench.run(for: .zero)
        let secret = try bench.get(.secret, "robot-token")
        // In base 64: default/robot/robot-token, CA and default.
        #expect(secret["data"]?["token"] == "ZGVmYXVsdC9yb2JvdC9yb2JvdC10b2tlbg==")
        #expect(secret["data"]?["ca.crt"] == "Q0E=")
        #expect(secret["data"]?["namespace"] == "ZGVmYXVsdA==")
        #expect(secret.annotations["kubernetes.io/service-account.uid"]?.string == account.uid)
        try bench.delete(.serviceAccount, "robot")
        bench.run(for: .zero)
        #expect(bench.list(.secret).isEmpty)
    }

    @Test(
        "a disruption budget allows what its pods can spare",
        arguments: [
            ("minAvailable", 2, 2, 1, 3), ("minAvailable", "50%", 2, 1, 4), ("maxUnavailable", 1, 3, 0, 4),
            ("maxUnavailable", "50%", 2, 1, 4), ("minAvailable", 5, 5, 0, 3),
        ] as [(String, JSONValue, Int, Int, Int)]
    )
    func budgets(field: String, value: JSONValue, desired: Int, allowed: Int, expected: Int) throws {
        // Of four replicas one is not ready, for the budgets that count what should be there; else it is not there.
        let bench = try Bench([
            DeploymentController(), ReplicaSetController(), DisruptionController(), ScriptedKubelet(),
        ])
        try bench.makeDeployment(replicas: 4)
        bench.run(for: .seconds(5))
        let countsPods = field == "minAvailable" && value.integer != nil
        let name = try #require(bench.list(.pod).first).name
        if countsPods {
            try bench.patch(.deployment, "web", ["spec": ["replicas": 3]])
        } else {
            try bench.patch(
                .pod,
                name,
                subresource: "status",
                ["status": ["conditions": [["type": "Ready", "status": "False"]]]]
            )
        }
        var spec: JSONValue = ["selector": ["matchLabels": ["app": "web"]]]
        spec[field] = value
        try bench.create(.podDisruptionBudget, ["metadata": ["name": "web"], "spec": spec])
        bench.run(for: .seconds(5))
        let status = try bench.get(.podDisruptionBudget, "web").status
        #expect(status["currentHealthy"] == 3)
        #expect(status["desiredHealthy"]?.integer == desired)
        #expect(status["expectedPods"]?.integer == expected)
        #expect(status["disruptionsAllowed"]?.integer == allowed)
    }
}
