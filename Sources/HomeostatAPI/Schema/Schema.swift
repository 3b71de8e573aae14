package import JSON

/// What values of one field look like: the one description that validation, the OpenAPI schema and the reference
/// are made from.
package struct Schema: Sendable, Hashable {
    /// The kind of JSON value.
    package enum Kind: String, Sendable {
        case object, array, string, integer, number, boolean
    }

    /// A member of an object.
    package struct Property: Sendable, Hashable {
        package var name: String
        package var schema: Schema
        package var isRequired: Bool

        package init(_ name: String, _ schema: Schema, isRequired: Bool = false) {
            self.name = name
            self.schema = schema
            self.isRequired = isRequired
        }
    }

    /// A regular expression that RE2, CEL and Swift read alike, anchored at both ends.
    package struct Pattern: Sendable, Hashable {
        package var expression: String
        /// What such a text is, as `a duration`.
        package var name: String
        /// Texts that match, as `10s, 5m or 1h30m`.
        package var example: String

        package init(_ expression: String, name: String, example: String) {
            self.expression = expression
            self.name = name
            self.example = example
        }
    }

    package var kind: Kind
    package var description = ""
    /// What the API server fills in when the field is absent.
    package var defaultValue: JSONValue?
    /// What the operator takes when the field is absent and the API server fills in nothing.
    package var assumption = ""

    // MARK: Objects
    package var properties: [Property] = []
    /// The schema of all members of a map; none or one element.
    package var values: [Schema] = []
    /// Whether members that are not named here are kept.
    package var keepsUnknown = false

    // MARK: Arrays
    /// The schema of the elements; none or one element.
    package var items: [Schema] = []
    package var minItems: Int?
    package var maxItems: Int?
    /// The keys that tell the elements apart, which makes the array a `list-type: map`.
    package var listKeys: [String] = []

    // MARK: Strings
    package var allowed: [String] = []
    /// What the allowed words mean, a sentence each, where their field does not tell.
    package var meanings: [String] = []
    package var pattern: Pattern?
    package var minLength: Int?
    package var maxLength: Int?
    /// A format that OpenAPI names, as `date-time`.
    package var format = ""

    // MARK: Numbers
    package var minimum: Double?
    package var maximum: Double?
    package var excludesMinimum = false
    package var excludesMaximum = false
    /// What numbers of this field are, as `a percentage`, for messages.
    package var unit = ""

    /// What the members must fulfil together.
    package var rules: [Rule] = []

    package init(_ kind: Kind) { self.kind = kind }

    /// The member of this name.
    package func property(_ name: String) -> Schema? { properties.first { $0.name == name }?.schema }
}

/// A limit on the values of one field.
package enum Limit: Sendable {
    case minimum(Double), maximum(Double)
    /// Larger than this.
    case above(Double)
    /// Smaller than this.
    case below(Double)
    /// What the numbers are, for messages: `a percentage`.
    case unit(String)
    case pattern(Schema.Pattern)
    case minLength(Int), maxLength(Int)
    case minItems(Int), maxItems(Int)
    /// The elements are told apart by these members.
    case listMap([String])
    /// Only the operator's memory holds this default, in words for the reference.
    case assumed(String)
    case rule(Rule)
    /// A whole schema for a value that is kept as it is.
    case schema(Schema)
}

extension Schema {
    /// The schema with a description and limits put on.
    func with(_ description: String, _ limits: [Limit]) -> Schema {
        var schema = self
        for case .schema(let whole) in limits { schema = whole }
        schema.description = description
        for limit in limits { schema.apply(limit) }
        return schema
    }

    private mutating func apply(_ limit: Limit) {
        switch limit {
        case .minimum(let value): minimum = value
        case .maximum(let value): maximum = value
        case .above(let value): (minimum, excludesMinimum) = (value, true)
        case .below(let value): (maximum, excludesMaximum) = (value, true)
        case .unit(let text): unit = text
        case .pattern(let value): pattern = value
        case .minLength(let count): minLength = count
        case .maxLength(let count): maxLength = count
        case .minItems(let count): minItems = count
        case .maxItems(let count): maxItems = count
        case .listMap(let keys): listKeys = keys
        case .assumed(let text): assumption = text
        case .rule(let rule): rules.append(rule)
        case .schema: break
        }
    }
}
