package import JSON

/// The metadata of an object.
///
/// Fields that are not named here are kept in ``other`` and written back.
///
/// `managedFields` is dropped while reading: it is a third of a typical object, nobody here reads it, and the API server
/// keeps its own when an update comes without.
package struct ObjectMeta: Sendable, Hashable {
    package var name = ""
    /// Empty for objects that live in no namespace.
    package var namespace = ""
    package var generateName = ""
    /// Empty until the API server has stored the object.
    package var uid = ""
    /// The version of the stored object; opaque but for equality.
    ///
    /// Empty until the API server has stored it.
    package var resourceVersion = ""
    /// Counts the changes of the specification; 0 for kinds that have none.
    package var generation = 0
    package var creationTimestamp: Timestamp?
    /// When the deletion was asked for; the object stays until its finalizers are gone.
    package var deletionTimestamp: Timestamp?
    package var labels: [String: String] = [:]
    package var annotations: [String: String] = [:]
    package var ownerReferences: [OwnerReference] = []
    package var finalizers: [String] = []
    /// All further fields.
    package var other = JSONObject()

    package init(
        name: String = "",
        namespace: String = "",
        labels: [String: String] = [:],
        annotations: [String: String] = [:]
    ) {
        self.name = name
        self.namespace = namespace
        self.labels = labels
        self.annotations = annotations
    }

    package var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }

    /// Whether the object waits for its finalizers to be deleted.
    package var isBeingDeleted: Bool { deletionTimestamp != nil }

    /// The owner that controls the object, of which there is at most one.
    package var controller: OwnerReference? { ownerReferences.first { $0.controller } }
}

extension ObjectMeta {
    /// Reads the value of a `metadata` member.
    package init(from reader: inout JSONReader) throws(JSONError) {
        var meta = ObjectMeta()
        try reader.object { (key, reader) throws(JSONError) in
            do throws(JSONError) {
                if try !reader.null() { try meta.read(key, from: &reader) }
            } catch { throw error.inside(try key.string()) }
        }
        self = meta
    }

    private mutating func read(_ key: borrowing JSONKey, from reader: inout JSONReader) throws(JSONError) {
        if key.matches("name") {
            name = try reader.string()
        } else if key.matches("namespace") {
            namespace = try reader.string()
        } else if key.matches("uid") {
            uid = try reader.string()
        } else if key.matches("resourceVersion") {
            resourceVersion = try reader.string()
        } else if key.matches("generation") {
            generation = try reader.integer()
        } else if key.matches("creationTimestamp") {
            creationTimestamp = try reader.timestamp()
        } else if key.matches("deletionTimestamp") {
            deletionTimestamp = try reader.timestamp()
        } else if key.matches("labels") {
            labels = try reader.strings()
        } else if key.matches("annotations") {
            annotations = try reader.strings()
        } else if key.matches("ownerReferences") {
            var owners: [OwnerReference] = []
            try reader.array { (reader) throws(JSONError) in owners.append(try OwnerReference(from: &reader)) }
            ownerReferences = owners
        } else if key.matches("finalizers") {
            var names: [String] = []
            try reader.array { (reader) throws(JSONError) in names.append(try reader.string()) }
            finalizers = names
        } else if key.matches("managedFields") {
            try reader.skip()
        } else if key.matches("generateName") {
            generateName = try reader.string()
        } else {
            other.set(try key.string(), try reader.value())
        }
    }

    /// Writes the value of a `metadata` member; what is empty is left out.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            for (key, value) in [
                ("name", name), ("generateName", generateName), ("namespace", namespace), ("uid", uid),
                ("resourceVersion", resourceVersion),
            ] where !value.isEmpty {
                writer.member(key, value)
            }
            if generation != 0 { writer.member("generation", generation) }
            if let creationTimestamp { writer.member("creationTimestamp", creationTimestamp.description) }
            if let deletionTimestamp { writer.member("deletionTimestamp", deletionTimestamp.description) }
            if !labels.isEmpty { writer.member("labels", labels) }
            if !annotations.isEmpty { writer.member("annotations", annotations) }
            if !ownerReferences.isEmpty {
                writer.key("ownerReferences")
                writer.array { writer in for owner in ownerReferences { owner.write(to: &writer) } }
            }
            if !finalizers.isEmpty {
                writer.key("finalizers")
                writer.array { writer in for finalizer in finalizers { writer.string(finalizer) } }
            }
            for member in other { writer.member(member.key, member.value) }
        }
    }
}

/// A reference from an object to one it belongs to.
package struct OwnerReference: Sendable, Hashable {
    package var apiVersion: String
    package var kind: String
    package var name: String
    package var uid: String
    /// Whether this owner manages the object.
    package var controller: Bool
    /// Whether the owner may not vanish before the object in a foreground deletion.
    package var blockOwnerDeletion: Bool

    package init(
        apiVersion: String,
        kind: String,
        name: String,
        uid: String,
        controller: Bool = true,
        blockOwnerDeletion: Bool = true
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
        self.controller = controller
        self.blockOwnerDeletion = blockOwnerDeletion
    }

    package init(from reader: inout JSONReader) throws(JSONError) {
        self.init(apiVersion: "", kind: "", name: "", uid: "", controller: false, blockOwnerDeletion: false)
        var owner = self
        try reader.object { (key, reader) throws(JSONError) in
            if try reader.null() { return }
            if key.matches("apiVersion") {
                owner.apiVersion = try reader.string()
            } else if key.matches("kind") {
                owner.kind = try reader.string()
            } else if key.matches("name") {
                owner.name = try reader.string()
            } else if key.matches("uid") {
                owner.uid = try reader.string()
            } else if key.matches("controller") {
                owner.controller = try reader.bool()
            } else if key.matches("blockOwnerDeletion") {
                owner.blockOwnerDeletion = try reader.bool()
            } else {
                try reader.skip()
            }
        }
        self = owner
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("apiVersion", apiVersion)
            writer.member("kind", kind)
            writer.member("name", name)
            writer.member("uid", uid)
            if controller { writer.member("controller", .bool(true)) }
            if blockOwnerDeletion { writer.member("blockOwnerDeletion", .bool(true)) }
        }
    }

    /// The reference as a tree.
    package var value: JSONValue {
        [
            "apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name), "uid": .string(uid),
            "controller": .bool(controller), "blockOwnerDeletion": .bool(blockOwnerDeletion),
        ]
    }
}

extension JSONReader {
    /// Reads an object whose values are strings.
    package mutating func strings() throws(JSONError) -> [String: String] {
        var strings: [String: String] = [:]
        try object { (key, reader) throws(JSONError) in
            strings[try key.string()] = try reader.null() ? "" : try reader.string()
        }
        return strings
    }

    /// Reads an RFC 3339 time.
    package mutating func timestamp() throws(JSONError) -> Timestamp {
        let start = offset
        let text = try string()
        guard let time = Timestamp(text) else {
            throw JSONError(.invalid, "\"\(text.prefix(40))\" is not an RFC 3339 time", offset: start)
        }
        return time
    }
}

extension JSONWriter {
    /// Writes a key and an object whose values are strings, in the order of their keys.
    package mutating func member(_ name: String, _ strings: [String: String]) {
        key(name)
        object { writer in for (key, value) in strings.sorted(by: { $0.key < $1.key }) { writer.member(key, value) } }
    }
}
