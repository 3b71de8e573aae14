import CEL
import JSON

/// A rule of a schema, ready to run.
struct RuleProgram: Sendable {
    let rule: Schema.Rule
    private let program: Result<CELProgram, CELError>
    private let message: Result<CELProgram, CELError>?

    /// - Parameter type: What is known of the values that the rule is about.
    init(_ rule: Schema.Rule, on type: CELType) {
        self.rule = rule
        let oldType = rule.optionalOldSelf ? CELType.optional(type) : type
        program = Result { () throws(CELError) in try CELProgram(rule.rule, selfType: type, oldSelfType: oldType) }
        message = rule.messageExpression.map { text in
            Result { () throws(CELError) in try CELProgram(text, selfType: type, oldSelfType: oldType) }
        }
    }

    /// What is wrong with the rule itself.
    func problems(at path: String) -> [FieldProblem] {
        guard rule.rule.contains(where: { !$0.isWhitespace }) else {
            return [.required("\(path).rule", "rule is not specified")]
        }
        var problems: [FieldProblem] = []
        switch program {
        case .failure(let error):
            problems.append(.invalid("\(path).rule", .string(rule.rule), "compilation failed: \(error)"))
        case .success(let program):
            if program.resultType != .bool, program.resultType != .any {
                problems.append(.invalid("\(path).rule", .string(rule.rule), "cel expression must evaluate to a bool"))
            }
            if rule.optionalOldSelf, !program.usesOldSelf {
                let detail = "may not be set to true if oldSelf is not used in rule"
                problems.append(.invalid("\(path).optionalOldSelf", true, detail))
            }
        }
        if case .failure(let error)? = message, let text = rule.messageExpression {
            let detail = "messageExpression compilation failed: \(error)"
            problems.append(.invalid("\(path).messageExpression", .string(text), detail))
        }
        if let message = rule.message {
            if !message.contains(where: { !$0.isWhitespace }) {
                let detail = "message must be non-empty if specified"
                problems.append(.invalid("\(path).message", .string(message), detail))
            } else if message.contains("\n") {
                problems.append(.invalid("\(path).message", .string(message), "message must not contain line breaks"))
            }
        }
        let reasons = ["FieldValueRequired", "FieldValueForbidden", "FieldValueInvalid", "FieldValueDuplicate"]
        if let reason = rule.reason, !reasons.contains(reason) {
            problems.append(.unsupported("\(path).reason", .string(reason), supported: reasons.sorted()))
        }
        return problems
    }

    /// What the rule says against a value; nil when it holds, or compares and there is nothing to compare with.
    fileprivate func problem(_ subject: RuleSubject, _ budget: inout Int) -> FieldProblem? {
        let program: CELProgram
        switch self.program {
        case .failure(let error): return subject.problem("rule compile error: \(error)")
        case .success(let compiled): program = compiled
        }
        if program.usesOldSelf, subject.old == nil, !rule.optionalOldSelf { return nil }
        let old = rule.optionalOldSelf ? CELValue.optional(subject.old) : subject.old
        var cost = 0
        defer { budget -= cost }
        do throws(CELError) {
            let limit = min(CELProgram.costLimit, budget)
            let result = try program.evaluate(self: subject.value, oldSelf: old, limit: limit, cost: &cost)
            return result.bool == true ? nil : refusal(subject, old)
        } catch {
            return subject.problem(text(of: error))
        }
    }

    private func text(of error: CELError) -> String {
        switch error.reason {
        case .costLimit:
            "'\(error)': no further validation rules will be run due to call cost exceeds limit for rule: \(shown)"
        case .evaluation where error.message.hasPrefix("no such overload"):
            "'\(error)': call arguments did not match a supported operator, function or macro signature for rule: "
                + shown
        case .evaluation, .compilation: "\(error) evaluating rule: \(shown)"
        }
    }

    /// The message of the rule, or else its text.
    private var shown: String { rule.message.map(Self.trimmed) ?? Self.trimmed(rule.rule) }

    private static func trimmed(_ text: String) -> String {
        var text = Substring(text)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    private func refusal(_ subject: RuleSubject, _ old: CELValue?) -> FieldProblem {
        var detail = rule.message.map(Self.trimmed) ?? "failed rule: \(Self.trimmed(rule.rule))"
        // A message that cannot be made, is empty or has several lines is not shown; that of the rule is.
        if case .success(let program)? = message,
            let made = try? program.evaluate(self: subject.value, oldSelf: old).string.map(Self.trimmed),
            !made.isEmpty, !made.contains("\n")
        {
            detail = made
        }
        let field = rule.fieldPath.map { subject.path + (subject.path.isEmpty ? String($0.drop { $0 == "." }) : $0) }
        let place = field ?? subject.path
        switch rule.reason {
        case "FieldValueRequired": return .required(place, detail)
        case "FieldValueForbidden": return .forbidden(place, detail)
        case "FieldValueDuplicate": return FieldProblem(.duplicate, place, subject.shown, detail)
        default: return .invalid(place, subject.shown, detail)
        }
    }
}

/// What rules are run on.
private struct RuleSubject {
    var value: CELValue
    var old: CELValue?
    var path: String
    /// The value as messages show it, the name of the type for objects and lists.
    var shown: JSONValue
    var typeName: String

    /// A rule that could not be run.
    func problem(_ detail: String) -> FieldProblem { .invalid(path, .string(typeName), detail) }
}

extension Schema {
    /// How much work all rules on one object may be, as in the API server.
    private static let budget = 10_000_000

    /// What the rules here and further in say against a value.
    func ruleProblems(_ value: JSONValue, old: JSONValue?, at path: String) -> [FieldProblem] {
        var budget = Self.budget
        var problems: [FieldProblem] = []
        run(value, old, path, &budget, &problems)
        return problems
    }

    private func run(
        _ value: JSONValue,
        _ old: JSONValue?,
        _ path: String,
        _ budget: inout Int,
        _ problems: inout [FieldProblem]
    ) {
        guard hasRulesWithin, !value.isNull else { return }
        if !programs.isEmpty {
            let isObject = value.object != nil || value.array != nil
            let typeName = value.object != nil ? "object" : value.array != nil ? "array" : shape.name
            let subject = RuleSubject(
                value: expressionValue(value, isResource: path.isEmpty),
                old: old.flatMap { $0.isNull ? nil : expressionValue($0, isResource: path.isEmpty) },
                path: path,
                shown: isObject ? .string(typeName) : value,
                typeName: typeName
            )
            for program in programs {
                guard budget > 0 else {
                    let detail =
                        "validation failed due to running out of cost budget, no further validation rules will be run"
                    problems.append(subject.problem(detail))
                    return
                }
                if let problem = program.problem(subject, &budget) { problems.append(problem) }
            }
        }
        switch value {
        case .object(let members):
            for (key, member) in members {
                guard let schema = names(key) ? field(key) : elementOfMaps, schema.hasRulesWithin else { continue }
                let place = names(key) ? (path.isEmpty ? key : "\(path).\(key)") : "\(path)[\(key)]"
                schema.run(member, old?[key], place, &budget, &problems)
            }
        case .array(let elements):
            guard let schema = elementOfLists, schema.hasRulesWithin else { return }
            let counterparts = counterparts(in: old)
            for (index, element) in elements.enumerated() {
                let old = listKey(element).flatMap { counterparts[$0] }
                schema.run(element, old, "\(path)[\(index)]", &budget, &problems)
            }
        case .null, .bool, .integer, .double, .string: break
        }
    }

    /// What tells an element of a list with keys apart.
    private func listKey(_ element: JSONValue) -> [UInt8]? {
        guard case .map(let keys) = definition.listType, element.object != nil else { return nil }
        return JSONValue.array(keys.map { element[$0] ?? .null }).bytes(sorted: true)
    }

    /// The elements of the former list by what tells them apart.
    private func counterparts(in old: JSONValue?) -> [[UInt8]: JSONValue] {
        Dictionary((old?.array ?? []).compactMap { element in listKey(element).map { ($0, element) } }) { $1 }
    }

    // MARK: Values and types of expressions

    private static let metadataFields: Set<String> = ["name", "generateName"]

    /// A value as expressions see it: with the types of the schema, and without what the schema does not name.
    func expressionValue(_ value: JSONValue, isResource: Bool = false) -> CELValue {
        switch value {
        case .object(let members):
            // What the schema says nothing of is as JSON has it.
            if shape != .object, shape != .map, definition.fields.isEmpty { return CELValue(value) }
            return .map(CELMap(expressionMembers(members, isResource || definition.isEmbeddedResource)))
        case .array(let elements):
            let kind: CELList.Kind
            switch definition.listType {
            case .atomic: kind = .ordered
            case .set: kind = .set
            case .map(let keys): kind = .map(keys: keys.compactMap(CELName.escaped))
            }
            let values = elements.map { elementOfLists?.expressionValue($0) ?? CELValue($0) }
            return .list(CELList(values, kind: kind))
        case .integer(let whole) where shape == .number: return .double(Double(whole))
        case .double(let number) where shape == .integer:
            return Int(exactly: number).map(CELValue.int) ?? .double(number)
        case .string(let text): return expressionValue(text)
        case .null, .bool, .integer, .double: return CELValue(value)
        }
    }

    private func expressionMembers(_ members: JSONObject, _ isResource: Bool) -> [(CELValue, CELValue)] {
        members.compactMap { key, value in
            if isResource, key == "metadata" {
                let kept = (value.object ?? [:]).filter { Self.metadataFields.contains($0.key) }
                return (.string(key), CELValue(.object(JSONObject(kept.map { ($0.key, $0.value) }))))
            }
            if isResource, key == "apiVersion" || key == "kind" { return (.string(key), CELValue(value)) }
            if names(key), let schema = field(key) {
                return CELName.escaped(key).map { (.string($0), schema.expressionValue(value)) }
            }
            return elementOfMaps.map { (.string(key), $0.expressionValue(value)) }
        }
    }

    private func expressionValue(_ text: String) -> CELValue {
        guard shape == .string else { return .string(text) }
        switch definition.limits.format {
        case "date-time", "datetime", "date": return CELTimestamp(text).map(CELValue.timestamp) ?? .string(text)
        case "duration":
            return (try? Self.durationReader?.evaluate(self: .string(text))) ?? .string(text)  // as it is if it is none
        default: return .string(text)
        }
    }

    private static let durationReader = try? CELProgram("duration(self)")

    /// What expressions may know of a value here.
    static func expressionType(of definition: Definition, isResource: Bool = false) -> CELType {
        switch definition.shape {
        case .any where definition.fields.isEmpty, .intOrString, .quantity: return .any
        case .integer: return .int
        case .number: return .double
        case .boolean: return .bool
        case .list: return .list(definition.element.map { expressionType(of: $0.definition) } ?? .any)
        case .map: return .map(definition.element.map { expressionType(of: $0.definition) } ?? .any)
        case .string:
            switch definition.limits.format {
            case "date-time", "datetime", "date": return .timestamp
            case "duration": return .duration
            default: return .string
            }
        case .object, .any:
            var fields: [String: CELType] = [:]
            for (name, schema) in definition.fields {
                guard let name = CELName.escaped(name) else { continue }
                fields[name] = expressionType(of: schema.definition)
            }
            // Whether it is a whole object is not known here, so these can always be named.
            fields["apiVersion"] = .string
            fields["kind"] = .string
            fields["metadata"] = .any
            return .object(fields)
        }
    }
}

extension Schema.Shape {
    /// The type as a schema calls it.
    fileprivate var name: String {
        switch self {
        case .any, .intOrString: ""
        case .string, .quantity: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .object, .map: "object"
        case .list: "array"
        }
    }
}
