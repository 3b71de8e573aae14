package import JSON

extension Schema {
    /// The schema in the form of OpenAPI 3, as a CustomResourceDefinition has it.
    package var structuralJSON: JSONValue {
        var json = shapeJSON
        func set(_ name: String, _ value: JSONValue?) { if let value { json[name] = value } }
        func set(_ name: String, _ isSet: Bool) { if isSet { json[name] = true } }
        if !definition.description.isEmpty { json["description"] = .string(definition.description) }
        set("default", definition.defaultValue)
        set("nullable", definition.isNullable)
        if !definition.fields.isEmpty {
            let fields = definition.fields.map { ($0.name, $0.schema.structuralJSON) }
            json["properties"] = .object(JSONObject(fields))
        }
        set("items", elementOfLists?.structuralJSON)
        if definition.forbidsOtherFields { json["additionalProperties"] = false }
        if let values = elementOfMaps {
            json["additionalProperties"] = values.definition.isUnspecified ? true : values.structuralJSON
        }
        if !definition.required.isEmpty { json["required"] = .array(definition.required.map(JSONValue.string)) }
        set("x-kubernetes-preserve-unknown-fields", definition.preservesUnknownFields)
        set("x-kubernetes-embedded-resource", definition.isEmbeddedResource)
        if definition.isAtomic { json["x-kubernetes-map-type"] = "atomic" }
        switch definition.listType {
        case .atomic: break
        case .set: json["x-kubernetes-list-type"] = "set"
        case .map(let keys):
            json["x-kubernetes-list-type"] = "map"
            json["x-kubernetes-list-map-keys"] = .array(keys.map(JSONValue.string))
        }
        definition.limits.write(to: &json)
        if !definition.rules.isEmpty { json["x-kubernetes-validations"] = .array(definition.rules.map(\.json)) }
        return json
    }

    private var shapeJSON: JSONValue {
        switch shape {
        case .any: [:]
        case .string, .quantity: ["type": "string"]
        case .integer: ["type": "integer"]
        case .number: ["type": "number"]
        case .boolean: ["type": "boolean"]
        case .intOrString: ["x-kubernetes-int-or-string": true]
        case .object, .map: ["type": "object"]
        case .list: ["type": "array"]
        }
    }
}

extension Schema.Limits {
    fileprivate func write(to json: inout JSONValue) {
        func number(_ value: Double) -> JSONValue { Int(exactly: value).map(JSONValue.integer) ?? .double(value) }
        if !enumeration.isEmpty { json["enum"] = .array(enumeration) }
        for (name, value) in [("pattern", pattern), ("format", format)] {
            if let value { json[name] = .string(value) }
        }
        for (name, value) in [("minimum", minimum), ("maximum", maximum), ("multipleOf", multipleOf)] {
            if let value { json[name] = number(value) }
        }
        for (name, value) in [
            ("exclusiveMinimum", exclusiveMinimum), ("exclusiveMaximum", exclusiveMaximum),
            ("uniqueItems", uniqueItems),
        ] where value {
            json[name] = true
        }
        for (name, value) in [
            ("minLength", minLength), ("maxLength", maxLength), ("minItems", minItems), ("maxItems", maxItems),
            ("minProperties", minProperties), ("maxProperties", maxProperties),
        ] {
            if let value { json[name] = .integer(value) }
        }
        for (name, schemas) in [("allOf", allOf), ("anyOf", anyOf), ("oneOf", oneOf)] where !schemas.isEmpty {
            json[name] = .array(schemas.map(\.structuralJSON))
        }
        if let not { json["not"] = not.structuralJSON }
    }
}

extension Schema.Rule {
    fileprivate var json: JSONValue {
        var json: JSONValue = ["rule": .string(rule)]
        for (name, value) in [
            ("message", message), ("messageExpression", messageExpression), ("reason", reason),
            ("fieldPath", fieldPath),
        ] {
            if let value { json[name] = .string(value) }
        }
        if optionalOldSelf { json["optionalOldSelf"] = true }
        return json
    }
}
