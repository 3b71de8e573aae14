import JSON
import Kubernetes

extension JSONValue {
    var metadata: JSONValue { self["metadata"] ?? [:] }
    var spec: JSONValue { self["spec"] ?? [:] }
    var status: JSONValue { self["status"] ?? [:] }
    var name: String { metadata["name"]?.string ?? "" }
    var namespace: String { metadata["namespace"]?.string ?? "" }
    var uid: String { metadata["uid"]?.string ?? "" }
    var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }
    var isBeingDeleted: Bool { metadata["deletionTimestamp"]?.string != nil }

    /// The elements of a list in the specification; none when it is not there.
    func specList(_ field: String) -> [JSONValue] { spec[field]?.array ?? [] }
}

extension ResourceType {
    static let coreEvent = ResourceType(version: "v1", kind: "Event", plural: "events")
}
