import JSON
import Kubernetes
import Testing

@testable import EmbeddedAPI

@Suite("Custom resources")
struct CustomResourceTests {
    private let cluster: CoreFixture
    private static let foo = ResourceType(group: "x.io", version: "v1", kind: "Foo", plural: "foos")

    init() throws { cluster = try CoreFixture() }

    static func definition(_ plural: String = "foos", kind: String = "Foo") -> JSONValue {
        [
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": ["name": .string("\(plural).x.io")],
            "spec": [
                "group": "x.io", "scope": "Namespaced",
                "names": ["plural": .string(plural), "kind": .string(kind), "shortNames": ["fo"]],
                "versions": [
                    [
                        "name": "v1", "served": true, "storage": true,
                        "schema": [
                            "openAPIV3Schema": [
                                "type": "object",
                                "properties": [
                                    "spec": [
                                        "type": "object", "required": ["size"],
                                        "properties": [
                                            "size": ["type": "integer", "minimum": 1],
                                            "mode": ["type": "string", "default": "m", "enum": ["m", "n"]],
                                            "replicas": ["type": "integer"],
                                        ],
                                    ],
                                    "status": [
                                        "type": "object",
                                        "properties": ["replicas": ["type": "integer"], "phase": ["type": "string"]],
                                    ],
                                ],
                            ]
                        ],
                        "subresources": [
                            "status": [:],
                            "scale": ["specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"],
                        ],
                    ],
                    [
                        "name": "v2", "served": true, "storage": false,
                        "schema": [
                            "openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
                        ],
                    ],
                ],
            ],
        ]
    }

    private func define() throws {
        try cluster.call(.create, .customResourceDefinition, body: Self.definition())
    }

    private func make(
        _ name: String,
        _ spec: JSONValue = ["size": 1],
        finalizers: JSONValue? = nil
    )
        throws(APIStatus) -> JSONValue
    {
        var object: JSONValue = [
            "apiVersion": "x.io/v1", "kind": "Foo", "metadata": ["name": .string(name)], "spec": spec,
        ]
        object.setMeta("finalizers", finalizers)
        return try cluster.call(.create, Self.foo, body: object)
    }

    @Test("a definition is completed, established and served at once")
    func establishes() throws {
        let made = try cluster.call(.create, .customResourceDefinition, body: Self.definition())
        #expect(made["spec"]?["names"]?["listKind"] == "FooList")
        #expect(made["spec"]?["names"]?["singular"] == "foo")
        #expect(made["status"]?["storedVersions"] == ["v1"])
        #expect(made["status"]?["acceptedNames"]?["kind"] == "Foo")
        let conditions = made["status"]?["conditions"]?.array ?? []
        #expect(conditions.map { $0["type"] } == ["NamesAccepted", "Established"])
        #expect(conditions.map { $0["status"] } == ["True", "True"])
        #expect(cluster.core.definition(group: "x.io", version: "v2", plural: "foos")?.isCustom == true)
        #expect(cluster.core.definition(group: "x.io", version: "v1", plural: "foos")?.shortNames == ["fo"])
    }

    @Test("a definition whose names are taken is not established")
    func conflicts() throws {
        try define()
        let made = try cluster.call(.create, .customResourceDefinition, body: Self.definition("bars"))
        let conditions = made["status"]?["conditions"]?.array ?? []
        #expect(conditions.map { $0["reason"] } == ["ListKindConflict", "NotAccepted"])
        #expect(conditions.first?["message"] == "\"FooList\" is already in use")
        #expect(made["status"]?["acceptedNames"] == ["plural": "bars", "kind": ""])
        #expect(cluster.core.definition(group: "x.io", version: "v1", plural: "bars") == nil)
    }

    @Test("a definition that is wrong is refused field by field")
    func refuses() throws {
        var wrong = Self.definition()
        wrong.setMeta("name", "foo.x.io")
        let name = refusal { () throws(APIStatus) in
            try cluster.call(.create, .customResourceDefinition, body: wrong)
        }
        #expect(
            name.message == "CustomResourceDefinition.apiextensions.k8s.io \"foo.x.io\" is invalid: metadata.name: "
                + "Invalid value: \"foo.x.io\": must be spec.names.plural+\".\"+spec.group"
        )
        wrong = Self.definition()
        wrong[path: ["spec", "versions"]] = [["name": "v1", "served": true, "storage": false]]
        let versions = refusal { () throws(APIStatus) in
            try cluster.call(.create, .customResourceDefinition, body: wrong)
        }
        #expect(versions.causes.map(\.field).contains("spec.versions[0].schema.openAPIV3Schema"))
        #expect(versions.message.contains("must have exactly one version marked as storage version"))
    }

    @Test("objects are pruned, get defaults, and lose their status when they are made")
    func objects() throws {
        try define()
        let made = try cluster.call(
            .create,
            Self.foo,
            body: [
                "apiVersion": "x.io/v1", "kind": "Foo", "metadata": ["name": "a"],
                "spec": ["size": 1, "zzz": 2], "status": ["phase": "x"],
            ]
        )
        #expect(made["spec"] == ["size": 1, "mode": "m"])
        #expect(made["status"] == nil)
        #expect(made.meta("generation") == 1)
        let other = ResourceType(group: "x.io", version: "v2", kind: "Foo", plural: "foos")
        #expect(try cluster.get(other, "a")["apiVersion"] == "x.io/v2")
        #expect(try cluster.call(.list, Self.foo)["items"]?[0]?["kind"] == "Foo")
    }

    @Test("objects that break the schema are refused in the server's words")
    func validates() throws {
        try define()
        let status = refusal { () throws(APIStatus) in _ = try make("b", ["size": 0, "mode": "q"]) }
        #expect(
            status.message == "Foo.x.io \"b\" is invalid: [spec.size: Invalid value: 0: spec.size in body should be "
                + "greater than or equal to 1, spec.mode: Unsupported value: \"q\": supported values: \"m\", \"n\"]"
        )
        let kind = refusal { () throws(APIStatus) in
            try cluster.call(
                .create,
                Self.foo,
                body: ["apiVersion": "x.io/v1", "kind": "Fo", "metadata": ["name": "a"]]
            )
        }
        #expect(kind.message == "Fo.x.io \"a\" is invalid: kind: Invalid value: \"Fo\": must be Foo")
    }

    @Test("the status is written by itself, and only the specification makes generations")
    func status() throws {
        try define()
        _ = try make("a")
        let status = try cluster.merge(
            Self.foo,
            "a",
            ["metadata": ["labels": ["a": "b"]], "spec": ["size": 7], "status": ["phase": "y"]],
            subresource: "status"
        )
        #expect(status["status"] == ["phase": "y"])
        #expect(status["spec"]?["size"] == 1)
        #expect(status.labels.isEmpty)
        #expect(status.meta("generation") == 1)
        let spec = try cluster.merge(Self.foo, "a", ["spec": ["size": 7], "status": ["phase": "z"]])
        #expect(spec.meta("generation") == 2)
        #expect(spec["status"] == ["phase": "y"])
        #expect(try cluster.merge(Self.foo, "a", ["metadata": ["labels": ["a": "b"]]]).meta("generation") == 2)
        let version = cluster.core.version
        try cluster.merge(Self.foo, "a", ["top": 1])
        #expect(cluster.core.version == version)
    }

    @Test("the scale of an object is where its definition says")
    func scale() throws {
        try define()
        _ = try make("a")
        let none = refusal { () throws(APIStatus) in
            try cluster.call(.get, Self.foo, "a") { $0.subresource = "scale" }
        }
        #expect(
            none.message == "Internal error occurred: the spec replicas field \".spec.replicas\" does not exist"
        )
        let scale = try cluster.merge(Self.foo, "a", ["spec": ["replicas": 4]], subresource: "scale")
        #expect(scale["spec"] == ["replicas": 4] && scale["status"] == ["replicas": 0])
        #expect(try cluster.get(Self.foo, "a")["spec"]?["replicas"] == 4)
    }

    @Test("strategic merge patches of custom resources are refused")
    func strategic() throws {
        try define()
        _ = try make("a")
        let status = refusal { () throws(APIStatus) in
            try cluster.call(.patch, Self.foo, "a", body: ["spec": ["size": 2]]) { $0.patchFormat = .strategic }
        }
        #expect(status.code == 415)
        #expect(
            status.message == "the body of the request was in an unknown format - accepted media types include: "
                + "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        )
    }

    @Test("with a definition go its objects, and it waits for those that are held back")
    func removal() throws {
        try define()
        _ = try make("a")
        _ = try make("b", finalizers: ["a.b/c"])
        try cluster.call(.delete, .customResourceDefinition, "foos.x.io")
        #expect(cluster.names(try cluster.call(.list, Self.foo)) == ["b"])
        let late = refusal { () throws(APIStatus) in _ = try make("c") }
        #expect(late.code == 405)
        #expect(late.message == "create not allowed while custom resource definition is terminating")
        #expect(try cluster.get(.customResourceDefinition, "foos.x.io").isBeingDeleted)
        try cluster.merge(Self.foo, "b", ["metadata": ["finalizers": nil]])
        #expect(
            refusal { () throws(APIStatus) in _ = try cluster.get(.customResourceDefinition, "foos.x.io") }.code == 404
        )
        #expect(refusal { () throws(APIStatus) in try cluster.call(.list, Self.foo) }.code == 404)
    }
}
