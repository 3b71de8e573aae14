import Kubernetes

/// Where an object is: its resource, in the version that is stored, and its key.
struct StoredObject: Sendable, Hashable, Comparable {
    var resource: ResourceType
    var key: ObjectKey

    init(_ resource: ResourceType, _ key: ObjectKey) {
        self.resource = resource
        self.key = key
    }

    static func < (a: StoredObject, b: StoredObject) -> Bool {
        if a.resource.plural != b.resource.plural { return a.resource.plural < b.resource.plural }
        if a.resource.group != b.resource.group { return a.resource.group < b.resource.group }
        return a.key < b.key
    }

    /// The object as the key of a controller's queue, which knows no resources: `plural.group/name`.
    var queueKey: ObjectKey { ObjectKey(namespace: key.namespace, name: "\(resource)/\(key.name)") }
}
