package import JSON

/// A note about an object (`events.k8s.io/v1`).
package struct Event: ObjectView, TypedObject {
    package static let resource = ResourceType.event
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// `Normal` or `Warning`.
    package var type: String { fields["type"]?.string ?? "" }
    /// Why, in one word.
    package var reason: String { fields["reason"]?.string ?? "" }
    /// What was done, in one word.
    package var action: String { fields["action"]?.string ?? "" }
    /// What happened, in a sentence.
    package var note: String { fields["note"]?.string ?? "" }
    /// Who says it.
    package var reportingController: String { fields["reportingController"]?.string ?? "" }
    /// When it was first said.
    package var eventTime: Timestamp? { fields["eventTime"]?.string.flatMap { Timestamp($0) } }
    /// The kind of the object it is about.
    package var regardingKind: String { self["regarding", "kind"]?.string ?? "" }
    /// The name of the object it is about.
    package var regarding: ObjectKey {
        ObjectKey(
            namespace: self["regarding", "namespace"]?.string ?? "",
            name: self["regarding", "name"]?.string ?? ""
        )
    }
    /// How often it happened, 1 when it is not a series; notes of the older form count in `deprecatedCount`.
    package var count: Int {
        self["series", "count"]?.integer ?? max(1, fields["deprecatedCount"]?.integer ?? 1)
    }
}
