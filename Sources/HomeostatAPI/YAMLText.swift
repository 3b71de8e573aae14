internal import JSON

/// Writes JSON values as YAML in block style, texts in JSON's quotes unless they are plain words.
enum YAMLText {
    static func document(_ value: JSONValue) -> String {
        var lines: [String] = []
        write(value, indent: 0, prefix: "", to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    /// - Parameter prefix: What stands before the value on its first line, as `key:` or `-`.
    private static func write(_ value: JSONValue, indent: Int, prefix: String, to lines: inout [String]) {
        let space = String(repeating: " ", count: indent)
        switch value {
        case .object(let members) where !members.isEmpty:
            var inner = indent
            if prefix.hasSuffix(":") {
                lines.append(space + prefix)
                inner += 2
            }
            let start = lines.count
            for member in members { write(member.value, indent: inner, prefix: text(member.key) + ":", to: &lines) }
            if prefix == "-" {
                for index in start..<lines.count { lines[index] = (index == start ? "- " : "  ") + lines[index] }
                lines[start] = space + "- " + lines[start].dropFirst(2 + indent)
            }
        case .array(let elements) where !elements.isEmpty:
            lines.append(space + prefix)
            for element in elements { write(element, indent: indent, prefix: "-", to: &lines) }
        case .string(let string): lines.append("\(space)\(prefix) \(text(string))")
        default: lines.append("\(space)\(prefix) \(value)")
        }
    }

    private static func text(_ string: String) -> String {
        let first = string.utf8.first.map { $0 | 0x20 } ?? 0
        let isPlain =
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first)
            && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(string.lowercased())
            && string.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "/"),
                    UInt8(ascii: "_"):
                    true
                default: false
                }
            }
        return isPlain ? string : "\(JSONValue.string(string))"
    }
}
