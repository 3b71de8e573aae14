import JSON
import Kubernetes
import Testing

@testable import EmbeddedAPI

@Suite("Deletion")
struct DeletionTests {
    private let cluster: CoreFixture

    init() throws { cluster = try CoreFixture() }

    private func pod(_ name: String = "a", node: String? = "n", _ more: JSONValue = [:]) throws {
        var spec: JSONValue = ["containers": [["name": "c", "image": "x"]]]
        if let node { spec["nodeName"] = .string(node) }
        for (key, value) in more.object ?? [:] { spec[key] = value }
        try cluster.create(.pod, name, labels: ["app": "a"], ["spec": spec])
    }

    @Test("an object that nothing holds back goes at once, and the answer tells its uid")
    func atOnce() throws {
        let made = try cluster.create(.configMap, "a")
        let answer = try cluster.call(.delete, .configMap, "a")
        #expect(answer["status"] == "Success")
        #expect(answer["details"] == ["name": "a", "kind": "configmaps", "uid": .string(made.uid)])
        #expect(cluster.core.get(.configMap, ObjectKey(namespace: "default", name: "a")) == nil)
    }

    @Test("an object with a finalizer is marked, and goes with its last finalizer")
    func finalizers() throws {
        try cluster.create(.configMap, "a", ["metadata": ["finalizers": ["a.b/c"]]])
        let marked = try cluster.call(.delete, .configMap, "a")
        #expect(marked.meta("deletionTimestamp")?.string == cluster.now.description)
        #expect(marked.meta("deletionGracePeriodSeconds") == 0)
        let version = cluster.core.version
        #expect(try cluster.call(.delete, .configMap, "a") == marked)
        #expect(cluster.core.version == version)
        let refused = refusal { () throws(APIStatus) in
            try cluster.merge(.configMap, "a", ["metadata": ["finalizers": ["a.b/c", "d.e/f"]]])
        }
        #expect(
            refused.message == "ConfigMap \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be "
                + "added if the object is being deleted, found new finalizers []string{\"d.e/f\"}"
        )
        let last = try cluster.merge(.configMap, "a", ["metadata": ["finalizers": nil]])
        #expect(last.resourceVersion == marked.resourceVersion)
        #expect(refusal { () throws(APIStatus) in _ = try cluster.get(.configMap, "a") }.code == 404)
    }

    @Test(
        "the policy of a deletion becomes a finalizer",
        arguments: [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
    )
    func policies(_ policy: String, _ finalizer: String) throws {
        try cluster.create(.configMap, "a")
        let marked = try cluster.call(.delete, .configMap, "a") { $0.propagationPolicy = policy }
        #expect(marked.finalizers == [finalizer])
    }

    @Test("jobs orphan their pods when nobody says otherwise")
    func jobs() throws {
        let jobs = try cluster.type("jobs", "batch")
        let template: JSONValue = ["spec": ["restartPolicy": "Never", "containers": [["name": "c", "image": "x"]]]]
        try cluster.create(jobs, "j", ["spec": ["template": template]])
        #expect(try cluster.call(.delete, jobs, "j").finalizers == ["orphan"])
        try cluster.create(jobs, "k", ["spec": ["template": template]])
        #expect(try cluster.call(.delete, jobs, "k") { $0.propagationPolicy = "Background" }["status"] == "Success")
    }

    @Test("an unknown policy is refused")
    func unknownPolicy() throws {
        try cluster.create(.configMap, "a")
        let status = refusal { () throws(APIStatus) in
            try cluster.call(.delete, .configMap, "a") { $0.propagationPolicy = "Foo" }
        }
        #expect(
            status.message == "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: "
                + "\"Foo\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
        )
    }

    @Test("a deletion that expects another uid or version is refused")
    func preconditions() throws {
        let made = try cluster.create(.configMap, "a")
        let uid = refusal { () throws(APIStatus) in
            try cluster.call(.delete, .configMap, "a", body: ["preconditions": ["uid": "zz"]])
        }
        #expect(
            uid.message == "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (zz) does "
                + "not match the UID in record (\(made.uid)). The object might have been deleted and then recreated"
        )
        let version = refusal { () throws(APIStatus) in
            try cluster.call(.delete, .configMap, "a", body: ["preconditions": ["resourceVersion": "3"]])
        }
        #expect(version.code == 409)
        let fits: JSONValue = ["preconditions": ["uid": .string(made.uid)]]
        #expect(try cluster.call(.delete, .configMap, "a", body: fits)["status"] == "Success")
    }

    @Test("a pod on a node keeps its grace period, which can only be shortened")
    func grace() throws {
        try pod()
        let marked = try cluster.call(.delete, .pod, "a")
        #expect(marked.meta("deletionGracePeriodSeconds") == 30)
        #expect(marked.meta("deletionTimestamp")?.string == (cluster.now + .seconds(30)).description)
        #expect(try cluster.call(.delete, .pod, "a") { $0.gracePeriodSeconds = 60 } == marked)
        cluster.advance(.seconds(3))
        let sooner = try cluster.call(.delete, .pod, "a") { $0.gracePeriodSeconds = 5 }
        #expect(sooner.meta("deletionTimestamp")?.string == (cluster.now + .seconds(2)).description)
        let gone = try cluster.call(.delete, .pod, "a") { $0.gracePeriodSeconds = 0 }
        #expect(gone.meta("deletionGracePeriodSeconds") == 0)
        #expect(refusal { () throws(APIStatus) in _ = try cluster.get(.pod, "a") }.code == 404)
    }

    @Test("a pod without a node goes at once, seen as marked and then as gone")
    func unscheduled() throws {
        try pod(node: nil)
        let start = cluster.core.version
        #expect(try cluster.call(.delete, .pod, "a").meta("deletionGracePeriodSeconds") == 0)
        let changes = try cluster.core.changes(after: start)
        #expect(changes.map { $0.new?.isBeingDeleted } == [true, nil])
    }

    @Test("a deleted deployment that waits for its dependents is of a new generation")
    func generation() throws {
        let template: JSONValue = [
            "metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "x"]]],
        ]
        try cluster.create(
            .deployment,
            "d",
            ["spec": ["selector": ["matchLabels": ["a": "b"]], "template": template]]
        )
        let marked = try cluster.call(.delete, .deployment, "d") { $0.propagationPolicy = "Foreground" }
        #expect(marked.meta("generation") == 2)
    }

    @Test("a namespace turns to terminating, takes nothing new, and goes when it is finalized")
    func namespace() throws {
        try cluster.create(.namespace, "n")
        let marked = try cluster.call(.delete, .namespace, "n")
        #expect(marked["status"]?["phase"] == "Terminating")
        #expect(marked["spec"]?["finalizers"] == ["kubernetes"])
        let refused = refusal { () throws(APIStatus) in try cluster.create(.configMap, "late", namespace: "n") }
        #expect(refused.code == 403)
        #expect(
            refused.message == "configmaps \"late\" is forbidden: unable to create new content in namespace n "
                + "because it is being terminated"
        )
        #expect(refused.causes.map(\.reason) == ["NamespaceTerminating"])
        var body = marked
        body["spec"] = [:]
        _ = try cluster.update(.namespace, body, subresource: "finalize")
        #expect(refusal { () throws(APIStatus) in _ = try cluster.get(.namespace, "n") }.code == 404)
    }

    @Test("the namespaces of the system may not be deleted")
    func immortals() throws {
        let status = refusal { () throws(APIStatus) in try cluster.call(.delete, .namespace, "default") }
        #expect(status.message == "namespaces \"default\" is forbidden: this namespace may not be deleted")
    }

    @Test("a collection is deleted by selector and answered as it was")
    func collection() throws {
        try cluster.create(.configMap, "a", labels: ["x": "1"])
        try cluster.create(.configMap, "b", labels: ["x": "2"])
        let gone = try cluster.call(.deletecollection, .configMap) { $0.labelSelector = "x=1" }
        #expect(cluster.names(gone) == ["a"])
        #expect(cluster.names(try cluster.call(.list, .configMap)) == ["b"])
    }

    @Test("a rehearsed deletion answers the same and changes nothing")
    func rehearsal() throws {
        let made = try cluster.create(.configMap, "a")
        let version = cluster.core.version
        #expect(try cluster.call(.delete, .configMap, "a") { $0.isDryRun = true }["status"] == "Success")
        #expect(cluster.core.version == version)
        #expect(try cluster.get(.configMap, "a") == made)
    }

    @Test("an eviction is refused when the budget allows no disruption, and uses up one that it allows")
    func eviction() throws {
        let budgets = try cluster.type("poddisruptionbudgets", "policy")
        try pod()
        try cluster.create(
            budgets,
            "b",
            ["spec": ["minAvailable": 1, "selector": ["matchLabels": ["app": "a"]]]]
        )
        let evict: @Sendable (CoreFixture) throws(APIStatus) -> JSONValue = { cluster throws(APIStatus) in
            try cluster.call(.create, .pod, "a", body: ["metadata": ["name": "a"]]) { $0.subresource = "eviction" }
        }
        let unseen = refusal { () throws(APIStatus) in _ = try evict(cluster) }
        #expect(unseen.causes.first?.message == "The disruption budget b is still being processed by the server.")
        func allow(_ count: Int) throws {
            try cluster.merge(
                budgets,
                "b",
                [
                    "status": [
                        "observedGeneration": 1, "disruptionsAllowed": .integer(count), "desiredHealthy": 1,
                        "currentHealthy": 1,
                    ]
                ],
                subresource: "status"
            )
        }
        try allow(0)
        let refused = refusal { () throws(APIStatus) in _ = try evict(cluster) }
        #expect(refused.code == 429 && refused.reason == "TooManyRequests")
        #expect(refused.message == "Cannot evict pod as it would violate the pod's disruption budget.")
        #expect(
            refused.causes == [
                .init(
                    reason: "DisruptionBudget",
                    message: "The disruption budget b needs 1 healthy pods and has 1 currently",
                    field: ""
                )
            ]
        )
        try allow(1)
        #expect(try evict(cluster)["status"] == "Success")
        #expect(try cluster.get(.pod, "a").isBeingDeleted)
        let budget = try cluster.get(budgets, "b")
        #expect(budget["status"]?["disruptionsAllowed"] == 0)
        #expect(budget["status"]?["disruptedPods"]?["a"]?.string == cluster.now.description)
    }
}
