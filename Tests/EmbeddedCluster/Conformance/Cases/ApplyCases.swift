import HTTPTransport
import JSON
import Testing

/// Server-side apply and the ownership of fields.
enum ApplyCases {
    private static let path = "v1/configmaps/a"

    private static func config(_ data: JSONValue) -> JSONValue {
        ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a"], "data": data]
    }

    private static func deployment(_ spec: JSONValue) -> JSONValue {
        ["apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "a"], "spec": spec]
    }

    static let all: [ConformanceCase] = [
        ConformanceCase("applying creates what is not there") { api in
            let made = try await api.apply(path, as: "m1", config(["k": "1"])).must(201)
            made.has("data", ["k": "1"])
            #expect(made.managers == ["m1 Apply"])
            made.has("metadata.managedFields.0.apiVersion", "v1")
            made.has("metadata.managedFields.0.fieldsType", "FieldsV1")
            made.has("metadata.managedFields.0.fieldsV1", ["f:data": ["f:k": [:]]])
        },
        ConformanceCase("applying the same again changes nothing") { api in
            let made = try await api.apply(path, as: "m1", config(["k": "1"])).must(201)
            let again = try await api.apply(path, as: "m1", config(["k": "1"])).must(200)
            #expect(again.version == made.version)
        },
        ConformanceCase("applying another value of what somebody else applied conflicts") { api in
            try await api.apply(path, as: "m1", config(["k": "1"])).must(201)
            let refused = try await api.apply(path, as: "m2", config(["k": "2"]))
            refused.refuses(
                409,
                "Conflict",
                #"Apply failed with 1 conflict: conflict with "m1": .data.k"#
            )
            refused.has(
                "details.causes",
                [
                    ["reason": "FieldManagerConflict", "message": #"conflict with "m1""#, "field": ".data.k"]
                ]
            )
        },
        ConformanceCase("conflicts with several are told one by one") { api in
            try await api.apply(path, as: "m1", config(["a": "1", "b": "1"])).must(201)
            try await api.apply(path, as: "m2", config(["c": "1"])).must(200)
            try await api.apply(path, as: "m3", config(["a": "2", "b": "2", "c": "2"])).refuses(
                409,
                "Conflict",
                "Apply failed with 3 conflicts: conflicts with \"m1\":\n- .data.a\n- .data.b\nconflicts with \"m2\":\n- .data.c"
            )
        },
        ConformanceCase("a conflict with an update tells its version") { api in
            try await api.create("v1/configmaps?fieldManager=u1", config(["k": "1"]))
            let refused = try await api.apply(path, as: "m1", config(["k": "2"]))
            refused.refuses(409, "Conflict")
            #expect(
                refused["message"]?.string?.hasPrefix(#"Apply failed with 1 conflict: conflict with "u1" using v1"#)
                    == true
            )
            #expect(refused["message"]?.string?.hasSuffix(": .data.k") == true)
        },
        ConformanceCase("force takes the field over") { api in
            try await api.apply(path, as: "m1", config(["k": "1", "l": "1"])).must(201)
            let taken = try await api.apply("\(path)?force=true", as: "m2", config(["k": "2"])).must(200)
            taken.has("data", ["k": "2", "l": "1"])
            let fields = taken["metadata.managedFields"]?.array ?? []
            let ofFirst = fields.first { $0["manager"] == "m1" }
            #expect(ofFirst?["fieldsV1"] == ["f:data": ["f:l": [:]]])
        },
        ConformanceCase("a manager that owns nothing any more is forgotten") { api in
            try await api.apply(path, as: "m1", config(["k": "1"])).must(201)
            let taken = try await api.apply("\(path)?force=true", as: "m2", config(["k": "2"])).must(200)
            #expect(taken.managers == ["m2 Apply"])
        },
        ConformanceCase("applying the same value shares the field") { api in
            try await api.apply(path, as: "m1", config(["k": "1"])).must(201)
            let shared = try await api.apply(path, as: "m2", config(["k": "1"])).must(200)
            #expect(Set(shared.managers) == ["m1 Apply", "m2 Apply"])
            // Given up by one, it stays for the other.
            let left = try await api.apply(path, as: "m2", config(["l": "1"])).must(200)
            left.has("data", ["k": "1", "l": "1"])
        },
        ConformanceCase("what is no longer applied is removed") { api in
            try await api.apply(path, as: "m1", config(["k": "1", "l": "1"])).must(201)
            try await api.apply(path, as: "m1", config(["l": "1"])).must(200).has("data", ["l": "1"])
        },
        ConformanceCase("what somebody else set stays when it is no longer applied") { api in
            try await api.apply(path, as: "m1", config(["k": "1", "l": "1"])).must(201)
            try await api.patch(.merge, "\(path)?fieldManager=u1", ["data": ["k": "2"]]).must(200)
            try await api.apply(path, as: "m1", config(["l": "1"])).must(200).has("data", ["k": "2", "l": "1"])
        },
        ConformanceCase("an update takes fields without conflict") { api in
            try await api.apply(path, as: "m1", config(["k": "1", "l": "1"])).must(201)
            let answer = try await api.patch(.merge, "\(path)?fieldManager=u1", ["data": ["k": "2"]]).must(200)
            #expect(Set(answer.managers) == ["m1 Apply", "u1 Update"])
            try await api.apply(path, as: "m1", config(["k": "1", "l": "1"])).refuses(409, "Conflict")
        },
        ConformanceCase("applying needs a manager") { api in
            try await api.patch(.apply, path, config(["k": "1"])).refuses(
                422,
                "Invalid",
                #"PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch"#
            )
        },
        ConformanceCase("an applied object has no managed fields") { api in
            var object = config(["k": "1"])
            object["metadata"]?["managedFields"] = [["manager": "x", "operation": "Apply", "apiVersion": "v1"]]
            try await api.apply(path, as: "m1", object).refuses(
                400,
                "BadRequest",
                "metadata.managedFields must be nil"
            )
        },
        ConformanceCase("applying takes YAML") { api in
            let made = try await api.send(
                "PATCH",
                "\(path)?fieldManager=m1",
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: \"1\"\n",
                headers: ["Content-Type": "application/apply-patch+yaml"]
            ).must(201)
            made.has("data.k", "1")
        },
        ConformanceCase("an update's manager is the client's name") { api in
            let made = try await api.create("v1/configmaps", config(["k": "1"]))
            #expect(made.managers == ["conformance Update"])
            made.has("metadata.managedFields.0.fieldsV1.f:data", [".": [:], "f:k": [:]])
        },
        ConformanceCase("an update's manager may be named") { api in
            let made = try await api.create("v1/configmaps?fieldManager=u1", config(["k": "1"]))
            #expect(made.managers == ["u1 Update"])
        },
        ConformanceCase("managed fields are reset by an empty entry") { api in
            try await api.apply(path, as: "m1", config(["k": "1"])).must(201)
            let reset = try await api.patch(.merge, path, ["metadata": ["managedFields": [[:]]]]).must(200)
            reset.has("metadata.managedFields", nil)
        },
        ConformanceCase("managers of one list own their own elements") { api in
            func spec(_ name: String) -> JSONValue {
                [
                    "selector": ["matchLabels": ["app": "a"]],
                    "replicas": 0,
                    "template": [
                        "metadata": ["labels": ["app": "a"]],
                        "spec": ["containers": [["name": .string(name), "image": "example.com/x:1"]]],
                    ],
                ]
            }
            let path = "apps/v1/deployments/a"
            try await api.apply(path, as: "m1", deployment(spec("one"))).must(201)
            let both = try await api.apply(path, as: "m2", deployment(spec("two"))).must(200)
            let names = (both["spec.template.spec.containers"]?.array ?? []).compactMap { $0["name"]?.string }
            #expect(names == ["one", "two"])
            let fields = (both["metadata.managedFields"]?.array ?? []).first { $0["manager"] == "m2" }
            let own = fields?.at("fieldsV1.f:spec.f:template.f:spec.f:containers")
            #expect(own?.object?.keys == [#"k:{"name":"two"}"#])
            let one = try await api.apply(path, as: "m1", deployment(spec("three"))).must(200)
            let left = (one["spec.template.spec.containers"]?.array ?? []).compactMap { $0["name"]?.string }
            #expect(Set(left) == ["two", "three"])
        },
        ConformanceCase("a manager may leave a field to somebody else") { api in
            let whole: JSONValue = [
                "selector": ["matchLabels": ["app": "a"]], "replicas": 0,
                "template": [
                    "metadata": ["labels": ["app": "a"]],
                    "spec": ["containers": [["name": "one", "image": "example.com/x:1"]]],
                ],
            ]
            let path = "apps/v1/deployments/a"
            try await api.apply(path, as: "m1", deployment(whole)).must(201)
            try await api.patch(.merge, "\(path)?fieldManager=scaler", ["spec": ["paused": true]]).must(200)
            var less = whole
            less["replicas"] = nil
            try await api.apply(path, as: "m2", deployment(["replicas": 0])).must(200)
            try await api.apply(path, as: "m1", deployment(less)).must(200).has("spec.replicas", 0)
            try await api.apply(path, as: "m2", deployment(["replicas": 0, "paused": false])).refuses(
                409,
                "Conflict"
            )
        },
        ConformanceCase("a required field cannot be taken away by not applying it") { api in
            let whole: JSONValue = [
                "selector": ["matchLabels": ["app": "a"]], "replicas": 0,
                "template": [
                    "metadata": ["labels": ["app": "a"]],
                    "spec": ["containers": [["name": "one", "image": "example.com/x:1"]]],
                ],
            ]
            try await api.apply("apps/v1/deployments/a", as: "m1", deployment(whole)).must(201)
            try await api.apply("apps/v1/deployments/a", as: "m1", deployment(["replicas": 0])).refuses(422, "Invalid")
        },
        ConformanceCase("labels are owned one by one") { api in
            func object(_ labels: JSONValue) -> JSONValue {
                ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a", "labels": labels]]
            }
            try await api.apply(path, as: "m1", object(["a": "1", "b": "1"])).must(201)
            try await api.apply(path, as: "m2", object(["c": "1"])).must(200)
            try await api.apply(path, as: "m1", object(["a": "1"])).must(200)
                .has("metadata.labels", ["a": "1", "c": "1"])
        },
        ConformanceCase("finalizers are a set of their own members") { api in
            func object(_ finalizers: JSONValue) -> JSONValue {
                ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a", "finalizers": finalizers]]
            }
            try await api.apply(path, as: "m1", object(["example.com/a"])).must(201)
            let both = try await api.apply(path, as: "m2", object(["example.com/b"])).must(200)
            both.has("metadata.finalizers", ["example.com/a", "example.com/b"])
            try await api.apply(path, as: "m1", object([])).must(200).has("metadata.finalizers", ["example.com/b"])
            try await api.patch(.merge, path, ["metadata": ["finalizers": .null]]).must(200)
        },
        ConformanceCase("a dry run of applying stores nothing") { api in
            try await api.apply("\(path)?dryRun=All", as: "m1", config(["k": "1"])).must(201)
            try await api.get(path).must(404)
        },
        ConformanceCase("applying to what is being deleted is an update") { api in
            var object = config(["k": "1"])
            object["metadata"]?["finalizers"] = ["example.com/a"]
            try await api.create("v1/configmaps", object)
            try await api.delete(path).must(200)
            let answer = try await api.apply(path, as: "m1", config(["l": "1"])).must(200)
            #expect(answer["metadata.deletionTimestamp"] != nil)
            try await api.patch(.merge, path, ["metadata": ["finalizers": .null]]).must(200)
        },
    ]
}
