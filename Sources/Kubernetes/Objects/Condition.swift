package import JSON

/// One aspect of an object's state, as `metav1.Condition` and the conditions of the built-in kinds have it.
package struct Condition: Sendable, Hashable {
    package enum Status: String, Sendable, CaseIterable {
        case yes = "True"
        case no = "False"
        case unknown = "Unknown"
    }

    package var type: String
    package var status: Status
    /// One word in CamelCase, never empty.
    package var reason: String
    package var message: String
    /// The generation that the condition speaks of.
    package var observedGeneration: Int
    /// When ``status`` last changed.
    package var lastTransitionTime: Timestamp

    package init(
        _ type: String,
        _ status: Status,
        reason: String,
        message: String = "",
        observedGeneration: Int,
        at time: Timestamp
    ) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.observedGeneration = observedGeneration
        lastTransitionTime = time.wholeSeconds
    }

    /// Reads one entry of `status.conditions`; nil when it has no type.
    package init?(_ value: JSONValue) {
        guard let type = value["type"]?.string, !type.isEmpty else { return nil }
        self.init(
            type,
            Status(rawValue: value["status"]?.string ?? "") ?? .unknown,
            reason: value["reason"]?.string ?? "",
            message: value["message"]?.string ?? "",
            observedGeneration: value["observedGeneration"]?.integer ?? 0,
            at: value["lastTransitionTime"]?.string.flatMap { Timestamp($0) } ?? Timestamp(microseconds: 0)
        )
    }

    /// The entry of `status.conditions`.
    package var value: JSONValue {
        [
            "type": .string(type), "status": .string(status.rawValue), "reason": .string(reason),
            "message": .string(message), "observedGeneration": .integer(observedGeneration),
            "lastTransitionTime": .string(lastTransitionTime.description),
        ]
    }
}

extension Condition {
    /// The condition with the time of its predecessor's last transition, unless this is one.
    fileprivate func since(_ old: Condition) -> Condition {
        var condition = self
        if old.status == status { condition.lastTransitionTime = old.lastTransitionTime }
        return condition
    }
}

/// The conditions of an object, in the order they were first set.
package struct Conditions: Sendable, Hashable {
    private var list: [Condition] = []

    /// No conditions.
    package init() {}

    /// Reads `status.conditions`; what is no condition is left out.
    package init(_ value: JSONValue?) { list = (value?.array ?? []).compactMap { Condition($0) } }

    /// The condition of a type; nil when there is none.
    package subscript(_ type: String) -> Condition? { list.first { $0.type == type } }

    /// Whether the condition of a type is there and `True`.
    package func isTrue(_ type: String) -> Bool { self[type]?.status == .yes }

    /// The conditions themselves.
    package var all: [Condition] { list }

    /// The value of `status.conditions`.
    package var value: JSONValue { .array(list.map(\.value)) }

    /// Adds a condition or replaces the one of its type.
    ///
    /// The time of the last transition stays unless the status changes.
    /// - Returns: Whether anything changed.
    @discardableResult
    package mutating func set(_ condition: Condition) -> Bool {
        guard let place = list.firstIndex(where: { $0.type == condition.type }) else {
            list.append(condition)
            return true
        }
        let condition = condition.since(list[place])
        guard list[place] != condition else { return false }
        list[place] = condition
        return true
    }

    /// Sets these conditions and removes all others.
    ///
    /// The time of the last transition stays where the status does.
    package mutating func replace(with conditions: [Condition]) {
        list = conditions.map { condition in self[condition.type].map(condition.since) ?? condition }
    }

    /// Removes the condition of a type.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    package mutating func remove(_ type: String) -> Bool {
        let count = list.count
        list.removeAll { $0.type == type }
        return list.count != count
    }
}
