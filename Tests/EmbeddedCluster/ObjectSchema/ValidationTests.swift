import JSON
import ObjectSchema
import Testing

/// A schema of an object whose `spec` has these fields.
func schema(spec fields: JSONValue, _ more: JSONValue = [:]) throws -> ObjectSchema.Schema {
    var spec: JSONValue = ["type": "object", "properties": fields]
    for (key, value) in more.object ?? [:] { spec[key] = value }
    return try Schema(
        structural: ["type": "object", "properties": ["spec": spec]],
        path: "spec.validation.openAPIV3Schema"
    )
}

struct ValidationTests {
    /// Every message was read off a kube-apiserver 1.20.2.
    @Test(
        "a wrong value is refused in the words of the API server",
        arguments: [
            (
                ["type": "integer"], "two",
                "spec.x: Invalid value: \"string\": spec.x in body must be of type integer: \"string\""
            ),
            (
                ["type": "integer"], 1.5,
                "spec.x: Invalid value: \"number\": spec.x in body must be of type integer: \"number\""
            ),
            (
                ["type": "string"], 1,
                "spec.x: Invalid value: \"integer\": spec.x in body must be of type string: \"integer\""
            ),
            (
                ["type": "string", "format": "date-time"], 1,
                "spec.x: Invalid value: \"int64\": spec.x in body must be of type date-time: \"int64\""
            ),
            (
                ["type": "string", "format": "date-time"], "soon",
                "spec.x: Invalid value: \"soon\": spec.x in body must be of type date-time: \"soon\""
            ),
            (
                ["type": "object"], [1],
                "spec.x: Invalid value: \"array\": spec.x in body must be of type object: \"array\""
            ),
            (
                ["type": "array", "items": ["type": "string"]], [nil],
                "spec.x: Invalid value: \"null\": spec.x in body must be of type string: \"null\""
            ),
            (
                ["type": "number", "maximum": 1.5], 2,
                "spec.x: Invalid value: 2: spec.x in body should be less than or equal to 1"
            ),
            (
                ["type": "integer", "minimum": 0], -9_223_372_036_854_775_808,
                "spec.x: Invalid value: -9223372036854775808: spec.x in body should be greater than or equal to 0"
            ),
            (
                ["type": "object", "x-kubernetes-preserve-unknown-fields": true, "enum": [["a": 1]]], ["b": 1],
                "spec.x: Unsupported value: map[string]interface {}{\"b\":1}: supported values: \"{\\\"a\\\":1}\""
            ),
            (
                ["type": "string", "format": "date"], ["a": 1],
                "spec.x: Invalid value: \"\": spec.x in body must be of type date: \"\""
            ),
            (
                ["x-kubernetes-int-or-string": true], true,
                "spec.x: Invalid value: \"boolean\": spec.x in body must be of type integer,string: \"boolean\""
            ),
            (
                ["type": "integer", "maximum": 100], 140,
                "spec.x: Invalid value: 140: spec.x in body should be less than or equal to 100"
            ),
            (
                ["type": "integer", "minimum": 0, "exclusiveMinimum": true], 0,
                "spec.x: Invalid value: 0: spec.x in body should be greater than 0"
            ),
            (
                ["type": "number", "maximum": 1_000_000], 2_000_000.5,
                "spec.x: Invalid value: 2.0000005e+06: spec.x in body should be less than or equal to 1e+06"
            ),
            (
                ["type": "integer", "multipleOf": 5], 7,
                "spec.x: Invalid value: 7: spec.x in body should be a multiple of 5"
            ),
            (
                ["type": "string", "maxLength": 3], "four",
                "spec.x: Invalid value: \"four\": spec.x in body should be at most 3 chars long"
            ),
            (
                ["type": "string", "minLength": 3], "é",
                "spec.x: Invalid value: \"é\": spec.x in body should be at least 3 chars long"
            ),
            (
                ["type": "string", "pattern": "^[a-z]+$"], "A\n",
                "spec.x: Invalid value: \"A\\n\": spec.x in body should match '^[a-z]+$'"
            ),
            (
                ["type": "string", "enum": ["a", "b"]], "x",
                "spec.x: Unsupported value: \"x\": supported values: \"a\", \"b\""
            ),
            (["type": "integer", "enum": [1, 2]], 3, "spec.x: Unsupported value: 3: supported values: \"1\", \"2\""),
            (
                ["type": "array", "maxItems": 1, "items": ["type": "string"]], ["a", "b"],
                "spec.x: Invalid value: 2: spec.x in body should have at most 1 items"
            ),
            (
                ["type": "array", "items": ["type": "string"]], ["a", 1],
                "spec.x: Invalid value: \"integer\": spec.x in body must be of type string: \"integer\""
            ),
            (
                ["type": "array", "x-kubernetes-list-type": "set", "items": ["type": "string"]], ["a", "a"],
                "spec.x[1]: Duplicate value: \"a\""
            ),
            (
                ["type": "object", "minProperties": 1], [:],
                "spec.x: Invalid value: 1: spec.x in body should have at least 1 properties"
            ),
            (
                ["type": "object", "properties": ["y": ["type": "string"]], "required": ["y"]], [:],
                "spec.x.y: Required value"
            ),
            (
                ["type": "object", "additionalProperties": ["type": "string"]], ["k": 1],
                "spec.x.k: Invalid value: \"integer\": spec.x.k in body must be of type string: \"integer\""
            ),
            (
                ["type": "string", "oneOf": [["pattern": "^a"], ["pattern": "b$"]]], "ab",
                "<nil>: Invalid value: \"\": \"spec.x\" must validate one and only one schema (oneOf). Found 2 valid alternatives"
            ),
            (
                ["type": "string", "not": ["enum": ["no"]]], "no",
                "<nil>: Invalid value: \"\": \"spec.x\" must not validate the schema (not)"
            ),
        ] as [(JSONValue, JSONValue, String)]
    )
    func messages(field: JSONValue, value: JSONValue, message: String) throws {
        let problems = try schema(spec: ["x": field]).validate(["spec": ["x": value]])
        #expect(problems.map(\.message) == [message])
    }

    @Test("of alternatives none of which fits, the one that comes nearest is told")
    func alternatives() throws {
        let field: JSONValue = [
            "type": "object", "properties": ["a": ["type": "string"], "b": ["type": "string"]],
            "anyOf": [["required": ["a"]], ["required": ["b"], "properties": ["a": ["enum": ["x"]]]]],
        ]
        let problems = try schema(spec: ["x": field]).validate(["spec": ["x": [:]]])
        #expect(
            problems.map(\.message) == [
                "<nil>: Invalid value: \"\": \"spec.x\" must validate at least one schema (anyOf)",
                "spec.x.a: Required value",
            ]
        )
    }

    @Test("each part of an allOf tells what is wrong, and then the whole does")
    func conjunctions() throws {
        let schema = try schema(spec: ["x": ["type": "integer", "allOf": [["minimum": 5], ["multipleOf": 2]]]])
        #expect(
            schema.validate(["spec": ["x": 3]]).map(\.message) == [
                "spec.x: Invalid value: 3: spec.x in body should be greater than or equal to 5",
                "spec.x: Invalid value: 3: spec.x in body should be a multiple of 2",
                "<nil>: Invalid value: \"\": \"spec.x\" must validate all the schemas (allOf). None validated",
            ]
        )
        #expect(
            schema.validate(["spec": ["x": 4]]).map(\.message) == [
                "spec.x: Invalid value: 4: spec.x in body should be greater than or equal to 5",
                "<nil>: Invalid value: \"\": \"spec.x\" must validate all the schemas (allOf)",
            ]
        )
    }

    @Test("elements of a list map with the same keys are refused, and stay allowed where they were before")
    func listMaps() throws {
        let field: JSONValue = [
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": ["type": "object", "required": ["name"], "properties": ["name": ["type": "string"]]],
        ]
        let schema = try schema(spec: ["x": field])
        let twice: JSONValue = ["spec": ["x": [["name": "a"], ["name": "b"], ["name": "a"]]]]
        let message = "spec.x[2]: Duplicate value: map[string]interface {}{\"name\":\"a\"}"
        #expect(schema.validate(twice).map(\.message) == [message])
        #expect(schema.validate(twice, old: ["spec": [:]]).map(\.reason) == ["FieldValueDuplicate"])
        #expect(schema.validate(twice, old: twice) == [])
    }

    @Test(
        "what fits is accepted",
        arguments: [
            (["type": "integer"], 2.0), (["type": "number"], 3), (["type": "string", "nullable": true], nil),
            (["x-kubernetes-int-or-string": true], "5%"), (["x-kubernetes-int-or-string": true], 5),
            (["x-kubernetes-preserve-unknown-fields": true], [1, "a"]), (["type": "number", "multipleOf": 0.1], 0.3),
            (["type": "string", "format": "ipv4"], "10.0.0.1"), (["type": "string", "format": "unheard-of"], "x"),
            (["type": "string", "format": "duration"], "3 days"),
            (["type": "string", "format": "uuid"], "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"),
            (["type": "string", "format": "byte"], "YWI="), (["type": "string", "format": "date"], "2024-02-29"),
            (["type": "string", "format": "cidr"], "fe80::/10"),
            (["type": "string", "format": "uri"], "https://example.com/a"),
            (["type": "string", "format": "email"], "a@b.c"),
            (["type": "string", "format": "hostname"], "a-1.example"),
        ] as [(JSONValue, JSONValue)]
    )
    func fitting(field: JSONValue, value: JSONValue) throws {
        #expect(try schema(spec: ["x": field]).validate(["spec": ["x": value]]) == [])
    }

    @Test("several problems are told in one line, each once")
    func aggregation() {
        let problem = FieldProblem.required("spec.a", "say it")
        #expect([problem, problem].aggregated == "spec.a: Required value: say it")
        #expect([problem, .forbidden("b", "no")].aggregated == "[spec.a: Required value: say it, b: Forbidden: no]")
        #expect(FieldProblem.tooMany("c", count: 3, limit: 2).message == "c: Too many: 3: must have at most 2 items")
        #expect(FieldProblem.notFound("d", "x").message == "d: Not found: \"x\"")
    }
}

struct PruningTests {
    private static let fields: JSONValue = [
        "known": ["type": "string"],
        "open": [
            "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": ["in": ["type": "object"]],
        ],
        "map": [
            "type": "object", "additionalProperties": ["type": "object", "properties": ["a": ["type": "integer"]]],
        ],
        "any": ["type": "object", "additionalProperties": true],
        "list": ["type": "array", "items": ["type": "object", "properties": ["a": ["type": "integer"]]]],
        "nullable": ["type": "string", "nullable": true], "withDefault": ["type": "integer", "default": 3],
    ]

    @Test("unknown fields go, but not where they are to be kept, and not those of every object")
    func pruning() throws {
        let schema = try schema(spec: Self.fields)
        let value: JSONValue = [
            "apiVersion": "a/v1", "kind": "A", "metadata": ["name": "x", "what": 1], "status": [:],
            "spec": [
                "known": "a", "unknown": 1, "open": ["x": ["y": 1], "in": ["z": 1]], "map": ["k": ["a": 1, "b": 2]],
                "any": ["k": ["b": 2], "l": 1, "m": [["a": 1]]], "list": [["a": 1, "b": 2]],
            ],
        ]
        let pruned: JSONValue = [
            "apiVersion": "a/v1", "kind": "A", "metadata": ["name": "x", "what": 1],
            "spec": [
                "known": "a", "open": ["x": ["y": 1], "in": [:]], "map": ["k": ["a": 1]],
                "any": ["k": [:], "l": 1, "m": [[:]]],
                "list": [["a": 1]],
            ],
        ]
        #expect(schema.pruned(value) == pruned)
        #expect(schema.pruned(pruned) == pruned)
    }

    @Test("null goes where it may not be, except that a default takes its place")
    func nulls() throws {
        let schema = try schema(spec: Self.fields)
        let value: JSONValue = ["spec": ["known": nil, "nullable": nil, "withDefault": nil]]
        #expect(schema.pruned(value) == ["spec": ["nullable": nil, "withDefault": nil]])
        #expect(schema.defaulted(schema.pruned(value)) == ["spec": ["nullable": nil, "withDefault": 3]])
    }

    @Test("defaults are given at every depth, and into what defaults give")
    func defaults() throws {
        let inner: JSONValue = [
            "type": "object", "default": [:], "properties": ["size": ["type": "integer", "default": 2]],
        ]
        let fields: JSONValue = [
            "inner": inner, "list": ["type": "array", "items": inner],
            "map": [
                "type": "object",
                "additionalProperties": [
                    "type": "object", "properties": ["on": ["type": "boolean", "default": true]],
                ],
            ],
        ]
        let schema = try schema(spec: fields)
        #expect(schema.defaulted(["spec": [:]]) == ["spec": ["inner": ["size": 2]]])
        #expect(schema.defaulted([:]) == [:])
        let value: JSONValue = ["spec": ["inner": ["size": 1], "list": [[:], ["size": 5]], "map": ["k": [:]]]]
        let defaulted: JSONValue = [
            "spec": ["inner": ["size": 1], "list": [["size": 2], ["size": 5]], "map": ["k": ["on": true]]]
        ]
        #expect(schema.defaulted(value) == defaulted)
    }
}
