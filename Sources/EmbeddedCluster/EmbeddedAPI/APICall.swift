package import JSON
package import Kubernetes

/// One request to the API, with nothing of HTTP left in it.
package struct APICall: Sendable {
    package enum Verb: String, Sendable, Hashable {
        case get, list, watch, create, update, patch, delete, deletecollection
    }

    /// The format of a patch.
    package enum PatchFormat: String, Sendable, Hashable {
        case json = "application/json-patch+json"
        case merge = "application/merge-patch+json"
        case strategic = "application/strategic-merge-patch+json"
        case apply = "application/apply-patch+yaml"
    }

    /// What a list may be older or newer than, `resourceVersionMatch`.
    package enum VersionMatch: String, Sendable, Hashable {
        case exact = "Exact"
        case notOlderThan = "NotOlderThan"
    }

    /// Who asks.
    package struct User: Sendable, Hashable {
        package var name: String
        package var groups: [String]
        package var uid: String

        package init(name: String, groups: [String] = [], uid: String = "") {
            self.name = name
            self.groups = groups
            self.uid = uid
        }

        /// The person who set the cluster up; may do everything.
        package static let admin = User(name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"])
        /// The cluster's own parts.
        package static let system = User(name: "system:embedded", groups: ["system:masters", "system:authenticated"])
    }

    package var verb: Verb
    package var resource: ResourceType
    /// Empty for all namespaces and for cluster-scoped resources.
    package var namespace = ""
    /// Empty for collections.
    package var name = ""
    package var subresource: String?
    /// The object, the patch, or the DeleteOptions.
    package var body: JSONValue?
    package var patchFormat: PatchFormat?
    package var labelSelector = ""
    package var fieldSelector = ""
    package var limit: Int?
    package var continueToken: String?
    package var resourceVersion: String?
    package var versionMatch: VersionMatch?
    package var isDryRun = false
    /// Empty when the client named none: the program's name of its user agent is taken then.
    package var fieldManager = ""
    /// Server-side apply takes fields from their owners.
    package var isForced = false
    /// `Background`, `Foreground` or `Orphan`; nil for the resource's default.
    package var propagationPolicy: String?
    package var gracePeriodSeconds: Int?
    package var user: User
    package var userAgent = ""

    package init(_ verb: Verb, _ resource: ResourceType, _ key: ObjectKey = ObjectKey(name: ""), user: User = .system) {
        self.verb = verb
        self.resource = resource
        namespace = key.namespace
        name = key.name
        self.user = user
    }
}

/// What the API answers when it does not refuse.
package struct APIAnswer: Sendable {
    /// 200, 201 or 202.
    package var code: Int
    /// The object, the list or the `Status`, in the version that was asked for.
    package var body: JSONValue

    package init(code: Int = 200, _ body: JSONValue) {
        self.code = code
        self.body = body
    }
}

/// A change to one stored object.
package struct Change: Sendable {
    /// The resourceVersion that the change made.
    package var version: Int
    /// In its stored version, see ``ResourceDefinition/stored``.
    package var resource: ResourceType
    package var key: ObjectKey
    /// Nil when it was created.
    package var old: JSONValue?
    /// Nil when it is gone.
    package var new: JSONValue?

    package init(version: Int, resource: ResourceType, key: ObjectKey, old: JSONValue?, new: JSONValue?) {
        self.version = version
        self.resource = resource
        self.key = key
        self.old = old
        self.new = new
    }
}
