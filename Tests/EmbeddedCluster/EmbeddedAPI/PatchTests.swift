import JSON
import Kubernetes
import Testing

@testable import EmbeddedAPI

@Suite("Patches and the owners of fields")
struct PatchTests {
    private let cluster: CoreFixture

    init() throws { cluster = try CoreFixture() }

    private func apply(_ manager: String, _ data: JSONValue, force: Bool = false) throws(APIStatus) -> JSONValue {
        let body: JSONValue = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a"], "data": data,
        ]
        return try cluster.call(.patch, .configMap, "a", body: body) {
            $0.patchFormat = .apply
            $0.fieldManager = manager
            $0.isForced = force
        }
    }

    @Test("every write enters its manager with the fields that it changed")
    func managers() throws {
        let body: JSONValue = ["metadata": ["name": "a"], "data": ["x": "1"]]
        let made = try cluster.call(.create, .configMap, body: body) { $0.userAgent = "curl/7.0" }
        #expect(
            made.meta("managedFields") == [
                [
                    "manager": "curl", "operation": "Update", "apiVersion": "v1",
                    "time": .string(cluster.now.description), "fieldsType": "FieldsV1",
                    "fieldsV1": ["f:data": [".": [:], "f:x": [:]]],
                ]
            ]
        )
    }

    @Test("a server-side apply makes an object, meets the owners of its fields, and takes them by force")
    func applies() throws {
        #expect(try apply("one", ["x": "1"])["data"] == ["x": "1"])
        let version = cluster.core.version
        _ = try apply("one", ["x": "1"])
        #expect(cluster.core.version == version)
        let status = refusal { () throws(APIStatus) in _ = try apply("two", ["x": "2"]) }
        #expect(status.code == 409 && status.reason == "Conflict")
        #expect(status.message == "Apply failed with 1 conflict: conflict with \"one\": .data.x")
        #expect(status.causes.map(\.reason) == ["FieldManagerConflict"])
        #expect(try apply("two", ["x": "2"], force: true)["data"] == ["x": "2"])
        #expect(try apply("one", ["y": "1"])["data"] == ["x": "2", "y": "1"])
        #expect(try apply("one", [:])["data"] == ["x": "2"])
    }

    @Test("an apply without a manager is refused")
    func anonymous() {
        let status = refusal { () throws(APIStatus) in _ = try apply("", ["x": "1"]) }
        #expect(
            status.message
                == "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
        )
    }

    @Test("a JSON patch changes what its tests allow")
    func json() throws {
        try cluster.create(.configMap, "a", ["data": ["x": "1"]])
        func patch(_ operations: JSONValue) throws(APIStatus) -> JSONValue {
            try cluster.call(.patch, .configMap, "a", body: operations) { $0.patchFormat = .json }
        }
        let test: JSONValue = ["op": "test", "path": "/data/x", "value": "1"]
        let replace: JSONValue = ["op": "replace", "path": "/data/x", "value": "2"]
        #expect(try patch([test, replace])["data"] == ["x": "2"])
        #expect(refusal { () throws(APIStatus) in _ = try patch([test, replace]) }.code == 422)
    }

    @Test("a strategic merge patch merges lists by their keys")
    func strategic() throws {
        try cluster.create(
            .pod,
            "a",
            ["spec": ["containers": [["name": "c", "image": "x:1"], ["name": "d", "image": "y:1"]]]]
        )
        let patch: JSONValue = ["spec": ["containers": [["name": "d", "image": "y:2"]]]]
        let pod = try cluster.call(.patch, .pod, "a", body: patch) { $0.patchFormat = .strategic }
        #expect(pod["spec"]?["containers"]?.array?.map { $0["image"] } == ["x:1", "y:2"])
    }
}
