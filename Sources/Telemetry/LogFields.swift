import JSON

extension Logger {
    /// What a field says.
    package enum Value: Sendable, Hashable {
        /// Text. Never a secret, never a whole object.
        case string(String)
        /// A whole number.
        case integer(Int)
        /// Any number; NaN and infinities are written as null.
        case number(Double)
        /// A truth value.
        case bool(Bool)
        /// A time span, written in seconds.
        case duration(Duration)

        /// The description of a value: an error, an enum case.
        package static func describing(_ value: some CustomStringConvertible) -> Value { .string(value.description) }

        /// The text of an error, with its cause where the error's description names it.
        package static func error(_ error: any Error) -> Value { .string(String(describing: error)) }
    }

    /// Fields in the order they were given, each key once.
    package struct Fields: Sendable, ExpressibleByDictionaryLiteral {
        private(set) var members: [(key: String, value: Value)] = []

        /// Creates fields from a literal; of several with one key the last counts.
        package init(dictionaryLiteral elements: (String, Value)...) {
            members.reserveCapacity(elements.count)
            for (key, value) in elements { self[key] = value }
        }

        /// The value of a key; set nil to remove it.
        package subscript(key: String) -> Value? {
            get { members.first { $0.key == key }?.value }
            set {
                let index = members.firstIndex { $0.key == key }
                switch (index, newValue) {
                case (let index?, let value?): members[index].value = value
                case (let index?, nil): members.remove(at: index)
                case (nil, let value?): members.append((key, value))
                case (nil, nil): break
                }
            }
        }

        /// Adds the other's fields; of one key the other's value counts.
        package mutating func merge(_ other: Fields) {
            for (key, value) in other.members { self[key] = value }
        }
    }
}

extension Logger.Value: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral
{
    /// Text.
    package init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    package init(integerLiteral value: Int) { self = .integer(value) }
    /// A number.
    package init(floatLiteral value: Double) { self = .number(value) }
    /// A truth value.
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSONWriter {
    mutating func value(_ value: Logger.Value) {
        switch value {
        case .string(let value): string(value)
        case .integer(let value): integer(value)
        case .number(let value): double(value)
        case .bool(let value): bool(value)
        case .duration(let value): double(value.inSeconds)
        }
    }
}

extension Duration {
    /// The span in seconds, to the nanosecond or as near as a double comes.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds / 1_000_000_000) / 1e9
    }
}
