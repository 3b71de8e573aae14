import GoText
package import JSON

/// One thing that is wrong with an object, in the words of the API server.
package struct FieldProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of fault it is.
    package enum Kind: Sendable, Hashable {
        case notFound, required, duplicate, invalid, unsupported, forbidden, tooLong, tooMany, internalError
        /// The value is of another type than the schema says; told as ``invalid``, but rules in CEL are not run then.
        case typeInvalid
    }

    package var kind: Kind
    /// The path, as `spec.ports[0].name`.
    package var field: String
    /// What is there; nil where it is not told.
    package var badValue: JSONValue?
    package var detail: String
    /// Whether the value is a list that the API server holds as texts, which it shows differently.
    var isListOfTexts = false

    package init(_ kind: Kind, _ field: String, _ badValue: JSONValue? = nil, _ detail: String = "") {
        self.kind = kind
        self.field = field
        self.badValue = badValue
        self.detail = detail
    }

    package static func required(_ field: String, _ detail: String = "") -> FieldProblem {
        FieldProblem(.required, field, nil, detail)
    }

    package static func invalid(_ field: String, _ value: JSONValue, _ detail: String) -> FieldProblem {
        FieldProblem(.invalid, field, value, detail)
    }

    package static func forbidden(_ field: String, _ detail: String) -> FieldProblem {
        FieldProblem(.forbidden, field, nil, detail)
    }

    package static func duplicate(_ field: String, _ value: JSONValue) -> FieldProblem {
        FieldProblem(.duplicate, field, value)
    }

    package static func notFound(_ field: String, _ value: JSONValue) -> FieldProblem {
        FieldProblem(.notFound, field, value)
    }

    /// A value outside a closed set.
    package static func unsupported(_ field: String, _ value: JSONValue, supported: [String]) -> FieldProblem {
        let list = supported.map(GoText.quoted).joined(separator: ", ")
        return FieldProblem(.unsupported, field, value, supported.isEmpty ? "" : "supported values: " + list)
    }

    /// A text of more than so many bytes.
    package static func tooLong(_ field: String, limitBytes: Int) -> FieldProblem {
        FieldProblem(.tooLong, field, nil, "must have at most \(limitBytes) bytes")
    }

    /// A list of more than so many items.
    package static func tooMany(_ field: String, count: Int, limit: Int) -> FieldProblem {
        FieldProblem(.tooMany, field, .integer(count), "must have at most \(limit) items")
    }

    /// The reason of the cause in a `Status`, as `FieldValueInvalid`.
    package var reason: String {
        switch kind {
        case .notFound: "FieldValueNotFound"
        case .required: "FieldValueRequired"
        case .duplicate: "FieldValueDuplicate"
        case .invalid, .typeInvalid: "FieldValueInvalid"
        case .unsupported: "FieldValueNotSupported"
        case .forbidden: "FieldValueForbidden"
        case .tooLong: "FieldValueTooLong"
        case .tooMany: "FieldValueTooMany"
        case .internalError: "InternalError"
        }
    }

    /// What is wrong, without the path: the message of the cause in a `Status`.
    package var body: String {
        let text: String
        switch kind {
        case .required: text = "Required value"
        case .forbidden: text = "Forbidden"
        case .tooLong: text = "Too long"
        case .internalError: text = "Internal error"
        case .notFound: text = "Not found: " + shownValue
        case .duplicate: text = "Duplicate value: " + shownValue
        case .invalid, .typeInvalid: text = "Invalid value: " + shownValue
        case .unsupported: text = "Unsupported value: " + shownValue
        case .tooMany: text = "Too many: " + shownValue
        }
        return detail.isEmpty ? text : "\(text): \(detail)"
    }

    /// The path and what is wrong.
    package var message: String { "\(field): \(body)" }

    package var description: String { message }

    private var shownValue: String {
        switch badValue ?? .null {
        case .null: "\"null\""
        case .array(let elements) where isListOfTexts:
            "[]string{\(elements.map(Self.syntax).joined(separator: ", "))}"
        case .bool, .integer, .double, .string, .array, .object: Self.syntax(badValue ?? .null)
        }
    }

    /// A value in the syntax of a Go program, which is how API servers before 1.32 show lists and objects.
    private static func syntax(_ value: JSONValue) -> String {
        switch value {
        case .null: "interface {}(nil)"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .double(let value): GoText.number(value)
        case .string(let value): GoText.quoted(value)
        case .array(let elements): "[]interface {}{\(elements.map(syntax).joined(separator: ", "))}"
        case .object(let members):
            "map[string]interface {}{"
                + members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { "\(GoText.quoted($0.key)):\(syntax($0.value))" }.joined(separator: ", ") + "}"
        }
    }
}

extension [FieldProblem] {
    /// All messages in one line, as the message of a `Status` has them: one alone, several in brackets, each once.
    package var aggregated: String {
        var seen: Set<String> = []
        let messages = map(\.message).filter { seen.insert($0).inserted }
        return messages.count == 1 ? messages[0] : "[\(messages.joined(separator: ", "))]"
    }
}

/// Why a schema is refused.
package struct SchemaProblems: Error, Sendable, CustomStringConvertible {
    /// At least one.
    package var problems: [FieldProblem]

    package var description: String { problems.aggregated }
}
