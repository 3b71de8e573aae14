import EmbeddedAPI
import JSON
import Kubernetes
import ObjectSchema

/// Collects the models that a document needs and writes them down.
struct ModelWriter {
    let edition: Edition
    private var models: [String: Schema] = [:]
    private var kinds: [String: [JSONValue]] = [:]
    private var bare: Set<String> = []

    private static let meta = "io.k8s.apimachinery.pkg.apis.meta.v1"

    init(edition: Edition) { self.edition = edition }

    /// Adds the kind of a resource.
    ///
    /// - Returns: A reference to its model.
    mutating func reference(to definition: ResourceDefinition) -> JSONValue {
        let type = definition.type
        let schema = definition.schema
        let name = schema.definition.modelName.isEmpty ? Self.customName(type) : schema.definition.modelName
        if models[name] == nil {
            models[name] = schema
            kinds[name] = [Self.kind(type)]
            collect(from: schema)
            if definition.isCustom, let meta = BuiltIn.models["\(Self.meta).ObjectMeta"] { collect(meta) }
        }
        return reference(to: name)
    }

    /// Adds a kind that is sent to a subresource; nil when it is not built in.
    mutating func reference(apiVersion: String, kind: String) -> JSONValue? {
        guard let schema = BuiltIn.schema(apiVersion: apiVersion, kind: kind) else { return nil }
        let parts = apiVersion.split(separator: "/").map(String.init)
        let name = schema.definition.modelName
        if kinds[name] == nil {
            kinds[name] = [
                [
                    "group": .string(parts.count > 1 ? parts[0] : ""), "version": .string(parts[parts.count - 1]),
                    "kind": .string(kind),
                ]
            ]
        }
        collect(schema)
        return reference(to: name)
    }

    /// Adds what patches are, which is anything.
    mutating func referenceToPatch() -> JSONValue {
        bare.insert("\(Self.meta).Patch")
        return reference(to: "\(Self.meta).Patch")
    }

    /// A type of a resource as documents name it.
    static func kind(_ type: ResourceType) -> JSONValue {
        ["group": .string(type.group), "version": .string(type.version), "kind": .string(type.kind)]
    }

    /// The models, by their names.
    func documents() -> JSONObject {
        var documents: [(String, JSONValue)] = models.map { name, schema in
            var document = definition(schema, isCustom: schema.definition.modelName.isEmpty)
            if let kinds = kinds[name] { document["x-kubernetes-group-version-kind"] = .array(kinds) }
            return (name, document)
        }
        documents += bare.map { ($0, ["type": "object", "description": "What is to be changed in an object."]) }
        return JSONObject(documents.sorted { $0.0 < $1.0 })
    }

    /// `stable.example.com` v1 CronTab is `com.example.stable.v1.CronTab`.
    private static func customName(_ type: ResourceType) -> String {
        let group = type.group.split(separator: ".").reversed().joined(separator: ".")
        return "\(group).\(type.version).\(type.kind)"
    }

    // MARK: Collecting

    private mutating func collect(_ schema: Schema) {
        let name = schema.definition.modelName
        if !name.isEmpty {
            // A field's schema has the field's words; the model itself is kept where there is one.
            guard models[name] == nil else { return }
            models[name] = BuiltIn.models[name] ?? schema
        }
        collect(from: models[name] ?? schema)
    }

    private mutating func collect(from schema: Schema) {
        for (_, field) in schema.definition.fields { collect(field) }
        if let element = schema.element { collect(element) }
    }

    // MARK: Writing

    private func reference(to name: String) -> JSONValue { ["$ref": .string(edition.root + name)] }

    private func value(_ schema: Schema) -> JSONValue {
        let name = schema.definition.modelName
        guard !name.isEmpty else { return definition(schema, isCustom: false) }
        var value = reference(to: name)
        guard !schema.definition.description.isEmpty || schema.definition.defaultValue != nil else { return value }
        // Nothing may stand beside a reference in version 3.
        if edition == .v3 { value = ["allOf": [value]] }
        if !schema.definition.description.isEmpty { value["description"] = .string(schema.definition.description) }
        if edition == .v3, let standard = schema.definition.defaultValue { value["default"] = standard }
        if schema.definition.retainsKeys { value["x-kubernetes-patch-strategy"] = "retainKeys" }
        return value
    }

    /// - Parameter isCustom: Whether it is the whole of a custom resource.
    private func definition(_ schema: Schema, isCustom: Bool) -> JSONValue {
        let facts = schema.definition
        if !facts.modelName.isEmpty, let scalar = Self.scalar(schema) { return scalar }
        var json = JSONObject()
        if !facts.description.isEmpty { json["description"] = .string(facts.description) }
        // Version 2 has no words for "or null": a place without a type may hold anything.
        let isOpen = edition == .v2 && (facts.preservesUnknownFields || facts.isNullable && facts.modelName.isEmpty)
        let isTyped = !isOpen || facts.whenEmpty == .written
        if let type = Self.typeName(schema.shape), isTyped { json["type"] = .string(type) }
        if edition == .v3, facts.isNullable, facts.whenEmpty != .written { json["nullable"] = true }
        if edition == .v3 || facts.whenEmpty == .kept, let standard = facts.defaultValue { json["default"] = standard }
        writeLimits(facts.limits, &json)
        writeMembers(schema, isTyped, isCustom, &json)
        writeExtensions(schema, &json)
        return .object(json)
    }

    private func writeMembers(_ schema: Schema, _ isTyped: Bool, _ isCustom: Bool, _ json: inout JSONObject) {
        let facts = schema.definition
        guard isTyped || isCustom else { return }
        var fields = facts.fields.map { ($0.name, value($0.schema)) }
        if isCustom || facts.isEmbeddedResource {
            let own = Set(fields.map(\.0))
            for name in ["apiVersion", "kind"] where !own.contains(name) { fields.append((name, ["type": "string"])) }
            if models["\(Self.meta).ObjectMeta"] != nil {
                fields.removeAll { $0.0 == "metadata" }
                fields.append(("metadata", reference(to: "\(Self.meta).ObjectMeta")))
            }
        }
        if !fields.isEmpty { json["properties"] = .object(JSONObject(fields)) }
        if !facts.required.isEmpty { json["required"] = .array(facts.required.map(JSONValue.string)) }
        guard let element = schema.element else { return }
        switch schema.shape {
        case .list: json["items"] = value(element)
        case .map, .object: json["additionalProperties"] = value(element)
        case .any, .string, .integer, .number, .boolean, .intOrString, .quantity: break
        }
    }

    private func writeExtensions(_ schema: Schema, _ json: inout JSONObject) {
        let facts = schema.definition
        func set(_ name: String, _ value: JSONValue) { json["x-kubernetes-\(name)"] = value }
        if schema.shape == .intOrString { set("int-or-string", true) }
        if facts.preservesUnknownFields { set("preserve-unknown-fields", true) }
        if facts.isEmbeddedResource { set("embedded-resource", true) }
        if facts.isAtomic { set("map-type", "atomic") }
        if schema.shape == .list {
            switch facts.listType {
            case .atomic: break
            case .set: set("list-type", "set")
            case .map(let keys):
                set("list-type", "map")
                set("list-map-keys", .array(keys.map(JSONValue.string)))
            }
        }
        if let key = facts.patchMergeKey { set("patch-merge-key", .string(key)) }
        var strategies: [String] = []
        if facts.patchMergeKey != nil || facts.mergesScalars { strategies.append("merge") }
        if facts.retainsKeys { strategies.append("retainKeys") }
        if !strategies.isEmpty { set("patch-strategy", .string(strategies.joined(separator: ","))) }
        if edition == .v3, !facts.rules.isEmpty, let rules = schema.structuralJSON["x-kubernetes-validations"] {
            set("validations", rules)
        }
    }

    private func writeLimits(_ limits: Schema.Limits, _ json: inout JSONObject) {
        var definition = Schema.Definition(.any)
        definition.limits = limits
        let written = Schema(definition).structuralJSON.object ?? [:]
        // Version 2 knows no alternatives.
        for (name, value) in written where edition == .v3 || !["anyOf", "oneOf", "not", "allOf"].contains(name) {
            json[name] = value
        }
    }

    private static func typeName(_ shape: Schema.Shape) -> String? {
        switch shape {
        case .any, .intOrString: nil
        case .string, .quantity: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .object, .map: "object"
        case .list: "array"
        }
    }

    /// Models that are no objects with named fields.
    private static func scalar(_ schema: Schema) -> JSONValue? {
        switch schema.shape {
        case .string:
            ["type": "string", "format": "date-time", "description": "A point in time."]
        case .quantity: ["type": "string", "description": "An amount, as 100m or 1Gi."]
        case .intOrString:
            ["type": "string", "format": "int-or-string", "description": "A number or a string."]
        case .any where schema.definition.modelName.hasSuffix("JSON") || schema.definition.modelName.contains("Or"):
            ["description": "Any JSON value."]
        case .any: ["type": "object", "description": "Any fields."]
        case .object where schema.definition.preservesUnknownFields:
            ["type": "object", "description": "Any fields."]
        case .integer, .number, .boolean, .object, .map, .list: nil
        }
    }
}
