package import JSON

/// A value of the Common Expression Language.
///
/// - SeeAlso: The language definition at <https://github.com/google/cel-spec>.
package indirect enum CELValue: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case uint(UInt)
    case double(Double)
    /// Compared and counted by Unicode scalars.
    case string(String)
    case bytes([UInt8])
    case list(CELList)
    /// A map, or an object with its fields' escaped names.
    case map(CELMap)
    case timestamp(CELTimestamp)
    /// Nanoseconds.
    case duration(Int)
    /// The name of a type.
    case type(String)
    case quantity(CELQuantity)
    /// A value that may be absent.
    case optional(CELValue?)

    /// The name of its type.
    package var typeName: String {
        switch self {
        case .null: "null_type"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .list: "list"
        case .map: "map"
        case .timestamp: "google.protobuf.Timestamp"
        case .duration: "google.protobuf.Duration"
        case .type: "type"
        case .quantity: "kubernetes.Quantity"
        case .optional: "optional_type"
        }
    }

    /// The string, if it is one.
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The Boolean, if it is one.
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The int, if it is one.
    var int: Int? { if case .int(let value) = self { value } else { nil } }
    /// The elements, if it is a list.
    package var elements: [CELValue]? { if case .list(let value) = self { value.elements } else { nil } }

    static func list(_ elements: [CELValue]) -> CELValue { .list(CELList(elements)) }
}

extension CELValue {
    /// A JSON value without a schema: whole numbers are ints, strings stay strings.
    package init(_ json: JSONValue) {
        switch json {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .int(value)
        case .double(let value): self = .double(value)
        case .string(let value): self = .string(value)
        case .array(let elements): self = .list(elements.map(CELValue.init))
        case .object(let members): self = .map(CELMap(members.map { (.string($0.key), CELValue($0.value)) }))
        }
    }
}

/// The elements of a list, and what makes two lists equal.
package struct CELList: Sendable {
    /// As `x-kubernetes-list-type` has it.
    package enum Kind: Sendable, Hashable {
        case ordered
        /// Order does not count; what is added is there once.
        case set
        /// Elements are told apart by these fields; what is added takes the place of the element with its key.
        case map(keys: [String])
    }

    package var elements: [CELValue]
    package var kind: Kind

    package init(_ elements: [CELValue], kind: Kind = .ordered) {
        self.elements = elements
        self.kind = kind
    }
}

/// The entries of a map in the order in which they were added.
package struct CELMap: Sendable {
    package private(set) var entries: [(key: CELValue, value: CELValue)] = []
    private var places: [CELKey: Int] = [:]

    /// Of a key that is there twice, the last counts; what cannot be a key is left out.
    package init(_ entries: some Sequence<(CELValue, CELValue)> = []) {
        for (key, value) in entries { _ = insert(value, for: key) }
    }

    /// Whether the key is a new one and can be a key.
    mutating func insert(_ value: CELValue, for key: CELValue) -> Bool {
        guard let hashed = CELKey(key) else { return false }
        if let place = places[hashed] {
            entries[place].value = value
            return false
        }
        places[hashed] = entries.count
        entries.append((key, value))
        return true
    }

    /// A value; numbers that are equal are one key, whatever their types.
    package subscript(_ key: CELValue) -> CELValue? { CELKey(key).flatMap { places[$0] }.map { entries[$0].value } }
}

/// What a map finds its values by.
private enum CELKey: Hashable {
    case bool(Bool)
    case int(Int)
    case uint(UInt)
    case bytes([UInt8])

    init?(_ value: CELValue) {
        switch value {
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .uint(let value): self = Int(exactly: value).map(CELKey.int) ?? .uint(value)
        case .double(let value):
            if let whole = Int(exactly: value) {
                self = .int(whole)
            } else if let whole = UInt(exactly: value) {
                self = .uint(whole)
            } else {
                return nil
            }
        // By bytes: Swift's strings are equal when they only look so.
        case .string(let value): self = .bytes(Array(value.utf8))
        case .null, .bytes, .list, .map, .timestamp, .duration, .type, .quantity, .optional: return nil
        }
    }
}
