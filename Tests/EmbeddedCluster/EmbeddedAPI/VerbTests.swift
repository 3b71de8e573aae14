import JSON
import Kubernetes
import Synchronization
import Testing

@testable import EmbeddedAPI

@Suite("The API's verbs")
struct VerbTests {
    private let cluster: CoreFixture

    init() throws { cluster = try CoreFixture() }

    @Test("a created object has a uid, a time and the next version, and is read back the same")
    func creates() throws {
        let before = cluster.core.version
        let made = try cluster.create(.configMap, "a", ["data": ["k": "v"]])
        #expect(made.uid.utf8.count == 36)
        #expect(made.meta("creationTimestamp")?.string == cluster.now.description)
        #expect(made.resourceVersion == "\(before + 1)")
        #expect(try cluster.get(.configMap, "a") == made)
        #expect(made["data"] == ["k": "v"])
    }

    @Test("a second object of the name is refused")
    func conflicts() throws {
        try cluster.create(.configMap, "a")
        let status = refusal { () throws(APIStatus) in try cluster.create(.configMap, "a") }
        #expect(status.code == 409)
        #expect(status.message == "configmaps \"a\" already exists")
    }

    @Test("what is not there is told by its resource and name")
    func notFound() throws {
        let status = refusal { () throws(APIStatus) in _ = try cluster.get(.deployment, "x") }
        #expect(status.code == 404 && status.message == "deployments.apps \"x\" not found")
        #expect(status.object["details"] == ["name": "x", "group": "apps", "kind": "deployments"])
    }

    @Test("an update that is based on an older version is refused, and one without version is not")
    func optimism() throws {
        let first = try cluster.create(.configMap, "a", ["data": ["k": "1"]])
        var second = first
        second["data"] = ["k": "2"]
        let written = try cluster.update(.configMap, second)
        #expect(written.resourceVersion != first.resourceVersion)
        let status = refusal { () throws(APIStatus) in _ = try cluster.update(.configMap, second) }
        #expect(status.code == 409 && status.reason == "Conflict")
        second.setMeta("resourceVersion", nil)
        second["data"] = ["k": "3"]
        #expect(try cluster.update(.configMap, second)["data"] == ["k": "3"])
    }

    @Test("an update that changes nothing makes no version")
    func nothing() throws {
        let made = try cluster.create(.configMap, "a", ["data": ["k": "1"]])
        let version = cluster.core.version
        #expect(try cluster.update(.configMap, made) == made)
        #expect(cluster.core.version == version)
    }

    @Test("lists are sorted by namespace and name, and tell their version")
    func lists() throws {
        for name in ["b", "a", "c"] { try cluster.create(.configMap, name) }
        try cluster.create(.configMap, "z", namespace: "kube-public")
        let list = try cluster.call(.list, .configMap, namespace: "")
        #expect(cluster.names(list) == ["a", "b", "c", "z"])
        #expect(list["metadata"]?["resourceVersion"]?.string == "\(cluster.core.version)")
        #expect(list["kind"] == "ConfigMapList")
        #expect(cluster.names(try cluster.call(.list, .configMap)) == ["a", "b", "c"])
    }

    @Test("a list in pieces is of one moment, though objects change in between")
    func pieces() throws {
        for name in ["a", "b", "c", "d"] { try cluster.create(.configMap, name) }
        let first = try cluster.call(.list, .configMap) { $0.limit = 2 }
        #expect(cluster.names(first) == ["a", "b"])
        #expect(first["metadata"]?["remainingItemCount"] == 2)
        try cluster.call(.delete, .configMap, "c")
        try cluster.create(.configMap, "ca")
        try cluster.merge(.configMap, "d", ["data": ["new": "yes"]])
        let second = try cluster.call(.list, .configMap) {
            $0.limit = 2
            $0.continueToken = first["metadata"]?["continue"]?.string
        }
        #expect(cluster.names(second) == ["c", "d"])
        #expect(second["items"]?[1]?["data"] == nil)
        #expect(second["metadata"]?["continue"] == nil)
        #expect(second["metadata"]?["resourceVersion"] == first["metadata"]?["resourceVersion"])
    }

    @Test("a list whose version is forgotten is refused with a token to go on from")
    func expired() throws {
        for name in ["a", "b", "c"] { try cluster.create(.configMap, name) }
        let first = try cluster.call(.list, .configMap) { $0.limit = 1 }
        try cluster.create(.configMap, "d")
        cluster.core.compact(to: cluster.core.version)
        let status = refusal { () throws(APIStatus) in
            try cluster.call(.list, .configMap) {
                $0.continueToken = first["metadata"]?["continue"]?.string
            }
        }
        #expect(status.code == 410 && status.reason == "Expired")
        let token = try #require(status.object["metadata"]?["continue"]?.string)
        let rest = try cluster.call(.list, .configMap) { $0.continueToken = token }
        #expect(cluster.names(rest) == ["b", "c", "d"])
    }

    @Test("changes come in order with the object before and after, and are refused when they are forgotten")
    func changes() throws {
        let start = cluster.core.version
        try cluster.create(.configMap, "a")
        try cluster.merge(.configMap, "a", ["data": ["k": "v"]])
        try cluster.call(.delete, .configMap, "a")
        let changes = try cluster.core.changes(after: start)
        #expect(changes.map(\.version) == [start + 1, start + 2, start + 3])
        #expect(changes.map { $0.old == nil } == [true, false, false])
        #expect(changes.map { $0.new == nil } == [false, false, true])
        #expect(try cluster.core.changes(after: start, limit: 1).count == 1)
        cluster.core.compact(to: start + 1)
        #expect(refusal { () throws(APIStatus) in _ = try cluster.core.changes(after: start) }.code == 410)
        #expect(try cluster.core.changes(after: start + 1).count == 2)
    }

    @Test("listeners are told after a commit and not after a read")
    func listeners() throws {
        let box = Tally()
        let id = cluster.core.onChange { box.add() }
        try cluster.create(.configMap, "a")
        _ = try cluster.get(.configMap, "a")
        #expect(box.count == 1)
        cluster.core.removeOnChange(id)
        try cluster.create(.configMap, "b")
        #expect(box.count == 1)
    }

    @Test("the same seed, calls and clock give the same objects")
    func determinism() throws {
        func run(_ seed: UInt64) throws -> [JSONValue] {
            let cluster = try CoreFixture(seed: seed)
            for _ in 0..<5 {
                try cluster.call(
                    .create,
                    .configMap,
                    body: ["kind": "ConfigMap", "apiVersion": "v1", "metadata": ["generateName": "x-"]]
                )
            }
            return cluster.core.list(.configMap)
        }
        #expect(try run(7) == run(7))
        #expect(try run(7) != run(8))
    }

    @Test("an unknown namespace takes no objects")
    func namespaces() throws {
        let status = refusal { () throws(APIStatus) in try cluster.create(.configMap, "a", namespace: "none") }
        #expect(status.code == 404 && status.message == "namespaces \"none\" not found")
    }
}

final class Tally: Sendable {
    private let value = Mutex(0)
    var count: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
}
