import JSON
import ObjectPatch
import ObjectSchema
import Testing

@Suite("patch formats") struct PatchFormatTests {
    @Test(
        "a merge patch merges objects, removes by null and replaces lists",
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
            (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
            (#"{}"#, #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
            (#"[1,2]"#, #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
        ]
    ) func mergePatch(target: String, patch: String, result: String) throws {
        #expect(
            ObjectPatch.merge(try JSONValue(parsing: patch), into: try JSONValue(parsing: target))
                == (try JSONValue(parsing: result))
        )
    }

    @Test(
        "a JSON patch does its operations in order",
        arguments: [
            (
                #"{"a":1}"#, #"[{"op":"add","path":"/b","value":[1]},{"op":"add","path":"/b/-","value":2}]"#,
                #"{"a":1,"b":[1,2]}"#
            ),
            (#"{"a":[1,3]}"#, #"[{"op":"add","path":"/a/1","value":2}]"#, #"{"a":[1,2,3]}"#),
            (#"{"a":[1,3]}"#, #"[{"op":"remove","path":"/a/-1"}]"#, #"{"a":[1]}"#),
            (
                #"{"a":{"b/c":1,"d~e":2}}"#,
                #"[{"op":"replace","path":"/a/b~1c","value":3},{"op":"remove","path":"/a/d~0e"}]"#,
                #"{"a":{"b/c":3}}"#
            ),
            (
                #"{"a":{"x":1}}"#, #"[{"op":"copy","from":"/a","path":"/b"},{"op":"move","from":"/a/x","path":"/y"}]"#,
                #"{"a":{},"b":{"x":1},"y":1}"#
            ),
            (
                #"{"a":1}"#, #"[{"op":"test","path":"/a","value":1.0},{"op":"test","path":"/zz","value":null}]"#,
                #"{"a":1}"#
            ),
        ]
    ) func jsonPatch(target: String, patch: String, result: String) throws {
        #expect(
            try ObjectPatch.json(JSONValue(parsing: patch), to: JSONValue(parsing: target))
                == JSONValue(parsing: result)
        )
    }

    @Test(
        "a JSON patch that does not fit is refused without telling why, as the API server does",
        arguments: [
            #"[{"op":"test","path":"/a","value":2}]"#, #"[{"op":"remove","path":"/zz"}]"#,
            #"[{"op":"replace","path":"/zz","value":1}]"#, #"[{"op":"add","path":"/l/5","value":1}]"#,
            #"[{"op":"foo","path":"/a"}]"#, #"[{"op":"add","path":"/x/y","value":1}]"#,
            #"[{"op":"replace","path":"","value":{}}]"#, #"[{"op":"add","path":"/a/y","value":1}]"#,
        ]
    ) func unfitting(patch: String) throws {
        let operations = try JSONValue(parsing: patch)
        let problem = #expect(throws: PatchProblem.self) { try ObjectPatch.json(operations, to: ["a": 1, "l": [1]]) }
        #expect(problem?.code == 422)
        #expect(problem?.message == "the server rejected our request due to an error in our request")
    }

    @Test("a JSON patch that is no list is malformed") func malformed() {
        let problem = #expect(throws: PatchProblem.self) { try ObjectPatch.json(["a": 1], to: [:]) }
        #expect(problem?.code == 400)
        #expect(problem?.message == "json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    }

    /// A pod's spec, as far as merging tells its lists apart.
    private static let schema: Schema = {
        func object(_ fields: [(String, Schema)]) -> Schema {
            var definition = Schema.Definition(.object)
            definition.fields = fields.map { (name: $0.0, schema: $0.1) }
            return Schema(definition)
        }
        func list(_ element: Schema, key: String? = nil, mergesScalars: Bool = false) -> Schema {
            var definition = Schema.Definition(.list)
            definition.element = element
            definition.patchMergeKey = key
            definition.mergesScalars = mergesScalars
            return Schema(definition)
        }
        let env = object([("name", Schema(.init(.string))), ("value", Schema(.init(.string)))])
        let container = object([("name", Schema(.init(.string))), ("env", list(env, key: "name"))])
        return object([
            ("containers", list(container, key: "name")),
            ("finalizers", list(Schema(.init(.string)), mergesScalars: true)),
            ("args", list(Schema(.init(.string)))),
        ])
    }()

    @Test(
        "a strategic patch merges as the schema and its directives say",
        arguments: [
            // By key; what is new comes first, as the API server places it.
            (
                #"{"containers":[{"name":"a","i":1},{"name":"b","i":2}]}"#,
                #"{"containers":[{"name":"c"},{"name":"b","i":3}]}"#,
                #"{"containers":[{"name":"c"},{"name":"a","i":1},{"name":"b","i":3}]}"#
            ),
            (
                #"{"containers":[{"name":"a"},{"name":"b"}]}"#, #"{"containers":[{"$patch":"delete","name":"a"}]}"#,
                #"{"containers":[{"name":"b"}]}"#
            ),
            (
                #"{"containers":[{"name":"a"},{"name":"b"}]}"#, #"{"containers":[{"$patch":"replace"},{"name":"x"}]}"#,
                #"{"containers":[{"name":"x"}]}"#
            ),
            (
                #"{"containers":[{"name":"a","env":[{"name":"A","value":"1"}]}]}"#,
                #"{"containers":[{"name":"a","env":[{"name":"A","value":null},{"name":"B","value":"2"}]}]}"#,
                #"{"containers":[{"name":"a","env":[{"name":"A"},{"name":"B","value":"2"}]}]}"#
            ),
            // Scalars, atomic lists.
            (#"{"finalizers":["a","b"]}"#, #"{"finalizers":["b","c"]}"#, #"{"finalizers":["a","b","c"]}"#),
            (#"{"finalizers":["a","b"]}"#, #"{"$deleteFromPrimitiveList/finalizers":["a"]}"#, #"{"finalizers":["b"]}"#),
            (#"{"args":["a","b"]}"#, #"{"args":["c"]}"#, #"{"args":["c"]}"#),
            // Directives on objects.
            (#"{"s":{"a":1,"b":2}}"#, #"{"s":{"$patch":"replace","c":3}}"#, #"{"s":{"c":3}}"#),
            (#"{"s":{"a":1}}"#, #"{"s":{"$patch":"delete"}}"#, #"{"s":{}}"#),
            (#"{"s":{"type":"x","r":{"m":1}}}"#, #"{"s":{"$retainKeys":["type"],"type":"y"}}"#, #"{"s":{"type":"y"}}"#),
            (#"{}"#, #"{"s":{"a":null,"b":{"c":null,"$retainKeys":["d"]}}}"#, #"{"s":{"b":{}}}"#),
            // Orders.
            (
                #"{"containers":[{"name":"a"},{"name":"b"},{"name":"z"}]}"#,
                #"{"$setElementOrder/containers":[{"name":"b"},{"name":"n"},{"name":"a"}],"containers":[{"name":"n","i":1}]}"#,
                #"{"containers":[{"name":"b"},{"name":"n","i":1},{"name":"a"},{"name":"z"}]}"#
            ),
            (
                #"{"finalizers":["a","b","c"]}"#,
                #"{"$setElementOrder/finalizers":["c","d"],"finalizers":["d"]}"#,
                #"{"finalizers":["a","b","c","d"]}"#
            ),
        ]
    ) func strategicPatch(target: String, patch: String, result: String) throws {
        let merged = try ObjectPatch.strategic(
            JSONValue(parsing: patch),
            into: JSONValue(parsing: target),
            schema: Self.schema
        )
        #expect(merged == (try JSONValue(parsing: result)))
    }

    @Test(
        "a strategic patch with a wrong directive is refused",
        arguments: [
            (#"{"containers":[{"i":1}]}"#, 500, "map: map[i:1] does not contain declared merge key: name"),
            (
                #"{"containers":[{"name":"c","$patch":"zork"}]}"#, 500,
                "unknown patch type: zork in map: map[$patch:zork name:c]"
            ),
            (#"{"s":{"$retainKeys":["a"],"b":1}}"#, 400, "invalid patch format of retainKeys"),
            (#"{"$setElementOrder/finalizers":1}"#, 400, "invalid patch format of setElementOrder list"),
        ]
    ) func wrongDirective(patch: String, code: Int, message: String) throws {
        let patch = try JSONValue(parsing: patch)
        let problem = #expect(throws: PatchProblem.self) {
            try ObjectPatch.strategic(patch, into: ["containers": [["name": "c"]], "s": ["x": 1]], schema: Self.schema)
        }
        #expect(problem?.code == code)
        #expect(problem?.message == message)
    }
}
