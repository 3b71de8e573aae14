package import JSON
package import Kubernetes

/// Which object is meant, as `v1.ObjectReference`.
package struct ObjectReference: Sendable, Hashable {
    package var apiVersion: String
    package var kind: String
    package var namespace: String
    package var name: String
    package var uid: String

    package init(apiVersion: String, kind: String, namespace: String = "", name: String, uid: String = "") {
        self.apiVersion = apiVersion
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.uid = uid
    }

    /// The reference to an object of a kind.
    package init(_ resource: ResourceType, _ metadata: ObjectMeta) {
        self.init(
            apiVersion: resource.apiVersion,
            kind: resource.kind,
            namespace: metadata.namespace,
            name: metadata.name,
            uid: metadata.uid
        )
    }

    /// The reference as a tree; what is empty is left out.
    package var value: JSONValue {
        var members: JSONObject = ["apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name)]
        if !namespace.isEmpty { members.set("namespace", .string(namespace)) }
        if !uid.isEmpty { members.set("uid", .string(uid)) }
        return .object(members)
    }
}

/// Something that happened, told to the people who look at an object.
package struct EventNote: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case normal = "Normal"
        /// Only for what a person must see.
        case warning = "Warning"
    }

    /// The object it happened to.
    package var regarding: ObjectReference
    /// Another object that has to do with it.
    package var related: ObjectReference?
    package var type: Kind
    /// Why, as one word in CamelCase.
    package var reason: String
    /// What was done or failed, as one word in CamelCase.
    package var action: String
    /// For people; longer than 1024 bytes is cut.
    package var note: String

    package init(
        regarding: ObjectReference,
        related: ObjectReference? = nil,
        type: Kind = .normal,
        reason: String,
        action: String,
        note: String
    ) {
        self.regarding = regarding
        self.related = related
        self.type = type
        self.reason = reason
        self.action = action
        self.note = note
    }
}
