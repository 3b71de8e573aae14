import Foundation
import JSON
import Synchronization
import Testing

@testable import Kubernetes

/// Tests against a real API server, with the rights of an administrator.
///
/// They run when `HOMEOSTAT_TEST_KUBECONFIG` names a kubeconfig; each has a namespace of its own.
@Suite(
    "The client against a real API server",
    .enabled(if: ProcessInfo.processInfo.environment["HOMEOSTAT_TEST_KUBECONFIG"] != nil),
    .timeLimit(.minutes(2))
)
struct LiveClientTests {
    private let client: KubernetesClient

    init() throws {
        let environment = ProcessInfo.processInfo.environment
        let configuration = try ClientConfiguration.load(
            path: environment["HOMEOSTAT_TEST_KUBECONFIG"],
            environment: environment
        )
        client = try KubernetesClient(configuration: configuration)
    }

    private var configMaps: ResourceClient<DynamicObject> { client.resource(of: .configMap) }

    private func withNamespace(_ body: (String) async throws -> Void) async throws {
        let name = "client-\(UInt32.random(in: 0...UInt32.max))"
        let namespaces = client.resource(of: .namespace)
        _ = try await namespaces.create(
            DynamicObject(
                metadata: ObjectMeta(name: name),
                fields: ["apiVersion": "v1", "kind": "Namespace"]
            )
        )
        do { try await body(name) } catch {
            try? await namespaces.delete(ObjectKey(name: name))
            throw error
        }
        try await namespaces.delete(ObjectKey(name: name))
    }

    private func configMap(_ namespace: String, _ name: String, _ data: JSONValue = [:]) -> DynamicObject {
        DynamicObject(
            metadata: ObjectMeta(name: name, namespace: namespace, labels: ["test": "live"]),
            fields: ["apiVersion": "v1", "kind": "ConfigMap", "data": data]
        )
    }

    private func failure(_ body: () async throws -> Void) async -> APIFailure? {
        do { try await body() } catch { return error as? APIFailure }
        return nil
    }

    @Test("objects are created, read, replaced, listed and deleted") func lifeCycle() async throws {
        try await withNamespace { namespace in
            let key = ObjectKey(namespace: namespace, name: "a")
            var object = try await configMaps.create(configMap(namespace, "a", ["x": "1"]))
            #expect(!object.metadata.uid.isEmpty && object.metadata.creationTimestamp != nil)
            let again = await failure { _ = try await configMaps.create(configMap(namespace, "a")) }
            #expect(again?.reason == .alreadyExists)
            let stale = object
            object["data", "x"] = "2"
            object = try await configMaps.replace(object)
            #expect(try await configMaps.get(key)["data", "x"] == "2")
            #expect(await failure { _ = try await configMaps.replace(stale) }?.reason == .conflict)
            let list = try await configMaps.list(in: namespace, ListOptions(labelSelector: "test=live"))
            #expect(list.items.map(\.metadata.name) == ["a"] && !list.resourceVersion.isEmpty)
            let dry = try await configMaps.create(configMap(namespace, "dry"), dryRun: true)
            #expect(!dry.metadata.uid.isEmpty)
            #expect(await failure { _ = try await configMaps.get(dry.key) }?.reason == .notFound)
            try await configMaps.delete(key)
            let missing = await failure { _ = try await configMaps.get(key) }
            #expect(missing?.reason == .notFound && missing?.code == 404)
            #expect(missing?.description == #"cannot get configmaps "\#(namespace)/a": configmaps "a" not found"#)
        }
    }

    @Test("server-side apply tells conflicts with their fields, and force takes fields over") func apply() async throws
    {
        try await withNamespace { namespace in
            let key = ObjectKey(namespace: namespace, name: "a")
            _ = try await configMaps.apply(key, ["data": ["x": "1", "y": "1"]], fieldManager: "one")
            _ = try await configMaps.apply(key, ["data": ["z": "1"]], fieldManager: "two")
            let conflict = await failure {
                _ = try await configMaps.apply(key, ["data": ["x": "2"]], fieldManager: "two")
            }
            #expect(conflict?.reason == .conflict)
            #expect(conflict?.causes.first?.field == ".data.x", "\(conflict as Any)")
            let object = try await configMaps.apply(key, ["data": ["x": "2"]], fieldManager: "two", force: true)
            #expect(object["data"] == ["x": "2", "y": "1"])  // z was given up by leaving it out
        }
    }

    @Test("each kind of patch changes what it says") func patches() async throws {
        try await withNamespace { namespace in
            let key = ObjectKey(namespace: namespace, name: "a")
            _ = try await configMaps.create(configMap(namespace, "a", ["x": "1", "y": "1"]))
            var object = try await configMaps.patch(key, .merge(["data": ["x": nil, "z": "1"]]))
            #expect(object["data"] == ["y": "1", "z": "1"])
            object = try await configMaps.patch(
                key,
                .json([
                    .test(JSONPatchOperation.pointer("data", "y"), "1"),
                    .replace(JSONPatchOperation.pointer("data", "y"), "2"),
                    .add(JSONPatchOperation.pointer("metadata", "annotations"), [:]),
                    .add(JSONPatchOperation.pointer("metadata", "annotations", "a/b"), "c"),
                ])
            )
            #expect(object["data", "y"] == "2" && object.metadata.annotations == ["a/b": "c"])
            let refused = await failure {
                _ = try await configMaps.patch(key, .json([.test(JSONPatchOperation.pointer("data", "y"), "9")]))
            }
            #expect(refused?.reason == .invalid)
            object = try await configMaps.patch(key, .strategicMerge(["data": ["s": "1"]]))
            #expect(object["data", "s"] == "1")
        }
    }

    @Test("a watch tells what was added, changed and deleted after its version, in order") func watch() async throws {
        try await withNamespace { namespace in
            let key = ObjectKey(namespace: namespace, name: "a")
            let start = try await configMaps.list(in: namespace)
            var watch = try await configMaps.watch(
                in: namespace,
                WatchOptions(labelSelector: "test=live", resourceVersion: start.resourceVersion)
            )
            .makeAsyncIterator()
            _ = try await configMaps.create(configMap(namespace, "a"))
            _ = try await configMaps.patch(key, .merge(["data": ["x": "1"]]))
            try await configMaps.delete(key)
            var seen: [String] = []
            while seen.count < 3, let batch = try await watch.next() {
                for event in batch {
                    switch event {
                    case .added(let object): seen.append("added \(object.metadata.name)")
                    case .modified(let object): seen.append("modified \(object["data", "x"]?.string ?? "")")
                    case .deleted(let object): seen.append("deleted \(object.metadata.name)")
                    case .bookmark: break
                    case .malformed: Issue.record("malformed")
                    }
                }
            }
            #expect(seen == ["added a", "modified 1", "deleted a"])
        }
    }

    @Test("a watch ends normally after its time") func watchEnds() async throws {
        let options = WatchOptions(fieldSelector: "metadata.name=nothing", timeout: .seconds(1))
        for try await _ in try await configMaps.watch(in: "default", options) {}
    }

    /// A kind of its own, which is removed at the end.
    private func withThings(_ body: (ResourceClient<DynamicObject>) async throws -> Void) async throws {
        let group = "g\(UInt32.random(in: 0...UInt32.max)).example.com"
        let type = ResourceType(group: group, version: "v1", kind: "Thing", plural: "things")
        let definitions = client.resource(CustomResourceDefinition.self)
        let name = ObjectKey(name: "things.\(group)")
        let schema: JSONValue = ["openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]]
        _ = try await definitions.apply(
            name,
            [
                "spec": [
                    "group": .string(group), "scope": "Namespaced", "names": ["kind": "Thing", "plural": "things"],
                    "versions": [["name": "v1", "served": true, "storage": true, "schema": schema]],
                ]
            ],
            fieldManager: "test"
        )
        let things = client.resource(of: type)
        while await failure({ _ = try await things.list(in: "default") })?.reason == .notFound {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try await definitions.get(name).isEstablished)
        #expect(try await client.discovery.find(apiVersion: type.apiVersion, kind: "Thing") == type)
        let result: Result<Void, any Error>
        do { result = .success(try await body(things)) } catch { result = .failure(error) }
        try await definitions.delete(name)
        try result.get()
    }

    @Test("a version that is no more is told as expired") func expired() async throws {
        // A kind that is new knows of no version before it.
        try await withThings { things in
            let old = await failure {
                let options = WatchOptions(resourceVersion: "1", timeout: .seconds(5))
                for try await _ in try await things.watch(in: "default", options) { return }
            }
            #expect(old?.isExpired == true, "\(old as Any)")
        }
    }

    @Test("an object near the server's own limit goes there and back") func largest() async throws {
        try await withThings { things in
            let big = String(repeating: "0123456789abcdef", count: 75_000)  // 1.2 MB; etcd takes 1.5 MiB
            let object = DynamicObject(
                metadata: ObjectMeta(name: "big", namespace: "default"),
                fields: ["apiVersion": .string(things.type.apiVersion), "kind": "Thing", "spec": ["x": .string(big)]]
            )
            _ = try await things.create(object)
            var watch = try await things.watch(in: "default").makeAsyncIterator()
            guard case .added(let seen)? = try await watch.next()?.first else {
                Issue.record("not watched")
                return
            }
            #expect(seen["spec", "x"]?.string == big)
            let list = try await things.list(in: "default")
            #expect(list.items.map { $0["spec", "x"]?.string } == [big])
        }
    }

    @Test("initial events end with their bookmark, or are refused by a server that does not know them")
    func initialEvents() async throws {
        let minor = try await client.serverVersion().minorNumber ?? 0
        let told = await failure {
            let options = WatchOptions(sendInitialEvents: true, timeout: .seconds(5))
            for try await batch in try await configMaps.watch(in: "kube-system", options) {
                for case .bookmark(_, isInitialEventsEnd: true) in batch { return }
            }
        }
        if minor < 27 { #expect(told?.reason == .invalid, "\(told as Any)") } else { #expect(told == nil) }
    }

    @Test("a long list comes in pages, and streaming delivers the same") func pages() async throws {
        try await withNamespace { namespace in
            for index in 0..<25 { _ = try await configMaps.create(configMap(namespace, "c\(index)")) }
            let options = ListOptions(labelSelector: "test=live", limit: 10)
            let list = try await configMaps.list(in: namespace, options)
            #expect(Set(list.items.map(\.metadata.name)) == Set((0..<25).map { "c\($0)" }) && list.malformed.isEmpty)
            let count = Mutex(0)
            let version = try await configMaps.list(in: namespace, options) { batch in
                count.withLock { $0 += batch.count }
            }
            #expect(count.withLock { $0 } == 25 && !version.isEmpty)
            try await configMaps.deleteCollection(in: namespace, ListOptions(labelSelector: "test=live"))
            #expect(try await configMaps.list(in: namespace, options).items.isEmpty)
        }
    }

    @Test("an object of more than a megabyte is written, read and watched") func large() async throws {
        try await withNamespace { namespace in
            let big = String(repeating: "0123456789abcdef", count: 60_000)  // 960 KB; a ConfigMap may have 1 MiB
            let version = try await configMaps.list(in: namespace).resourceVersion
            var watch = try await configMaps.watch(
                in: namespace,
                WatchOptions(labelSelector: "test=live", resourceVersion: version)
            )
            .makeAsyncIterator()
            let made = try await configMaps.create(configMap(namespace, "big", ["x": .string(big)]))
            #expect(try await configMaps.get(made.key)["data", "x"]?.string == big)
            guard case .added(let object)? = try await watch.next()?.first else {
                Issue.record("not watched")
                return
            }
            #expect(object["data", "x"]?.string == big)
        }
    }

    @Test("deletion keeps to its preconditions") func preconditions() async throws {
        try await withNamespace { namespace in
            let object = try await configMaps.create(configMap(namespace, "a"))
            let wrong = await failure { try await configMaps.delete(object.key, DeleteOptions(uid: "other")) }
            #expect(wrong?.reason == .conflict)
            let version = await failure {
                try await configMaps.delete(object.key, DeleteOptions(resourceVersion: "1"))
            }
            #expect(version?.reason == .conflict)
            try await configMaps.delete(
                object.key,
                DeleteOptions(uid: object.metadata.uid, resourceVersion: object.metadata.resourceVersion)
            )
        }
    }

    @Test("subresources: status, scale, eviction") func subresources() async throws {
        try await withNamespace { namespace in
            let deployments = client.resource(of: .deployment)
            let key = ObjectKey(namespace: namespace, name: "d")
            let container: JSONValue = ["name": "c", "image": "none.invalid/x"]
            let made = try await deployments.apply(
                key,
                [
                    "spec": [
                        "replicas": 0, "selector": ["matchLabels": ["a": "b"]],
                        "template": ["metadata": ["labels": ["a": "b"]], "spec": ["containers": [container]]],
                    ]
                ],
                fieldManager: "test"
            )
            #expect(made["spec", "replicas"] == 0)
            #expect(try await deployments.setScale(key, replicas: 2).replicas == 2)
            let scale = try await deployments.scale(key)
            #expect(scale.replicas == 2 && scale.selector == "a=b")
            let condition: JSONValue = ["type": "Test", "status": "True"]
            let patched = try await deployments.patch(
                key,
                .merge(["status": ["conditions": [condition]], "spec": ["replicas": 9]]),
                subresource: "status"
            )
            #expect(patched["spec", "replicas"] == 2)
            let pods = client.resource(of: .pod)
            let pod = DynamicObject(
                metadata: ObjectMeta(name: "p", namespace: namespace),
                fields: [
                    "apiVersion": "v1", "kind": "Pod",
                    "spec": ["containers": [container], "automountServiceAccountToken": false],
                ]
            )
            // Pods are admitted once the namespace has its service account.
            var attempt = 0
            while true {
                do {
                    _ = try await pods.create(pod)
                    break
                } catch let failure as APIFailure where failure.reason == .forbidden && attempt < 50 {
                    attempt += 1
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            try await pods.evict(pod.key, DeleteOptions(gracePeriodSeconds: 0))
            let gone = await failure { _ = try await pods.get(pod.key) }
            #expect(gone?.reason == .notFound)
        }
    }

    @Test("createOrAdopt finds its own object and refuses another's") func adopt() async throws {
        try await withNamespace { namespace in
            let object = configMap(namespace, "a")
            let first = try await configMaps.createOrAdopt(object) { _ in false }
            #expect(first.isNew)
            let second = try await configMaps.createOrAdopt(object) { $0.metadata.uid == first.object.metadata.uid }
            #expect(!second.isNew && second.object.metadata.uid == first.object.metadata.uid)
            let other = await failure { _ = try await configMaps.createOrAdopt(object) { _ in false } }
            #expect(other?.reason == .alreadyExists)
        }
    }

    @Test("discovery finds kinds by every name people use") func discovery() async throws {
        let discovery = client.discovery
        #expect(try await discovery.find(apiVersion: "apps/v1", kind: "Deployment") == .deployment)
        #expect(try await discovery.find(apiVersion: "v1", kind: "Namespace") == .namespace)
        for name in ["deploy", "deployments", "deployment", "Deployment", "deployments.apps", "deployments.v1.apps"] {
            #expect(try await discovery.find(name) == .deployment, "\(name)")
        }
        #expect(try await discovery.find("po") == .pod)
        #expect(try await discovery.find(group: "coordination.k8s.io", kind: "Lease") == .lease)
        #expect(await failure { _ = try await discovery.find("nonsense") }?.reason == .notFound)
        #expect(
            await failure { _ = try await discovery.find(apiVersion: "nobody.example/v1", kind: "X") }?.reason
                == .notFound
        )
        let pods = try await discovery.resource(apiVersion: "v1", kind: "Pod")
        #expect(pods.subresources.contains { $0.name == "log" } && pods.verbs.contains("watch"))
        #expect(try await client.serverVersion().gitVersion.hasPrefix("v1."))
    }

    @Test("an invalid object is refused with the field's name") func invalid() async throws {
        let bad = await failure {
            _ = try await client.resource(of: .service)
                .create(
                    DynamicObject(
                        metadata: ObjectMeta(name: "Bad_Name", namespace: "default"),
                        fields: ["apiVersion": "v1", "kind": "Service", "spec": [:]]
                    )
                )
        }
        #expect(bad?.reason == .invalid && bad?.causes.contains { $0.field == "metadata.name" } == true)
    }
}
