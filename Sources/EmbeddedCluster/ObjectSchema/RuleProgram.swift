import JSON

/// A rule of a schema.
struct RuleProgram: Sendable {
    let rule: Schema.Rule

    /// What is wrong with the rule itself.
    func problems(at path: String) -> [FieldProblem] {
        rule.rule.isEmpty ? [.required("\(path).rule", "rule is not specified")] : []
    }
}

extension Schema {
    /// What the rules here and further in say against a value.
    func ruleProblems(_ value: JSONValue, old: JSONValue?, at path: String) -> [FieldProblem] { [] }
}
