package import JSON

/// A Service: one address for pods with certain labels.
package struct Service: ObjectView, TypedObject {
    package static let resource = ResourceType.service
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// One port of a Service.
    package struct Port: Sendable, Hashable {
        /// Empty when there is one port.
        package var name: String
        /// The port of the Service.
        package var port: Int
        /// A number or the name of a container's port.
        package var targetPort: String
        /// As `TCP`.
        package var protocolName: String

        init(_ value: JSONValue) {
            name = value["name"]?.string ?? ""
            port = value["port"]?.integer ?? 0
            targetPort = value["targetPort"]?.string ?? value["targetPort"]?.integer.map(String.init) ?? String(port)
            protocolName = value["protocol"]?.string ?? "TCP"
        }
    }

    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    package var type: String { self["spec", "type"]?.string ?? "ClusterIP" }
    /// The address; `None` for a headless Service.
    package var clusterIP: String { self["spec", "clusterIP"]?.string ?? "" }
    /// The labels of the pods behind it.
    package var selector: [String: String] { JSONValue.strings(self["spec", "selector"]) }
    /// In the order of the specification.
    package var ports: [Port] { (self["spec", "ports"]?.array ?? []).map(Port.init) }
}
