package import JSON
package import Kubernetes

/// Who owns fields in a server-side apply: the program and the concern it applies them for.
///
/// One manager for each concern keeps them apart: what one concern no longer mentions is removed without touching what
/// another set.
package struct FieldManager: Sendable, Hashable, CustomStringConvertible {
    package let name: String

    /// - Parameters:
    ///   - program: As `homeostat`.
    ///   - concern: As `traffic`. The API server takes 128 bytes for both; what is longer is cut.
    package init(_ program: String, concern: String) {
        var name = "\(program)/\(concern)"
        while name.utf8.count > 128 { name.removeLast() }
        self.name = name
    }

    package var description: String { name }
}

/// The fields of one object that one manager wants, and nothing else.
package struct ApplyConfiguration: Sendable, Hashable {
    package var resource: ResourceType
    package var key: ObjectKey
    package var labels: [String: String] = [:]
    package var annotations: [String: String] = [:]
    package var owners: [OwnerReference] = []
    package var finalizers: [String] = []
    /// The members beside `metadata`, as `spec`.
    package var fields: JSONObject

    package init(_ resource: ResourceType, _ key: ObjectKey, fields: JSONObject = [:]) {
        self.resource = resource
        self.key = key
        self.fields = fields
    }

    /// What is sent: no version, uid or status of metadata, which are the server's.
    package var value: JSONValue {
        var metadata: JSONObject = ["name": .string(key.name)]
        if resource.isNamespaced { metadata.set("namespace", .string(key.namespace)) }
        if !labels.isEmpty { metadata.set("labels", Self.strings(labels)) }
        if !annotations.isEmpty { metadata.set("annotations", Self.strings(annotations)) }
        if !owners.isEmpty { metadata.set("ownerReferences", .array(owners.map(\.value))) }
        if !finalizers.isEmpty { metadata.set("finalizers", .array(finalizers.map { .string($0) })) }
        var object: JSONObject = [
            "apiVersion": .string(resource.apiVersion), "kind": .string(resource.kind), "metadata": .object(metadata),
        ]
        for member in fields where !["apiVersion", "kind", "metadata"].contains(member.key) {
            object.set(member.key, member.value)
        }
        return .object(object)
    }

    private static func strings(_ strings: [String: String]) -> JSONValue {
        .object(JSONObject(strings.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
}
