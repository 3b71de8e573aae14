import FoundationEssentials
import HomeostatAPI
import JSON
import ObjectSchema
import Testing
import YAML

struct RuleTests {
    private func problems(_ field: JSONValue, _ value: JSONValue, old: JSONValue? = nil) throws -> [String] {
        let schema = try schema(spec: ["x": field])
        return schema.validate(["spec": ["x": value]], old: old.map { ["spec": ["x": $0]] }).map(\.message)
    }

    private func rules(_ rules: JSONValue...) -> JSONValue { .array(rules) }

    @Test("a broken rule is told by its message, its expression for a message, or itself")
    func messages() throws {
        func field(_ more: JSONValue) -> JSONValue {
            var rule: JSONValue = ["rule": "self > 1"]
            for (key, value) in more.object ?? [:] { rule[key] = value }
            return ["type": "integer", "x-kubernetes-validations": rules(rule)]
        }
        #expect(try problems(field([:]), 2) == [])
        #expect(try problems(field([:]), 1) == ["spec.x: Invalid value: 1: failed rule: self > 1"])
        #expect(try problems(field(["message": "too low"]), 1) == ["spec.x: Invalid value: 1: too low"])
        let expression: JSONValue = ["message": "low", "messageExpression": "'got ' + string(self)"]
        #expect(try problems(field(expression), 1) == ["spec.x: Invalid value: 1: got 1"])
        #expect(
            try problems(field(["message": "low", "messageExpression": "string(1 / (self - 1))"]), 1) == [
                "spec.x: Invalid value: 1: low"
            ]
        )
        #expect(
            try problems(field(["message": "low", "reason": "FieldValueForbidden"]), 1) == ["spec.x: Forbidden: low"]
        )
    }

    @Test("rules of objects show the type only, and may point to a field")
    func objects() throws {
        let field: JSONValue = [
            "type": "object", "properties": ["a": ["type": "integer"], "b": ["type": "integer"]],
            "x-kubernetes-validations": rules(["rule": "self.a <= self.b", "fieldPath": ".a"]),
        ]
        #expect(
            try problems(field, ["a": 2, "b": 1]) == [
                "spec.x.a: Invalid value: \"object\": failed rule: self.a <= self.b"
            ]
        )
        #expect(
            try problems(field, ["a": 2]) == [
                "spec.x: Invalid value: \"object\": no such key: b evaluating rule: self.a <= self.b"
            ]
        )
    }

    @Test("rules that compare run when there is something to compare with, also in lists with keys")
    func transitions() throws {
        let item: JSONValue = [
            "type": "object", "required": ["name"],
            "properties": ["name": ["type": "string"], "size": ["type": "integer"]],
            "x-kubernetes-validations": rules(["rule": "self.size >= oldSelf.size", "message": "shrinks"]),
        ]
        let field: JSONValue = [
            "type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        ]
        let old: JSONValue = [["name": "a", "size": 5], ["name": "b", "size": 1]]
        let new: JSONValue = [["name": "b", "size": 2], ["name": "c", "size": 1], ["name": "a", "size": 4]]
        #expect(try problems(field, new) == [])
        #expect(try problems(field, new, old: old) == ["spec.x[2]: Invalid value: \"object\": shrinks"])
        let optional: JSONValue = [
            "type": "integer",
            "x-kubernetes-validations": rules([
                "rule": "!oldSelf.hasValue() || self >= oldSelf.value()", "optionalOldSelf": true,
            ]),
        ]
        #expect(try problems(optional, 1) == [])
        #expect(try problems(optional, 1, old: 2).count == 1)
    }

    @Test(
        "values have the types of the schema",
        arguments: [
            (["type": "number"], "self / 2.0 == 0.5", 1),
            (["type": "string", "format": "date-time"], "self.getFullYear() == 2024", "2024-05-01T00:00:00Z"),
            (["type": "string", "format": "duration"], "self == duration('60s')", "1m"),
            (["x-kubernetes-int-or-string": true], "type(self) == string ? self == '5%' : self == 5", "5%"),
            (
                ["type": "array", "x-kubernetes-list-type": "set", "items": ["type": "string"]], "self == ['b', 'a']",
                ["a", "b"]
            ),
            (
                ["type": "object", "properties": ["a-b": ["type": "string"], "namespace": ["type": "string"]]],
                "self.a__dash__b == self.__namespace__", ["a-b": "x", "namespace": "x"]
            ),
            (
                ["type": "object", "additionalProperties": ["type": "integer"]],
                "self.all(k, self[k] > 0) && self['a-b'] == 1", ["a-b": 1]
            ),
            (["type": "string", "nullable": true], "self == 'a'", nil),
        ] as [(JSONValue, String, JSONValue)]
    )
    func types(field: JSONValue, rule: String, value: JSONValue) throws {
        var field = field
        field["x-kubernetes-validations"] = rules(["rule": .string(rule)])
        #expect(try problems(field, value) == [])
    }

    @Test("rules do not run on what is wrong already, and a costly one is stopped")
    func limits() throws {
        let field: JSONValue = ["type": "integer", "x-kubernetes-validations": rules(["rule": "self > 1"])]
        let message =
            "<nil>: Invalid value: \"null\": some validation rules were not checked because the object was invalid; "
            + "correct the existing errors to complete validation"
        #expect(try problems(field, "a").last == message)
        let rule = "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))"
        let list: JSONValue = [
            "type": "array", "items": ["type": "integer"], "x-kubernetes-validations": rules(["rule": .string(rule)]),
        ]
        let problems = try problems(list, .array((0..<300).map(JSONValue.integer)))
        #expect(
            problems.first?.contains("no further validation rules will be run due to call cost exceeds limit") == true
        )
    }
}

/// The rules of the project's own kinds.
struct OwnRulesTests {
    /// With the rules alone: what else the schema says of the same would hide them.
    private static func schema(rulesOnly: Bool) throws -> ObjectSchema.Schema {
        let definition = try #require(CustomResourceDefinitions.all.first?.value)
        let written = try #require(definition["spec"]?["versions"]?[0]?["schema"]?["openAPIV3Schema"])
        return try ObjectSchema.Schema(structural: rulesOnly ? stripped(written) : written, path: "schema")
    }

    /// What elements of lists are told apart by must stay required.
    private static let keys: [JSONValue] = ["name", "type", "metric"]

    private static func stripped(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            let kept = members.filter {
                !["allOf", "anyOf", "oneOf", "not"].contains($0.key) || $0.value.bool != nil
            }
            return .object(
                JSONObject(
                    kept.map { key, value in
                        switch key {
                        case "default": (key, value)
                        case "required": (key, .array((value.array ?? []).filter(keys.contains)))
                        default: (key, stripped(value))
                        }
                    }
                )
            )
        case .array(let elements): return .array(elements.map(stripped))
        case .null, .bool, .integer, .double, .string: return value
        }
    }

    private static func fixtures(_ folder: String) throws -> [(name: String, value: JSONValue)] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "HomeostatAPI/Fixtures/\(folder)")
        return try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
            .map { name in
                (name, try YAML.parse(String(decoding: Data(contentsOf: root.appending(path: name)), as: UTF8.self)))
            }
    }

    @Test("objects that the operator takes are accepted, and those that it refuses are refused")
    func fixtures() throws {
        let schema = try Self.schema(rulesOnly: false)
        let valid = try Self.fixtures("valid")
        #expect(valid.count >= 8)
        for (name, value) in valid {
            let defaulted = schema.defaulted(schema.pruned(value))
            #expect(schema.validate(defaulted).map(\.message) == [], "\(name)")
            #expect(schema.validate(defaulted, old: defaulted) == [], "\(name)")
        }
        let invalid = try Self.fixtures("invalid")
        #expect(invalid.count >= 40)
        for (name, value) in invalid {
            #expect(schema.validate(schema.defaulted(schema.pruned(value))) != [], "\(name)")
        }
    }

    private static let base: JSONValue = [
        "apiVersion": "homeostat.dev/v1alpha1", "kind": "ModelDeployment", "metadata": ["name": "churn"],
        "spec": [
            "model": ["name": "churn", "version": "2.1.3"],
            "template": ["spec": ["containers": [["name": "model", "image": "model-server"]]]],
            "strategy": [
                "canary": ["steps": [["name": "five", "setWeight": 5], ["name": "judge", "analysis": [:]]]]
            ],
            "traffic": ["replicas": [:]],
            "analysis": [
                "prometheus": ["address": "http://prometheus:9090"],
                "metrics": [["name": "errors", "errorRate": ["total": "a", "failed": "b"], "sequential": [:]]],
            ],
        ],
    ]

    private static let metrics = ["spec", "analysis", "metrics"]

    @Test(
        "each rule refuses what it is there for",
        arguments: [
            (["spec", "template", "spec", "containers"], [["name": "web", "image": "x"]], "no container is named"),
            (
                ["spec", "strategy", "canary", "steps"], [["name": "a", "setWeight": 5, "pause": [:]]],
                "set exactly one of setWeight, pause and analysis"
            ),
            (
                ["spec", "strategy", "canary", "steps"], [["name": "a"]],
                "set exactly one of setWeight, pause and analysis"
            ),
            (["spec", "strategy", "canary"], nil, "set canary"),
            (["spec", "traffic", "replicas"], nil, "set replicas"),
            (["spec", "analysis", "prometheus", "auth"], [:], "set exactly one of bearerToken and basic"),
            (metrics, [["name": "a", "query": "q", "threshold": ["max": 1, "min": 2]]], "min is above max"),
            (metrics, [["name": "a"]], "set exactly one of errorRate, latency and query"),
            (
                metrics, [["name": "a", "query": "q", "sequential": [:], "threshold": ["max": 1]]],
                "sequential judges an errorRate only"
            ),
            (metrics, [["name": "a", "query": "q"]], "latency and query need a threshold"),
            (
                metrics, [["name": "a", "latency": ["histogram": "h"], "threshold": ["max": 1]]],
                "the threshold of a latency has limits for"
            ),
            (
                metrics, [["name": "a", "query": "q", "threshold": ["p50": ["max": "1s"]]]],
                "has max or min and no quantiles"
            ),
            (
                metrics, [["name": "a", "errorRate": ["total": "t", "failed": "f"], "threshold": ["max": 5]]],
                "is a share of requests"
            ),
            (["spec", "analysis"], nil, "a step with analysis needs spec.analysis"),
            (["spec", "analysis", "minDuration"], "50h", "minDuration is longer than maxDuration"),
            (["spec", "model", "name"], "other", "name cannot change"),
        ] as [([String], JSONValue?, String)]
    )
    func refusals(path: [String], value: JSONValue?, message: String) throws {
        let schema = try Self.schema(rulesOnly: true)
        let old = schema.defaulted(Self.base)
        #expect(schema.validate(old, old: old) == [])
        var wrong = old
        wrong[path: path] = value
        let problems = schema.validate(schema.defaulted(wrong), old: old)
        #expect(problems.contains { $0.detail.contains(message) }, "\(problems)")
    }

    @Test("every rule has a case above")
    func coverage() throws {
        let definition = try #require(CustomResourceDefinitions.all.first?.value)
        let text = definition.description
        #expect(text.split(separator: "\"rule\":").count - 1 == 15)
    }
}
