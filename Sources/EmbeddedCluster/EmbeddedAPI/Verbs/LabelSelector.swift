package import JSON

/// Which labels an object must have: the requirements of a `labelSelector` query or of a `LabelSelector` object.
package struct LabelSelector: Sendable, Hashable {
    /// What one label must be.
    package enum Requirement: Sendable, Hashable {
        case isIn([String])
        case isNotIn([String])
        case exists
        case isAbsent
        case isGreater(Int)
        case isLess(Int)
    }

    /// All must hold; an empty list selects everything.
    package var requirements: [(key: String, requirement: Requirement)]
    /// Whether nothing is selected, as by a `LabelSelector` that is not there.
    private var selectsNothing = false

    /// A selector of labels with these values.
    package init(_ labels: [(String, String)] = []) {
        requirements = labels.map { ($0.0, .isIn([$0.1])) }
    }

    /// A selector from labels as they stand in objects, as a Service's `spec.selector`.
    package init(labels: JSONObject) {
        self.init(labels.map { ($0.key, $0.value.string ?? "") })
    }

    /// A selector from an object with `matchLabels` and `matchExpressions`; nil selects nothing.
    ///
    /// - Throws: ``APIStatus`` when an operator is unknown.
    package init(object: JSONValue?) throws(APIStatus) {
        self.init(labels: object?["matchLabels"]?.object ?? [:])
        guard let object else {
            selectsNothing = true
            return
        }
        for expression in object["matchExpressions"]?.array ?? [] {
            let values = expression["values"]?.array?.compactMap(\.string) ?? []
            let key = expression["key"]?.string ?? ""
            switch expression["operator"]?.string {
            case "In": requirements.append((key, .isIn(values)))
            case "NotIn": requirements.append((key, .isNotIn(values)))
            case "Exists": requirements.append((key, .exists))
            case "DoesNotExist": requirements.append((key, .isAbsent))
            case let other:
                throw .badRequest("\"\(other ?? "")\" is not a valid pod selector operator")
            }
        }
    }

    /// Reads the text of a query, as `app=web,tier in (a, b),!old`.
    ///
    /// - Throws: ``APIStatus`` with code 400 when the text is no selector.
    package init(parsing text: String) throws(APIStatus) {
        requirements = []
        var parser = SelectorParser(text)
        while let requirement = try parser.next() { requirements.append(requirement) }
    }

    /// Whether it selects everything.
    package var isEmpty: Bool { requirements.isEmpty && !selectsNothing }

    /// Whether an object with these labels is selected.
    package func matches(_ labels: JSONObject) -> Bool {
        !selectsNothing
            && requirements.allSatisfy { key, requirement in
                let value = labels[key]?.string
                return switch requirement {
                case .isIn(let values): value.map(values.contains) ?? false
                case .isNotIn(let values): !(value.map(values.contains) ?? false)
                case .exists: value != nil
                case .isAbsent: value == nil
                case .isGreater(let bound): value.flatMap(Int.init).map { $0 > bound } ?? false
                case .isLess(let bound): value.flatMap(Int.init).map { $0 < bound } ?? false
                }
            }
    }

    /// Whether an object, by its own labels, is selected.
    package func matches(object: JSONValue) -> Bool { isEmpty || matches(object.labels) }

    package static func == (a: LabelSelector, b: LabelSelector) -> Bool {
        a.selectsNothing == b.selectsNothing && a.requirements.elementsEqual(b.requirements) { $0 == $1 }
    }

    package func hash(into hasher: inout Hasher) {
        for (key, requirement) in requirements {
            hasher.combine(key)
            hasher.combine(requirement)
        }
    }
}

extension LabelSelector: CustomStringConvertible {
    /// As queries have it, requirements in the order of their keys.
    package var description: String {
        requirements.sorted { $0.key < $1.key }.map { key, requirement in
            switch requirement {
            case .isIn(let values) where values.count == 1: "\(key)=\(values[0])"
            case .isIn(let values): "\(key) in (\(values.sorted().joined(separator: ",")))"
            case .isNotIn(let values) where values.count == 1: "\(key)!=\(values[0])"
            case .isNotIn(let values): "\(key) notin (\(values.sorted().joined(separator: ",")))"
            case .exists: key
            case .isAbsent: "!\(key)"
            case .isGreater(let bound): "\(key)>\(bound)"
            case .isLess(let bound): "\(key)<\(bound)"
            }
        }.joined(separator: ",")
    }
}

/// Reads the requirements of a selector's text one by one.
private struct SelectorParser {
    private let tokens: [String]
    private var position = 0

    init(_ text: String) {
        var tokens: [String] = []
        var word = ""
        func isSpecial(_ character: Character) -> Bool { "=!(),<>".contains(character) }
        for character in text {
            if character == " " || character == "\t" || character == "\n" || character == "\r" {
                if !word.isEmpty { tokens.append(word) }
                word = ""
            } else if isSpecial(character) {
                if !word.isEmpty { tokens.append(word) }
                word = ""
                if character == "=", let last = tokens.last, last == "=" || last == "!" {
                    tokens[tokens.count - 1] = last + "="
                } else {
                    tokens.append(String(character))
                }
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { tokens.append(word) }
        self.tokens = tokens
    }

    private var current: String { position < tokens.count ? tokens[position] : "" }

    private static func isWord(_ token: String) -> Bool {
        !token.isEmpty && !["=", "==", "!=", "!", "(", ")", ",", "<", ">"].contains(token)
    }

    mutating func next() throws(APIStatus) -> (key: String, requirement: LabelSelector.Requirement)? {
        guard position < tokens.count else { return nil }
        let found = try requirement()
        if current == "," {
            position += 1
            guard Self.isWord(current) || current == "!" else {
                throw .badRequest("found '\(current)', expected: identifier after ','")
            }
        } else if position < tokens.count {
            throw .badRequest("found '\(current)', expected: ',' or 'end of string'")
        }
        return found
    }

    private mutating func requirement() throws(APIStatus) -> (String, LabelSelector.Requirement) {
        let isNegated = current == "!"
        if isNegated { position += 1 }
        let key = current
        guard Self.isWord(key) else {
            throw .badRequest("found '\(key)', expected: !, identifier, or 'end of string'")
        }
        try check(Names.qualifiedNameFaults(key), "invalid label key", key)
        position += 1
        if isNegated { return (key, .isAbsent) }
        let token = current
        switch token {
        case "", ",": return (key, .exists)
        case "=", "==", "!=":
            position += 1
            var value = ""
            if Self.isWord(current) {
                value = current
                position += 1
            }
            try check(Names.labelValueFaults(value), "invalid label value", value, key)
            return (key, token == "!=" ? .isNotIn([value]) : .isIn([value]))
        case "in", "notin":
            position += 1
            let values = try self.values()
            for value in values { try check(Names.labelValueFaults(value), "invalid label value", value, key) }
            return (key, token == "in" ? .isIn(values) : .isNotIn(values))
        case "<", ">":
            position += 1
            guard let bound = Int(current) else {
                throw .badRequest(
                    "unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer"
                )
            }
            position += 1
            return (key, token == "<" ? .isLess(bound) : .isGreater(bound))
        default:
            throw unexpected(token, "'=', '!=', '==', 'in', notin'")
        }
    }

    private mutating func values() throws(APIStatus) -> [String] {
        guard current == "(" else {
            throw .badRequest("unable to parse requirement: found '\(current)' expected: '('")
        }
        position += 1
        var values: [String] = []
        var isAfterWord = false
        while true {
            if current == ")" {
                if !isAfterWord { values.append("") }
                position += 1
                return values
            }
            if current == "," {
                if !isAfterWord { values.append("") }
                isAfterWord = false
                position += 1
            } else if Self.isWord(current) {
                values.append(current)
                isAfterWord = true
                position += 1
            } else {
                throw unexpected(current, "',', ')' or identifier")
            }
        }
    }

    private func check(_ faults: [String], _ what: String, _ value: String, _ key: String? = nil) throws(APIStatus) {
        guard let fault = faults.first else { return }
        let place = key.map { ": at key: \"\($0)\"" } ?? ""
        throw .badRequest("unable to parse requirement: \(what) \"\(value)\"\(place): \(fault)")
    }

    private func unexpected(_ found: String, _ expected: String) -> APIStatus {
        .badRequest("unable to parse requirement: found '\(found)', expected: \(expected)")
    }
}
