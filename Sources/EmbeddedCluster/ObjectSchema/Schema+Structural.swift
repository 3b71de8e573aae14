package import JSON

extension Schema {
    /// A schema as a CustomResourceDefinition gives it, `openAPIV3Schema`.
    ///
    /// - Parameters:
    ///   - structural: The schema of a whole object.
    ///   - path: Where it stands, for messages: `spec.validation.openAPIV3Schema`, which is how the API server calls it
    ///     when all versions have the same, or `spec.versions[0].schema.openAPIV3Schema`.
    /// - Throws: ``SchemaProblems`` when it is not structural, says what may not be said, has defaults that do not fit,
    ///   or rules that are no CEL.
    package convenience init(structural: JSONValue, path: String) throws(SchemaProblems) {
        let structural = structural.object == nil ? .object([:]) : structural
        var checks = StructuralChecks()
        checks.checkRoot(structural, path)
        guard checks.problems.isEmpty else { throw SchemaProblems(problems: checks.problems) }
        self.init(Definition(structural: structural))
        let problems = defaultProblems(at: path, isRoot: true) + rulesProblems(at: path)
        guard problems.isEmpty else { throw SchemaProblems(problems: problems) }
    }

    /// Defaults that the schema itself would refuse or prune.
    private func defaultProblems(at path: String, isRoot: Bool) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        if let value = definition.defaultValue {
            let place = "\(path).default"
            if pruned(value, isResource: definition.isEmbeddedResource) != value {
                problems.append(.invalid(place, value, "must not have unknown fields"))
            } else {
                problems += validate(value).map { problem in
                    var problem = problem
                    let isWhole = problem.field.isEmpty || problem.field == "<nil>"
                    problem.field = isWhole ? place : "\(place).\(problem.field)"
                    return problem
                }
            }
        }
        if let items = elementOfLists { problems += items.defaultProblems(at: "\(path).items", isRoot: false) }
        for (name, field) in definition.fields where !(isRoot && name == "metadata") {
            problems += field.defaultProblems(at: "\(path).properties[\(name)]", isRoot: false)
        }
        return problems
    }

    private func rulesProblems(at path: String) -> [FieldProblem] {
        var problems: [FieldProblem] = []
        for (index, program) in programs.enumerated() {
            problems += program.problems(at: "\(path).x-kubernetes-validations[\(index)]")
        }
        if let items = elementOfLists { problems += items.rulesProblems(at: "\(path).items") }
        if let values = elementOfMaps { problems += values.rulesProblems(at: "\(path).additionalProperties") }
        for (name, field) in definition.fields { problems += field.rulesProblems(at: "\(path).properties[\(name)]") }
        return problems
    }
}

extension Schema.Definition {
    /// What a part of a structural schema, or of the conditions in it, says.
    fileprivate init(structural node: JSONValue) {
        self.init(Self.shape(of: node))
        description = node["description"]?.string ?? ""
        fields = (node["properties"]?.object ?? [:]).map { ($0.key, Schema(Self(structural: $0.value))) }
        if let items = node["items"] {
            element = Schema(Self(structural: items))
        } else {
            readAdditionalProperties(node["additionalProperties"])
        }
        required = node["required"]?.array?.compactMap(\.string) ?? []
        isNullable = node["nullable"]?.bool ?? false
        defaultValue = node["default"].flatMap { $0.isNull ? nil : $0 }
        preservesUnknownFields = node["x-kubernetes-preserve-unknown-fields"]?.bool ?? false
        isEmbeddedResource = node["x-kubernetes-embedded-resource"]?.bool ?? false
        isAtomic = node["x-kubernetes-map-type"]?.string == "atomic"
        switch node["x-kubernetes-list-type"]?.string {
        case "set": listType = .set
        case "map": listType = .map(keys: node["x-kubernetes-list-map-keys"]?.array?.compactMap(\.string) ?? [])
        default: break
        }
        limits = Schema.Limits(structural: node)
        rules = node["x-kubernetes-validations"]?.array?.map(Schema.Rule.init(structural:)) ?? []
    }

    private static func shape(of node: JSONValue) -> Schema.Shape {
        if node["x-kubernetes-int-or-string"]?.bool == true { return .intOrString }
        switch node["type"]?.string {
        case "string": return .string
        case "integer": return .integer
        case "number": return .number
        case "boolean": return .boolean
        case "array": return .list
        case "object":
            // Both are objects; a map is one whose keys have no names.
            return node["additionalProperties"] == nil || node["properties"] != nil ? .object : .map
        default: return .any
        }
    }

    private mutating func readAdditionalProperties(_ value: JSONValue?) {
        switch value {
        case .object?: element = value.map { Schema(Self(structural: $0)) }
        case .bool(true)?:
            var unspecified = Self(.any)
            unspecified.isUnspecified = true
            element = Schema(unspecified)
        case .bool(false)?: forbidsOtherFields = true
        case .null?, .integer?, .double?, .string?, .array?, nil: break
        }
    }
}

extension Schema.Limits {
    fileprivate init(structural node: JSONValue) {
        func schemas(_ name: String) -> [Schema] {
            node[name]?.array?.map { Schema(Schema.Definition(structural: $0)) } ?? []
        }
        enumeration = node["enum"]?.array ?? []
        pattern = node["pattern"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        format = node["format"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        minimum = node["minimum"]?.double
        maximum = node["maximum"]?.double
        exclusiveMinimum = node["exclusiveMinimum"]?.bool ?? false
        exclusiveMaximum = node["exclusiveMaximum"]?.bool ?? false
        multipleOf = node["multipleOf"]?.double
        minLength = node["minLength"]?.integer
        maxLength = node["maxLength"]?.integer
        minItems = node["minItems"]?.integer
        maxItems = node["maxItems"]?.integer
        uniqueItems = node["uniqueItems"]?.bool ?? false
        minProperties = node["minProperties"]?.integer
        maxProperties = node["maxProperties"]?.integer
        allOf = schemas("allOf")
        anyOf = schemas("anyOf")
        oneOf = schemas("oneOf")
        not = node["not"].flatMap { $0.object == nil ? nil : Schema(Schema.Definition(structural: $0)) }
    }
}

extension Schema.Rule {
    fileprivate init(structural node: JSONValue) {
        self.init(
            node["rule"]?.string ?? "",
            message: node["message"]?.string,
            messageExpression: node["messageExpression"]?.string,
            reason: node["reason"]?.string,
            fieldPath: node["fieldPath"]?.string,
            optionalOldSelf: node["optionalOldSelf"]?.bool ?? false
        )
    }
}
