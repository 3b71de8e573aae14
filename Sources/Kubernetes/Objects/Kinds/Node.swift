package import JSON

/// A machine that runs pods.
package struct Node: ObjectView, TypedObject {
    package static let resource = ResourceType.node
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// What keeps pods away that do not bear it.
    package struct Taint: Sendable, Hashable {
        /// As `node.kubernetes.io/not-ready`.
        package var key: String
        /// Often empty.
        package var value: String
        /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
        package var effect: String

        init(_ taint: JSONValue) {
            key = taint["key"]?.string ?? ""
            value = taint["value"]?.string ?? ""
            effect = taint["effect"]?.string ?? ""
        }
    }

    /// Whether an administrator keeps new pods away.
    package var isUnschedulable: Bool { self["spec", "unschedulable"]?.bool ?? false }
    /// What keeps pods away.
    package var taints: [Taint] { (self["spec", "taints"]?.array ?? []).map(Taint.init) }
    /// `Ready`, `MemoryPressure`, `DiskPressure`, `PIDPressure` and others'.
    package var conditions: Conditions { Conditions(self["status", "conditions"]) }
    /// Whether it runs pods.
    package var isReady: Bool { conditions.isTrue("Ready") }
    /// What pods may use in all, as quantities: `cpu`, `memory`, `pods` and the like.
    package var allocatable: [String: String] { JSONValue.strings(self["status", "allocatable"]) }
}
