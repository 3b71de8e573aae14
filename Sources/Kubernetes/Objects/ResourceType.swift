/// A kind of Kubernetes resource: what it is called in objects (`kind`) and in paths (`plural`).
package struct ResourceType: Sendable, Hashable, CustomStringConvertible {
    /// The API group; empty for the core group.
    package var group: String
    /// The API version, as `v1` or `v1alpha1`.
    package var version: String
    /// The kind in objects, as `Deployment`.
    package var kind: String
    /// The name in paths, as `deployments`.
    package var plural: String
    /// Whether objects live in a namespace.
    package var isNamespaced: Bool

    package init(group: String = "", version: String, kind: String, plural: String, isNamespaced: Bool = true) {
        self.group = group
        self.version = version
        self.kind = kind
        self.plural = plural
        self.isNamespaced = isNamespaced
    }

    /// The `apiVersion` of objects, as `apps/v1`.
    package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    package var description: String { group.isEmpty ? plural : "\(plural).\(group)" }

    /// The path of one object, or of the collection when `name` is nil; `namespace` empty means all namespaces.
    ///
    /// Names go into paths percent-encoded, so that no name can reach another resource.
    package func path(namespace: String = "", name: String? = nil, subresource: String? = nil) -> String {
        var path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        if isNamespaced, !namespace.isEmpty { path += "/namespaces/\(Self.escape(namespace))" }
        path += "/\(plural)"
        if let name { path += "/\(Self.escape(name))" }
        if let subresource { path += "/\(subresource)" }
        return path
    }

    /// Percent-encodes everything but RFC 3986's unreserved characters.
    package static func escape(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

extension ResourceType {
    package static let namespace = ResourceType(
        version: "v1",
        kind: "Namespace",
        plural: "namespaces",
        isNamespaced: false
    )
    package static let pod = ResourceType(version: "v1", kind: "Pod", plural: "pods")
    package static let service = ResourceType(version: "v1", kind: "Service", plural: "services")
    package static let endpoints = ResourceType(version: "v1", kind: "Endpoints", plural: "endpoints")
    package static let endpointSlice = ResourceType(
        group: "discovery.k8s.io",
        version: "v1",
        kind: "EndpointSlice",
        plural: "endpointslices"
    )
    package static let configMap = ResourceType(version: "v1", kind: "ConfigMap", plural: "configmaps")
    package static let secret = ResourceType(version: "v1", kind: "Secret", plural: "secrets")
    package static let node = ResourceType(version: "v1", kind: "Node", plural: "nodes", isNamespaced: false)
    package static let deployment = ResourceType(
        group: "apps",
        version: "v1",
        kind: "Deployment",
        plural: "deployments"
    )
    package static let replicaSet = ResourceType(
        group: "apps",
        version: "v1",
        kind: "ReplicaSet",
        plural: "replicasets"
    )
    package static let lease = ResourceType(
        group: "coordination.k8s.io",
        version: "v1",
        kind: "Lease",
        plural: "leases"
    )
    package static let event = ResourceType(group: "events.k8s.io", version: "v1", kind: "Event", plural: "events")
    package static let customResourceDefinition = ResourceType(
        group: "apiextensions.k8s.io",
        version: "v1",
        kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        isNamespaced: false
    )
}

/// The name of an object among those of its kind.
package struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The namespace; empty for objects that live in none.
    package var namespace: String
    package var name: String

    package init(namespace: String = "", name: String) {
        self.namespace = namespace
        self.name = name
    }

    package var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

    package static func < (a: ObjectKey, b: ObjectKey) -> Bool {
        a.namespace == b.namespace ? a.name < b.name : a.namespace < b.namespace
    }
}
