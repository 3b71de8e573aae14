import JSON
import Kubernetes

/// An entry of an object's `ownerReferences`.
struct Owner: Sendable, Hashable {
    var apiVersion: String
    var kind: String
    var name: String
    var uid: String
    var isController: Bool
    var blocksDeletion: Bool

    init(_ value: JSONValue) {
        apiVersion = value["apiVersion"]?.string ?? ""
        kind = value["kind"]?.string ?? ""
        name = value["name"]?.string ?? ""
        uid = value["uid"]?.string ?? ""
        isController = value["controller"]?.bool ?? false
        blocksDeletion = value["blockOwnerDeletion"]?.bool ?? false
    }

    /// The reference that a controller gives to what it makes.
    static func controller(_ type: ResourceType, _ object: JSONValue) -> JSONValue {
        [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "name": .string(object.name),
            "uid": .string(object.uid), "controller": true, "blockOwnerDeletion": true,
        ]
    }
}

extension JSONValue {
    var metadata: JSONValue { self["metadata"] ?? [:] }
    var spec: JSONValue { self["spec"] ?? [:] }
    var status: JSONValue { self["status"] ?? [:] }
    var name: String { metadata["name"]?.string ?? "" }
    var namespace: String { metadata["namespace"]?.string ?? "" }
    var uid: String { metadata["uid"]?.string ?? "" }
    var resourceVersion: String { metadata["resourceVersion"]?.string ?? "" }
    var generation: Int { metadata["generation"]?.integer ?? 0 }
    var labels: JSONObject { metadata["labels"]?.object ?? [:] }
    var annotations: JSONObject { metadata["annotations"]?.object ?? [:] }
    var finalizers: [String] { metadata["finalizers"]?.array?.compactMap(\.string) ?? [] }
    var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }
    var created: Timestamp? { metadata["creationTimestamp"]?.time }
    var isBeingDeleted: Bool { metadata["deletionTimestamp"]?.string != nil }
    var owners: [Owner] { metadata["ownerReferences"]?.array?.map(Owner.init) ?? [] }
    /// The owner that controls the object, of which there is at most one.
    var controllingOwner: Owner? { owners.first(where: \.isController) }
    var time: Timestamp? { string.flatMap { Timestamp($0) } }

    /// The condition of a type in `status.conditions`.
    func condition(_ type: String) -> JSONValue? {
        status["conditions"]?.array?.first { $0["type"]?.string == type }
    }

    func hasTrueCondition(_ type: String) -> Bool { condition(type)?["status"]?.string == "True" }
}

/// The objects in the order in which they were made, then of their names.
func isOlder(_ a: JSONValue, _ b: JSONValue) -> Bool {
    let (first, second) = (a.created?.microseconds ?? 0, b.created?.microseconds ?? 0)
    return first == second ? a.name < b.name : first < second
}

extension Sequence<JSONValue> {
    /// The sum of a number at a path.
    func sum(_ path: String...) -> Int { reduce(0) { $0 + ($1[path: path]?.integer ?? 0) } }
}

/// A number that may be given as a percentage of another.
enum Share {
    /// The number that `value` stands for.
    ///
    /// - Parameters:
    ///   - value: A whole number, or text as `25%`.
    ///   - total: What the percentage is of.
    ///   - roundsUp: Whether a fraction counts as one more.
    /// - Returns: Nil when `value` is absent or neither of the two.
    static func resolve(_ value: JSONValue?, of total: Int, roundsUp: Bool) -> Int? {
        guard let value else { return nil }
        if let number = value.integer { return number }
        guard let text = value.string, text.hasSuffix("%"), let percent = Int(text.dropLast()),
            abs(percent) <= 1_000_000, abs(total) <= Int(Int32.max)
        else { return nil }
        let product = percent * total
        return roundsUp ? (product + 99) / 100 : product / 100
    }
}

extension ResourceType {
    static let coreEvent = ResourceType(version: "v1", kind: "Event", plural: "events")
    static let serviceAccount = ResourceType(version: "v1", kind: "ServiceAccount", plural: "serviceaccounts")
    static let job = ResourceType(group: "batch", version: "v1", kind: "Job", plural: "jobs")
    static let podDisruptionBudget = ResourceType(
        group: "policy",
        version: "v1",
        kind: "PodDisruptionBudget",
        plural: "poddisruptionbudgets"
    )
}
