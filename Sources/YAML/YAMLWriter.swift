import JSON

/// Writes trees as YAML in block style, sequences at the column of their key as Kubernetes' own tools do.
struct YAMLWriter {
    private(set) var bytes: [UInt8] = []

    /// A key longer than this cannot stand before a colon on one line (1024 characters by YAML's grammar).
    private static let longestSimpleKey = 1000

    mutating func document(_ value: JSONValue) {
        switch value {
        case .object(let members) where !members.isEmpty: mapping(members, indent: 0, isInline: true)
        case .array(let elements) where !elements.isEmpty: sequence(elements, indent: 0, isInline: true)
        default:
            scalar(value, indent: 0)
            line()
        }
    }

    /// - Parameter isInline: Whether the first line is begun already, as behind `- `.
    private mutating func mapping(_ members: JSONObject, indent: Int, isInline: Bool) {
        for (index, member) in members.enumerated() {
            if index > 0 || !isInline { pad(indent) }
            var key = YAMLWriter()
            key.string(member.key, indent: indent, allowsBlock: false)
            if key.bytes.count > Self.longestSimpleKey {
                bytes += "? ".utf8
                bytes += key.bytes
                line()
                pad(indent)
            } else {
                bytes += key.bytes
            }
            bytes.append(UInt8(ascii: ":"))
            switch member.value {
            case .object(let members) where !members.isEmpty:
                line()
                mapping(members, indent: indent + 2, isInline: false)
            case .array(let elements) where !elements.isEmpty:
                line()
                sequence(elements, indent: indent, isInline: false)
            default:
                space()
                scalar(member.value, indent: indent + 2)
                line()
            }
        }
    }

    private mutating func sequence(_ elements: [JSONValue], indent: Int, isInline: Bool) {
        for (index, element) in elements.enumerated() {
            if index > 0 || !isInline { pad(indent) }
            bytes += "- ".utf8
            switch element {
            case .object(let members) where !members.isEmpty: mapping(members, indent: indent + 2, isInline: true)
            case .array(let elements) where !elements.isEmpty: sequence(elements, indent: indent + 2, isInline: true)
            default:
                scalar(element, indent: indent + 2)
                line()
            }
        }
    }

    /// - Parameter indent: The column of the lines of a literal block.
    private mutating func scalar(_ value: JSONValue, indent: Int) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .double(let value): bytes += (value.isFinite ? String(value) : "null").utf8
        case .string(let value): string(value, indent: indent, allowsBlock: true)
        case .array: bytes += "[]".utf8
        case .object: bytes += "{}".utf8
        }
    }

    private mutating func string(_ text: String, indent: Int, allowsBlock: Bool) {
        if Self.isPlain(text) {
            bytes += text.utf8
        } else if allowsBlock, Self.isBlock(text) {
            literal(text, indent: max(indent, 2))
        } else {
            quoted(text)
        }
    }

    private mutating func literal(_ text: String, indent: Int) {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        bytes.append(UInt8(ascii: "|"))
        var content = lines[...]
        if lines.last?.isEmpty == true {
            content = content.dropLast()
            if content.last?.isEmpty == true { bytes.append(UInt8(ascii: "+")) }
        } else {
            bytes.append(UInt8(ascii: "-"))
        }
        for text in content {
            line()
            if !text.isEmpty { pad(indent) }
            bytes += text
        }
    }

    private mutating func quoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": bytes += "\\\"".utf8
            case "\\": bytes += "\\\\".utf8
            case "\n": bytes += "\\n".utf8
            case "\r": bytes += "\\r".utf8
            case "\t": bytes += "\\t".utf8
            default:
                if Self.isPrintable(scalar) {
                    bytes += String(Character(scalar)).utf8
                } else {
                    let digits = String(scalar.value, radix: 16)
                    bytes += "\\u".utf8
                    bytes += String(repeating: "0", count: max(0, 4 - digits.count)).utf8
                    bytes += digits.utf8
                }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    // MARK: Which style a string can bear

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Besides control characters: YAML 1.1's further line breaks, the byte order mark, and non-characters.
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: false
        default: true
        }
    }

    /// Whether the text means itself without quotes, to YAML 1.1 and 1.2 parsers alike.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, YAMLScalar(plain: text) == .string else {
            return false
        }
        let leading = Array("-?:,[]{}#&*!|>'\"%@`=<~ .+".utf8)
        guard !leading.contains(first), last != UInt8(ascii: " "), last != UInt8(ascii: ":") else { return false }
        // Dates, base 60 numbers and the like, which other parsers take for more than text.
        if first &- UInt8(ascii: "0") < 10, text.utf8.allSatisfy({ "0123456789+-.:_eExXoObBtTzZ ".utf8.contains($0) }) {
            return false
        }
        guard text.unicodeScalars.allSatisfy(isPrintable) else { return false }
        var previous = first
        for byte in text.utf8.dropFirst() {
            if previous == UInt8(ascii: ":"), byte == UInt8(ascii: " ") { return false }
            if previous == UInt8(ascii: " "), byte == UInt8(ascii: "#") { return false }
            previous = byte
        }
        return true
    }

    private static func isBlock(_ text: String) -> Bool {
        guard text.utf8.contains(UInt8(ascii: "\n")), let first = text.utf8.first else { return false }
        // A first line that is empty or indented would need an indentation indicator.
        guard ![0x20, 0x09, 0x0A].contains(first) else { return false }
        return text.unicodeScalars.allSatisfy { $0 == "\n" || $0 == "\t" || isPrintable($0) }
    }

    // MARK: Space

    private mutating func pad(_ count: Int) { bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: count)) }
    private mutating func space() { bytes.append(UInt8(ascii: " ")) }
    private mutating func line() { bytes.append(UInt8(ascii: "\n")) }
}
