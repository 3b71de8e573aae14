package import JSON

/// A namespace.
package struct Namespace: ObjectView, TypedObject {
    package static let resource = ResourceType.namespace
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// `Active` or `Terminating`.
    package var phase: String { self["status", "phase"]?.string ?? "" }
}
