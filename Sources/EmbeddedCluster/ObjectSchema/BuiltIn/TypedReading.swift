package import JSON
import Kubernetes

/// Why an object could not be read into the fields of its kind.
package struct ReadingProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where and why, in the words of the API server: types and fields from outside to inside, then the bytes around.
    package var detail: String
    /// As `spec.replicas`.
    package var path: String

    package var description: String { detail }
}

extension Schema {
    /// The object of a built-in kind as the API server would write it after it has read it: unknown fields are gone,
    /// zero values are left out or written as the kind has them, quantities and times have their usual form, and
    /// members have the order of the schema.
    ///
    /// Defaults come after this: a zero value that is left out gets them.
    ///
    /// - Throws: ``ReadingProblem`` for a value of another JSON type than the field's.
    package func typed(_ object: JSONValue) throws(ReadingProblem) -> JSONValue {
        var reading = TypedReading(whole: object)
        return try reading.value(object, self)
    }

    /// The last part of the model's name with its version, as `v1.PodSpec`.
    fileprivate var typeName: String {
        let parts = definition.modelName.split(separator: ".")
        return parts.suffix(2).joined(separator: ".")
    }
}

private struct TypedReading {
    /// What is read, for the bytes in messages.
    let whole: JSONValue
    private var path: [PathStep] = []

    private enum PathStep {
        case member(String)
        case element(Int)
    }

    init(whole: JSONValue) { self.whole = whole }

    mutating func value(_ value: JSONValue, _ schema: Schema) throws(ReadingProblem) -> JSONValue {
        switch schema.shape {
        case .any: return value
        case .object: return try object(value, schema)
        case .map: return try map(value, schema)
        case .list: return try list(value, schema)
        case .string: return try string(value, schema)
        case .integer: return try integer(value, schema)
        case .boolean:
            guard case .bool = value else {
                throw problem(value, "ReadBool", "expect t or f, but found \(Self.firstByte(value))")
            }
            return value
        case .number:
            guard value.double != nil else { throw problem(value, "readFloat64", "invalid number") }
            return value
        case .intOrString:
            if case .string = value { return value }
            guard value.integer != nil else { throw unmarshal(value, "cannot unmarshal into Go value of type int32") }
            return value
        case .quantity: return try quantity(value)
        }
    }

    private mutating func object(_ value: JSONValue, _ schema: Schema) throws(ReadingProblem) -> JSONValue {
        guard case .object(let members) = value else {
            throw problem(value, "readObjectStart", "expect { or n, but found \(Self.firstByte(value))")
        }
        if schema.definition.preservesUnknownFields { return value }
        var result = JSONObject()
        for (name, field) in schema.definition.fields {
            let rule = field.definition.whenEmpty
            guard let member = members[name], !member.isNull else {
                if rule == .written { result[name] = try zero(of: field) }
                continue
            }
            path.append(.member(name))
            var read: JSONValue
            do throws(ReadingProblem) {
                read = try self.value(member, field)
            } catch {
                var error = error
                let prefix = schema.typeName.isEmpty ? "" : "\(schema.typeName)."
                error.detail = "\(prefix)\(Self.goName(name)): \(error.detail)"
                throw error
            }
            path.removeLast()
            if rule == .dropped, Self.isZero(read) { continue }
            result[name] = read
        }
        return .object(result)
    }

    private mutating func map(_ value: JSONValue, _ schema: Schema) throws(ReadingProblem) -> JSONValue {
        guard case .object(let members) = value else {
            throw problem(value, "ReadMapCB", "expect { or n, but found \(Self.firstByte(value))")
        }
        guard let element = schema.element else { return value }
        var result = JSONObject()
        for (key, member) in members {
            path.append(.member(key))
            result[key] = member.isNull ? try zero(of: element) : try self.value(member, element)
            path.removeLast()
        }
        return .object(result)
    }

    private mutating func list(_ value: JSONValue, _ schema: Schema) throws(ReadingProblem) -> JSONValue {
        guard case .array(let elements) = value else {
            throw problem(value, "decode slice", "expect [ or n, but found \(Self.firstByte(value))")
        }
        guard let element = schema.element else { return value }
        var result: [JSONValue] = []
        result.reserveCapacity(elements.count)
        for (index, item) in elements.enumerated() {
            path.append(.element(index))
            do throws(ReadingProblem) {
                result.append(item.isNull ? try zero(of: element) : try self.value(item, element))
            } catch {
                var error = error
                let name = element.typeName
                error.detail = "[]\(name.isEmpty ? Self.scalarName(element) : name): \(error.detail)"
                throw error
            }
            path.removeLast()
        }
        return .array(result)
    }

    private func string(_ value: JSONValue, _ schema: Schema) throws(ReadingProblem) -> JSONValue {
        guard case .string(let text) = value else {
            if schema.definition.isTime {
                throw unmarshal(value, "cannot unmarshal \(Self.jsonName(value)) into Go value of type string")
            }
            throw problem(value, "ReadString", "expects \" or n, but found \(Self.firstByte(value))")
        }
        guard schema.definition.isTime else { return value }
        guard let time = Timestamp(text) else {
            let layout =
                schema.definition.modelName.hasSuffix("MicroTime")
                ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00"
            throw unmarshal(value, "parsing time \"\(text)\" as \"\(layout)\": cannot parse \"\(text)\" as \"2006\"")
        }
        return .string(schema.definition.modelName.hasSuffix("MicroTime") ? time.microTime : time.description)
    }

    private func integer(_ value: JSONValue, _ schema: Schema) throws(ReadingProblem) -> JSONValue {
        let bits = schema.definition.limits.format == "int32" ? "32" : "64"
        switch value {
        case .integer(let number):
            if bits == "32", Int32(exactly: number) == nil {
                throw problem(value, "ReadInt32", "overflow: \(number)")
            }
            return value
        case .double: throw problem(value, "assertInteger", "can not decode float as int")
        case .null, .bool, .string, .array, .object:
            // The reader prints its mark for bytes that are no digits, which is no text.
            throw problem(value, "readUint\(bits)", "unexpected character: \u{FFFD}")
        }
    }

    private func quantity(_ value: JSONValue) throws(ReadingProblem) -> JSONValue {
        let text: String
        switch value {
        case .string(let string): text = string
        case .integer, .double: text = value.description
        case .null, .bool, .array, .object: text = ""
        }
        if let quantity = Quantity(text) { return .string(quantity.description) }
        throw unmarshal(
            value,
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    }

    private mutating func zero(of schema: Schema) throws(ReadingProblem) -> JSONValue {
        switch schema.shape {
        case .object: try object([:], schema)
        case .string: schema.definition.isTime ? .null : ""
        case .integer, .intOrString, .number: 0
        case .boolean: false
        case .quantity: "0"
        case .any, .map, .list: .null
        }
    }

    private static func isZero(_ value: JSONValue) -> Bool {
        switch value {
        case .null: true
        case .bool(let value): !value
        case .integer(let value): value == 0
        case .double(let value): value == 0
        case .string(let value): value.isEmpty
        case .array(let value): value.isEmpty
        case .object(let value): value.isEmpty
        }
    }

    // MARK: Messages

    private static func firstByte(_ value: JSONValue) -> String { String(value.description.prefix(1)) }

    private static func jsonName(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "bool"
        case .integer, .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    private static func scalarName(_ schema: Schema) -> String {
        switch schema.shape {
        case .string: "string"
        case .integer: schema.definition.limits.format ?? "int64"
        case .boolean: "bool"
        case .any, .number, .intOrString, .quantity, .object, .map, .list: "interface {}"
        }
    }

    /// A field's name in Go: with a capital, and initialisms all in capitals.
    private static func goName(_ name: String) -> String {
        for word in [
            "uid", "api", "http", "tcp", "tty", "nfs", "ip", "fs", "cidr", "gce", "aws", "csi", "rbd", "iscsi",
        ]
        where name.hasPrefix(word) {
            let rest = name.dropFirst(word.count)
            if rest.first?.isLowercase ?? false { continue }
            return word.uppercased() + rest
        }
        return name.prefix(1).uppercased() + name.dropFirst()
    }

    private func unmarshal(_ value: JSONValue, _ detail: String) -> ReadingProblem {
        problem(value, "unmarshalerDecoder", detail, isWhole: true)
    }

    private func problem(
        _ value: JSONValue,
        _ operation: String,
        _ detail: String,
        isWhole: Bool = false
    ) -> ReadingProblem {
        let bytes = whole.bytes()
        // The reader stands behind the byte that it could not take, or behind a value that reads itself.
        let head = min(offset() + (isWhole ? value.bytes().count : 1), bytes.count)
        func around(_ distance: Int) -> String {
            String(decoding: bytes[max(head - distance, 0)..<min(head + distance, bytes.count)], as: UTF8.self)
        }
        return ReadingProblem(
            detail: "\(operation): \(detail), error found in #\(min(head, 10)) byte of ...|\(around(10))|..., "
                + "bigger context ...|\(around(50))|...",
            path: pathText
        )
    }

    private var pathText: String {
        var text = ""
        for step in path {
            switch step {
            case .member(let name): text += text.isEmpty ? name : ".\(name)"
            case .element(let index): text += "[\(index)]"
            }
        }
        return text
    }

    /// Where the value stands in the bytes of the whole.
    private func offset() -> Int {
        var offset = 0
        var value = whole
        for step in path {
            offset += 1  // the bracket
            switch step {
            case .member(let name):
                for (key, member) in value.object ?? [:] {
                    offset += JSONValue.string(key).bytes().count + 1
                    if key == name { break }
                    offset += member.bytes().count + 1
                }
                value = value[name] ?? .null
            case .element(let index):
                for element in (value.array ?? []).prefix(index) { offset += element.bytes().count + 1 }
                value = value[index] ?? .null
            }
        }
        return offset
    }
}
