import JSON
import Testing

/// Kinds that are defined on the fly.
enum CustomResourceCases {
    private static let widgets = "$NS.example.com/v1/widgets"
    private static let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

    /// What a spec that breaks the schema is refused with.
    private static func refuses(_ what: String, _ spec: JSONValue, _ message: String) -> ConformanceCase {
        ConformanceCase("a custom object with \(what) is invalid") { api in
            try await api.define(Sample.definition(api))
            try await api.post(widgets, Sample.widget(api, "a", spec)).refuses(
                422,
                "Invalid",
                #"Widget.$NS.example.com "a" is invalid: "# + message
            )
        }
    }

    static let all: [ConformanceCase] = [
        ConformanceCase("a definition is established with its names") { api in
            try await api.define(Sample.definition(api))
            let definition = try await api.get("\(definitions)/widgets.$NS.example.com").must(200)
            definition.has("status.acceptedNames.kind", "Widget")
            definition.has("status.acceptedNames.plural", "widgets")
            definition.has("status.storedVersions", ["v1"])
            definition.has("spec.conversion.strategy", "None")
            let types = (definition["status.conditions"]?.array ?? []).compactMap { $0["type"]?.string }
            #expect(Set(types) == ["NamesAccepted", "Established"])
        },
        ConformanceCase("a definition fills in names") { api in
            var definition = Sample.definition(api)
            definition["spec"]?["names"] = ["kind": "Widget", "plural": "widgets"]
            let made = try await api.create(definitions, definition)
            made.has("spec.names.singular", "widget")
            made.has("spec.names.listKind", "WidgetList")
        },
        ConformanceCase("a definition is named by plural and group") { api in
            var definition = Sample.definition(api)
            definition["metadata"]?["name"] = .string("gadgets.\(api.group)")
            let refused = try await api.post(definitions, definition)
            refused.refuses(
                422,
                "Invalid",
                #"CustomResourceDefinition.apiextensions.k8s.io "gadgets.$NS.example.com" is invalid: metadata.name: "#
                    + #"Invalid value: "gadgets.$NS.example.com": must be spec.names.plural+"."+spec.group"#
            )
        },
        ConformanceCase("a definition needs a schema") { api in
            var definition = Sample.definition(api)
            definition["spec"]?["versions"] = [["name": "v1", "served": true, "storage": true]]
            let refused = try await api.post(definitions, definition)
            refused.refuses(422, "Invalid")
            #expect(refused["message"]?.string?.contains("schemas are required") == true)
        },
        ConformanceCase("one version is stored") { api in
            let refused = try await api.post(definitions, Sample.definition(api, version: ["storage": false]))
            refused.refuses(422, "Invalid")
            #expect(
                refused["message"]?.string?.contains("must have exactly one version marked as storage version") == true
            )
        },
        ConformanceCase("custom objects are stored as they are, with a generation") { api in
            try await api.define(Sample.definition(api))
            let made = try await api.create(widgets, Sample.widget(api, "a", ["size": 3]))
            made.has("metadata.generation", 1)
            made.has("spec.size", 3)
            try await api.patch(.merge, "\(widgets)/a", ["spec": ["size": 4]]).must(200).has("metadata.generation", 2)
            try await api.patch(.merge, "\(widgets)/a", ["metadata": ["labels": ["x": "y"]]]).must(200)
                .has("metadata.generation", 2)
        },
        ConformanceCase("fields that the schema does not have are pruned") { api in
            try await api.define(Sample.definition(api))
            let made = try await api.create(
                widgets,
                Sample.widget(api, "a", ["size": 1, "unknown": 2, "parts": [["id": "x", "more": 1]]])
            )
            made.has("spec.unknown", nil)
            made.has("spec.parts", [["id": "x"]])
        },
        ConformanceCase("fields are kept where the schema says so") { api in
            try await api.define(Sample.definition(api))
            let made = try await api.create(widgets, Sample.widget(api, "a", ["free": ["a": ["b": 1]]]))
            made.has("spec.free", ["a": ["b": 1]])
        },
        ConformanceCase("defaults of the schema are filled in") { api in
            try await api.define(Sample.definition(api))
            try await api.create(widgets, Sample.widget(api, "a", ["size": 1])).has("spec.colour", "red")
            try await api.create(widgets, Sample.widget(api, "b", ["colour": "green"])).has("spec.colour", "green")
        },
        ConformanceCase("null where null is no value makes room for the default") { api in
            try await api.define(Sample.definition(api))
            let made = try await api.create(widgets, Sample.widget(api, "a", ["colour": .null]))
            made.has("spec.colour", "red")
        },
        ConformanceCase("a number or a text is either") { api in
            try await api.define(Sample.definition(api))
            try await api.create(widgets, Sample.widget(api, "a", ["either": 1])).has("spec.either", 1)
            try await api.create(widgets, Sample.widget(api, "b", ["either": "50%"])).has("spec.either", "50%")
            try await api.post(widgets, Sample.widget(api, "c", ["either": true])).refuses(422, "Invalid")
        },
        refuses(
            "too great a number",
            ["size": 11],
            "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"
        ),
        refuses(
            "too small a number",
            ["size": 0],
            "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"
        ),
        refuses(
            "a text for a number",
            ["size": "big"],
            #"spec.size: Invalid value: "string": spec.size in body must be of type integer: "string""#
        ),
        refuses(
            "none of the values",
            ["colour": "blue"],
            #"spec.colour: Unsupported value: "blue": supported values: "red", "green""#
        ),
        refuses(
            "too long a text",
            ["name": "abcdef"],
            #"spec.name: Invalid value: "abcdef": spec.name in body should be at most 5 chars long"#
        ),
        refuses(
            "a text of another pattern",
            ["name": "A1"],
            #"spec.name: Invalid value: "A1": spec.name in body should match '^[a-z]+$'"#
        ),
        refuses(
            "too many elements",
            ["tags": ["a", "b", "c"]],
            "spec.tags: Invalid value: 3: spec.tags in body should have at most 2 items"
        ),
        refuses(
            "a missing field",
            ["parts": [["n": 1]]],
            "spec.parts.id: Required value"
        ),
        refuses(
            "two elements of one key",
            ["parts": [["id": "x"], ["id": "x"]]],
            #"spec.parts[1]: Duplicate value: map[string]interface {}{"id":"x"}"#
        ),
        ConformanceCase("a status subresource keeps status and spec apart") { api in
            try await api.define(Sample.definition(api, version: ["subresources": ["status": [:]]]))
            var widget = Sample.widget(api, "a", ["size": 1])
            widget["status"] = ["phase": "Ready"]
            let made = try await api.create(widgets, widget)
            made.has("status", nil)
            let status = try await api.patch(
                .merge,
                "\(widgets)/a/status",
                ["spec": ["size": 5], "status": ["phase": "Ready"]]
            ).must(200)
            status.has("status.phase", "Ready")
            status.has("spec.size", 1)
            status.has("metadata.generation", 1)
            try await api.patch(.merge, "\(widgets)/a", ["status": ["phase": "Gone"]]).must(200)
                .has("status.phase", "Ready")
        },
        ConformanceCase("without a status subresource the status is a field") { api in
            try await api.define(Sample.definition(api))
            var widget = Sample.widget(api, "a")
            widget["status"] = ["phase": "Ready"]
            try await api.create(widgets, widget).has("status.phase", "Ready")
            try await api.get("\(widgets)/a/status").must(404)
        },
        ConformanceCase("a scale subresource reads and writes its paths") { api in
            try await api.define(
                Sample.definition(
                    api,
                    version: [
                        "subresources": [
                            "status": [:],
                            "scale": [
                                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                                "labelSelectorPath": ".status.selector",
                            ],
                        ]
                    ]
                )
            )
            try await api.create(widgets, Sample.widget(api, "a", ["replicas": 2]))
            try await api.patch(.merge, "\(widgets)/a/status", ["status": ["replicas": 1, "selector": "x=y"]]).must(200)
            let scale = try await api.get("\(widgets)/a/scale").must(200)
            scale.has("kind", "Scale")
            scale.has("spec.replicas", 2)
            scale.has("status", ["replicas": 1, "selector": "x=y"])
            try await api.patch(.merge, "\(widgets)/a/scale", ["spec": ["replicas": 4]]).must(200)
                .has("spec.replicas", 4)
            try await api.get("\(widgets)/a").has("spec.replicas", 4)
        },
        ConformanceCase("two versions without conversion differ in their name alone") { api in
            var definition = Sample.definition(api)
            let version = definition.at("spec.versions.0") ?? .null
            var second = version
            second["name"] = "v2"
            second["storage"] = false
            definition["spec"]?["versions"] = [version, second]
            try await api.define(definition)
            let made = try await api.create(widgets, Sample.widget(api, "a", ["size": 2]))
            let other = try await api.get("$NS.example.com/v2/widgets/a").must(200)
            other.has("apiVersion", .string("\(api.group)/v2"))
            other.has("metadata.uid", .string(made.uid))
            other.has("spec.size", 2)
        },
        ConformanceCase("a version that is not served is not found") { api in
            var definition = Sample.definition(api)
            let version = definition.at("spec.versions.0") ?? .null
            var second = version
            second["name"] = "v2"
            second["storage"] = false
            second["served"] = false
            definition["spec"]?["versions"] = [version, second]
            try await api.create(definitions, definition)
            try await api.settles(definitions, "widgets.\(api.group)") {
                ($0?.at("status.conditions")?.array ?? []).contains {
                    $0["type"] == "Established" && $0["status"] == "True"
                }
            }
            try await api.get("$NS.example.com/v2/widgets").must(404)
        },
        ConformanceCase("a kind of the whole cluster has no namespaces") { api in
            try await api.define(Sample.definition(api, scope: "Cluster"))
            let path = "/apis/$NS.example.com/v1/widgets"
            let made = try await api.create(path, Sample.widget(api, "a"))
            made.has("metadata.namespace", nil)
            try await api.get("\(path)/a").must(200)
            try await api.get("\(widgets)/a").must(404)
        },
        ConformanceCase("a deleted definition takes its objects along") { api in
            try await api.define(Sample.definition(api))
            try await api.create(widgets, Sample.widget(api, "a"))
            try await api.delete("\(definitions)/widgets.$NS.example.com").must(200)
            try await api.gone(definitions, "widgets.\(api.group)")
            try await api.create(definitions, Sample.definition(api))
            try await api.settles(definitions, "widgets.\(api.group)") {
                ($0?.at("status.conditions")?.array ?? []).contains {
                    $0["type"] == "Established" && $0["status"] == "True"
                }
            }
            while try await api.get(widgets).status == 404 { try await Task.sleep(for: .milliseconds(20)) }
            #expect(try await api.get(widgets).items.isEmpty)
        },
        ConformanceCase("a custom object of another kind is a bad request") { api in
            try await api.define(Sample.definition(api))
            var widget = Sample.widget(api, "a")
            widget["kind"] = "Gadget"
            try await api.post(widgets, widget).refuses(
                422,
                "Invalid",
                #"Gadget.$NS.example.com "a" is invalid: kind: Invalid value: "Gadget": must be Widget"#
            )
        },
    ]
}
