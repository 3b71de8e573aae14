import JSON
import Kubernetes
import ObjectPatch
import ObjectSchema
import Testing

/// The expected values were seen on kube-apiserver 1.20.2 playing the same steps.
@Suite("field management") struct FieldManagementTests {
    private static let now = Timestamp(microseconds: 1_700_000_000_000_000)
    private static let later = now + .seconds(60)

    private static let schema: Schema? = try? Schema(
        structural: JSONValue(
            parsing: """
                {"type":"object","properties":{"spec":{"type":"object","properties":{
                "m":{"type":"object","additionalProperties":{"type":"string"}},
                "am":{"type":"object","x-kubernetes-map-type":"atomic","additionalProperties":{"type":"string"}},
                "st":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
                "at":{"type":"array","items":{"type":"string"}},
                "lm":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["a","b"],
                "items":{"type":"object","required":["a"],"properties":{"a":{"type":"string"},
                "b":{"type":"integer","default":7},"v":{"type":"string"},
                "o":{"type":"object","properties":{"x":{"type":"integer"},"y":{"type":"integer"}}}}}},
                "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},"n":{"type":"integer"},
                "o":{"type":"object","properties":{"x":{"type":"integer"},"y":{"type":"integer"}}}}},
                "status":{"type":"object","properties":{"s":{"type":"string"}}}}}
                """
        ),
        path: ""
    )

    private static func widget(_ spec: String, metadata: JSONValue = ["name": "w"]) throws -> JSONValue {
        ["apiVersion": "ex.io/v1", "kind": "W", "metadata": metadata, "spec": try JSONValue(parsing: spec)]
    }

    private func apply(
        _ spec: String,
        to live: JSONValue?,
        as manager: String,
        force: Bool = false,
        now: Timestamp = Self.now
    ) throws -> JSONValue {
        try FieldManagement.apply(
            config: Self.widget(spec),
            to: live,
            schema: #require(Self.schema),
            manager: manager,
            version: "ex.io/v1",
            subresource: nil,
            force: force,
            now: now
        )
    }

    private func update(
        _ new: JSONValue,
        _ old: JSONValue?,
        as manager: String,
        subresource: String? = nil,
        now: Timestamp = Self.now
    ) throws -> JSONValue {
        try FieldManagement.update(
            new,
            old: old,
            schema: #require(Self.schema),
            manager: manager,
            version: "ex.io/v1",
            subresource: subresource,
            now: now
        )
    }

    private func merged(_ patch: String, into old: JSONValue, as manager: String) throws -> JSONValue {
        try update(ObjectPatch.merge(JSONValue(parsing: patch), into: old), old, as: manager)
    }

    private func fields(_ object: JSONValue, _ manager: String) -> String? {
        let entries = object["metadata"]?["managedFields"]?.array ?? []
        return entries.first { $0["manager"]?.string == manager }?["fieldsV1"].map { "\($0)" }
    }

    private func managers(_ object: JSONValue) -> [String] {
        (object["metadata"]?["managedFields"]?.array ?? []).compactMap { $0["manager"]?.string }
    }

    private static let first = """
        {"m":{"x":"1","y":"2"},"am":{"q":"1"},"st":["b","a"],"at":["1"],"lm":[{"a":"k","b":1,"v":"1"},\
        {"a":"j","v":"2","o":{"x":1}}],"free":{"p":{"q":[1]}},"n":3,"o":{"x":1}}
        """
    private static let second = """
        {"m":{"x":"1","z":"3"},"st":["c","a"],"lm":[{"a":"new","b":1},{"a":"k","b":1,"v":"1"}],"free":{"r":1}}
        """
    private static let third = #"{"m":{"x":"9"},"n":4,"st":["a"],"lm":[{"a":"k","b":1,"v":"5"}]}"#

    @Test("who applies owns what the configuration names, atomic values as one") func applied() throws {
        let object = try apply(Self.first, to: nil, as: "a")
        #expect(
            fields(object, "a")
                == #"{"f:spec":{"f:am":{},"f:at":{},"f:free":{"f:p":{}},"f:lm":{"k:{\"a\":\"j\",\"b\":7}":{".":{},"f:a":{},"f:o":{"f:x":{}},"f:v":{}},"k:{\"a\":\"k\",\"b\":1}":{".":{},"f:a":{},"f:b":{},"f:v":{}}},"f:m":{"f:x":{},"f:y":{}},"f:n":{},"f:o":{"f:x":{}},"f:st":{"v:\"a\"":{},"v:\"b\"":{}}}}"#
        )
        let entry = object["metadata"]?["managedFields"]?[0]
        #expect(entry?["operation"] == "Apply")
        #expect(entry?["apiVersion"] == "ex.io/v1")
        #expect(entry?["time"] == "2023-11-14T22:13:20Z")
        #expect(entry?["fieldsType"] == "FieldsV1")
    }

    @Test("equal values are owned together, and elements that are new come last") func shared() throws {
        let object = try apply(Self.second, to: apply(Self.first, to: nil, as: "a"), as: "b")
        #expect(
            fields(object, "b")
                == #"{"f:spec":{"f:free":{"f:r":{}},"f:lm":{"k:{\"a\":\"k\",\"b\":1}":{".":{},"f:a":{},"f:b":{},"f:v":{}},"k:{\"a\":\"new\",\"b\":1}":{".":{},"f:a":{},"f:b":{}}},"f:m":{"f:x":{},"f:z":{}},"f:st":{"v:\"a\"":{},"v:\"c\"":{}}}}"#
        )
        #expect(object["spec"]?["st"] == ["b", "a", "c"])
        #expect(object["spec"]?["lm"]?.array?.map { $0["a"] } == ["k", "j", "new"])
        #expect(object["spec"]?["m"] == ["x": "1", "y": "2", "z": "3"])
    }

    @Test("another value of somebody's field is a conflict, told with every path") func conflicts() throws {
        let object = try apply(Self.second, to: apply(Self.first, to: nil, as: "a"), as: "b")
        let problem = #expect(throws: ApplyProblem.self) { try apply(Self.third, to: object, as: "b") }
        #expect(problem?.code == 409)
        #expect(
            problem?.description
                == "Apply failed with 3 conflicts: conflicts with \"a\":\n- .spec.n\n- .spec.lm[a=\"k\",b=1].v\n- .spec.m.x"
        )
    }

    @Test("force takes the fields over, and what is not applied any more goes if nobody else owns it")
    func forced() throws {
        let object = try apply(
            Self.third,
            to: apply(Self.second, to: apply(Self.first, to: nil, as: "a"), as: "b"),
            as: "b",
            force: true
        )
        #expect(
            fields(object, "a")
                == #"{"f:spec":{"f:am":{},"f:at":{},"f:free":{"f:p":{}},"f:lm":{"k:{\"a\":\"j\",\"b\":7}":{".":{},"f:a":{},"f:o":{"f:x":{}},"f:v":{}},"k:{\"a\":\"k\",\"b\":1}":{".":{},"f:a":{},"f:b":{}}},"f:m":{"f:y":{}},"f:o":{"f:x":{}},"f:st":{"v:\"a\"":{},"v:\"b\"":{}}}}"#
        )
        #expect(
            fields(object, "b")
                == #"{"f:spec":{"f:lm":{"k:{\"a\":\"k\",\"b\":1}":{".":{},"f:a":{},"f:b":{},"f:v":{}}},"f:m":{"f:x":{}},"f:n":{},"f:st":{"v:\"a\"":{}}}}"#
        )
        #expect(object["spec"]?["m"] == ["x": "9", "y": "2"])
        #expect(object["spec"]?["st"] == ["b", "a"])
        #expect(object["spec"]?["lm"]?.array?.count == 2)
        #expect(object["spec"]?["free"] == ["p": ["q": [1]]])
    }

    @Test("an empty configuration gives all up, and the manager is forgotten") func givenUp() throws {
        var object = try apply(Self.third, to: apply(Self.first, to: nil, as: "a"), as: "b", force: true)
        object = try apply("{}", to: object, as: "b")
        #expect(managers(object) == ["a"] || fields(object, "b") == #"{"f:spec":{}}"#)
        #expect(object["spec"]?["lm"]?[0] == ["a": "k", "b": 1])
        #expect(object["spec"]?["m"] == ["y": "2"])
        #expect(object["spec"]?["n"] == nil)
    }

    @Test("the same configuration again changes nothing, not even the time") func idempotent() throws {
        let object = try apply(Self.first, to: nil, as: "a")
        let again = try apply(Self.first, to: object, as: "a", now: Self.later)
        #expect(again == object)
    }

    @Test("who creates owns every field with its containers, without what names the object") func created() throws {
        let object = try update(
            Self.widget(
                #"{"m":{"x":"1"},"n":1,"lm":[{"a":"k","b":7,"o":{"x":1}}],"st":["a"],"free":{"a":{"b":1}}}"#,
                metadata: ["name": "w", "labels": ["l": "1"], "finalizers": ["ex.io/f"], "uid": "u", "generation": 1]
            ),
            nil,
            as: "create"
        )
        #expect(
            fields(object, "create")
                == #"{"f:metadata":{"f:finalizers":{".":{},"v:\"ex.io/f\"":{}},"f:labels":{".":{},"f:l":{}}},"f:spec":{".":{},"f:free":{".":{},"f:a":{}},"f:lm":{".":{},"k:{\"a\":\"k\",\"b\":7}":{".":{},"f:a":{},"f:b":{},"f:o":{".":{},"f:x":{}}}},"f:m":{".":{},"f:x":{}},"f:n":{},"f:st":{".":{},"v:\"a\"":{}}}}"#
        )
    }

    private func madeBy(_ manager: String) throws -> JSONValue {
        try update(Self.widget(#"{"m":{"x":"1"},"n":1,"st":["a"]}"#), nil, as: manager)
    }

    @Test("an update owns what it changed, and nobody what it removed") func updated() throws {
        let object = try merged(#"{"spec":{"n":2,"m":{"x":null,"e":"1"},"am":{}}}"#, into: madeBy("create"), as: "pp")
        #expect(fields(object, "pp") == #"{"f:spec":{"f:am":{},"f:m":{"f:e":{}},"f:n":{}}}"#)
        #expect(fields(object, "create") == #"{"f:spec":{".":{},"f:m":{},"f:st":{".":{},"v:\"a\"":{}}}}"#)
    }

    @Test("updates by way of a subresource have an entry of their own") func subresource() throws {
        let old = try madeBy("create")
        let object = try update(
            ObjectPatch.merge(["status": ["s": "x"], "spec": ["n": 9]], into: old),
            old,
            as: "create",
            subresource: "status"
        )
        let entries = object["metadata"]?["managedFields"]?.array ?? []
        #expect(entries.map { $0["subresource"] } == [nil, "status"])
        #expect(entries.last?["fieldsV1"] == ["f:status": [".": [:], "f:s": [:]]])
    }

    @Test("an empty list of managers keeps them, one empty entry forgets them for good") func reset() throws {
        let made = try madeBy("create")
        let kept = try merged(#"{"metadata":{"managedFields":[]},"spec":{"n":5}}"#, into: made, as: "q")
        #expect(managers(kept) == ["create", "q"])
        let forgotten = try merged(#"{"metadata":{"managedFields":[{}]},"spec":{"n":6}}"#, into: kept, as: "q")
        #expect(forgotten["metadata"]?["managedFields"] == nil)
        let after = try merged(#"{"spec":{"n":7}}"#, into: forgotten, as: "q")
        #expect(after["metadata"]?["managedFields"] == nil)
        let problem = #expect(throws: ApplyProblem.self) { try apply(#"{"n":8}"#, to: after, as: "a") }
        #expect(
            problem?.description
                == "Apply failed with 1 conflict: conflict with \"before-first-apply\" using ex.io/v1: .spec.n"
        )
        let applied = try apply(#"{"n":7}"#, to: after, as: "a")
        #expect(managers(applied) == ["a", "before-first-apply"])
        #expect(fields(applied, "a") == #"{"f:spec":{"f:n":{}}}"#)
    }

    @Test("more than ten updaters are merged, the oldest first") func ancient() throws {
        var object = try madeBy("create")
        for index in 0..<12 {
            let old = object
            let patch: JSONValue = ["spec": ["m": ["k\(index)": "1"]]]
            object = try update(
                ObjectPatch.merge(patch, into: old),
                old,
                as: "m\(index)",
                now: Self.now + .seconds(index + 1)
            )
        }
        #expect(managers(object).count == 10)
        #expect(managers(object).first == "ancient-changes")
        #expect(fields(object, "ancient-changes")?.contains(#""f:k2":{}"#) == true)
        #expect(fields(object, "m3") == #"{"f:spec":{"f:m":{"f:k3":{}}}}"#)
    }

    @Test(
        "configurations that do not fit the schema are refused",
        arguments: [
            (#"{"zzz":1}"#, ".spec.zzz: field not declared in schema"),
            (#"{"n":"x"}"#, ".spec.n: expected numeric (int or float), got *value.valueUnstructured"),
            (#"{"lm":[{"a":"k","v":"1"},{"a":"k","b":7}]}"#, #".spec.lm: duplicate entries for key [a="k",b=7]"#),
            (#"{"st":["a","a"]}"#, #".spec.st: duplicate entries for key [="a"]"#),
            (
                #"{"lm":[{"v":"1"}]}"#,
                ".spec.lm: element 0: associative list with keys has an element that omits key field \"a\" (and doesn't have default value)"
            ),
        ]
    ) func untyped(spec: String, message: String) throws {
        let problem = #expect(throws: ApplyProblem.self) { try apply(spec, to: nil, as: "u") }
        #expect(problem?.code == 500)
        #expect(problem?.description == "failed to create typed patch object: " + message)
    }

    @Test("a configuration must not say who manages what", arguments: [[], [[:]]] as [JSONValue])
    func managersInConfiguration(_ managed: JSONValue) throws {
        let schema = try #require(Self.schema)
        let config = try Self.widget("{}", metadata: ["name": "w", "managedFields": managed])
        let problem = #expect(throws: ApplyProblem.self) {
            try FieldManagement.apply(
                config: config,
                to: nil,
                schema: schema,
                manager: "a",
                version: "ex.io/v1",
                subresource: nil,
                force: false,
                now: Self.now
            )
        }
        #expect(problem?.code == 400)
        #expect(problem?.description == "metadata.managedFields must be nil")
    }

    @Test("without a schema objects are merged and lists are one value") func deduced() throws {
        let object = try FieldManagement.apply(
            config: ["metadata": ["name": "x", "labels": ["l": "1"]], "spec": ["a": ["b": 1], "l": [1, 2]]],
            to: nil,
            schema: .any,
            manager: "a",
            version: "v1",
            subresource: nil,
            force: false,
            now: Self.now
        )
        #expect(
            fields(object, "a")
                == #"{"f:metadata":{"f:labels":{"f:l":{}}},"f:spec":{".":{},"f:a":{".":{},"f:b":{}},"f:l":{}}}"#
        )
    }

    @Test("a set reads back as it was written, and orders its steps") func codec() throws {
        let value = try JSONValue(parsing: #"{"f:b":{},"f:a":{"k:{ \"z\":1, \"a\":\"x\" }":{".":{},"v:1":{}}}}"#)
        let set = try #require(FieldSet(fieldsV1: value))
        #expect("\(set.fieldsV1)" == #"{"f:a":{"k:{\"a\":\"x\",\"z\":1}":{".":{},"v:1":{}}},"f:b":{}}"#)
        #expect(set.paths == [".b", #".a[a="x",z=1]"#, #".a[a="x",z=1][=1]"#])
        #expect(FieldSet(fieldsV1: ["x": [:]]) == nil)
    }
}
