import GoText
import JSON

/// What may be wrong with the schema of a custom resource before any object is looked at.
///
/// - SeeAlso: "Specifying a structural schema" in the documentation of CustomResourceDefinitions.
struct StructuralChecks {
    /// What stands around a part of the schema.
    private struct Surroundings {
        var isInsideMetadata = false
        /// Why defaults may not be here; nil when they may.
        var defaultsForbidden: String?
    }

    private enum Level { case root, item, field }

    private static let typeNames = ["array", "boolean", "integer", "number", "object", "string"]
    private static let metaFields: Set<String> = ["apiVersion", "kind", "metadata"]

    private(set) var problems: [FieldProblem] = []

    /// Looks at the schema of a whole object.
    mutating func checkRoot(_ root: JSONValue, _ path: String) {
        if root.isSet("nullable") {
            problems.append(.forbidden("\(path).nullable", "nullable cannot be true at the root"))
        }
        checkKeywords(root, path, isRoot: true, Surroundings())
        var structure = Self()
        structure.checkStructure(root, .root, path)
        structure.checkCompleteness(root, of: root, path, path)
        problems += structure.problems.sorted { $0.message.utf8.lexicographicallyPrecedes($1.message.utf8) }
    }

    private mutating func require(_ path: String, _ detail: String) { problems.append(.required(path, detail)) }
    private mutating func forbid(_ path: String, _ detail: String) { problems.append(.forbidden(path, detail)) }
    private mutating func refuse(_ path: String, _ value: JSONValue, _ detail: String) {
        var problem = FieldProblem.invalid(path, value, detail)
        problem.isListOfTexts = true  // the only lists here are of names
        problems.append(problem)
    }
}

// MARK: Keywords

extension StructuralChecks {
    private mutating func checkKeywords(
        _ node: JSONValue,
        _ path: String,
        isRoot: Bool,
        _ surroundings: Surroundings
    ) {
        checkUnsupported(node, path, surroundings)
        if node.isSet("uniqueItems") {
            let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            forbid("\(path).uniqueItems", detail)
        }
        checkParts(node, path, isRoot: isRoot, surroundings)
        if node["x-kubernetes-preserve-unknown-fields"]?.bool == false {
            refuse("\(path).x-kubernetes-preserve-unknown-fields", false, "must be true or undefined")
        }
        checkMapType(node, path)
        checkListType(node, path)
        checkListKeys(node, path)
    }

    private mutating func checkUnsupported(_ node: JSONValue, _ path: String, _ surroundings: Surroundings) {
        let type = node["type"]?.string ?? ""
        if !type.isEmpty, !Self.typeNames.contains(type) {
            problems.append(.unsupported("\(path).type", .string(type), supported: Self.typeNames))
        }
        if let reason = surroundings.defaultsForbidden, node["default"] != nil {
            forbid("\(path).default", "must not be set \(reason)")
        }
        for name in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"]
        where node[name] != nil {
            forbid("\(path).\(name)", "\(name) is not supported")
        }
        if type == "null" { forbid("\(path).type", "type cannot be set to null, use nullable as an alternative") }
        if node["items"]?.array != nil { forbid("\(path).items", "items must be a schema object and not an array") }
        if surroundings.isInsideMetadata, node.isSet("x-kubernetes-embedded-resource") {
            forbid("\(path).x-kubernetes-embedded-resource", "must not be used inside of resource meta")
        }
    }

    private mutating func checkParts(
        _ node: JSONValue,
        _ path: String,
        isRoot: Bool,
        _ surroundings: Surroundings
    ) {
        if let additional = node["additionalProperties"] {
            if !node.properties.isEmpty, additional != true {
                let detail = "additionalProperties and properties are mutual exclusive"
                forbid("\(path).additionalProperties", detail)
            }
            var inner = surroundings
            if surroundings.isInsideMetadata {
                inner.defaultsForbidden = "inside additionalProperties applying to object metadata"
            }
            if additional.object != nil {
                checkKeywords(additional, "\(path).additionalProperties", isRoot: false, inner)
            }
        }
        for (name, property) in node.properties {
            var inner = surroundings
            if isRoot || node.isSet("x-kubernetes-embedded-resource"), Self.metaFields.contains(name) {
                inner.isInsideMetadata = true
                if isRoot { inner.defaultsForbidden = "in top-level \(name)" }
            }
            checkKeywords(property, "\(path).properties[\(name)]", isRoot: false, inner)
        }
        if let not = node["not"] { checkKeywords(not, "\(path).not", isRoot: false, surroundings) }
        for name in ["allOf", "oneOf", "anyOf"] {
            for (index, part) in (node[name]?.array ?? []).enumerated() {
                checkKeywords(part, "\(path).\(name)[\(index)]", isRoot: false, surroundings)
            }
        }
        if let items = node["items"], items.object != nil {
            checkKeywords(items, "\(path).items", isRoot: false, surroundings)
        }
    }

    /// Refuses a type other than the one that an extension is about.
    private mutating func checkType(_ node: JSONValue, _ path: String, is wanted: String, for name: String) {
        let type = node["type"]?.string ?? ""
        let detail = "must be \(wanted) if \(name) is specified"
        if type.isEmpty {
            require("\(path).type", detail)
        } else if type != wanted {
            refuse("\(path).type", .string(type), detail)
        }
    }

    private mutating func checkMapType(_ node: JSONValue, _ path: String) {
        guard let mapType = node["x-kubernetes-map-type"]?.string else { return }
        checkType(node, path, is: "object", for: "x-kubernetes-map-type")
        if mapType != "atomic", mapType != "granular" {
            let supported = ["atomic", "granular"]
            problems.append(.unsupported("\(path).x-kubernetes-map-type", .string(mapType), supported: supported))
        }
    }

    private mutating func checkListType(_ node: JSONValue, _ path: String) {
        guard let listType = node["x-kubernetes-list-type"]?.string else { return }
        if node["type"]?.string != "array" {
            checkType(node, path, is: "array", for: "x-kubernetes-list-type")
        } else if listType == "set", let items = node["items"] {
            let detail = "must be atomic as item of a list with x-kubernetes-list-type=set"
            let inner = items["x-kubernetes-list-type"]?.string
            if items["type"]?.string == "array", let inner, inner != "atomic" {
                refuse("\(path).items.x-kubernetes-list-type", .string(inner), detail)
            }
            if items["type"]?.string == "object", items["x-kubernetes-map-type"]?.string != "atomic" {
                refuse("\(path).items.x-kubernetes-map-type", .null, detail)
            }
        }
        if !["atomic", "set", "map"].contains(listType) {
            let supported = ["atomic", "set", "map"]
            problems.append(.unsupported("\(path).x-kubernetes-list-type", .string(listType), supported: supported))
        }
        if listType == "set" || listType == "map", node["items"]?.isSet("nullable") == true {
            forbid("\(path).items.nullable", "cannot be nullable when x-kubernetes-list-type is \(listType)")
        }
    }

    private mutating func checkListKeys(_ node: JSONValue, _ path: String) {
        let listType = node["x-kubernetes-list-type"]?.string
        let keys = node["x-kubernetes-list-map-keys"]?.array?.compactMap(\.string) ?? []
        if !keys.isEmpty, listType != "map" {
            let detail = "must be map if x-kubernetes-list-map-keys is non-empty"
            if let listType {
                refuse("\(path).x-kubernetes-list-type", .string(listType), detail)
            } else {
                require("\(path).x-kubernetes-list-type", detail)
            }
        }
        guard listType == "map" else { return }
        let place = "\(path).x-kubernetes-list-map-keys"
        if keys.isEmpty { require(place, "must not be empty if x-kubernetes-list-type is map") }
        guard let items = node["items"] else {
            return require("\(path).items", "must have a schema if x-kubernetes-list-type is map")
        }
        let type = items["type"]?.string ?? ""
        guard type == "object" else {
            let detail = "must be object if parent array's x-kubernetes-list-type is map"
            return refuse("\(path).items.type", .string(type), detail)
        }
        let list = JSONValue.array(keys.map(JSONValue.string))
        for (index, key) in keys.enumerated() {
            if let property = items.properties[key] {
                checkListKey(key, property, items, "\(path).items.properties[\(key)]")
            } else {
                refuse(place, list, "entries must all be names of item properties")
            }
            if keys[..<index].contains(key) { refuse(place, list, "must not contain duplicate entries") }
        }
    }

    private mutating func checkListKey(_ key: String, _ property: JSONValue, _ items: JSONValue, _ path: String) {
        if ["array", "object"].contains(property["type"]?.string) {
            refuse("\(path).type", "object", "must be a scalar type if parent array's x-kubernetes-list-type is map")
        }
        let isRequired = items["required"]?.array?.contains(.string(key)) ?? false
        if !isRequired, property["default"] == nil {
            let detail =
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            require("\(path).default", detail)
        }
        if property.isSet("nullable") {
            forbid("\(path).nullable", "this property is in x-kubernetes-list-map-keys, so it cannot be nullable")
        }
    }
}

// MARK: Structure

extension StructuralChecks {
    private static let intOrString: JSONValue = [["type": "integer"], ["type": "string"]]

    private mutating func checkStructure(_ node: JSONValue, _ level: Level, _ path: String) {
        if node["type"]?.string == "array", node["items"] == nil { require("\(path).items", "must be specified") }
        if let items = node["items"] { checkStructure(items, .item, "\(path).items") }
        for (name, property) in node.properties { checkStructure(property, .field, "\(path).properties[\(name)]") }
        if let additional = node["additionalProperties"] {
            if level == .root { forbid("\(path).additionalProperties", "must not be used at the root") }
            if additional.object != nil { checkStructure(additional, .field, "\(path).additionalProperties") }
        }
        if node.isSet("x-kubernetes-int-or-string") {
            for name in ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"]
            where node.isSet(name) {
                refuse("\(path).\(name)", true, "must be false if x-kubernetes-int-or-string is true")
            }
        }
        checkConditions(
            node,
            path,
            skipsAnyOf: node["anyOf"] == Self.intOrString,
            skipsFirstAllOf: node["allOf"]?[0]?["anyOf"] == Self.intOrString
        )
        checkTypeIsGiven(node, level, path)
        checkObjectFields(node, level, path)
    }

    private mutating func checkTypeIsGiven(_ node: JSONValue, _ level: Level, _ path: String) {
        let type = node["type"]?.string ?? ""
        let isEmbedded = node.isSet("x-kubernetes-embedded-resource")
        if isEmbedded, type != "object" {
            let detail = "must be object if x-kubernetes-embedded-resource is true"
            if type.isEmpty { require("\(path).type", detail) } else { refuse("\(path).type", .string(type), detail) }
        } else if type.isEmpty, !node.isSet("x-kubernetes-int-or-string"),
            !node.isSet("x-kubernetes-preserve-unknown-fields")
        {
            switch level {
            case .root: require("\(path).type", "must not be empty at the root")
            case .item: require("\(path).type", "must not be empty for specified array items")
            case .field: require("\(path).type", "must not be empty for specified object fields")
            }
        }
        if isEmbedded, node["additionalProperties"] != nil {
            let detail = "must not be used if x-kubernetes-embedded-resource is set"
            forbid("\(path).additionalProperties", detail)
        }
        if level == .root, !type.isEmpty, type != "object" {
            refuse("\(path).type", .string(type), "must be object at the root")
        }
        if isEmbedded, !node.isSet("x-kubernetes-preserve-unknown-fields"), node.properties.isEmpty {
            let detail =
                "must not be empty if x-kubernetes-embedded-resource is true without "
                + "x-kubernetes-preserve-unknown-fields"
            require("\(path).properties", detail)
        }
    }

    private mutating func checkObjectFields(_ node: JSONValue, _ level: Level, _ path: String) {
        guard level == .root || node.isSet("x-kubernetes-embedded-resource") else { return }
        for (name, wanted) in [("kind", "string"), ("apiVersion", "string"), ("metadata", "object")] {
            guard let property = node.properties[name] else { continue }
            let type = property["type"]?.string ?? ""
            if type != wanted { refuse("\(path).properties[\(name)].type", .string(type), "must be \(wanted)") }
        }
        guard level == .root, let metadata = node.properties["metadata"] else { return }
        let said = Set(metadata.object?.keys ?? []).subtracting(["type", "properties", "default"])
        if !said.isEmpty || !Set(metadata.properties.keys).isSubset(of: ["name", "generateName"]) {
            let detail =
                "must not specify anything other than name and generateName, but metadata is implicitly specified"
            forbid("\(path).properties[metadata]", detail)
        }
    }

    /// Looks at `allOf` and its like, which may limit values but not say what they are.
    private mutating func checkConditions(
        _ node: JSONValue,
        _ path: String,
        skipsAnyOf: Bool = false,
        skipsFirstAllOf: Bool = false
    ) {
        if !skipsAnyOf {
            for (index, part) in (node["anyOf"]?.array ?? []).enumerated() {
                checkCondition(part, "\(path).anyOf[\(index)]")
            }
        }
        for (index, part) in (node["allOf"]?.array ?? []).enumerated() {
            checkCondition(part, "\(path).allOf[\(index)]", skipsAnyOf: skipsFirstAllOf && index == 0)
        }
        for (index, part) in (node["oneOf"]?.array ?? []).enumerated() {
            checkCondition(part, "\(path).oneOf[\(index)]")
        }
        if let not = node["not"] { checkCondition(not, "\(path).not") }
        guard let text = node["pattern"]?.string, !text.isEmpty else { return }
        do throws(PatternError) {
            _ = try Pattern(text)
        } catch {
            refuse("\(path).pattern", .string(text), "must be a valid regular expression, but isn't: \(error)")
        }
    }

    private mutating func checkCondition(_ node: JSONValue, _ path: String, skipsAnyOf: Bool = false) {
        checkConditions(node, path, skipsAnyOf: skipsAnyOf)
        if let items = node["items"] { checkCondition(items, "\(path).items") }
        for (name, property) in node.properties { checkCondition(property, "\(path).properties[\(name)]") }
        for name in ["type", "title", "description"] where node[name]?.string?.isEmpty == false {
            forbid("\(path).\(name)", "must be empty to be structural")
        }
        for name in ["additionalProperties", "default", "x-kubernetes-list-type", "x-kubernetes-map-type"]
        where node[name] != nil {
            forbid("\(path).\(name)", "must be undefined to be structural")
        }
        for name in [
            "nullable", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource",
            "x-kubernetes-int-or-string",
        ] where node.isSet(name) {
            forbid("\(path).\(name)", "must be false to be structural")
        }
        for name in ["x-kubernetes-list-map-keys", "x-kubernetes-validations"]
        where node[name]?.array?.isEmpty == false {
            forbid("\(path).\(name)", "must be empty to be structural")
        }
        if node.properties["metadata"] != nil {
            forbid("\(path).properties[metadata]", "must not be specified in a nested context")
        }
    }

    /// Looks for conditions on places that the structure does not have.
    private mutating func checkCompleteness(
        _ conditions: JSONValue,
        of node: JSONValue,
        _ path: String,
        _ conditionPath: String
    ) {
        if let not = conditions["not"] { checkPlaces(not, node, path, "\(conditionPath).not") }
        for name in ["allOf", "anyOf", "oneOf"] {
            for (index, part) in (conditions[name]?.array ?? []).enumerated() {
                checkPlaces(part, node, path, "\(conditionPath).\(name)[\(index)]")
            }
        }
    }

    private mutating func checkPlaces(
        _ condition: JSONValue,
        _ node: JSONValue?,
        _ path: String,
        _ conditionPath: String
    ) {
        guard let node else { return require(path, "because it is defined in \(conditionPath)") }
        checkCompleteness(condition, of: node, path, conditionPath)
        if let items = condition["items"] {
            checkPlaces(items, node["items"], "\(path).items", "\(conditionPath).items")
        }
        for (name, property) in condition.properties {
            let place = "properties[\(name)]"
            checkPlaces(property, node.properties[name], "\(path).\(place)", "\(conditionPath).\(place)")
        }
    }
}

extension JSONValue {
    /// Whether a keyword of a schema is there and true.
    fileprivate func isSet(_ name: String) -> Bool { self[name]?.bool == true }

    fileprivate var properties: JSONObject { self["properties"]?.object ?? [:] }
}
