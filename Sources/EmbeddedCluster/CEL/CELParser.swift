/// Reads the grammar of the language, and puts macros in place of the calls that they are.
struct CELParser {
    private static let reserved: Set<String> = [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
        "namespace", "return", "var", "void", "while",
    ]
    private static let binary: [String: (level: Int, function: String)] = [
        "==": (1, "_==_"), "!=": (1, "_!=_"), "<": (1, "_<_"), "<=": (1, "_<=_"), ">": (1, "_>_"), ">=": (1, "_>=_"),
        "in": (1, "@in"), "+": (2, "_+_"), "-": (2, "_-_"), "*": (3, "_*_"), "/": (3, "_/_"), "%": (3, "_%_"),
    ]
    private static let textLimit = 100_000
    /// How deep brackets may stand in each other.
    private static let nestingLimit = 100

    private let scalars: [Unicode.Scalar]
    private let tokens: [CELToken]
    private var place = 0
    private var nesting = 0

    init(_ text: String) throws(CELError) {
        scalars = Array(text.unicodeScalars)
        guard scalars.count <= Self.textLimit else {
            let detail = "expression code point size exceeds limit: size: \(scalars.count), limit \(Self.textLimit)"
            throw CELError(reason: .compilation, message: detail)
        }
        var lexer = CELLexer(scalars)
        tokens = try lexer.tokens()
    }

    /// The whole text.
    mutating func parse() throws(CELError) -> CELNode {
        let node = try expression()
        guard token.kind == .end else { throw unexpected() }
        return node
    }

    private var token: CELToken { tokens[place] }

    private func failure(_ message: String, at offset: Int) -> CELError {
        .compilation(message, at: offset, in: scalars)
    }

    private func unexpected() -> CELError {
        let end = place + 1 < tokens.count ? tokens[place + 1].offset : scalars.count
        var found = String(String.UnicodeScalarView(scalars[token.offset..<max(end, token.offset)]))
        while found.last?.isWhitespace == true { found.removeLast() }
        return failure("Syntax error: mismatched input '\(found.isEmpty ? "<EOF>" : found)'", at: token.offset)
    }

    private mutating func take(_ symbol: String) -> Bool {
        guard token.kind == .symbol(symbol) else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ symbol: String) throws(CELError) {
        guard take(symbol) else { throw unexpected() }
    }

    private func make(_ kind: CELNode.Kind, at offset: Int) throws(CELError) -> CELNode {
        let node = CELNode(kind, at: offset)
        guard node.depth <= CELNode.depthLimit else {
            throw failure("expression recursion limit exceeded: \(CELNode.depthLimit)", at: offset)
        }
        return node
    }

    private mutating func expression() throws(CELError) -> CELNode {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Self.nestingLimit else {
            throw failure("expression recursion limit exceeded: \(Self.nestingLimit)", at: token.offset)
        }
        let test = try disjunction()
        let offset = token.offset
        guard take("?") else { return test }
        let yes = try disjunction()
        try expect(":")
        return try make(.condition(test, yes, try expression()), at: offset)
    }

    private mutating func disjunction() throws(CELError) -> CELNode {
        let offset = token.offset
        var parts = [try conjunction()]
        while take("||") { parts.append(try conjunction()) }
        return parts.count == 1 ? parts[0] : try make(.or(parts), at: offset)
    }

    private mutating func conjunction() throws(CELError) -> CELNode {
        let offset = token.offset
        var parts = [try operation(above: 0)]
        while take("&&") { parts.append(try operation(above: 0)) }
        return parts.count == 1 ? parts[0] : try make(.and(parts), at: offset)
    }

    private var binaryOperator: (level: Int, function: String)? {
        switch token.kind {
        case .symbol(let text), .identifier(let text): Self.binary[text]
        case .int, .intLimit, .uint, .double, .string, .bytes, .end: nil
        }
    }

    private mutating func operation(above level: Int) throws(CELError) -> CELNode {
        var left = try unary()
        while let next = binaryOperator, next.level > level {
            let offset = token.offset
            place += 1
            let right = try operation(above: next.level)
            left = try make(.call(next.function, [left, right], isMember: false), at: offset)
        }
        return left
    }

    private mutating func unary() throws(CELError) -> CELNode {
        let offset = token.offset
        for (symbol, function) in [("!", "!_"), ("-", "-_")] where token.kind == .symbol(symbol) {
            var count = 0
            while take(symbol) { count += 1 }
            if symbol == "-", count % 2 == 1, let literal = negativeLiteral() {
                return try members(of: try make(.literal(literal), at: offset))
            }
            let operand = try members(of: try primary())
            // Two of them are none; one is kept so that a wrong operand still shows.
            let kept = count % 2 == 1 ? 1 : 2
            var node = operand
            for _ in 0..<kept { node = try make(.call(function, [node], isMember: false), at: offset) }
            return node
        }
        return try members(of: try primary())
    }

    /// Takes a number behind a minus.
    private mutating func negativeLiteral() -> CELValue? {
        switch token.kind {
        case .int(let value):
            place += 1
            return .int(-value)
        case .intLimit:
            place += 1
            return .int(.min)
        case .double(let value):
            place += 1
            return .double(-value)
        case .identifier, .uint, .string, .bytes, .symbol, .end: return nil
        }
    }

    private mutating func primary() throws(CELError) -> CELNode {
        let start = token
        place += 1
        switch start.kind {
        case .int(let value): return try make(.literal(.int(value)), at: start.offset)
        case .uint(let value): return try make(.literal(.uint(value)), at: start.offset)
        case .double(let value): return try make(.literal(.double(value)), at: start.offset)
        case .string(let value): return try make(.literal(.string(value)), at: start.offset)
        case .bytes(let value): return try make(.literal(.bytes(value)), at: start.offset)
        case .intLimit: throw failure("Syntax error: invalid int literal", at: start.offset)
        case .identifier(let name): return try word(name, at: start.offset)
        case .symbol("("):
            let node = try expression()
            try expect(")")
            return node
        case .symbol("["): return try list(at: start.offset)
        case .symbol("{"): return try map(at: start.offset)
        case .symbol("."):
            guard case .identifier(let name) = token.kind else { throw unexpected() }
            place += 1
            return try word(name, at: start.offset)
        case .symbol, .end:
            place -= 1
            throw unexpected()
        }
    }

    private mutating func word(_ name: String, at offset: Int) throws(CELError) -> CELNode {
        switch name {
        case "true": return try make(.literal(.bool(true)), at: offset)
        case "false": return try make(.literal(.bool(false)), at: offset)
        case "null": return try make(.literal(.null), at: offset)
        case "in":
            place -= 1
            throw unexpected()
        default: break
        }
        if Self.reserved.contains(name) { throw failure("Syntax error: reserved identifier: \(name)", at: offset) }
        guard take("(") else { return try make(.name(name), at: offset) }
        let arguments = try arguments()
        if name == "has", arguments.count == 1 {
            guard case .select(let operand, let field, false) = arguments[0].kind else {
                throw failure("invalid argument to has() macro", at: arguments[0].offset)
            }
            return try make(.presence(operand, field), at: offset)
        }
        return try make(.call(name, arguments, isMember: false), at: offset)
    }

    private mutating func arguments() throws(CELError) -> [CELNode] {
        var arguments: [CELNode] = []
        if take(")") { return arguments }
        repeat { arguments.append(try expression()) } while take(",")
        try expect(")")
        return arguments
    }

    private mutating func list(at offset: Int) throws(CELError) -> CELNode {
        var elements: [(value: CELNode, isOptional: Bool)] = []
        while token.kind != .symbol("]") {
            let isOptional = take("?")
            elements.append((try expression(), isOptional))
            guard take(",") else { break }
        }
        try expect("]")
        return try make(.list(elements), at: offset)
    }

    private mutating func map(at offset: Int) throws(CELError) -> CELNode {
        var entries: [(key: CELNode, value: CELNode, isOptional: Bool)] = []
        while token.kind != .symbol("}") {
            let isOptional = take("?")
            let key = try expression()
            try expect(":")
            entries.append((key, try expression(), isOptional))
            guard take(",") else { break }
        }
        try expect("}")
        return try make(.map(entries), at: offset)
    }

    private mutating func members(of node: CELNode) throws(CELError) -> CELNode {
        var node = node
        while true {
            let offset = token.offset
            if take("[") {
                let isOptional = take("?")
                let index = try expression()
                try expect("]")
                node = try make(.index(node, index, isOptional: isOptional), at: offset)
            } else if take(".") {
                let isOptional = take("?")
                guard case .identifier(let name) = token.kind else { throw unexpected() }
                place += 1
                if !isOptional, take("(") {
                    node = try call(name, on: node, try arguments(), at: offset)
                } else {
                    node = try make(.select(node, name, isOptional: isOptional), at: offset)
                }
            } else {
                return node
            }
        }
    }

    private func call(
        _ name: String,
        on target: CELNode,
        _ arguments: [CELNode],
        at offset: Int
    ) throws(CELError) -> CELNode {
        if case .name("cel") = target.kind, name == "bind", arguments.count == 3 {
            return try make(.binding(try variable(arguments[0]), arguments[1], arguments[2]), at: offset)
        }
        if let macro = try macro(name, target, arguments) { return try make(.macro(macro), at: offset) }
        // A name in front of a function may be its family's.
        if case .name(let family) = target.kind, CELFunctions.global.contains("\(family).\(name)") {
            return try make(.call("\(family).\(name)", arguments, isMember: false), at: offset)
        }
        return try make(.call(name, [target] + arguments, isMember: true), at: offset)
    }

    private func variable(_ node: CELNode) throws(CELError) -> String {
        guard case .name(let name) = node.kind else {
            throw failure("argument must be a simple name", at: node.offset)
        }
        return name
    }

    private func macro(
        _ name: String,
        _ range: CELNode,
        _ arguments: [CELNode]
    ) throws(CELError) -> CELNode.Macro? {
        let name = name == "exists_one" ? "existsOne" : name
        guard let action = CELNode.Macro.Action(rawValue: name) else { return nil }
        switch (action, arguments.count) {
        case (_, 2):
            let names = [try variable(arguments[0])]
            return CELNode.Macro(action: action, range: range, names: names, body: arguments[1])
        case (.map, 3):
            let names = [try variable(arguments[0])]
            let (condition, body) = (arguments[1], arguments[2])
            return CELNode.Macro(action: action, range: range, names: names, condition: condition, body: body)
        case (.all, 3), (.exists, 3), (.existsOne, 3):
            let names = [try variable(arguments[0]), try variable(arguments[1])]
            return CELNode.Macro(action: action, range: range, names: names, body: arguments[2])
        default: return nil
        }
    }
}
