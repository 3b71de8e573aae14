import EmbeddedAPI
import JSON
import Kubernetes

/// Makes tables of objects, as `kubectl get` asks for.
struct TableMaker: Sendable {
    /// What of each object stands in its row, `includeObject`.
    enum IncludeObject: String, Sendable, Hashable {
        case none = "None"
        case metadata = "Metadata"
        case object = "Object"
    }

    let definition: ResourceDefinition
    /// `v1` or `v1beta1`.
    let version: String
    let includeObject: IncludeObject
    let now: Timestamp
    private let columns: [ResourceDefinition.Column]
    private let paths: [JSONPath?]

    init(_ definition: ResourceDefinition, version: String, includeObject: IncludeObject, now: Timestamp) {
        self.definition = definition
        self.version = version
        self.includeObject = includeObject
        self.now = now
        columns = Self.columns(of: definition)
        paths = columns.map { $0.jsonPath.isEmpty ? nil : JSONPath($0.jsonPath) }
    }

    /// A table of an object or of a list's items.
    ///
    /// - Parameter hasHeader: Whether columns are described; watches do so once.
    func table(_ body: JSONValue, hasHeader: Bool = true) -> JSONValue {
        let items = body["items"]?.array
        var metadata: JSONObject = [:]
        for field in ["resourceVersion", "continue", "remainingItemCount"] {
            if field != "resourceVersion", items == nil { continue }
            if let value = body[path: ["metadata", field]] { metadata[field] = value }
        }
        return table(rows: items ?? [body], metadata: .object(metadata), hasHeader: hasHeader)
    }

    /// A table of no rows at a version, as bookmarks are.
    func table(rows: [JSONValue], metadata: JSONValue, hasHeader: Bool) -> JSONValue {
        [
            "kind": "Table", "apiVersion": .string("meta.k8s.io/\(version)"), "metadata": metadata,
            "columnDefinitions": hasHeader ? .array(columns.map(Self.description)) : .null,
            "rows": .array(rows.map(row)),
        ]
    }

    private func row(_ object: JSONValue) -> JSONValue {
        var row: JSONObject = ["cells": .array(cells(object))]
        switch includeObject {
        case .none: break
        case .metadata: row["object"] = Self.partial(object, version: version)
        case .object:
            var whole = object
            whole["apiVersion"] = .string(definition.type.apiVersion)
            whole["kind"] = .string(definition.type.kind)
            row["object"] = whole
        }
        return .object(row)
    }

    private func cells(_ object: JSONValue) -> [JSONValue] {
        guard definition.isCustom else { return BuiltInColumns.cells(definition.type, object, now: now) }
        return customCells(object)
    }

    private func customCells(_ object: JSONValue) -> [JSONValue] {
        zip(columns, paths).map { column, path in
            if path == nil, column.name == "Name" { return object[path: ["metadata", "name"]] ?? "" }
            return Self.cell(path?.values(in: object) ?? [], column, now: now)
        }
    }

    private static func cell(_ values: [JSONValue], _ column: ResourceDefinition.Column, now: Timestamp) -> JSONValue {
        guard let value = values.first else { return .null }
        switch column.type {
        case "date": return value.string.map { .string(HumanDuration.age(since: $0, now: now)) } ?? .null
        case "integer": return value.integer.map { .integer($0) } ?? .null
        case "number": return value.double == nil ? .null : value
        case "boolean": return value.bool == nil ? .null : value
        default:
            let texts = values.map { $0.string ?? ($0.isNull ? "" : $0.description) }
            return .string(texts.joined(separator: " "))
        }
    }

    private static let name = ResourceDefinition.Column(
        name: "Name",
        format: "name",
        description: "Name must be unique within a namespace."
    )
    private static let age = ResourceDefinition.Column(
        name: "Age",
        type: "date",
        description: "When the object was created.",
        jsonPath: ".metadata.creationTimestamp"
    )

    private static func columns(of definition: ResourceDefinition) -> [ResourceDefinition.Column] {
        guard definition.isCustom else { return BuiltInColumns.columns(definition.type) }
        return definition.columns.isEmpty ? [name, age] : [name] + definition.columns
    }

    private static func description(_ column: ResourceDefinition.Column) -> JSONValue {
        [
            // Ages come as text, so their column is one of text.
            "name": .string(column.name), "type": .string(column.type), "format": .string(column.format),
            "description": .string(column.description), "priority": .integer(column.priority),
        ]
    }

    /// The metadata of an object alone.
    static func partial(_ object: JSONValue, version: String) -> JSONValue {
        [
            "kind": "PartialObjectMetadata", "apiVersion": .string("meta.k8s.io/\(version)"),
            "metadata": object["metadata"] ?? [:],
        ]
    }

    /// The metadata of an object or of a list's items.
    static func partialOrList(_ body: JSONValue, version: String) -> JSONValue {
        guard let items = body["items"]?.array else { return partial(body, version: version) }
        return [
            "kind": "PartialObjectMetadataList", "apiVersion": .string("meta.k8s.io/\(version)"),
            "metadata": body["metadata"] ?? [:], "items": .array(items.map { partial($0, version: version) }),
        ]
    }
}
