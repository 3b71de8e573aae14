package import JSON

extension Schema {
    /// The schema as Kubernetes' structural OpenAPI v3, with CEL rules for API servers that run them.
    package var openAPI: JSONObject {
        var members: JSONObject = ["type": .string(kind.rawValue)]
        if !description.isEmpty { members.set("description", .string(fullDescription)) }
        if let defaultValue { members.set("default", defaultValue) }
        addScalarKeywords(to: &members)
        addArrayKeywords(to: &members)
        addObjectKeywords(to: &members)
        addRules(to: &members)
        return members
    }

    /// The description with what the keywords do not say.
    var fullDescription: String {
        let example = pattern.map { ["For example \($0.example)."] } ?? []
        return ([description] + meanings + example).joined(separator: " ")
    }

    private func addScalarKeywords(to members: inout JSONObject) {
        if !format.isEmpty { members.set("format", .string(format)) }
        if kind == .integer { members.set("format", "int64") }
        if !allowed.isEmpty { members.set("enum", .array(allowed.map { .string($0) })) }
        if let pattern { members.set("pattern", .string(pattern.expression)) }
        if let minLength { members.set("minLength", .integer(minLength)) }
        if let maxLength { members.set("maxLength", .integer(maxLength)) }
        if let minimum { members.set("minimum", minimum.json) }
        if kind == .number, let minimum, minimum.rounded(.down) != minimum {
            // API servers cut the fraction off a minimum when they compare a whole number with it: 1 passes 1.02.
            members.set("not", ["maximum": minimum.rounded(.down).json])
        }
        if excludesMinimum { members.set("exclusiveMinimum", true) }
        if let maximum { members.set("maximum", maximum.json) }
        if excludesMaximum { members.set("exclusiveMaximum", true) }
    }

    private func addArrayKeywords(to members: inout JSONObject) {
        if let item = items.first { members.set("items", .object(item.openAPI)) }
        if let minItems { members.set("minItems", .integer(minItems)) }
        if let maxItems { members.set("maxItems", .integer(maxItems)) }
        guard !listKeys.isEmpty else { return }
        members.set("x-kubernetes-list-type", "map")
        members.set("x-kubernetes-list-map-keys", .array(listKeys.map { .string($0) }))
    }

    private func addObjectKeywords(to members: inout JSONObject) {
        if !properties.isEmpty {
            members.set(
                "properties",
                .object(JSONObject(properties.map { ($0.name, .object($0.schema.openAPI)) }))
            )
        }
        let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { members.set("required", .array(required)) }
        if let values = values.first { members.set("additionalProperties", .object(values.openAPI)) }
        if keepsUnknown { members.set("x-kubernetes-preserve-unknown-fields", true) }
    }

    private func addRules(to members: inout JSONObject) {
        var others: [JSONValue] = []
        for constraint in rules.compactMap(\.constraint) {
            let keywords = constraint.openAPI
            if let required = keywords["required"]?.array {
                members.set("required", .array((members["required"]?.array ?? []) + required))
            } else if keywords.allSatisfy({ members[$0.key] == nil }) {
                // Beside the other keywords, where the API server's message names the object itself.
                for keyword in keywords { members.set(keyword.key, keyword.value) }
            } else {
                others.append(.object(keywords))
            }
        }
        if !others.isEmpty { members.set("allOf", .array(others)) }
        guard !rules.isEmpty else { return }
        members.set(
            "x-kubernetes-validations",
            .array(rules.map { ["rule": .string($0.cel), "message": .string($0.message)] })
        )
    }
}
