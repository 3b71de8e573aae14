import HTTPTransport
import JSON
import Testing

/// Merge, JSON and strategic-merge patches.
enum PatchCases {
    private static let pods = "v1/pods"

    /// A deployment with one container that has a port and two variables.
    private static func rich() -> JSONValue {
        var object = Sample.deployment("a")
        object["spec"]?["template"]?["spec"] = [
            "containers": [
                [
                    "name": "main", "image": "example.com/main:1", "args": ["one"],
                    "env": [["name": "A", "value": "1"], ["name": "B", "value": "2"]],
                    "ports": [["containerPort": 80, "name": "http"]],
                ]
            ],
            "volumes": [["name": "v", "emptyDir": [:]]],
        ]
        return object
    }

    /// What a strategic-merge patch of the deployment above makes of its pods' spec.
    private static func strategic(
        _ what: String,
        _ spec: JSONValue,
        _ check: @escaping @Sendable (JSONValue) -> Void
    ) -> ConformanceCase {
        ConformanceCase("a strategic-merge patch \(what)") { api in
            try await api.create("apps/v1/deployments", rich())
            let answer = try await api.patch(
                .strategic,
                "apps/v1/deployments/a",
                ["spec": ["template": ["spec": spec]]]
            ).must(200)
            check(answer["spec.template.spec"] ?? .null)
        }
    }

    /// What a JSON patch makes of a config map with data `a: 1`, `b: 2`.
    private static func json(_ what: String, _ operations: JSONValue, _ data: JSONValue) -> ConformanceCase {
        ConformanceCase("a JSON patch \(what)") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", ["a": "1", "b": "2"]))
            try await api.patch(.json, "v1/configmaps/a", operations).must(200).has("data", data)
        }
    }

    static let all: [ConformanceCase] = [
        ConformanceCase("a merge patch sets, replaces and removes") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", ["a": "1", "b": "2"]))
            let answer = try await api.patch(
                .merge,
                "v1/configmaps/a",
                ["data": ["a": .null, "b": "3", "c": "4"]]
            ).must(200)
            answer.has("data", ["b": "3", "c": "4"])
        },
        ConformanceCase("a merge patch replaces lists whole") { api in
            try await api.create("apps/v1/deployments", rich())
            let answer = try await api.patch(
                .merge,
                "apps/v1/deployments/a",
                ["spec": ["template": ["spec": ["containers": [["name": "other", "image": "example.com/x:1"]]]]]]
            ).must(200)
            #expect(answer["spec.template.spec.containers"]?.array?.count == 1)
            answer.has("spec.template.spec.containers.0.name", "other")
            answer.has("spec.template.spec.containers.0.env", nil)
        },
        json("adds a member", [["op": "add", "path": "/data/c", "value": "3"]], ["a": "1", "b": "2", "c": "3"]),
        json("replaces a member", [["op": "replace", "path": "/data/a", "value": "3"]], ["a": "3", "b": "2"]),
        json("removes a member", [["op": "remove", "path": "/data/a"]], ["b": "2"]),
        json("moves a member", [["op": "move", "from": "/data/a", "path": "/data/c"]], ["c": "1", "b": "2"]),
        json(
            "copies a member",
            [["op": "copy", "from": "/data/a", "path": "/data/c"]],
            ["a": "1", "b": "2", "c": "1"]
        ),
        json(
            "goes on after a test that holds",
            [["op": "test", "path": "/data/a", "value": "1"], ["op": "remove", "path": "/data/b"]],
            ["a": "1"]
        ),
        json(
            "escapes slashes and tildes",
            [["op": "add", "path": "/data/x.y", "value": "1"], ["op": "remove", "path": "/data/x.y"]],
            ["a": "1", "b": "2"]
        ),
        ConformanceCase("a JSON patch escapes slashes in names") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            let answer = try await api.patch(
                .json,
                "v1/configmaps/a",
                [
                    ["op": "add", "path": "/metadata/annotations", "value": [:]],
                    ["op": "add", "path": "/metadata/annotations/example.com~1x~0y", "value": "1"],
                ]
            )
            // A tilde is in no annotation's name.
            answer.refuses(422, "Invalid")
            let good = try await api.patch(
                .json,
                "v1/configmaps/a",
                [
                    ["op": "add", "path": "/metadata/annotations", "value": [:]],
                    ["op": "add", "path": "/metadata/annotations/example.com~1x", "value": "1"],
                ]
            )
            good.has("metadata.annotations", ["example.com/x": "1"])
        },
        ConformanceCase("a JSON patch changes lists by index and at their end") { api in
            try await api.create("apps/v1/deployments", rich())
            let list = "/spec/template/spec/containers/0/args"
            let answer = try await api.patch(
                .json,
                "apps/v1/deployments/a",
                [
                    ["op": "add", "path": .string("\(list)/-"), "value": "three"],
                    ["op": "add", "path": .string("\(list)/1"), "value": "two"],
                    ["op": "remove", "path": .string("\(list)/0")],
                ]
            ).must(200)
            answer.has("spec.template.spec.containers.0.args", ["two", "three"])
        },
        ConformanceCase("a JSON patch whose test fails is refused") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", ["a": "1"]))
            let refused = try await api.patch(
                .json,
                "v1/configmaps/a",
                [["op": "test", "path": "/data/a", "value": "2"]]
            )
            refused.refuses(422, "Invalid", "the server rejected our request due to an error in our request")
        },
        ConformanceCase("a JSON patch that removes what is not there is refused") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", ["a": "1"]))
            let refused = try await api.patch(.json, "v1/configmaps/a", [["op": "remove", "path": "/data/x"]])
            refused.refuses(422, "Invalid", "the server rejected our request due to an error in our request")
        },
        ConformanceCase("a JSON patch is a list") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.patch(.json, "v1/configmaps/a", ["op": "remove"]).refuses(400, "BadRequest")
        },
        strategic("merges containers by name", ["containers": [["name": "main", "image": "example.com/main:2"]]]) {
            #expect($0.at("containers")?.array?.count == 1)
            #expect($0.at("containers.0.image") == "example.com/main:2" && $0.at("containers.0.env.1.name") == "B")
        },
        strategic("adds a container", ["containers": [["name": "side", "image": "example.com/side:1"]]]) {
            #expect(Set(($0.at("containers")?.array ?? []).compactMap { $0["name"]?.string }) == ["main", "side"])
        },
        strategic(
            "merges variables by name",
            ["containers": [["name": "main", "env": [["name": "B", "value": "3"], ["name": "C", "value": "4"]]]]]
        ) { spec in
            let values = (spec.at("containers.0.env")?.array ?? []).map {
                "\($0["name"]?.string ?? "")=\($0["value"]?.string ?? "")"
            }
            #expect(Set(values) == ["A=1", "B=3", "C=4"])
        },
        strategic(
            "deletes an element by directive",
            ["containers": [["name": "main", "env": [["name": "A", "$patch": "delete"]]]]]
        ) { #expect($0.at("containers.0.env") == [["name": "B", "value": "2"]]) },
        strategic(
            "replaces a list by directive",
            ["containers": [["name": "main", "env": [["name": "Z", "value": "9"], ["$patch": "replace"]]]]]
        ) { #expect($0.at("containers.0.env") == [["name": "Z", "value": "9"]]) },
        strategic(
            "orders a list as told",
            [
                "containers": [
                    [
                        "name": "main",
                        "$setElementOrder/env": [["name": "C"], ["name": "B"], ["name": "A"]],
                        "env": [["name": "C", "value": "4"]],
                    ]
                ]
            ]
        ) { spec in
            #expect((spec.at("containers.0.env")?.array ?? []).compactMap { $0["name"]?.string } == ["C", "B", "A"])
        },
        strategic("replaces atomic lists", ["containers": [["name": "main", "args": ["x", "y"]]]]) {
            #expect($0.at("containers.0.args") == ["x", "y"])
        },
        strategic("merges ports by number", ["containers": [["name": "main", "ports": [["containerPort": 81]]]]]) {
            #expect($0.at("containers.0.ports")?.array?.count == 2)
        },
        strategic("removes by null", ["containers": [["name": "main", "args": .null]], "volumes": .null]) {
            #expect($0.at("containers.0.args") == nil && $0.at("volumes") == nil)
        },
        ConformanceCase("a strategic-merge patch keeps the keys it is told to keep") { api in
            try await api.create("apps/v1/deployments", rich())
            let answer = try await api.patch(
                .strategic,
                "apps/v1/deployments/a",
                [
                    "spec": ["strategy": ["$retainKeys": ["type"], "type": "Recreate"]]
                ]
            ).must(200)
            answer.has("spec.strategy", ["type": "Recreate"])
        },
        ConformanceCase("a strategic-merge patch merges finalizers and takes them out by directive") { api in
            var object = Sample.configMap("a")
            object["metadata"]?["finalizers"] = ["example.com/a", "example.com/b"]
            try await api.create("v1/configmaps", object)
            let more = try await api.patch(
                .strategic,
                "v1/configmaps/a",
                ["metadata": ["finalizers": ["example.com/c"]]]
            ).must(200)
            #expect(Set((more["metadata.finalizers"]?.array ?? []).compactMap(\.string)).count == 3)
            let fewer = try await api.patch(
                .strategic,
                "v1/configmaps/a",
                [
                    "metadata": ["$deleteFromPrimitiveList/finalizers": ["example.com/a", "example.com/b"]]
                ]
            ).must(200)
            fewer.has("metadata.finalizers", ["example.com/c"])
            try await api.patch(.merge, "v1/configmaps/a", ["metadata": ["finalizers": .null]]).must(200)
        },
        ConformanceCase("custom objects take no strategic-merge patch") { api in
            try await api.define(Sample.definition(api))
            try await api.create("$NS.example.com/v1/widgets", Sample.widget(api, "a"))
            try await api.patch(.strategic, "$NS.example.com/v1/widgets/a", [:]).refuses(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: "
                    + "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
            )
        },
        ConformanceCase("custom objects take merge and JSON patches") { api in
            try await api.define(Sample.definition(api))
            try await api.create("$NS.example.com/v1/widgets", Sample.widget(api, "a", ["size": 1]))
            let widget = "$NS.example.com/v1/widgets/a"
            try await api.patch(.merge, widget, ["spec": ["size": 2]]).must(200).has("spec.size", 2)
            try await api.patch(.json, widget, [["op": "replace", "path": "/spec/size", "value": 3]]).must(200)
                .has("spec.size", 3)
        },
        ConformanceCase("a patch with an old version conflicts") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.patch(.merge, "v1/configmaps/a", ["data": ["k": "1"]]).must(200)
            try await api.patch(
                .merge,
                "v1/configmaps/a",
                [
                    "metadata": ["resourceVersion": .string(made.version)], "data": ["k": "2"],
                ]
            ).refuses(
                409,
                "Conflict",
                #"Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your "#
                    + "changes to the latest version and try again"
            )
        },
        ConformanceCase("a patch that changes nothing keeps the version") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a", ["k": "1"]))
            #expect(
                try await api.patch(.merge, "v1/configmaps/a", ["data": ["k": "1"]]).must(200).version == made.version
            )
            #expect(try await api.patch(.json, "v1/configmaps/a", []).must(200).version == made.version)
            #expect(try await api.patch(.strategic, "v1/configmaps/a", [:]).must(200).version == made.version)
        },
        ConformanceCase("a patch of what does not exist is not found") { api in
            for type in [API.PatchType.merge, .strategic] {
                try await api.patch(type, "v1/configmaps/a", [:]).refuses(
                    404,
                    "NotFound",
                    #"configmaps "a" not found"#
                )
            }
        },
        ConformanceCase("a patch does not rename") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.patch(.merge, "v1/configmaps/a", ["metadata": ["name": "b"]]).refuses(
                400,
                "BadRequest",
                "the name of the object (b) does not match the name on the URL (a)"
            )
        },
        ConformanceCase("what a patch makes is validated") { api in
            try await api.create("apps/v1/deployments", rich())
            try await api.patch(.merge, "apps/v1/deployments/a", ["spec": ["replicas": -1]]).refuses(
                422,
                "Invalid",
                #"Deployment.apps "a" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"#
            )
        },
        ConformanceCase("a patch that is no JSON is a bad request") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            for type in [API.PatchType.json, .strategic] {
                try await api.send("PATCH", "v1/configmaps/a", "{", headers: ["Content-Type": type.rawValue])
                    .refuses(400, "BadRequest")
            }
        },
        ConformanceCase("a patch of a wrong type is refused") { api in
            try await api.create("apps/v1/deployments", rich())
            let refused = try await api.patch(.merge, "apps/v1/deployments/a", ["spec": ["replicas": "x"]])
            #expect(refused.status == 400 || refused.status == 422)
            refused.has("kind", "Status")
        },
        ConformanceCase("force belongs to apply patches alone") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.patch(.merge, "v1/configmaps/a?force=true", [:]).refuses(
                422,
                "Invalid",
                #"PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch"#
            )
        },
    ]
}
