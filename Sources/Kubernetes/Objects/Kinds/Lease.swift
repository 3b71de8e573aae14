package import JSON

/// A Lease: who leads, and until when.
package struct Lease: ObjectView, TypedObject {
    package static let resource = ResourceType.lease
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// Who holds it; empty when nobody does.
    package var holder: String {
        get { self["spec", "holderIdentity"]?.string ?? "" }
        set { self["spec", "holderIdentity"] = .string(newValue) }
    }
    /// How long after ``renewTime`` others must wait.
    package var leaseDurationSeconds: Int {
        get { self["spec", "leaseDurationSeconds"]?.integer ?? 0 }
        set { self["spec", "leaseDurationSeconds"] = .integer(newValue) }
    }
    /// When the holder got it; by the holder's clock.
    package var acquireTime: Timestamp? {
        get { self["spec", "acquireTime"]?.string.flatMap { Timestamp($0) } }
        set { self["spec", "acquireTime"] = newValue.map { .string($0.microTime) } }
    }
    /// When the holder last renewed it; by the holder's clock.
    package var renewTime: Timestamp? {
        get { self["spec", "renewTime"]?.string.flatMap { Timestamp($0) } }
        set { self["spec", "renewTime"] = newValue.map { .string($0.microTime) } }
    }
    /// How often it went from one holder to another: grows with each leader, so it tells a late write of an old one.
    package var leaseTransitions: Int {
        get { self["spec", "leaseTransitions"]?.integer ?? 0 }
        set { self["spec", "leaseTransitions"] = .integer(newValue) }
    }
}
