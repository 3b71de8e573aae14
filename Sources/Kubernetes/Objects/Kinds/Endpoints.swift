package import JSON

/// The addresses behind the Service of the same name, in the form that every server has.
package struct Endpoints: ObjectView, TypedObject {
    package static let resource = ResourceType.endpoints
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// One address behind the Service.
    package struct Address: Sendable, Hashable {
        /// The address.
        package var ip: String
        /// Where it is; may be empty.
        package var nodeName: String
        /// The pod's name; empty when it is no pod.
        package var pod: String

        init(_ value: JSONValue) {
            ip = value["ip"]?.string ?? ""
            nodeName = value["nodeName"]?.string ?? ""
            pod =
                value[path: ["targetRef", "kind"]]?.string == "Pod"
                ? value[path: ["targetRef", "name"]]?.string ?? "" : ""
        }
    }

    /// Addresses that take traffic.
    package var ready: [Address] { addresses("addresses") }
    /// Addresses that do not take traffic yet, or no more.
    package var notReady: [Address] { addresses("notReadyAddresses") }

    private func addresses(_ member: String) -> [Address] {
        (fields["subsets"]?.array ?? []).flatMap { $0[member]?.array ?? [] }.map(Address.init)
    }
}
