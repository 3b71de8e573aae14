/// Looks for names, functions and fields that are not there, and for operators between types that they do not take.
struct CELChecker {
    private var scope: [(name: String, type: CELType)]
    private let scalars: [Unicode.Scalar]

    init(_ variables: [(name: String, type: CELType)], text: String) {
        scope = variables
        scalars = Array(text.unicodeScalars)
    }

    /// The type of an expression, as far as it can be known.
    mutating func type(of node: CELNode) throws(CELError) -> CELType {
        switch node.kind {
        case .literal(let value): return Self.type(of: value)
        case .name(let name):
            if let found = scope.last(where: { $0.name == name }) { return found.type }
            guard CELFunctions.typeNames[name] == nil else { return .any }
            throw failure("undeclared reference to '\(name)' (in container '')", node)
        case .select(let operand, let field, let isOptional):
            let type = try self.field(field, of: try type(of: operand), node)
            return isOptional ? .optional(type) : type
        case .presence(let operand, let field):
            _ = try self.field(field, of: try type(of: operand), node)
            return .bool
        case .index(let operand, let index, let isOptional):
            let operand = try type(of: operand)
            _ = try type(of: index)
            return isOptional ? .optional(element(of: operand)) : element(of: operand)
        case .call(let name, let arguments, let isMember): return try call(name, arguments, isMember, node)
        case .list(let elements):
            var types: [CELType] = []
            for element in elements { types.append(try type(of: element.value)) }
            return .list(types.dropFirst().reduce(types.first ?? .any) { $0.joined($1) })
        case .map(let entries):
            for entry in entries {
                _ = try type(of: entry.key)
                _ = try type(of: entry.value)
            }
            return .any  // its keys may be of any type
        case .and(let parts), .or(let parts):
            let name = if case .and = node.kind { "_&&_" } else { "_||_" }
            for part in parts { try expectBool(part, name) }
            return .bool
        case .condition(let test, let yes, let no):
            try expectBool(test, "_?_:_")
            return try type(of: yes).joined(try type(of: no))
        case .macro(let macro): return try type(of: macro)
        case .binding(let name, let value, let body):
            scope.append((name, try type(of: value)))
            defer { scope.removeLast() }
            return try type(of: body)
        }
    }

    private func failure(_ message: String, _ node: CELNode) -> CELError {
        .compilation(message, at: node.offset, in: scalars)
    }

    private static func type(of literal: CELValue) -> CELType {
        switch literal {
        case .null: .null
        case .bool: .bool
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        case .timestamp: .timestamp
        case .duration: .duration
        case .list, .map, .type, .quantity, .optional: .any
        }
    }

    private func field(_ name: String, of type: CELType, _ node: CELNode) throws(CELError) -> CELType {
        switch type {
        case .object(let fields):
            guard let found = fields[name] else { throw failure("undefined field '\(name)'", node) }
            return found
        case .map(let value): return value
        case .optional(let inner): return .optional(try field(name, of: inner, node))
        case .any: return .any
        case .null, .bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration, .list:
            throw failure("type '\(type.name)' does not support field selection", node)
        }
    }

    private func element(of type: CELType) -> CELType {
        switch type {
        case .list(let element), .map(let element): element
        case .optional(let inner): .optional(element(of: inner))
        default: .any
        }
    }

    private mutating func expectBool(_ node: CELNode, _ function: String) throws(CELError) {
        let type = try type(of: node)
        guard type == .bool || type == .any else {
            throw failure("expected type 'bool' but found '\(type.name)'", node)
        }
    }

    private mutating func call(
        _ name: String,
        _ arguments: [CELNode],
        _ isMember: Bool,
        _ node: CELNode
    ) throws(CELError) -> CELType {
        let isOperator = name.contains("_") || name.hasPrefix("@")
        if !isOperator, !(isMember ? CELFunctions.members : CELFunctions.global).contains(name) {
            if isMember, let target = arguments.first { _ = try type(of: target) }
            throw failure("undeclared reference to '\(name)' (in container '')", node)
        }
        var types: [CELType] = []
        for argument in arguments { types.append(try type(of: argument)) }
        if isOperator, types.count == 2, !Self.fit(name, types[0], types[1]) {
            let list = types.map(\.name).joined(separator: ", ")
            throw failure("found no matching overload for '\(name)' applied to '(\(list))'", node)
        }
        return Self.result(of: name, types, isOperator)
    }

    /// Whether an operator takes two types; types of which little is known always fit.
    private static func fit(_ name: String, _ a: CELType, _ b: CELType) -> Bool {
        func isKnown(_ type: CELType) -> Bool {
            switch type {
            case .bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration: true
            case .any, .null, .list, .map, .object, .optional: false
            }
        }
        guard isKnown(a), isKnown(b) else { return true }
        switch name {
        case "_==_", "_!=_": return a == b
        case "_<_", "_<=_", "_>_", "_>=_": return a == b || (a.isNumber && b.isNumber)
        case "_+_": return a == b && a != .bool && a != .timestamp || Set([a, b]) == [.timestamp, .duration]
        case "_-_":
            return a == b && ![.bool, .string, .bytes].contains(a) || (a == .timestamp && b == .duration)
        case "_*_", "_/_": return a == b && a.isNumber
        case "_%_": return a == b && (a == .int || a == .uint)
        default: return false  // nothing is in a scalar
        }
    }

    private static func result(of name: String, _ types: [CELType], _ isOperator: Bool) -> CELType {
        switch name {
        case "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "!_", "bool", "contains", "startsWith", "endsWith",
            "matches", "isSorted", "isQuantity", "isInteger", "isLessThan", "isGreaterThan", "sets.contains",
            "sets.equivalent", "sets.intersects", "hasValue":
            return .bool
        case "_*_", "_/_", "_%_", "-_": return types.first ?? .any
        case "_+_", "_-_": return types.count == 2 && types[0] == types[1] && types[0] != .timestamp ? types[0] : .any
        case "size", "int", "asInteger", "sign", "compareTo", "getFullYear", "getMonth", "getDayOfYear",
            "getDayOfMonth", "getDate", "getDayOfWeek", "getHours", "getMinutes", "getSeconds", "getMilliseconds":
            return .int
        case "indexOf", "lastIndexOf": return .int
        case "uint": return .uint
        case "double", "asApproximateFloat": return .double
        case "string", "charAt", "join", "lowerAscii", "upperAscii", "replace", "substring", "trim", "format", "find":
            return .string
        case "split", "findAll": return .list(.string)
        case "bytes": return .bytes
        case "duration": return .duration
        case "timestamp": return .timestamp
        case "value", "orValue":
            if case .optional(let held)? = types.first { return held }
            return .any
        case "optional.of": return .optional(types.first ?? .any)
        default: return .any
        }
    }

    private mutating func type(of macro: CELNode.Macro) throws(CELError) -> CELType {
        let range = try type(of: macro.range)
        let names: [CELType]
        switch range {
        case .list(let element): names = macro.names.count == 1 ? [element] : [.int, element]
        case .map(let value): names = [.string, value]
        case .optional(let held): names = [held]
        case .any, .object: names = [.any, .any]
        case .null, .bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration:
            let message =
                "expression of type '\(range.name)' cannot be range of a comprehension (must be list, map, or dynamic)"
            throw failure(message, macro.range)
        }
        for (name, type) in zip(macro.names, names) { scope.append((name, type)) }
        defer { scope.removeLast(macro.names.count) }
        if let condition = macro.condition { try expectBool(condition, "_?_:_") }
        switch macro.action {
        case .all, .exists, .existsOne:
            try expectBool(macro.body, "_&&_")
            return .bool
        case .filter:
            try expectBool(macro.body, "_?_:_")
            if case .list = range { return range }
            return .list(names[0])
        case .map: return .list(try type(of: macro.body))
        case .optMap: return .optional(try type(of: macro.body))
        case .optFlatMap: return try type(of: macro.body)
        }
    }
}
