/// Any JSON value, as a tree.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits in 64 bits.
    case integer(Int)
    /// Any other number; finite.
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    /// Parses a whole text.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try JSONReader.read(bytes) { (reader) throws(JSONError) in try reader.value() }
    }

    /// Parses a whole text.
    package init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }

    /// The string, if it is one.
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The whole number, if it is one; `2.0` counts as 2.
    package var integer: Int? {
        switch self {
        case .integer(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }
    /// The number, if it is one.
    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
    /// The Boolean, if it is one.
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements, if it is an array.
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    /// The members, if it is an object.
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    /// Whether it is `null`.
    package var isNull: Bool { self == .null }

    /// What kind of value it is.
    package var kind: JSONReader.Kind {
        switch self {
        case .null: .null
        case .bool: .boolean
        case .integer, .double: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }

    /// A member of an object; nil when it is absent or this is no object.
    ///
    /// Setting makes an object of anything else,
    /// and setting nil removes the member.
    package subscript(_ key: String) -> JSONValue? {
        get { if case .object(let members) = self { members[key] } else { nil } }
        set {
            var members = object ?? JSONObject()
            self = .null  // so that the members are held once and are changed in place
            members[key] = newValue
            self = .object(members)
        }
    }

    /// An element of an array; nil when it is out of bounds or this is no array.
    package subscript(_ index: Int) -> JSONValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    /// The value at the end of a path of keys.
    package subscript(path path: [String]) -> JSONValue? {
        get { path.reduce(Optional(self)) { $0?[$1] } }
        set {
            guard let first = path.first else {
                self = newValue ?? .null
                return
            }
            let rest = Array(path.dropFirst())
            if rest.isEmpty {
                self[first] = newValue
                return
            }
            var child = self[first] ?? .object([:])
            // Removing below something that is not there must not leave empty objects behind.
            guard newValue != nil || self[first] != nil else { return }
            child[path: rest] = newValue
            self[first] = child
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
    package init(nilLiteral: ()) { self = .null }
}

extension JSONValue: CustomStringConvertible {
    package var description: String { String(decoding: bytes(), as: UTF8.self) }

    /// The value as compact JSON text.
    ///
    /// - Parameter sorted: Whether members are written in the byte order of their keys, which makes the text canonical:
    ///   equal values give equal bytes.
    package func bytes(sorted: Bool = false) -> [UInt8] {
        var writer = JSONWriter(sorted: sorted)
        writer.value(self)
        return writer.bytes
    }
}

/// The members of a JSON object in the order they were read or added.
///
/// Equality does not look at the order.
///
/// Keys are compared byte by byte, as Kubernetes does: "é" composed and decomposed are two keys. Lookup is linear up to
/// 16 members and hashed above.
package struct JSONObject: Sendable {
    package typealias Member = (key: String, value: JSONValue)

    private struct ByteKey: Hashable {
        let text: String
        static func == (a: ByteKey, b: ByteKey) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }
        func hash(into hasher: inout Hasher) { for byte in text.utf8 { hasher.combine(byte) } }
    }

    private static let linearLimit = 16
    private var members: [Member] = []
    private var places: [ByteKey: Int] = [:]

    /// An empty object.
    package init() {}

    /// An object of these members; of a repeated key the last one counts.
    package init(_ members: some Sequence<(String, JSONValue)>) {
        for (key, value) in members { set(key, value) }
    }

    /// How many members there are.
    package var count: Int { members.count }
    /// Whether there is no member.
    package var isEmpty: Bool { members.isEmpty }
    /// The keys, in order.
    package var keys: [String] { members.map(\.key) }

    /// A member's value; setting nil removes it.
    package subscript(_ key: String) -> JSONValue? {
        get { place(of: key).map { members[$0].value } }
        set { if let newValue { set(key, newValue) } else { remove(key) } }
    }

    /// Adds a member or replaces its value in place.
    package mutating func set(_ key: String, _ value: JSONValue) {
        if let place = place(of: key) {
            members[place].value = value
            return
        }
        members.append((key, value))
        guard members.count > Self.linearLimit else { return }
        if places.isEmpty { index() } else { places[ByteKey(text: key)] = members.count - 1 }
    }

    /// Removes a member if it is there.
    @discardableResult
    package mutating func remove(_ key: String) -> JSONValue? {
        guard let place = place(of: key) else { return nil }
        let value = members.remove(at: place).value
        index()
        return value
    }

    /// Changes a member's value in place.
    package mutating func update(_ key: String, _ change: (inout JSONValue) -> Void) {
        guard let place = place(of: key) else { return }
        change(&members[place].value)
    }

    private mutating func index() {
        places.removeAll()
        guard members.count > Self.linearLimit else { return }
        for (place, member) in members.enumerated() { places[ByteKey(text: member.key)] = place }
    }

    private func place(of key: String) -> Int? {
        if members.count > Self.linearLimit { return places[ByteKey(text: key)] }
        // Lengths tell most keys apart, which matters where nothing is optimised.
        let count = key.utf8.count
        return members.firstIndex { $0.key.utf8.count == count && $0.key.utf8.elementsEqual(key.utf8) }
    }
}

extension JSONObject: Hashable {
    package static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.count == b.count && a.members.allSatisfy { b[$0.key] == $0.value }
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(count) }
}

extension JSONObject: Sequence {
    package func makeIterator() -> IndexingIterator<[Member]> { members.makeIterator() }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
