import JSON
import Kubernetes

/// Where objects keep what every kind has.
extension JSONValue {
    func meta(_ field: String) -> JSONValue? { self["metadata"]?[field] }

    mutating func setMeta(_ field: String, _ value: JSONValue?) {
        var metadata = self["metadata"] ?? .object([:])
        metadata[field] = value
        self["metadata"] = metadata
    }

    var name: String { meta("name")?.string ?? "" }
    var namespace: String { meta("namespace")?.string ?? "" }
    var uid: String { meta("uid")?.string ?? "" }
    var resourceVersion: String { meta("resourceVersion")?.string ?? "" }
    var labels: JSONObject { meta("labels")?.object ?? [:] }
    var finalizers: [String] { meta("finalizers")?.array?.compactMap(\.string) ?? [] }
    var isBeingDeleted: Bool { meta("deletionTimestamp")?.string != nil }
    var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }

    mutating func setFinalizers(_ finalizers: [String]) {
        setMeta("finalizers", finalizers.isEmpty ? nil : .array(finalizers.map(JSONValue.string)))
    }

    /// Equal but for its metadata's bookkeeping of who wrote what and when.
    func isEqual(to other: JSONValue, but fields: [String]) -> Bool {
        var a = self
        var b = other
        for field in fields {
            a.setMeta(field, nil)
            b.setMeta(field, nil)
        }
        return a == b
    }
}

extension ObjectKey {
    /// The text by which etcd sorts.
    var path: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
}

extension JSONValue {
    /// Keys of a path as `.spec.replicas`.
    static func keys(of path: String) -> [String] { path.split(separator: ".").map(String.init) }

    static func strings(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
}
