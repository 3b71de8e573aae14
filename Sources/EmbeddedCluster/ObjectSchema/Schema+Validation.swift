import GoText
package import JSON

extension Schema {
    /// What is wrong with a value: types, limits, lists with twice the same element, and rules.
    ///
    /// The path of an element of a list has no index for types and limits, as in 1.20; it has one for the other two.
    ///
    /// - Parameters:
    ///   - value: What is to be stored, defaulted.
    ///   - old: What is there so far; rules that compare run only if there is something to compare with.
    ///   - path: Where the value stands; empty for a whole object.
    package func validate(_ value: JSONValue, old: JSONValue? = nil, path: String = "") -> [FieldProblem] {
        var problems = check(value, at: path).problems
        // Objects that were let in before a list was declared a map must stay changeable.
        if old.map({ listProblems($0, at: path).isEmpty }) ?? true { problems += listProblems(value, at: path) }
        guard hasRulesWithin else { return problems }
        guard !problems.contains(where: \.hinders) else {
            let detail =
                "some validation rules were not checked because the object was invalid; "
                + "correct the existing errors to complete validation"
            return problems + [.invalid("<nil>", .null, detail)]
        }
        return problems + ruleProblems(value, old: old, at: path)
    }
}

extension FieldProblem {
    /// Whether rules cannot be run on such a value.
    fileprivate var hinders: Bool {
        switch kind {
        case .typeInvalid, .required, .unsupported, .tooLong, .tooMany: true
        case .notFound, .duplicate, .invalid, .forbidden, .internalError: false
        }
    }
}

/// What a check of a value against a schema found.
///
/// Of several alternatives none of which fits, the problems of that with the most ``matches`` are told.
private struct Finding {
    var problems: [FieldProblem] = []
    var matches = 0

    mutating func add(_ problem: FieldProblem) {
        if !problems.contains(problem) { problems.append(problem) }
    }

    mutating func merge(_ other: Finding) {
        for problem in other.problems { add(problem) }
        matches += other.matches
    }
}

extension Schema {
    private var limits: Limits { definition.limits }

    /// What the elements are if the value is a list; places of any shape may be one.
    var elementOfLists: Schema? { shape == .list || shape == .any ? element : nil }

    /// What the values of unnamed keys are if the value is an object.
    var elementOfMaps: Schema? { shape == .map || shape == .object ? element : nil }

    /// The names of the types that a value may have; empty when it may have any.
    private var typeNames: [String] {
        switch shape {
        case .any: []
        case .string: ["string"]
        case .integer: ["integer"]
        case .number: ["number"]
        case .boolean: ["boolean"]
        case .intOrString: ["integer", "string"]
        case .quantity: ["string", "number"]
        case .object, .map: ["object"]
        case .list: ["array"]
        }
    }

    private func check(_ value: JSONValue, at path: String) -> Finding {
        var finding = checkType(value, at: path)
        if value.isNull {
            checkEnumeration(value, at: path, &finding)
            return finding
        }
        if !typeNames.isEmpty || knownFormat != nil { finding.matches += 1 }
        finding.merge(checkCombinations(value, at: path))
        switch value {
        case .string(let text):
            checkText(text, at: path, &finding)
            finding.matches += 1
            if let format = knownFormat {
                finding.matches += 1
                if !format.accepts(text) {
                    finding.add(Self.wrongType(path, limits.format ?? "", .string(text), quoted: text))
                }
            }
        case .integer, .double:
            checkNumber(value, at: path, &finding)
            finding.matches += 2
        case .array(let elements):
            if let schema = elementOfLists {
                for element in elements { finding.merge(schema.check(element, at: path)) }
            }
            checkCount(elements, at: path, &finding)
            finding.matches += 2
        case .null, .bool, .object: break
        }
        checkEnumeration(value, at: path, &finding)
        if case .object(let members) = value { checkMembers(members, at: path, &finding) }
        finding.matches += value.object == nil ? 3 : 4
        return finding
    }

    private var knownFormat: TextFormat? { limits.format.flatMap(TextFormat.init(named:)) }

    private static func wrongType(
        _ path: String,
        _ wanted: String,
        _ value: JSONValue,
        quoted found: String
    ) -> FieldProblem {
        FieldProblem(.typeInvalid, path, value, "\(path) in body must be of type \(wanted): \(GoText.quoted(found))")
    }

    private func checkType(_ value: JSONValue, at path: String) -> Finding {
        let names = typeNames
        let fits = Finding(matches: 1)
        func wrong(_ wanted: String, _ found: String) -> Finding {
            Finding(problems: [Self.wrongType(path, wanted, .string(found), quoted: found)])
        }
        if value.isNull {
            return names.isEmpty || definition.isNullable ? fits : wrong(names.joined(separator: ","), "null")
        }
        guard !names.isEmpty || knownFormat != nil else { return Finding() }
        let (found, format) = Self.type(of: value)
        let isNumber = names.contains("number") || names.contains("integer")
        if knownFormat != nil, !isNumber {
            switch value {
            case .string, .array: return fits
            case .null, .bool, .integer, .double, .object:
                if !names.contains(found) { return wrong(limits.format ?? "", format) }
            }
        }
        let isWhole = found == "number" && value.integer != nil && names.contains("integer")
        let isConverted = found == "integer" && names.contains("number")
        return names.isEmpty || names.contains(found) || isWhole || isConverted
            ? fits : wrong(names.joined(separator: ","), found)
    }

    private static func type(of value: JSONValue) -> (name: String, format: String) {
        switch value {
        case .null: ("null", "")
        case .bool: ("boolean", "")
        case .integer: ("integer", "int64")
        case .double: ("number", "float64")
        case .string: ("string", "")
        case .array: ("array", "")
        case .object: ("object", "")
        }
    }

    private func checkText(_ text: String, at path: String, _ finding: inout Finding) {
        let count = text.unicodeScalars.count
        if let limit = limits.maxLength, count > limit {
            finding.add(.invalid(path, .string(text), "\(path) in body should be at most \(limit) chars long"))
        } else if let limit = limits.minLength, count < limit {
            finding.add(.invalid(path, .string(text), "\(path) in body should be at least \(limit) chars long"))
        } else if let pattern = limits.pattern {
            switch self.pattern {
            case .success(let compiled)?:
                if !compiled.matches(text) {
                    finding.add(.invalid(path, .string(text), "\(path) in body should match '\(pattern)'"))
                }
            case .failure(let error)?:
                let detail = "\(path) in body should match '\(pattern), but pattern is invalid: \(error)'"
                finding.add(.invalid(path, .string(text), detail))
            case nil: break
            }
        }
    }

    private func checkNumber(_ value: JSONValue, at path: String, _ finding: inout Finding) {
        guard let number = value.double else { return }
        // Whole numbers are compared and shown as such.
        let whole = if case .integer(let integer) = value { Optional(integer) } else { Int?.none }
        func shown(_ limit: Double) -> String {
            whole != nil
                ? Int(exactly: limit.rounded(.towardZero)).map(String.init) ?? GoText.number(limit)
                : GoText.number(limit)
        }
        func order(_ limit: Double) -> Int {
            if let whole, let limit = Int(exactly: limit.rounded(.towardZero)) {
                return whole < limit ? -1 : whole > limit ? 1 : 0
            }
            return number < limit ? -1 : number > limit ? 1 : 0
        }
        func add(_ text: String) { finding.add(.invalid(path, value, "\(path) in body should be \(text)")) }
        if let factor = limits.multipleOf, factor > 0, !Self.isMultiple(value, number, of: factor) {
            add("a multiple of \(shown(factor))")
        }
        if let limit = limits.minimum {
            if order(limit) < 0 || limits.exclusiveMinimum && order(limit) == 0 {
                add("greater than \(limits.exclusiveMinimum ? "" : "or equal to ")\(shown(limit))")
            }
        }
        if let limit = limits.maximum {
            if order(limit) > 0 || limits.exclusiveMaximum && order(limit) == 0 {
                add("less than \(limits.exclusiveMaximum ? "" : "or equal to ")\(shown(limit))")
            }
        }
    }

    private static func isMultiple(_ value: JSONValue, _ number: Double, of factor: Double) -> Bool {
        if case .integer(let whole) = value, let factor = Int(exactly: factor.rounded(.towardZero)), factor > 0 {
            return whole % factor == 0
        }
        let quotient = factor < 1 ? 1 / factor * number : number / factor
        return abs(quotient - quotient.rounded()) < 1e-9 * max(1, abs(quotient))
    }

    private func checkCount(_ elements: [JSONValue], at path: String, _ finding: inout Finding) {
        func add(_ text: String) {
            finding.add(.invalid(path, .integer(elements.count), "\(path) in body should have \(text) items"))
        }
        if let limit = limits.minItems, elements.count < limit { add("at least \(limit)") }
        if let limit = limits.maxItems, elements.count > limit { add("at most \(limit)") }
        if limits.uniqueItems, Set(elements).count < elements.count {
            finding.add(.invalid(path, "", "\(path) in body shouldn't contain duplicates"))
        }
    }

    private func checkEnumeration(_ value: JSONValue, at path: String, _ finding: inout Finding) {
        let allowed = limits.enumeration
        guard !allowed.isEmpty else { return }
        let number = value.double
        let isAllowed = !value.isNull && allowed.contains { $0 == value || (number != nil && $0.double == number) }
        if !isAllowed {
            finding.add(.unsupported(path, value, supported: allowed.map { $0.string ?? $0.description }))
        }
    }

    private func checkMembers(_ members: JSONObject, at path: String, _ finding: inout Finding) {
        func wrongCount(_ limit: Int, _ text: String) {
            finding.add(.invalid(path, .integer(limit), "\(path) in body should have \(text) \(limit) properties"))
        }
        if let limit = limits.minProperties, members.count < limit { return wrongCount(limit, "at least") }
        if let limit = limits.maxProperties, members.count > limit { return wrongCount(limit, "at most") }
        for (key, value) in members {
            if names(key) {
                if let schema = field(key) { finding.merge(schema.check(value, at: Self.join(path, key))) }
            } else if let schema = elementOfMaps {
                finding.merge(schema.check(value, at: "\(path).\(key)"))
            } else if definition.forbidsOtherFields {
                finding.add(.invalid(path, .string(key), "\(path).\(key) in body is a forbidden property"))
            }
        }
        for key in definition.required where members[key] == nil { finding.add(.required(Self.join(path, key))) }
    }

    private static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private func checkCombinations(_ value: JSONValue, at path: String) -> Finding {
        var finding = Finding(matches: 2)
        func combined(_ text: String) -> FieldProblem {
            .invalid("<nil>", "", "\(GoText.quoted(path)) must \(text)")
        }
        if !limits.anyOf.isEmpty {
            let findings = limits.anyOf.map { $0.check(value, at: path) }
            if let fit = findings.first(where: \.problems.isEmpty) {
                finding.merge(fit)
            } else {
                finding.add(combined("validate at least one schema (anyOf)"))
                if let best = Self.best(findings) { finding.merge(best) }
            }
        }
        if !limits.oneOf.isEmpty {
            let findings = limits.oneOf.map { $0.check(value, at: path) }
            let fits = findings.filter(\.problems.isEmpty)
            if fits.count == 1 {
                finding.merge(fits[0])
            } else {
                let count = fits.isEmpty ? "Found none valid" : "Found \(fits.count) valid alternatives"
                finding.add(combined("validate one and only one schema (oneOf). \(count)"))
                if fits.isEmpty, let best = Self.best(findings) { finding.merge(best) }
            }
        }
        if !limits.allOf.isEmpty {
            let findings = limits.allOf.map { $0.check(value, at: path) }
            for part in findings { finding.merge(part) }
            if !findings.allSatisfy(\.problems.isEmpty) {
                let none = findings.contains { $0.problems.isEmpty } ? "" : ". None validated"
                finding.add(combined("validate all the schemas (allOf)\(none)"))
            }
        }
        if let not = limits.not, not.check(value, at: path).problems.isEmpty {
            finding.add(combined("not validate the schema (not)"))
        }
        return finding
    }

    /// The first of those with the most matches.
    private static func best(_ findings: [Finding]) -> Finding? {
        findings.dropFirst().reduce(findings.first) { best, next in
            if let best, best.matches >= next.matches { best } else { next }
        }
    }
}

extension Schema {
    /// Elements of sets and maps that are there twice.
    private func listProblems(_ value: JSONValue, at path: String) -> [FieldProblem] {
        switch value {
        case .object(let members):
            members.flatMap { key, value in
                guard let schema = names(key) ? field(key) : elementOfMaps else { return [FieldProblem]() }
                return schema.listProblems(value, at: names(key) ? Self.join(path, key) : "\(path)[\(key)]")
            }
        case .array(let elements):
            duplicates(elements, at: path)
                + elements.enumerated().flatMap { index, value in
                    elementOfLists?.listProblems(value, at: "\(path)[\(index)]") ?? []
                }
        case .null, .bool, .integer, .double, .string: []
        }
    }

    private func duplicates(_ elements: [JSONValue], at path: String) -> [FieldProblem] {
        let keys: [JSONValue]
        switch definition.listType {
        case .atomic: return []
        case .set: keys = elements
        case .map(let fields):
            if let index = elements.firstIndex(where: { $0.object == nil && !$0.isNull }) {
                let detail = "must be an object for an array of list-type map"
                return [.invalid("\(path)[\(index)]", elements[index], detail)]
            }
            keys = elements.map { element in
                .object(JSONObject(fields.compactMap { name in element[name].map { (name, $0) } }))
            }
        }
        var counts: [[UInt8]: Int] = [:]
        return keys.enumerated().compactMap { index, key in
            let bytes = key.bytes(sorted: true)
            counts[bytes, default: 0] += 1
            return counts[bytes] == 2 ? .duplicate("\(path)[\(index)]", key) : nil
        }
    }
}
