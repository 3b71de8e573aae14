/// A regular expression in RE2's syntax, as Go's `regexp` takes it.
///
/// Matching takes time proportional to the text times the size of the expression, whatever they are: there is no
/// backtracking. Not known are Unicode scripts (`\p{Greek}`) and `\C`; general categories (`\p{Lu}`) are.
///
/// - SeeAlso: K. Thompson, "Regular Expression Search Algorithm", 1968; RE2's "Syntax".
package struct Pattern: Sendable {
    /// As it was written.
    package let text: String
    private let program: PatternProgram

    /// - Throws: ``PatternError`` with the message that Go gives.
    package init(_ text: String) throws(PatternError) {
        self.text = text
        var parser = PatternParser(text)
        program = try PatternProgram(parser.expression(), of: text)
    }

    /// Whether some part of the text matches.
    package func matches(_ text: String) -> Bool {
        program.search(Array(text.unicodeScalars), from: 0, anyEnd: true) != nil
    }

    /// The first match at or after a place, in counts of Unicode scalars; of several that begin there, the one that
    /// the expression prefers.
    package func firstMatch(in scalars: [Unicode.Scalar], from start: Int = 0) -> Range<Int>? {
        program.search(scalars, from: start, anyEnd: false)
    }

    /// How much work a text is, in steps of matching; for limits on cost.
    package func cost(of text: String) -> Int { (text.utf8.count / 10 + 1) * (self.text.utf8.count / 4 + 1) }
}

/// What is wrong with a regular expression.
package struct PatternError: Error, Hashable, CustomStringConvertible {
    package enum Reason: String, Sendable {
        case badClass = "invalid character class range"
        case badEscape = "invalid escape sequence"
        case badName = "invalid named capture"
        case badPerl = "invalid or unsupported Perl syntax"
        case nestedRepeat = "invalid nested repetition operator"
        case repeatSize = "invalid repeat count"
        case missingBracket = "missing closing ]"
        case missingParenthesis = "missing closing )"
        case missingArgument = "missing argument to repetition operator"
        case trailingBackslash = "trailing backslash at end of expression"
        case unexpectedParenthesis = "unexpected )"
        case tooLarge = "expression too large"
        case tooDeep = "expression nests too deeply"
    }

    package var reason: Reason
    /// The part of the expression that is wrong.
    package var part: String

    /// As Go words it.
    package var description: String { "error parsing regexp: \(reason.rawValue): `\(part)`" }
}
