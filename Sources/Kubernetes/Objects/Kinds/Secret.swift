import FoundationEssentials
package import JSON

/// A Secret: named bytes that are not to be shown.
package struct Secret: ObjectView, TypedObject {
    package static let resource = ResourceType.secret
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// As `Opaque` or `kubernetes.io/tls`.
    package var type: String { fields["type"]?.string ?? "Opaque" }

    /// The bytes of an entry; nil when it is not there or not base64.
    package func bytes(_ name: String) -> [UInt8]? {
        fields["data"]?[name]?.string.flatMap { Data(base64Encoded: $0) }.map { Array($0) }
    }

    /// The text of an entry; nil when it is not there, not base64 or not UTF-8.
    package func text(_ name: String) -> String? { bytes(name).flatMap { String(validating: $0, as: UTF8.self) } }

    /// Sets the bytes of an entry.
    package mutating func set(_ name: String, _ bytes: [UInt8]) {
        self["data", name] = .string(Data(bytes).base64EncodedString())
    }
}
