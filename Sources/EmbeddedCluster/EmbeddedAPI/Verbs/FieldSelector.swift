package import JSON

/// Which fields an object must have: the text of a `fieldSelector` query.
package struct FieldSelector: Sendable, Hashable {
    /// One comparison.
    package struct Term: Sendable, Hashable {
        package var field: String
        package var value: String
        package var isEqual: Bool
    }

    /// All must hold.
    package var terms: [Term] = []

    /// Reads the text of a query, as `status.phase!=Running,metadata.name=web`; `\,`, `\=` and `\\` stand for
    /// themselves in values.
    ///
    /// - Throws: ``APIStatus`` with code 400 when the text is no selector.
    package init(parsing text: String) throws(APIStatus) {
        for part in Self.split(text) where !part.isEmpty {
            var position = part.startIndex
            var found: (end: String.Index, start: String.Index, isEqual: Bool)?
            while position < part.endIndex, found == nil {
                let rest = part[position...]
                if rest.hasPrefix("!=") {
                    found = (position, part.index(position, offsetBy: 2), false)
                } else if rest.hasPrefix("==") {
                    found = (position, part.index(position, offsetBy: 2), true)
                } else if rest.hasPrefix("=") {
                    found = (position, part.index(after: position), true)
                }
                position = part.index(after: position)
            }
            guard let found else { throw .badRequest("invalid selector: '\(part)'; can't understand '\(part)'") }
            terms.append(
                Term(
                    field: String(part[..<found.end]),
                    value: try Self.unescaped(String(part[found.start...])),
                    isEqual: found.isEqual
                )
            )
        }
    }

    /// Whether it selects everything.
    package var isEmpty: Bool { terms.isEmpty }

    /// The name that objects must have, when it asks for one.
    package var requiredName: String? { terms.first { $0.field == "metadata.name" && $0.isEqual }?.value }

    /// Whether an object is selected; absent fields count as empty text.
    package func matches(_ object: JSONValue) -> Bool {
        terms.allSatisfy { (Self.value($0.field, of: object) == $0.value) == $0.isEqual }
    }

    private static func value(_ field: String, of object: JSONValue) -> String {
        switch object[path: JSONValue.keys(of: field)] {
        case .string(let text): text
        case .bool(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .double(let number): "\(number)"
        default: field == "spec.unschedulable" ? "false" : ""
        }
    }

    private static func split(_ text: String) -> [String] {
        var parts = [""]
        var isEscaped = false
        for character in text {
            if character == ",", !isEscaped { parts.append("") } else { parts[parts.count - 1].append(character) }
            isEscaped = character == "\\" && !isEscaped
        }
        return parts
    }

    private static func unescaped(_ text: String) throws(APIStatus) -> String {
        var value = ""
        var isEscaped = false
        for character in text {
            if isEscaped {
                guard character == "\\" || character == "," || character == "=" else {
                    throw .badRequest("invalid field selector: invalid escape sequence: \\\(character)")
                }
                value.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "," || character == "=" {
                throw .badRequest("invalid field selector: unescaped character in value: \(character)")
            } else {
                value.append(character)
            }
        }
        return value
    }
}
