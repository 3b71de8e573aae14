/// Finds the value of an expression, and stops when that takes too much work.
struct CELEvaluator {
    private var scope: [(name: String, value: CELValue)]
    private let limit: Int
    /// The work so far: one for each part that was looked at, and more for long texts and lists.
    private(set) var cost = 0

    init(_ variables: [(name: String, value: CELValue)], limit: Int) {
        scope = variables
        self.limit = limit
    }

    /// Adds work.
    mutating func spend(_ amount: Int) throws(CELError) {
        cost += amount
        guard cost <= limit else {
            throw CELError(reason: .costLimit, message: "operation cancelled: actual cost limit exceeded")
        }
    }

    mutating func evaluate(_ node: CELNode) throws(CELError) -> CELValue {
        try spend(1)
        switch node.kind {
        case .literal(let value): return value
        case .name(let name): return try value(of: name)
        case .select(let operand, let field, let isOptional):
            return try select(.string(field), of: try evaluate(operand), isOptional: isOptional)
        case .presence(let operand, let field): return .bool(try hasField(field, of: try evaluate(operand)))
        case .index(let operand, let index, let isOptional):
            let operand = try evaluate(operand)
            return try select(try evaluate(index), of: operand, isOptional: isOptional)
        case .call(let name, let arguments, let isMember): return try call(name, arguments, isMember)
        case .list(let elements): return try list(elements)
        case .map(let entries): return try map(entries)
        case .and(let parts): return try connect(parts, settledBy: false)
        case .or(let parts): return try connect(parts, settledBy: true)
        case .condition(let test, let yes, let no):
            guard let isTrue = try evaluate(test).bool else { throw .noOverload }
            return try evaluate(isTrue ? yes : no)
        case .macro(let macro): return try run(macro)
        case .binding(let name, let value, let body):
            scope.append((name, try evaluate(value)))
            defer { scope.removeLast() }
            return try evaluate(body)
        }
    }

    private func value(of name: String) throws(CELError) -> CELValue {
        if let found = scope.last(where: { $0.name == name }) { return found.value }
        guard let type = CELFunctions.typeNames[name] else {
            throw .evaluation("no such attribute(s): \(name)")
        }
        return .type(type)
    }

    private mutating func call(
        _ name: String,
        _ arguments: [CELNode],
        _ isMember: Bool
    ) throws(CELError) -> CELValue {
        var values: [CELValue] = []
        for argument in arguments { values.append(try evaluate(argument)) }
        try spend(CELFunctions.work(name, values, limit: limit - cost))
        if name.first == "_" || name.first == "!" || name.first == "-" || name.first == "@" {
            return try CELOperators.apply(name, values)
        }
        if case .optional(let held)? = values.first, isMember { return try onOptional(name, held, values) }
        if ["matches", "find", "findAll"].contains(name) { try spend(CELFunctions.patternCost(values)) }
        return try CELFunctions.call(name, values, isMember: isMember)
    }

    private func onOptional(_ name: String, _ held: CELValue?, _ values: [CELValue]) throws(CELError) -> CELValue {
        switch (name, values.count) {
        case ("hasValue", 1): return .bool(held != nil)
        case ("value", 1):
            guard let held else { throw .evaluation("optional.none() dereference") }
            return held
        case ("orValue", 2): return held ?? values[1]
        case ("or", 2): return held == nil ? values[1] : values[0]
        default: throw .noOverload
        }
    }

    // MARK: Fields and elements

    private func select(_ key: CELValue, of operand: CELValue, isOptional: Bool) throws(CELError) -> CELValue {
        if case .optional(let held) = operand {
            guard let held else { return .optional(nil) }
            return .optional(try element(key, of: held))
        }
        let found = try element(key, of: operand)
        if isOptional { return .optional(found) }
        if let found { return found }
        if case .list = operand { throw .evaluation("index out of bounds: \(CELFunctions.text(of: key))") }
        throw .evaluation("no such key: \(CELFunctions.text(of: key))")
    }

    /// Nil when it is absent.
    private func element(_ key: CELValue, of operand: CELValue) throws(CELError) -> CELValue? {
        switch operand {
        case .map(let map): return map[key]
        case .list(let list):
            let place: Int?
            switch key {
            case .int(let value): place = value
            case .uint(let value): place = Int(exactly: value)
            case .double(let value): place = Int(exactly: value)
            default: throw .noOverload
            }
            guard let place, list.elements.indices.contains(place) else { return nil }
            return list.elements[place]
        default: throw .noOverload
        }
    }

    private func hasField(_ field: String, of operand: CELValue) throws(CELError) -> Bool {
        switch operand {
        case .map(let map): return map[.string(field)] != nil
        case .optional(let held):
            return try held.map { (value) throws(CELError) in try hasField(field, of: value) } ?? false
        default: throw .noOverload
        }
    }

    private mutating func list(_ elements: [(value: CELNode, isOptional: Bool)]) throws(CELError) -> CELValue {
        var values: [CELValue] = []
        for (node, isOptional) in elements {
            let value = try evaluate(node)
            guard isOptional else {
                values.append(value)
                continue
            }
            guard case .optional(let held) = value else { throw .noOverload }
            if let held { values.append(held) }
        }
        return .list(values)
    }

    private mutating func map(
        _ entries: [(key: CELNode, value: CELNode, isOptional: Bool)]
    ) throws(CELError) -> CELValue {
        var map = CELMap()
        for (keyNode, valueNode, isOptional) in entries {
            let key = try evaluate(keyNode)
            var value = try evaluate(valueNode)
            if isOptional {
                guard case .optional(let held) = value else { throw .noOverload }
                guard let held else { continue }
                value = held
            }
            guard map[key] == nil else { throw .evaluation("repeated key: \(CELFunctions.text(of: key))") }
            guard map.insert(value, for: key) else {
                throw .evaluation("unsupported key type: \(key.typeName)")
            }
        }
        return .map(map)
    }

    // MARK: Logic

    /// All or any of the parts: one that settles the matter makes up for others that fail.
    private mutating func connect(_ parts: [CELNode], settledBy settling: Bool) throws(CELError) -> CELValue {
        var failure: CELError?
        for part in parts {
            do throws(CELError) {
                guard let value = try evaluate(part).bool else { throw .noOverload }
                if value == settling { return .bool(settling) }
            } catch {
                guard error.reason != .costLimit else { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return .bool(!settling)
    }

    private mutating func run(_ macro: CELNode.Macro) throws(CELError) -> CELValue {
        let range = try evaluate(macro.range)
        if macro.action == .optMap || macro.action == .optFlatMap { return try runOptional(macro, range) }
        let rows = try rows(of: range, macro.names.count)
        let depth = scope.count
        defer { scope.removeLast(scope.count - depth) }
        switch macro.action {
        case .all: return .bool(try quantify(macro, rows, settledBy: false))
        case .exists: return .bool(try quantify(macro, rows, settledBy: true))
        case .existsOne:
            var count = 0
            for row in rows where try isTrue(macro.body, macro, row) { count += 1 }
            return .bool(count == 1)
        case .filter:
            var kept: [CELValue] = []
            for row in rows where try isTrue(macro.body, macro, row) { kept.append(row[0]) }
            return .list(kept)
        case .map, .optMap, .optFlatMap:
            var made: [CELValue] = []
            for row in rows {
                if let condition = macro.condition, try !isTrue(condition, macro, row) { continue }
                made.append(try evaluate(macro.body, macro, row))
            }
            return .list(made)
        }
    }

    /// The values of a macro's names, round by round.
    private func rows(of range: CELValue, _ names: Int) throws(CELError) -> [[CELValue]] {
        switch range {
        case .list(let list):
            return list.elements.enumerated().map { names == 1 ? [$0.element] : [.int($0.offset), $0.element] }
        case .map(let map): return map.entries.map { names == 1 ? [$0.key] : [$0.key, $0.value] }
        default: throw .noOverload
        }
    }

    private mutating func evaluate(
        _ node: CELNode,
        _ macro: CELNode.Macro,
        _ row: [CELValue]
    ) throws(CELError) -> CELValue {
        for (name, value) in zip(macro.names, row) { scope.append((name, value)) }
        defer { scope.removeLast(macro.names.count) }
        return try evaluate(node)
    }

    private mutating func isTrue(
        _ node: CELNode,
        _ macro: CELNode.Macro,
        _ row: [CELValue]
    ) throws(CELError) -> Bool {
        guard let value = try evaluate(node, macro, row).bool else { throw .noOverload }
        return value
    }

    private mutating func quantify(
        _ macro: CELNode.Macro,
        _ rows: [[CELValue]],
        settledBy settling: Bool
    ) throws(CELError) -> Bool {
        var failure: CELError?
        for row in rows {
            do throws(CELError) {
                if try isTrue(macro.body, macro, row) == settling { return settling }
            } catch {
                guard error.reason != .costLimit else { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return !settling
    }

    private mutating func runOptional(_ macro: CELNode.Macro, _ range: CELValue) throws(CELError) -> CELValue {
        guard case .optional(let held) = range else { throw .noOverload }
        guard let held else { return .optional(nil) }
        let value = try evaluate(macro.body, macro, [held])
        if macro.action == .optMap { return .optional(value) }
        guard case .optional = value else { throw .noOverload }
        return value
    }
}
