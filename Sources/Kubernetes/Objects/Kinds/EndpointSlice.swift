package import JSON

/// A part of the addresses behind a Service (`discovery.k8s.io/v1`, on servers since 1.21).
package struct EndpointSlice: ObjectView, TypedObject {
    package static let resource = ResourceType.endpointSlice
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// One pod behind the Service.
    package struct Endpoint: Sendable, Hashable {
        /// Of one pod, and of one family.
        package var addresses: [String]
        /// Takes new traffic; true when the server does not say.
        package var isReady: Bool
        /// Could take traffic, if only until it ends.
        package var isServing: Bool
        /// Whether the pod is being deleted.
        package var isTerminating: Bool
        /// Where it is; may be empty.
        package var nodeName: String
        /// The pod's name; empty when it is no pod.
        package var pod: String

        init(_ value: JSONValue) {
            addresses = (value["addresses"]?.array ?? []).compactMap(\.string)
            isReady = value[path: ["conditions", "ready"]]?.bool ?? true
            isServing = value[path: ["conditions", "serving"]]?.bool ?? isReady
            isTerminating = value[path: ["conditions", "terminating"]]?.bool ?? false
            nodeName = value["nodeName"]?.string ?? ""
            pod =
                value[path: ["targetRef", "kind"]]?.string == "Pod"
                ? value[path: ["targetRef", "name"]]?.string ?? "" : ""
        }
    }

    /// The Service that the addresses are behind.
    package var serviceName: String { metadata.labels["kubernetes.io/service-name"] ?? "" }
    /// `IPv4`, `IPv6` or `FQDN`.
    package var addressType: String { fields["addressType"]?.string ?? "" }
    /// The pods of this slice; a Service may have several slices.
    package var endpoints: [Endpoint] { (fields["endpoints"]?.array ?? []).map(Endpoint.init) }
}
