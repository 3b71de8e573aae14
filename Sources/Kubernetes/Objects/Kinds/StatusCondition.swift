package import JSON

/// A condition in the status of a built-in kind, as it was read.
package struct StatusCondition: Sendable, Hashable {
    /// As `Ready`.
    package var type: String
    /// `True`, `False` or `Unknown`.
    package var status: String
    /// Why, in one word.
    package var reason: String
    /// Why, in a sentence.
    package var message: String
    /// When ``status`` last changed.
    package var lastTransitionTime: Timestamp?

    /// Whether it holds.
    package var isTrue: Bool { status == "True" }

    package init(_ value: JSONValue) {
        type = value["type"]?.string ?? ""
        status = value["status"]?.string ?? ""
        reason = value["reason"]?.string ?? ""
        message = value["message"]?.string ?? ""
        lastTransitionTime = value["lastTransitionTime"]?.string.flatMap { Timestamp($0) }
    }

    static func list(_ value: JSONValue?) -> [StatusCondition] { (value?.array ?? []).map(StatusCondition.init) }
}

extension JSONValue {
    /// The members of an object that are strings.
    static func strings(_ value: JSONValue?) -> [String: String] {
        var strings: [String: String] = [:]
        for member in value?.object ?? [:] { strings[member.key] = member.value.string }
        return strings
    }
}
