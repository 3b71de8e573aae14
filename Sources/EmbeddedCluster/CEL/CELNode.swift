/// A part of an expression.
final class CELNode: Sendable {
    enum Kind: Sendable {
        case literal(CELValue)
        case name(String)
        /// A field; with a question mark it is an optional.
        case select(CELNode, String, isOptional: Bool)
        /// `has(a.b)`.
        case presence(CELNode, String)
        case index(CELNode, CELNode, isOptional: Bool)
        /// A function, or a member function of the first argument.
        case call(String, [CELNode], isMember: Bool)
        case list([(value: CELNode, isOptional: Bool)])
        case map([(key: CELNode, value: CELNode, isOptional: Bool)])
        /// All of them.
        case and([CELNode])
        /// Any of them.
        case or([CELNode])
        case condition(CELNode, CELNode, CELNode)
        case macro(Macro)
        /// A name for a value within an expression.
        case binding(String, CELNode, CELNode)
    }

    /// Something done to every element.
    struct Macro: Sendable {
        enum Action: String, Sendable { case all, exists, existsOne, map, filter, optMap, optFlatMap }
        var action: Action
        var range: CELNode
        /// One name for elements or keys; two for index and element or key and value.
        var names: [String]
        /// What elements are taken by `map` with three arguments.
        var condition: CELNode?
        var body: CELNode
    }

    /// How deep expressions may stand in each other, so that neither reading nor running one exhausts the stack.
    static let depthLimit = 250

    let kind: Kind
    /// Where it stands in the text, in Unicode scalars.
    let offset: Int
    /// How many levels of parts it has.
    let depth: Int

    init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
        depth = 1 + (kind.parts.map(\.depth).max() ?? 0)
    }
}

extension CELNode.Kind {
    /// The expressions that it is made of.
    var parts: [CELNode] {
        switch self {
        case .literal, .name: []
        case .select(let operand, _, _), .presence(let operand, _): [operand]
        case .index(let operand, let index, _): [operand, index]
        case .call(_, let arguments, _): arguments
        case .list(let elements): elements.map(\.value)
        case .map(let entries): entries.flatMap { [$0.key, $0.value] }
        case .and(let parts), .or(let parts): parts
        case .condition(let test, let yes, let no): [test, yes, no]
        case .macro(let macro): [macro.range, macro.body] + [macro.condition].compactMap(\.self)
        case .binding(_, let value, let body): [value, body]
        }
    }
}
