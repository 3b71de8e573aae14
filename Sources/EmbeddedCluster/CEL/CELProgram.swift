package import JSON

/// An expression of the Common Expression Language, ready to be evaluated on values.
///
/// The language as a whole with its macros, the string, list, set and regular expression libraries, quantities and
/// optional values are there; the libraries for URLs, IP addresses and authorization are not, nor are time zones by
/// name.
///
/// - SeeAlso: <https://github.com/google/cel-spec/blob/master/doc/langdef.md>,
///   <https://kubernetes.io/docs/reference/using-api/cel/>
package struct CELProgram: Sendable {
    /// How much work one evaluation may be, as in the API server.
    package static let costLimit = 1_000_000

    /// As it was written.
    package let text: String
    /// What it gives, as far as that can be known.
    package let resultType: CELType
    /// Whether it compares with what was before.
    package let usesOldSelf: Bool
    private let root: CELNode

    /// Reads and checks an expression over `self` and `oldSelf`.
    ///
    /// - Parameters:
    ///   - selfType: What is known of `self`; fields that it does not have are an error then.
    ///   - oldSelfType: The same for `oldSelf`; nil when it is as `self`.
    package init(_ text: String, selfType: CELType = .any, oldSelfType: CELType? = nil) throws(CELError) {
        self.text = text
        var parser = try CELParser(text)
        root = try parser.parse()
        let variables = [("self", selfType), ("oldSelf", oldSelfType ?? selfType)]
        var checker = CELChecker(variables.map { (name: $0.0, type: $0.1) }, text: text)
        resultType = try checker.type(of: root)
        usesOldSelf = Self.uses("oldSelf", root)
    }

    private static func uses(_ name: String, _ node: CELNode) -> Bool {
        if case .name(name) = node.kind { return true }
        return node.kind.parts.contains { uses(name, $0) }
    }

    /// The value of the expression.
    ///
    /// - Parameters:
    ///   - oldSelf: Nil when there is nothing to compare with; naming it is an error then.
    ///   - limit: How much work it may be: about one for each part looked at.
    package func evaluate(
        self value: CELValue,
        oldSelf: CELValue? = nil,
        limit: Int = CELProgram.costLimit
    ) throws(CELError) -> CELValue {
        var cost = 0
        return try evaluate(self: value, oldSelf: oldSelf, limit: limit, cost: &cost)
    }

    /// The value of the expression on JSON without a schema.
    package func evaluate(self value: JSONValue, oldSelf: JSONValue? = nil) throws(CELError) -> CELValue {
        try evaluate(self: CELValue(value), oldSelf: oldSelf.map(CELValue.init))
    }

    /// The same, and how much work it was, also when it failed.
    package func evaluate(
        self value: CELValue,
        oldSelf: CELValue?,
        limit: Int,
        cost: inout Int
    ) throws(CELError) -> CELValue {
        var variables = [(name: "self", value: value)]
        if let oldSelf { variables.append((name: "oldSelf", value: oldSelf)) }
        var evaluator = CELEvaluator(variables, limit: limit)
        defer { cost = evaluator.cost }
        return try evaluator.evaluate(root)
    }
}

/// How fields are called in expressions.
package enum CELName {
    private static let keywords: Set<String> = [
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
        "let", "loop", "package", "namespace", "return", "var", "void", "while",
    ]

    /// The name of a field; nil when it cannot be said in an expression.
    package static func escaped(_ field: String) -> String? {
        if keywords.contains(field) { return "__\(field)__" }
        guard let first = field.utf8.first, !(0x30...0x39).contains(first) else { return nil }
        var name = ""
        var scalars = Array(field.unicodeScalars)[...]
        while let next = scalars.popFirst() {
            switch next {
            case "_" where scalars.first == "_":
                scalars.removeFirst()
                name += "__underscores__"
            case ".": name += "__dot__"
            case "-": name += "__dash__"
            case "/": name += "__slash__"
            case "_", "a"..."z", "A"..."Z", "0"..."9": name.unicodeScalars.append(next)
            default: return nil
            }
        }
        return name
    }
}
