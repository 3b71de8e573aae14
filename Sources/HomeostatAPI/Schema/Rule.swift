package import JSON

/// Something that several members of an object must fulfil together, or that a member must fulfil at every change.
///
/// What OpenAPI can say is a ``Constraint``, from which its schema, its CEL expression and its check in Swift are
/// derived. What it cannot say is a CEL expression and a check in Swift side by side.
package struct Rule: Sendable, Hashable {
    package var constraint: Constraint?
    /// An expression over `self` (and `oldSelf`, in rules about changes) that holds for good values.
    package var cel: String
    /// What to do, as `set exactly one of setWeight, pause and analysis`.
    package var message: String
    /// Whether the rule is about what a value may change to; it is checked by the API server alone.
    package var isAboutChange = false
    /// The check in Swift of a rule that OpenAPI cannot say; nil when the value is good, else what is wrong.
    package var check: Check?

    /// A check by name, so that rules can be compared.
    package struct Check: Sendable, Hashable {
        let name: String
        let run: @Sendable (JSONValue) -> String?

        package init(_ name: String, _ run: @escaping @Sendable (JSONValue) -> String?) {
            self.name = name
            self.run = run
        }

        package static func == (a: Check, b: Check) -> Bool { a.name == b.name }
        package func hash(into hasher: inout Hasher) { hasher.combine(name) }
    }

    /// A rule that OpenAPI can say.
    package init(_ constraint: Constraint, _ message: String) {
        self.constraint = constraint
        self.cel = constraint.cel
        self.message = message
    }

    /// A rule that only CEL can say, with the same check in Swift.
    package init(cel: String, _ message: String, check: Check) {
        self.cel = cel
        self.message = message
        self.check = check
    }

    /// A rule about what a value may change to.
    package init(change cel: String, _ message: String) {
        self.cel = cel
        self.message = message
        isAboutChange = true
    }

    /// Exactly one of these members is there.
    package static func exactlyOne(of names: [String]) -> Rule {
        let list = names.dropLast().joined(separator: ", ")
        return Rule(
            .one(names.map { .has($0) }),
            names.count == 1 ? "set \(names[0])" : "set exactly one of \(list) and \(names[names.count - 1])"
        )
    }
}

/// A condition on a value that OpenAPI's validation keywords can express.
package indirect enum Constraint: Sendable, Hashable {
    /// The object has this member.
    case has(String)
    /// If the object has this member, its value fulfils the condition.
    case member(String, Constraint)
    /// All elements of the array fulfil the condition.
    case items(Constraint)
    /// The object has this member, and its value is this text.
    case isText(String, String)
    /// The number is this or less.
    case atMost(Double)
    case not(Constraint)
    case all([Constraint])
    case any([Constraint])
    /// Exactly one of these holds.
    case one([Constraint])

    /// If the first holds, so does the second.
    package static func implies(_ a: Constraint, _ b: Constraint) -> Constraint { .any([.not(a), b]) }
}

extension Constraint {
    /// Whether a value fulfils the condition, as JSON schema validation sees it.
    package func holds(for value: JSONValue) -> Bool {
        switch self {
        case .has(let name): value.object.map { $0[name] != nil } ?? true
        case .member(let name, let inner): value[name].map { inner.holds(for: $0) } ?? true
        case .items(let inner): (value.array ?? []).allSatisfy { inner.holds(for: $0) }
        case .isText(let name, let text): value.object.map { $0[name] == .string(text) } ?? true
        case .atMost(let limit): value.double.map { $0 <= limit } ?? true
        case .not(let inner): !inner.holds(for: value)
        case .all(let inner): inner.allSatisfy { $0.holds(for: value) }
        case .any(let inner): inner.contains { $0.holds(for: value) }
        case .one(let inner): inner.filter { $0.holds(for: value) }.count == 1
        }
    }

    /// The condition in OpenAPI's keywords, without any that a structural schema forbids inside a junctor.
    package var openAPI: JSONObject {
        switch self {
        case .has(let name): ["required": [.string(name)]]
        case .member(let name, let inner): ["properties": [name: .object(inner.openAPI)]]
        case .items(let inner): ["items": .object(inner.openAPI)]
        case .isText(let name, let text):
            ["required": [.string(name)], "properties": [name: ["enum": [.string(text)]]]]
        case .atMost(let limit): ["maximum": limit.json]
        case .not(let inner): ["not": .object(inner.openAPI)]
        case .all(let inner): ["allOf": .array(inner.map { .object($0.openAPI) })]
        case .any(let inner): ["anyOf": .array(inner.map { .object($0.openAPI) })]
        case .one(let inner):
            inner.count == 1 ? inner[0].openAPI : ["oneOf": .array(inner.map { .object($0.openAPI) })]
        }
    }

    /// The condition as a CEL expression over `self`.
    package var cel: String { cel(over: "self", depth: 0) }

    private func cel(over value: String, depth: Int) -> String {
        switch self {
        case .has(let name): "has(\(value).\(name))"
        case .member(let name, let inner):
            "(!has(\(value).\(name)) || \(inner.cel(over: "\(value).\(name)", depth: depth)))"
        case .items(let inner):
            "\(value).all(\(Self.variable(depth)), \(inner.cel(over: Self.variable(depth), depth: depth + 1)))"
        case .isText(let name, let text): "has(\(value).\(name)) && \(value).\(name) == '\(text)'"
        case .atMost(let limit): "\(value) <= \(limit)"
        case .not(let inner): "!(\(inner.cel(over: value, depth: depth)))"
        case .all(let inner): Self.join(inner, "&&", value, depth)
        case .any(let inner): Self.join(inner, "||", value, depth)
        case .one(let inner):
            inner.count == 1
                ? inner[0].cel(over: value, depth: depth)
                : "[" + inner.map { $0.cel(over: value, depth: depth) }.joined(separator: ", ")
                    + "].exists_one(chosen, chosen)"
        }
    }

    private static func join(_ parts: [Constraint], _ operation: String, _ value: String, _ depth: Int) -> String {
        "(" + parts.map { $0.cel(over: value, depth: depth) }.joined(separator: " \(operation) ") + ")"
    }

    private static func variable(_ depth: Int) -> String { depth == 0 ? "item" : "item\(depth)" }
}
