package import JSON

/// A ConfigMap: named texts.
package struct ConfigMap: ObjectView, TypedObject {
    package static let resource = ResourceType.configMap
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// The texts by their names.
    package var data: [String: String] {
        get { JSONValue.strings(fields["data"]) }
        set { fields.set("data", .object(JSONObject(newValue.sorted { $0.key < $1.key }.map { ($0, .string($1)) }))) }
    }
}
