package import JSON

extension Schema {
    private static let objectFields: Set<String> = ["apiVersion", "kind", "metadata"]

    /// The value without fields that the schema does not know, and without nulls where none may be and no default
    /// takes their place.
    ///
    /// - Parameter isResource: Whether it is a whole object: `apiVersion`, `kind` and `metadata` stay then. What
    ///   metadata holds is pruned only if it has a schema of its own, named by a model.
    package func pruned(_ value: JSONValue, isResource: Bool = true) -> JSONValue {
        switch value {
        case .object(let members): return .object(pruned(members, isResource || definition.isEmbeddedResource))
        case .array(let elements):
            if definition.isUnspecified { return .array(elements.map { pruned($0, isResource: false) }) }
            guard let element = elementOfLists else { return value }
            return .array(elements.map { element.pruned($0, isResource: false) })
        case .null, .bool, .integer, .double, .string: return value
        }
    }

    private func pruned(_ members: JSONObject, _ isResource: Bool) -> JSONObject {
        if definition.isUnspecified { return [:] }
        // A place of any shape without a word about its fields holds whatever it likes.
        let keepsUnknown =
            definition.preservesUnknownFields || shape == .any && definition.fields.isEmpty && element == nil
        var kept = JSONObject()
        for (key, value) in members {
            let schema = names(key) ? field(key) : elementOfMaps
            if isResource, Self.objectFields.contains(key), schema?.definition.modelName.isEmpty ?? true {
                kept[key] = value
            } else if let schema {
                if !schema.dropsNull(value) { kept[key] = schema.pruned(value, isResource: false) }
            } else if keepsUnknown {
                kept[key] = value
            }
        }
        return kept
    }

    private func dropsNull(_ value: JSONValue) -> Bool {
        value.isNull && !definition.isNullable && definition.defaultValue == nil
            && !(shape == .any && !definition.isUnspecified)
    }

    /// The value with the defaults of fields that are absent, or null where null may not be.
    package func defaulted(_ value: JSONValue) -> JSONValue {
        guard hasDefaultsWithin else { return value }
        switch value {
        case .object(var members):
            for (name, schema) in definition.fields {
                guard let standard = schema.definition.defaultValue else { continue }
                if members[name].map({ $0.isNull && !schema.definition.isNullable }) ?? true {
                    members[name] = standard
                }
            }
            for key in members.keys {
                guard let schema = names(key) ? field(key) : elementOfMaps,
                    schema.hasDefaultsWithin || schema.definition.defaultValue != nil
                else { continue }
                members.update(key) { $0 = schema.defaultedElement($0) }
            }
            return .object(members)
        case .array(let elements):
            guard let element = elementOfLists else { return value }
            return .array(elements.map(element.defaultedElement))
        case .null, .bool, .integer, .double, .string: return value
        }
    }

    private func defaultedElement(_ value: JSONValue) -> JSONValue {
        if value.isNull, !definition.isNullable, let standard = definition.defaultValue { return defaulted(standard) }
        return defaulted(value)
    }
}
