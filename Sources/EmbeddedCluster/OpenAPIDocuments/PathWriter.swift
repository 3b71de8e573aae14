import EmbeddedAPI
import JSON
import Kubernetes

/// Writes down what can be asked of resources.
struct PathWriter {
    let edition: Edition

    private struct Operation {
        var method: String
        /// What it does, in the words of API servers' documents.
        var action: String
        /// The verb in discovery documents.
        var verb: String
        var name: String
        var queries: [String] = []
    }

    private static let changes = ["dryRun", "fieldManager"]
    private static let lists = [
        "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion",
        "resourceVersionMatch", "timeoutSeconds", "watch",
    ]
    private static let booleans: Set<String> = ["allowWatchBookmarks", "watch", "force", "orphanDependents"]
    private static let integers: Set<String> = ["limit", "timeoutSeconds", "gracePeriodSeconds"]
    private static let removals = ["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"]

    private static let ofCollections = [
        Operation(method: "get", action: "list", verb: "list", name: "list", queries: lists),
        Operation(method: "post", action: "post", verb: "create", name: "create", queries: changes),
        Operation(
            method: "delete",
            action: "deletecollection",
            verb: "deletecollection",
            name: "deleteCollection",
            queries: lists + removals
        ),
    ]
    private static let ofObjects = [
        Operation(method: "get", action: "get", verb: "get", name: "read"),
        Operation(method: "put", action: "put", verb: "update", name: "replace", queries: changes),
        Operation(method: "delete", action: "delete", verb: "delete", name: "delete", queries: removals),
        Operation(method: "patch", action: "patch", verb: "patch", name: "patch", queries: changes + ["force"]),
    ]
    /// Clients read here whether they may send a strategic merge patch, which custom resources do not take.
    private static func patchFormats(of definition: ResourceDefinition) -> [JSONValue] {
        ["application/json-patch+json", "application/merge-patch+json"]
            + (definition.isCustom ? [] : ["application/strategic-merge-patch+json"])
            + ["application/apply-patch+yaml"]
    }

    /// All paths of resources, in order.
    func paths(of definitions: [ResourceDefinition], _ models: inout ModelWriter) -> JSONObject {
        var paths: [(String, JSONValue)] = []
        for definition in definitions {
            let kind = models.reference(to: definition)
            let type = definition.type
            let root = type.group.isEmpty ? "/api/\(type.version)" : "/apis/\(type.group)/\(type.version)"
            let collection =
                type.isNamespaced
                ? "\(root)/namespaces/{namespace}/\(type.plural)" : "\(root)/\(type.plural)"
            add(collection, Self.ofCollections, definition, kind, "", &paths, &models)
            if type.isNamespaced, definition.verbs.contains("list") {
                let everywhere = Operation(
                    method: "get",
                    action: "list",
                    verb: "list",
                    name: "listForAllNamespaces",
                    queries: Self.lists
                )
                add("\(root)/\(type.plural)", [everywhere], definition, kind, "", &paths, &models)
            }
            add("\(collection)/{name}", Self.ofObjects, definition, kind, "", &paths, &models)
            let ofParts = Self.ofObjects.filter { $0.method != "delete" }
            if definition.hasStatus {
                add("\(collection)/{name}/status", ofParts, definition, kind, "Status", &paths, &models)
            }
            if definition.scale != nil, let scale = models.reference(apiVersion: "autoscaling/v1", kind: "Scale") {
                add("\(collection)/{name}/scale", ofParts, definition, scale, "Scale", &paths, &models)
            }
        }
        return JSONObject(paths.sorted { $0.0 < $1.0 })
    }

    private func add(
        _ path: String,
        _ operations: [Operation],
        _ definition: ResourceDefinition,
        _ kind: JSONValue,
        _ part: String,
        _ paths: inout [(String, JSONValue)],
        _ models: inout ModelWriter
    ) {
        var item = JSONObject()
        for operation in operations where definition.verbs.contains(operation.verb) {
            item[operation.method] = self.operation(operation, definition, kind, part, &models)
        }
        guard !item.isEmpty else { return }
        let parameters = ["name", "namespace"].filter { path.contains("{\($0)}") }.map { parameter($0, in: "path") }
        if !parameters.isEmpty { item["parameters"] = .array(parameters) }
        paths.append((path, .object(item)))
    }

    private func operation(
        _ operation: Operation,
        _ definition: ResourceDefinition,
        _ kind: JSONValue,
        _ part: String,
        _ models: inout ModelWriter
    ) -> JSONValue {
        let type = definition.type
        let group = type.group.split(separator: ".").first.map(String.init) ?? "core"
        let scope = type.isNamespaced && operation.name != "listForAllNamespaces" ? "Namespaced" : ""
        var json: JSONValue = [
            "operationId": .string(
                operation.name + Self.capital(group) + Self.capital(type.version) + scope + type.kind + part
            ),
            "tags": [.string("\(group)_\(type.version)")],
        ]
        var parameters = operation.queries.map { parameter($0, in: "query") }
        let body = ["put", "post"].contains(operation.method) ? kind : nil
        let isPatch = operation.method == "patch"
        if let body = isPatch ? Optional(models.referenceToPatch()) : body {
            let formats = isPatch ? Self.patchFormats(of: definition) : ["application/json", "application/yaml"]
            if edition == .v2 {
                parameters.append(["name": "body", "in": "body", "required": true, "schema": body])
                json["consumes"] = .array(formats)
            } else {
                let content = JSONObject(formats.map { ($0.string ?? "", ["schema": body]) })
                json["requestBody"] = ["required": true, "content": .object(content)]
            }
        }
        if edition == .v2 { json["produces"] = ["application/json", "application/yaml"] }
        if !parameters.isEmpty { json["parameters"] = .array(parameters) }
        var answer: JSONValue = ["description": "OK"]
        if ["get", "put", "post", "patch"].contains(operation.action) {
            if edition == .v2 {
                answer["schema"] = kind
            } else {
                answer["content"] = ["application/json": ["schema": kind]]
            }
        }
        json["responses"] = ["200": answer, "401": ["description": "Unauthorized"]]
        json["x-kubernetes-action"] = .string(operation.action)
        json["x-kubernetes-group-version-kind"] =
            part == "Scale"
            ? ["group": "autoscaling", "version": "v1", "kind": "Scale"] : ModelWriter.kind(type)
        return json
    }

    private func parameter(_ name: String, in place: String) -> JSONValue {
        let type: JSONValue =
            Self.booleans.contains(name) ? "boolean" : Self.integers.contains(name) ? "integer" : "string"
        var json: JSONValue = ["name": .string(name), "in": .string(place)]
        if edition == .v2 {
            json["type"] = type
            json["uniqueItems"] = true
        } else {
            json["schema"] = ["type": type, "uniqueItems": true]
        }
        if place == "path" { json["required"] = true }
        return json
    }

    private static func capital(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
