package import JSON
package import Kubernetes

/// A value of a field of a resource.
package protocol APIValue: Sendable, Hashable {
    /// What values look like in JSON.
    static var schema: Schema { get }

    /// Reads a value; nil when the JSON is of another shape.
    ///
    /// Limits are not checked here but by ``Schema/errors(in:)``.
    init?(json: JSONValue)

    /// The value in JSON.
    var json: JSONValue { get }
}

extension String: APIValue {
    package static var schema: Schema { Schema(.string) }
    package init?(json: JSONValue) {
        guard let text = json.string else { return nil }
        self = text
    }
    package var json: JSONValue { .string(self) }
}

extension Int: APIValue {
    package static var schema: Schema { Schema(.integer) }
    package init?(json: JSONValue) {
        guard let number = json.integer else { return nil }
        self = number
    }
    package var json: JSONValue { .integer(self) }
}

extension Double: APIValue {
    package static var schema: Schema { Schema(.number) }
    package init?(json: JSONValue) {
        guard let number = json.double else { return nil }
        self = number
    }
    /// The number; `null` for NaN and infinities, which JSON has not.
    package var json: JSONValue {
        guard isFinite else { return .null }
        return Int(exactly: self).map { .integer($0) } ?? .double(self)
    }
}

extension Bool: APIValue {
    package static var schema: Schema { Schema(.boolean) }
    package init?(json: JSONValue) {
        guard let value = json.bool else { return nil }
        self = value
    }
    package var json: JSONValue { .bool(self) }
}

extension Timestamp: APIValue {
    package static var schema: Schema {
        var schema = Schema(.string)
        schema.format = "date-time"
        return schema
    }
    package init?(json: JSONValue) {
        guard let text = json.string, let time = Timestamp(text) else { return nil }
        self = time
    }
    /// RFC 3339 in UTC; with microseconds where there are any, so that durations can be computed from it.
    package var json: JSONValue { .string(microseconds % 1_000_000 == 0 ? description : microTime) }
}

extension Array: APIValue where Element: APIValue {
    package static var schema: Schema {
        var schema = Schema(.array)
        schema.items = [Element.schema]
        return schema
    }
    package init?(json: JSONValue) {
        guard let elements = json.array else { return nil }
        self.init()
        reserveCapacity(elements.count)
        for element in elements {
            guard let value = Element(json: element) else { return nil }
            append(value)
        }
    }
    package var json: JSONValue { .array(map(\.json)) }
}

extension Dictionary: APIValue where Key == String, Value: APIValue {
    package static var schema: Schema {
        var schema = Schema(.object)
        schema.values = [Value.schema]
        return schema
    }
    package init?(json: JSONValue) {
        guard let members = json.object else { return nil }
        self.init()
        for member in members {
            guard let value = Value(json: member.value) else { return nil }
            self[member.key] = value
        }
    }
    package var json: JSONValue {
        .object(JSONObject(sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }))
    }
}

extension JSONValue: APIValue {
    /// An object whose members are all kept.
    package static var schema: Schema {
        var schema = Schema(.object)
        schema.keepsUnknown = true
        return schema
    }
    package init?(json: JSONValue) { self = json }
    package var json: JSONValue { self }
}

/// One of a closed set of words.
package protocol APIEnum: APIValue, CaseIterable, RawRepresentable where RawValue == String {
    /// What the word means, in a few words for the reference; empty where it speaks for itself or its field tells.
    var meaning: String { get }
}

extension APIEnum {
    package var meaning: String { "" }

    package static var schema: Schema {
        var schema = Schema(.string)
        schema.allowed = allCases.map(\.rawValue)
        schema.meanings = allCases.filter { !$0.meaning.isEmpty }.map { "\($0.rawValue): \($0.meaning)." }
        return schema
    }
    package init?(json: JSONValue) {
        guard let text = json.string, let value = Self(rawValue: text) else { return nil }
        self = value
    }
    package var json: JSONValue { .string(rawValue) }
}
