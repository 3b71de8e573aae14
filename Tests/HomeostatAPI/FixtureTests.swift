import FoundationEssentials
import HomeostatAPI
import JSON
import Kubernetes
import Testing
import YAML

/// An object in a file whose first lines say what it is for.
private struct Fixture: CustomTestStringConvertible, Sendable {
    var name: String
    var text: String
    var testDescription: String { name }

    /// The values of comments like `# key: value`.
    func notes(_ key: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("# \(key): ") }.map { String($0.dropFirst(key.count + 4)) }
    }

    func json() throws -> JSONValue { try YAML.parse(text) }
    func object() throws -> ModelDeployment { try ModelDeployment(parsing: json().bytes()) }

    /// All files of a folder of the package, in the order of their names.
    static func all(in folder: String) -> [Fixture] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: folder)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        return names.filter { $0.hasSuffix(".yaml") }.sorted()
            .map { name in
                let bytes = try? Data(contentsOf: root.appending(path: name))
                return Fixture(name: name, text: String(decoding: bytes ?? Data(), as: UTF8.self))
            }
    }
}

@Suite("A ModelDeployment in a file")
struct FixtureTests {
    private static let invalid = Fixture.all(in: "Tests/HomeostatAPI/Fixtures/invalid")
    private static let valid = Fixture.all(in: "Tests/HomeostatAPI/Fixtures/valid")
    private static let samples = Fixture.all(in: "Manifests/samples")

    @Test("is there, or the tests below test nothing") func presence() {
        #expect(Self.invalid.count >= 40)
        #expect(Self.valid.count >= 8)
        #expect(Self.samples.count >= 3)
    }

    @Test("that is wrong is refused with the field and what to do", arguments: invalid)
    private func refusing(fixture: Fixture) throws {
        let says = fixture.notes("says")
        #expect(!says.isEmpty)
        #expect(try fixture.object().validate().map(\.description) == says)
        #expect(fixture.notes("field").count == 1)
    }

    @Test("that is right is accepted, and written with all it said", arguments: valid + samples)
    private func accepting(fixture: Fixture) throws {
        let object = try fixture.object()
        #expect(object.validate() == [])
        let written = try JSONValue(parsing: object.bytes())
        #expect(try ModelDeployment(parsing: written.bytes()) == object)
        #expect(Self.missing(from: written, of: try fixture.json()) == [])
    }

    /// The paths of what a value says and another does not; empty arrays and numbers' spelling apart.
    private static func missing(from written: JSONValue?, of given: JSONValue, at path: String = "") -> [String] {
        switch given {
        case .object(let members):
            members.flatMap { missing(from: written?[$0.key], of: $0.value, at: "\(path).\($0.key)") }
        case .array(let elements):
            elements.enumerated().flatMap {
                missing(from: written?[$0.offset], of: $0.element, at: "\(path)[\($0.offset)]")
            }
        case .integer, .double: written?.double == given.double ? [] : [path]
        case .null, .bool, .string: written == given ? [] : [path]
        }
    }
}

@Suite("The CRD of ModelDeployment")
struct DefinitionTests {
    private let definition = CustomResourceDefinitions.all[0].value

    private func version() throws -> JSONValue { try #require(definition[path: ["spec", "versions"]]?[0]) }

    @Test("has the columns that people know") func columns() throws {
        let columns = try #require(version()["additionalPrinterColumns"]?.array)
        let standard = columns.filter { $0["priority"] == nil }.compactMap { $0["name"]?.string?.uppercased() }
        #expect(standard == ["PHASE", "STEP", "WEIGHT", "STABLE", "CANARY", "READY", "REASON", "AGE"])
        #expect(columns.allSatisfy { $0["description"]?.string?.isEmpty == false })
    }

    @Test("scales the stable track, and has a status of its own") func subresources() throws {
        let subresources = try version()["subresources"]
        #expect(subresources?["status"] == [:])
        #expect(
            subresources?["scale"] == [
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            ]
        )
    }

    @Test("is found by its short name and in its category") func names() {
        #expect(definition[path: ["spec", "names", "shortNames"]] == ["mdep"])
        #expect(definition[path: ["spec", "names", "categories"]] == ["mlops"])
        #expect(definition[path: ["metadata", "name"]] == "modeldeployments.homeostat.dev")
    }

    @Test("describes every field") func descriptions() throws {
        let root = try #require(try version()[path: ["schema", "openAPIV3Schema"]])
        var undescribed: [String] = []
        Self.walk(root, at: "") { schema, path in
            let isElement = path.hasSuffix("[]") || path == ".metadata" || path.hasSuffix("{}")
            if !isElement, schema["description"]?.string?.isEmpty != false { undescribed.append(path) }
        }
        #expect(undescribed == [])
    }

    @Test("makes a map of every list of objects, by a key that each element must have") func lists() throws {
        let root = try #require(try version()[path: ["schema", "openAPIV3Schema"]])
        var wrong: [String] = []
        Self.walk(root, at: "") { schema, path in
            guard schema["type"] == "array", schema[path: ["items", "type"]] == "object" else { return }
            let keys = schema["x-kubernetes-list-map-keys"]?.array ?? []
            let required = schema[path: ["items", "required"]]?.array ?? []
            if schema["x-kubernetes-list-type"] != "map" || keys.isEmpty || !keys.allSatisfy(required.contains) {
                wrong.append(path)
            }
        }
        // Rollouts of one revision can end more than once, and in the same second.
        #expect(wrong == [".status.history"])
    }

    @Test("without CEL differs in nothing else") func withoutCEL() throws {
        let text = CustomResourceDefinitions.all[0].withoutCEL.yaml
        #expect(!text.contains("x-kubernetes-validations"))
        #expect(!text.contains("oldSelf"))
        let with = CustomResourceDefinitions.all[0].yaml.split(separator: "\n")
        let lines = Set(text.split(separator: "\n"))
        #expect(
            with.filter { !lines.contains($0) }
                .allSatisfy { line in ["x-kubernetes-validations:", "rule:", "message:"].contains { line.contains($0) }
                }
        )
    }

    private static func walk(_ schema: JSONValue, at path: String, _ visit: (JSONValue, String) -> Void) {
        visit(schema, path)
        for member in schema["properties"]?.object ?? [:] { walk(member.value, at: "\(path).\(member.key)", visit) }
        if let items = schema["items"] { walk(items, at: path + "[]", visit) }
        if let values = schema["additionalProperties"] { walk(values, at: path + "{}", visit) }
    }
}

@Suite("A rule")
struct RuleTests {
    @Test(
        "says the same in Swift as in the schema and in CEL",
        arguments: [
            (Constraint.has("a"), #"{"required":["a"]}"#, "has(self.a)"),
            (.member("a", .has("b")), #"{"properties":{"a":{"required":["b"]}}}"#, "(!has(self.a) || has(self.a.b))"),
            (.items(.not(.has("a"))), #"{"items":{"not":{"required":["a"]}}}"#, "self.all(item, !(has(item.a)))"),
            (
                .isText("a", "b"), #"{"required":["a"],"properties":{"a":{"enum":["b"]}}}"#,
                "has(self.a) && self.a == 'b'"
            ),
            (.member("a", .atMost(1)), #"{"properties":{"a":{"maximum":1}}}"#, "(!has(self.a) || self.a <= 1.0)"),
            (
                .one([.has("a"), .has("b")]), #"{"oneOf":[{"required":["a"]},{"required":["b"]}]}"#,
                "[has(self.a), has(self.b)].exists_one(chosen, chosen)"
            ),
            (.one([.has("a")]), #"{"required":["a"]}"#, "has(self.a)"),
            (
                .implies(.has("a"), .has("b")), #"{"anyOf":[{"not":{"required":["a"]}},{"required":["b"]}]}"#,
                "(!(has(self.a)) || has(self.b))"
            ),
            (
                .member("a", .items(.items(.has("b")))),
                #"{"properties":{"a":{"items":{"items":{"required":["b"]}}}}}"#,
                "(!has(self.a) || self.a.all(item, item.all(item1, has(item1.b))))"
            ),
        ]
    )
    func forms(constraint: Constraint, openAPI: String, cel: String) {
        #expect(JSONValue.object(constraint.openAPI).description == openAPI)
        #expect(constraint.cel == cel)
    }

    @Test(
        "holds or not, as JSON schema has it",
        arguments: [
            (Constraint.has("a"), "{}", false), (.has("a"), #"{"a":0}"#, true), (.has("a"), "[]", true),
            (.member("a", .has("b")), "{}", true), (.member("a", .has("b")), #"{"a":{}}"#, false),
            (.items(.has("a")), "[]", true), (.items(.has("a")), #"[{"a":1},{}]"#, false),
            (.isText("a", "b"), #"{"a":"b"}"#, true), (.isText("a", "b"), #"{"a":"c"}"#, false),
            (.isText("a", "b"), "{}", false), (.not(.has("a")), #"{"a":1}"#, false),
            (.member("a", .atMost(1)), #"{"a":1.5}"#, false), (.member("a", .atMost(1)), #"{"a":1}"#, true),
            (.one([.has("a"), .has("b")]), #"{"a":1,"b":1}"#, false),
            (.one([.has("a"), .has("b")]), #"{"b":1}"#, true),
            (.any([.has("a"), .has("b")]), "{}", false), (.all([.has("a"), .has("b")]), #"{"a":1}"#, false),
            (.implies(.has("a"), .has("b")), #"{"a":1}"#, false), (.implies(.has("a"), .has("b")), "{}", true),
        ]
    )
    func holding(constraint: Constraint, value: String, expected: Bool) throws {
        #expect(constraint.holds(for: try JSONValue(parsing: value)) == expected)
    }
}
