package import JSON
internal import Synchronization

extension Schema {
    /// Everything that is wrong with a value; empty for a good one.
    ///
    /// Paths are relative to the value. `null` counts as absent, and members that the schema does not name are not looked
    /// at. Rules about changes are left to the API server, which alone knows the old value.
    package func errors(in value: JSONValue) -> [FieldError] {
        guard matches(value) else {
            return [FieldError(problem: "expected \(Self.article(kind)), found \(Self.article(value))")]
        }
        switch value {
        case .object(let members): return memberErrors(members) + ruleErrors(value)
        case .array(let elements): return elementErrors(elements)
        case .string(let text): return textErrors(text)
        case .integer(let number): return numberErrors(Double(number), text: String(number))
        case .double(let number): return numberErrors(number, text: "\(number)")
        case .bool, .null: return []
        }
    }

    private func matches(_ value: JSONValue) -> Bool {
        switch (kind, value) {
        case (.object, .object), (.array, .array), (.string, .string), (.boolean, .bool), (.integer, .integer),
            (.number, .integer), (.number, .double):
            true
        case (.integer, .double(let number)): Int(exactly: number) != nil
        default: false
        }
    }

    private func memberErrors(_ members: JSONObject) -> [FieldError] {
        var errors: [FieldError] = []
        for property in properties {
            if let value = members[property.name], !value.isNull {
                errors += property.schema.errors(in: value).map { $0.inside(property.name) }
            } else if property.isRequired {
                errors.append(FieldError(path: property.name, problem: "is missing", remedy: "set it"))
            }
        }
        guard let values = values.first else { return errors }
        for member in members { errors += values.errors(in: member.value).map { $0.inside(member.key) } }
        return errors
    }

    private func ruleErrors(_ value: JSONValue) -> [FieldError] {
        rules.compactMap { rule in
            if let check = rule.check { return check.run(value).map { FieldError(problem: $0) } }
            guard let constraint = rule.constraint, !constraint.holds(for: value) else { return nil }
            return FieldError(problem: rule.message)
        }
    }

    private func elementErrors(_ elements: [JSONValue]) -> [FieldError] {
        var errors: [FieldError] = []
        if let minItems, elements.count < minItems {
            errors.append(
                FieldError(problem: "has \(elements.count) elements", remedy: "\(minItems) or more are needed")
            )
        }
        if let maxItems, elements.count > maxItems {
            errors.append(
                FieldError(problem: "has \(elements.count) elements", remedy: "at most \(maxItems) are allowed")
            )
        }
        if let schema = items.first {
            for (index, element) in elements.enumerated() {
                errors += schema.errors(in: element).map { $0.inside("[\(index)]") }
            }
        }
        return errors + repetitions(elements)
    }

    /// The elements whose keys another element has before.
    private func repetitions(_ elements: [JSONValue]) -> [FieldError] {
        guard !listKeys.isEmpty else { return [] }
        var seen: [[JSONValue]: Int] = [:]
        return elements.enumerated()
            .compactMap { index, element in
                let keys = listKeys.map { element[$0] ?? .null }
                guard let first = seen[keys] else {
                    seen[keys] = index
                    return nil
                }
                let text = keys.map { Self.quote($0) }.joined(separator: ", ")
                return FieldError(
                    path: "[\(index)].\(listKeys[0])",
                    problem: "\(text) is also that of [\(first)]",
                    remedy: "give every element its own"
                )
            }
    }

    private func textErrors(_ text: String) -> [FieldError] {
        let shown = "\"\(text.prefix(80))\""
        if !allowed.isEmpty {
            guard !allowed.contains(text) else { return [] }
            return [FieldError(problem: "\(shown) is unknown", remedy: "use \(Self.choice(allowed))")]
        }
        if let minLength, text.unicodeScalars.count < minLength {
            return [FieldError(problem: "\(shown) is too short", remedy: hint ?? "use \(minLength) characters or more")]
        }
        if let maxLength, text.unicodeScalars.count > maxLength {
            return [FieldError(problem: "\(shown) is too long", remedy: "use at most \(maxLength) characters")]
        }
        if let pattern, !pattern.matches(text) {
            return [FieldError(problem: "\(shown) is not \(pattern.name)", remedy: "write it as \(pattern.example)")]
        }
        return []
    }

    private var hint: String? { pattern.map { "write it as \($0.example)" } }

    private func numberErrors(_ number: Double, text: String) -> [FieldError] {
        let remedy = unit.isEmpty ? range : "use \(unit)"
        if let minimum, excludesMinimum ? number <= minimum : number < minimum {
            let word = excludesMinimum && number == minimum ? "is not above" : "is below"
            return [FieldError(problem: "\(text) \(word) \(Self.plain(minimum))", remedy: remedy)]
        }
        if let maximum, excludesMaximum ? number >= maximum : number > maximum {
            let word = excludesMaximum && number == maximum ? "is not below" : "is above"
            return [FieldError(problem: "\(text) \(word) \(Self.plain(maximum))", remedy: remedy)]
        }
        return []
    }

    /// The allowed numbers, as `use 1 to 65535`.
    private var range: String {
        let low = minimum.map { excludesMinimum ? "more than \(Self.plain($0))" : Self.plain($0) }
        let high = maximum.map { excludesMaximum ? "less than \(Self.plain($0))" : Self.plain($0) }
        switch (low, high) {
        case (let low?, let high?): return excludesMinimum ? "use \(low) and at most \(high)" : "use \(low) to \(high)"
        case (let low?, nil): return excludesMinimum ? "use \(low)" : "use \(low) or more"
        case (nil, let high?): return excludesMaximum ? "use \(high)" : "use at most \(high)"
        case (nil, nil): return ""
        }
    }

    /// A number without a needless fraction.
    static func plain(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }

    private static func quote(_ value: JSONValue) -> String {
        value.string.map { "\"\($0.prefix(80))\"" } ?? "\(value)"
    }

    private static func choice(_ words: [String]) -> String {
        words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
    }

    private static func article(_ kind: Kind) -> String {
        switch kind {
        case .object, .array: "an \(kind.rawValue)"
        case .integer: "a whole number"
        case .string, .number, .boolean: "a \(kind.rawValue)"
        }
    }

    private static func article(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer, .double: "the number \(value)"
        case .string(let text): "\"\(text.prefix(40))\""
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension Schema.Pattern {
    /// Compiled expressions, as many as patterns are declared.
    ///
    /// Compiling one takes a hundred times as long as using it.
    private static let compiled = Mutex<[String: Regex<AnyRegexOutput>]>([:])

    /// Whether a text matches.
    package func matches(_ text: String) -> Bool {
        Self.compiled.withLock { cache in
            if let regex = cache[expression] { return text.firstMatch(of: regex) != nil }
            guard let regex = try? Regex(expression).matchingSemantics(.unicodeScalar) else {
                fatalError("the pattern \(expression) of a schema is not a regular expression")
            }
            cache[expression] = regex
            return text.firstMatch(of: regex) != nil
        }
    }
}
