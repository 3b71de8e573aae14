import JSON
import Testing

@testable import Kubernetes

@Suite("Objects") struct ObjectTests {
    private let text = #"""
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","namespace":"n","uid":"u","generation":3,
        "resourceVersion":"17","creationTimestamp":"2026-11-20T17:28:00Z","labels":{"x":"y"},"selfLink":"/s",
        "ownerReferences":[{"apiVersion":"v1","kind":"K","name":"o","uid":"ou","controller":true}],
        "managedFields":[{"manager":"m","fieldsV1":{"f:spec":{}}}],"finalizers":["f"]},
        "spec":{"replicas":3,"newField":{"deep":[1,2.5,null]}},"status":{"readyReplicas":2}}
        """#

    @Test("unknown fields survive a read, a change and a write") func roundTrip() throws {
        var object = try DynamicObject(parsing: Array(text.utf8))
        object["spec", "replicas"] = 4
        object.metadata.labels["z"] = "1"
        let written = try JSONValue(parsing: object.bytes())
        #expect(written[path: ["spec", "newField", "deep"]] == [1, 2.5, nil])
        #expect(written[path: ["spec", "replicas"]] == 4)
        #expect(written[path: ["metadata", "selfLink"]] == "/s")
        #expect(written[path: ["metadata", "labels"]] == ["x": "y", "z": "1"])
        #expect(written[path: ["metadata", "ownerReferences"]]?[0]?["uid"] == "ou")
        #expect(written[path: ["metadata", "managedFields"]] == nil)
        #expect(written == object.value)
    }

    @Test("metadata is read into typed fields") func metadata() throws {
        let meta = try DynamicObject(parsing: Array(text.utf8)).metadata
        #expect(meta.key == ObjectKey(namespace: "n", name: "a"))
        #expect(meta.generation == 3 && meta.resourceVersion == "17" && meta.controller?.name == "o")
        #expect(meta.creationTimestamp == Timestamp("2026-11-20T17:28:00Z"))
    }

    @Test(
        "times are read and written as the API writes them",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-20T17:28:00Z", 1_795_195_680_000_000),
            ("2024-02-29T23:59:59.5Z", 1_709_251_199_500_000), ("1969-12-31T23:59:59Z", -1_000_000),
            ("2026-11-20T18:28:00.000001+01:00", 1_795_195_680_000_001),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ]
    )
    func times(text: String, microseconds: Int) {
        #expect(Timestamp(text)?.microseconds == microseconds)
        let time = Timestamp(microseconds: microseconds)
        #expect(Timestamp(time.microTime) == time)
        #expect(Timestamp(time.description) == time.wholeSeconds)
    }

    @Test(
        "what is no time is refused",
        arguments: [
            "", "2026-11-20", "2026-13-20T17:28:00Z", "2026-02-29T00:00:00Z", "2026-11-20T24:00:00Z",
            "2026-11-20T17:28:00", "2026-11-20T17:28:00.Z", "2026-11-20T17:28:00Zx", "2026-11-20 17:28:00Z",
        ]
    )
    func noTimes(text: String) { #expect(Timestamp(text) == nil) }

    @Test("names cannot leave their place in a path") func paths() {
        #expect(
            ResourceType.deployment.path(namespace: "a", name: "../x?y")
                == "/apis/apps/v1/namespaces/a/deployments/..%2Fx%3Fy"
        )
        #expect(ResourceType.namespace.path(namespace: "a", name: "b") == "/api/v1/namespaces/b")
        #expect(ResourceType.pod.path(name: nil) == "/api/v1/pods")
    }
}
