/// What is wrong with a YAML text, and where.
package struct YAMLError: Error, Equatable, CustomStringConvertible {
    /// A closed set of causes, fit for a metric label.
    package enum Reason: String, Sendable {
        /// The text breaks YAML's grammar.
        case syntax
        /// The text is not UTF-8, or holds characters YAML forbids.
        case encoding
        /// A mapping has the same key twice.
        case duplicateKey
        /// A key is a sequence, a mapping or null, which JSON cannot express.
        case unsupportedKey
        /// A tag is not one of the core schema, or the scalar does not fit it.
        case unsupportedTag
        /// An alias names no anchor before it.
        case unknownAnchor
        /// Nested deeper than ``YAML/maximumDepth``.
        case tooDeep
        /// Aliases blow the text up beyond ``YAML/maximumValues``.
        case tooLarge
        /// A value JSON has not, as `.inf`.
        case unsupportedValue
        /// The text has not the number of documents asked for.
        case documents
    }

    /// The cause.
    package var reason: Reason
    /// What was found, in words.
    package var detail: String
    /// Counted from 1.
    package var line: Int
    /// Counted from 1, in characters.
    package var column: Int

    package init(_ reason: Reason, _ detail: String, line: Int, column: Int) {
        self.reason = reason
        self.detail = detail
        self.line = line
        self.column = column
    }

    package var description: String { "line \(line), column \(column): \(detail)" }
}
