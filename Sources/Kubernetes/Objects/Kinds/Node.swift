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
        package var key: String
        package var value: String
        /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
        package var effect: String

        init(_ taint: JSONValue) {
            key = taint["key"]?.string ?? ""
            value = taint["value"]?.string ?? ""
            effect = taint["effect"]?.string ?? ""
        }
    }

    package var isUnschedulable: Bool { self["spec", "unschedulable"]?.bool ?? false }
    package var taints: [Taint] { (self["spec", "taints"]?.array ?? []).map(Taint.init) }
    package var conditions: [StatusCondition] { StatusCondition.list(self["status", "conditions"]) }
    package var isReady: Bool { conditions.contains { $0.type == "Ready" && $0.isTrue } }
    /// What pods may use in all, as quantities: `cpu`, `memory`, `pods` and the like.
    package var allocatable: [String: String] { JSONValue.strings(self["status", "allocatable"]) }
}
