import CEL
import GoText
package import JSON

/// What is known of the values at one place in an object: their type, fields, defaults, and how they merge.
///
/// The same description serves built-in kinds and custom resources: validation, pruning, defaulting, strategic merge,
/// server-side apply and the OpenAPI documents all read it.
package final class Schema: Sendable {
    /// What kind of JSON value a place holds.
    package enum Shape: Sendable, Hashable {
        /// Anything; nothing is known below it.
        case any
        case string, integer, number, boolean
        /// A whole number or a string, as a port or a percentage.
        case intOrString
        /// A number or a string that is a Kubernetes quantity, as `100m`.
        case quantity
        /// Named fields: ``Schema/fields``.
        case object
        /// Any keys with values of one schema: ``Schema/element``.
        case map
        /// A list with elements of one schema: ``Schema/element``.
        case list
    }

    /// What identifies an element of a list, `x-kubernetes-list-type`.
    package enum ListType: Sendable, Hashable {
        /// The list is one value.
        case atomic
        /// Scalars, each once.
        case set
        /// Objects told apart by these fields.
        case map(keys: [String])
    }

    /// What becomes of a field that is absent, or has its type's zero value, when a built-in kind is read.
    ///
    /// The API server reads built-in kinds into typed fields and writes them again: some zero values are left out then,
    /// others are always written.
    package enum WhenEmpty: Sendable, Hashable {
        /// What was sent stays, absent or zero.
        case kept
        /// Zero values are the same as absence.
        case dropped
        /// It is written as its zero value when it is absent: `{}`, `""`, 0, false, or null for lists, maps and times.
        case written
    }

    /// A rule in CEL, `x-kubernetes-validations`.
    package struct Rule: Sendable, Hashable {
        package var rule: String
        package var message: String?
        package var messageExpression: String?
        /// As `FieldValueInvalid`.
        package var reason: String?
        package var fieldPath: String?
        package var optionalOldSelf: Bool

        package init(
            _ rule: String,
            message: String? = nil,
            messageExpression: String? = nil,
            reason: String? = nil,
            fieldPath: String? = nil,
            optionalOldSelf: Bool = false
        ) {
            self.rule = rule
            self.message = message
            self.messageExpression = messageExpression
            self.reason = reason
            self.fieldPath = fieldPath
            self.optionalOldSelf = optionalOldSelf
        }
    }

    /// Limits of a value, as in JSON Schema; nil or empty when there is none.
    package struct Limits: Sendable {
        package var enumeration: [JSONValue] = []
        package var pattern: String?
        package var format: String?
        package var minimum: Double?
        package var maximum: Double?
        package var exclusiveMinimum = false
        package var exclusiveMaximum = false
        package var multipleOf: Double?
        package var minLength: Int?
        package var maxLength: Int?
        package var minItems: Int?
        package var maxItems: Int?
        package var uniqueItems = false
        package var minProperties: Int?
        package var maxProperties: Int?
        /// Value validations without structure: `allOf`, `anyOf`, `oneOf`, `not`.
        package var allOf: [Schema] = []
        package var anyOf: [Schema] = []
        package var oneOf: [Schema] = []
        package var not: Schema?

        package init() {}
    }

    /// All there is to say of a place; ``Schema`` freezes it.
    package struct Definition: Sendable {
        package var shape: Shape
        /// For people, in `kubectl explain`.
        package var description = ""
        /// The fields of an object, in the order they are shown.
        package var fields: [(name: String, schema: Schema)] = []
        /// Of a list its elements, of a map its values; of an object what its unnamed fields are, if there may be any.
        package var element: Schema?
        package var required: [String] = []
        package var isNullable = false
        /// Given to the field when it is absent.
        package var defaultValue: JSONValue?
        /// Of a field of a built-in kind.
        package var whenEmpty = WhenEmpty.kept
        /// Whether unknown fields stay, `x-kubernetes-preserve-unknown-fields`.
        package var preservesUnknownFields = false
        /// Whether other fields than the named ones are refused, `additionalProperties: false`.
        package var forbidsOtherFields = false
        /// Whether nothing at all is known of a custom resource's values here, `additionalProperties: true`: objects
        /// lose their fields when they are pruned.
        package var isUnspecified = false
        /// Whether it is a whole object with `apiVersion`, `kind` and `metadata`, `x-kubernetes-embedded-resource`.
        package var isEmbeddedResource = false
        package var listType: ListType = .atomic
        /// Whether an object or map is one value, `x-kubernetes-map-type: atomic`.
        package var isAtomic = false
        /// The field by which strategic merge tells elements of a list apart; nil when the list is replaced whole.
        package var patchMergeKey: String?
        /// Strategic merge's `retainKeys`: only fields named in the patch's `$retainKeys` stay.
        package var retainsKeys = false
        /// Strategic merge of a list of scalars adds instead of replacing.
        package var mergesScalars = false
        package var limits = Limits()
        package var rules: [Rule] = []
        /// A name under which OpenAPI documents share it, as `io.k8s.api.core.v1.PodSpec`; empty when it stands in place.
        package var modelName = ""

        package init(_ shape: Shape) { self.shape = shape }
    }

    package let definition: Definition
    private let places: [String: Schema]
    /// The pattern of the limits; nil when there is none.
    let pattern: Result<Pattern, PatternError>?
    /// The rules, ready to run.
    let programs: [RuleProgram]
    /// Whether there are rules here or further in.
    let hasRulesWithin: Bool
    /// Whether there are defaults further in.
    let hasDefaultsWithin: Bool

    package init(_ definition: Definition) {
        self.definition = definition
        places = Dictionary(definition.fields.map { ($0.name, $0.schema) }) { _, last in last }
        pattern = definition.limits.pattern.map { text in
            Result { () throws(PatternError) in try Pattern(text) }
        }
        let type = definition.rules.isEmpty ? CELType.any : Self.expressionType(of: definition)
        programs = definition.rules.map { RuleProgram($0, on: type) }
        let parts = definition.fields.map(\.schema) + [definition.element].compactMap(\.self)
        hasRulesWithin = !definition.rules.isEmpty || parts.contains(where: \.hasRulesWithin)
        hasDefaultsWithin = parts.contains { $0.definition.defaultValue != nil || $0.hasDefaultsWithin }
    }

    /// A place of which nothing is known.
    package static let any = Schema(Definition(.any))

    package var shape: Shape { definition.shape }
    /// The elements of a list or values of a map.
    package var element: Schema? { definition.element }

    /// The schema of a field or of a map's value; nil when it is not known.
    package func field(_ name: String) -> Schema? { places[name] ?? definition.element }

    /// Whether the field is one of the named ones.
    package func names(_ name: String) -> Bool { places[name] != nil }
}
