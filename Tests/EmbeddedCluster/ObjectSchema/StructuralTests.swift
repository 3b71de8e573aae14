import HomeostatAPI
import JSON
import ObjectSchema
import Testing

struct StructuralTests {
    private static let path = "spec.validation.openAPIV3Schema"

    private func problems(_ schema: JSONValue) -> [String] {
        do throws(SchemaProblems) {
            _ = try ObjectSchema.Schema(structural: schema, path: Self.path)
            return []
        } catch {
            return error.problems.map { String($0.message.dropFirst(Self.path.count)) }
        }
    }

    /// The messages were read off a kube-apiserver 1.20.2.
    @Test(
        "a field's schema that is not structural is refused in the words of the API server",
        arguments: [
            ([:], [".type: Required value: must not be empty for specified object fields"]),
            (
                ["type": "text"],
                [
                    ".type: Unsupported value: \"text\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\""
                ]
            ),
            (["type": "array"], [".items: Required value: must be specified"]),
            (
                ["type": "array", "items": [:]],
                [".items.type: Required value: must not be empty for specified array items"]
            ),
            (
                ["type": "string", "uniqueItems": true],
                [
                    ".uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
                ]
            ),
            (
                [
                    "type": "object", "properties": ["a": ["type": "string"]],
                    "additionalProperties": ["type": "string"],
                ], [".additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"]
            ),
            (
                ["type": "object", "x-kubernetes-preserve-unknown-fields": false],
                [".x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"]
            ),
            (["type": "string", "$ref": "#/x"], [".$ref: Forbidden: $ref is not supported"]),
            (
                ["type": "string", "allOf": [["type": "string"]]],
                [".allOf[0].type: Forbidden: must be empty to be structural"]
            ),
            (
                ["type": "string", "anyOf": [["default": "a"]]],
                [".anyOf[0].default: Forbidden: must be undefined to be structural"]
            ),
            (
                ["type": "string", "default": 1],
                [".default: Invalid value: \"integer\":  in body must be of type string: \"integer\""]
            ),
            (
                ["type": "object", "default": ["a": 1]],
                [".default: Invalid value: map[string]interface {}{\"a\":1}: must not have unknown fields"]
            ),
            (
                ["type": "object", "properties": ["a": ["type": "integer"]], "default": ["a": "b"]],
                [".default.a: Invalid value: \"string\": a in body must be of type integer: \"string\""]
            ),
            (
                ["type": "string", "x-kubernetes-list-type": "set"],
                [".type: Invalid value: \"string\": must be array if x-kubernetes-list-type is specified"]
            ),
            (
                ["type": "array", "items": ["type": "string"], "x-kubernetes-list-type": "bag"],
                [".x-kubernetes-list-type: Unsupported value: \"bag\": supported values: \"atomic\", \"set\", \"map\""]
            ),
            (
                ["type": "array", "items": ["type": "object"], "x-kubernetes-list-type": "map"],
                [".x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"]
            ),
            (
                [
                    "type": "array", "items": ["type": "object", "properties": ["a": ["type": "string"]]],
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"],
                ],
                [
                    ".items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
                ]
            ),
            (
                [
                    "type": "array", "items": ["type": "object"], "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["a"],
                ],
                [
                    ".x-kubernetes-list-map-keys: Invalid value: []string{\"a\"}: entries must all be names of item properties"
                ]
            ),
            (
                ["type": "array", "items": ["type": "string"], "x-kubernetes-list-map-keys": ["a"]],
                [".x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty"]
            ),
            (
                ["type": "array", "items": ["type": "object"], "x-kubernetes-list-type": "set"],
                [
                    ".items.x-kubernetes-map-type: Invalid value: \"null\": must be atomic as item of a list with x-kubernetes-list-type=set"
                ]
            ),
            (
                ["type": "object", "x-kubernetes-map-type": "loose"],
                [".x-kubernetes-map-type: Unsupported value: \"loose\": supported values: \"atomic\", \"granular\""]
            ),
            (
                ["type": "object", "x-kubernetes-embedded-resource": true],
                [
                    ".properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
                ]
            ),
        ] as [(JSONValue, [String])]
    )
    func refusals(field: JSONValue, messages: [String]) {
        let spec: JSONValue = ["type": "object", "properties": ["x": field]]
        let expected = messages.map { ".properties[spec].properties[x]" + $0 }
        #expect(problems(["type": "object", "properties": ["spec": spec]]) == expected)
    }

    @Test("the schema of a whole object is refused when it says what every object says already, or is none")
    func roots() {
        #expect(problems([:]) == [".type: Required value: must not be empty at the root"])
        #expect(problems(["type": "string"]) == [".type: Invalid value: \"string\": must be object at the root"])
        #expect(
            problems(["type": "object", "anyOf": [["properties": ["a": [:]]]]]) == [
                ".properties[a]: Required value: because it is defined in \(Self.path).anyOf[0].properties[a]"
            ]
        )
        let metadata: JSONValue = ["type": "object", "properties": ["labels": ["type": "object"]]]
        #expect(
            problems(["type": "object", "properties": ["metadata": metadata]]) == [
                ".properties[metadata]: Forbidden: must not specify anything other than name and generateName, "
                    + "but metadata is implicitly specified"
            ]
        )
        let named: JSONValue = ["type": "object", "properties": ["name": ["type": "string", "maxLength": 5]]]
        #expect(problems(["type": "object", "properties": ["metadata": named]]) == [])
    }

    @Test("a pattern that is none and rules that are no CEL are refused")
    func languages() {
        func message(_ field: JSONValue) -> String {
            let spec: JSONValue = ["type": "object", "properties": ["x": field]]
            return problems(["type": "object", "properties": ["spec": spec]]).joined(separator: "\n")
        }
        #expect(message(["type": "string", "pattern": "("]).contains("must be a valid regular expression, but isn't"))
        func rule(_ text: String) -> String {
            message(["type": "integer", "x-kubernetes-validations": [["rule": .string(text)]]])
        }
        #expect(
            rule("self > ").contains(
                ".x-kubernetes-validations[0].rule: Invalid value: \"self > \": compilation failed: ERROR: <input>:1:8"
            )
        )
        #expect(rule("self + 1").contains("cel expression must evaluate to a bool"))
        #expect(rule("self.size > 1").contains("type 'int' does not support field selection"))
        #expect(rule(" ").contains("rule: Required value: rule is not specified"))
        #expect(rule("self > 1") == "")
    }

    @Test("a schema reads back as it was written", arguments: CustomResourceDefinitions.all.map(\.value))
    func roundTrip(definition: JSONValue) throws {
        let written = try #require(definition["spec"]?["versions"]?[0]?["schema"]?["openAPIV3Schema"])
        let schema = try ObjectSchema.Schema(structural: written, path: Self.path)
        #expect(Self.normal(schema.structuralJSON) == Self.normal(written))
    }

    /// Without what says nothing to the API server: `format` of numbers is told apart from their type nowhere.
    private static func normal(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(JSONObject(members.filter { $0.key != "title" }.map { ($0.key, normal($0.value)) }))
        case .array(let elements): .array(elements.map(normal))
        case .double(let number): Int(exactly: number).map(JSONValue.integer) ?? value
        case .null, .bool, .integer, .string: value
        }
    }
}
