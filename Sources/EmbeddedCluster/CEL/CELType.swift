/// What is known of a value before it is there.
package indirect enum CELType: Sendable, Hashable {
    /// Nothing.
    case any
    case null, bool, int, uint, double, string, bytes, timestamp, duration
    case list(CELType)
    case map(CELType)
    /// Fields by their escaped names.
    case object([String: CELType])
    /// A value that may be absent.
    case optional(CELType)

    /// As messages call it.
    var name: String {
        switch self {
        case .any: "dyn"
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .timestamp: "google.protobuf.Timestamp"
        case .duration: "google.protobuf.Duration"
        case .list(let element): "list(\(element.name))"
        case .map(let value): "map(string, \(value.name))"
        case .object: "object"
        case .optional(let type): "optional_type(\(type.name))"
        }
    }

    var isNumber: Bool { [.int, .uint, .double].contains(self) }

    /// What two values are that stand for each other, as both ways of a condition.
    func joined(_ other: CELType) -> CELType { self == other ? self : .any }
}
