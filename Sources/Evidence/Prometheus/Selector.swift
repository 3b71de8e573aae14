package import JSON

/// A choice of time series by metric name and labels: PromQL's instant vector selector.
package struct Selector: Sendable, Hashable, CustomStringConvertible {
    /// One condition on a label.
    package struct Matcher: Sendable, Hashable, CustomStringConvertible {
        /// How the label's value is compared.
        package enum Comparison: String, Sendable {
            case equal = "="
            case notEqual = "!="
            case matches = "=~"
            case doesNotMatch = "!~"
        }

        /// The label's name.
        package var label: String
        /// How its value is compared.
        package var comparison: Comparison
        /// With what; a regular expression (RE2, anchored) for the last two comparisons.
        package var value: String

        /// Makes a condition.
        package init(_ label: String, _ comparison: Comparison, _ value: String) {
            self.label = label
            self.comparison = comparison
            self.value = value
        }

        /// A condition that a label has one of the given values, which are taken literally.
        package static func anyOf(_ label: String, _ values: some Sequence<String>) -> Matcher {
            let values = Array(values)
            if values.count == 1 { return Matcher(label, .equal, values[0]) }
            return Matcher(label, .matches, values.map(PromQL.regexLiteral).joined(separator: "|"))
        }

        /// The condition in PromQL.
        package var description: String { PromQL.label(label) + comparison.rawValue + PromQL.quoted(value) }
    }

    /// The metric's name.
    package var metric: String
    /// The conditions, all of which hold.
    package var matchers: [Matcher]

    /// Makes a selector.
    package init(_ metric: String, _ matchers: [Matcher] = []) {
        self.metric = metric
        self.matchers = matchers
    }

    /// Reads a selector written by a person.
    ///
    /// Only a plain selector is taken: a name and conditions, no range, offset, function or operator, because conditions
    /// are added to it and raw samples are read through it.
    ///
    /// - Parameters:
    ///   - text: As `requests_total{code=~"5.."}` or `{__name__="requests_total"}`.
    ///   - field: Where the text was read, for the error.
    /// - Throws: ``FieldError`` that says what is wrong and at which character.
    package init(parsing text: String, field: String) throws(FieldError) {
        var parser = SelectorParser(text: text, field: field)
        self = try parser.selector()
    }

    /// The same selector with further conditions.
    ///
    /// A condition of the same label stays: both must hold.
    package func adding(_ more: [Matcher]) -> Selector { Selector(metric, matchers + more) }

    /// The selector in PromQL.
    package var description: String {
        let isPlainName = PromQL.isMetricName(metric)
        let name = isPlainName ? metric : ""
        let conditions = (isPlainName ? [] : [PromQL.quoted(metric)]) + matchers.map(\.description)
        return conditions.isEmpty ? name : "\(name){\(conditions.joined(separator: ","))}"
    }
}

/// The lexical rules of PromQL.
enum PromQL {
    static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
    }

    static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
        isNameStart(scalar) || ("0"..."9").contains(scalar)
    }

    static func isMetricName(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, isNameStart(first) || first == ":" else { return false }
        return text.unicodeScalars.allSatisfy { isNamePart($0) || $0 == ":" }
    }

    static func isLabelName(_ text: String) -> Bool { isMetricName(text) && !text.unicodeScalars.contains(":") }

    /// A label's name, quoted (as Prometheus 3 takes it) where it is not a plain one.
    static func label(_ name: String) -> String { isLabelName(name) ? name : quoted(name) }

    static func quoted(_ text: String) -> String { "\"" + escaped(text, quote: "\"") + "\"" }

    /// The text as it stands between quotes of a kind that knows escapes.
    static func escaped(_ text: String, quote: Unicode.Scalar) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", quote:
                result.append("\\")
                result.append(scalar)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result.append(contentsOf: ("\\x" + (digits.count == 1 ? "0" : "") + digits).unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// A regular expression that matches exactly the text.
    static func regexLiteral(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if "\\.+*?()|[]{}^$".unicodeScalars.contains(scalar) { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }

    /// A duration in PromQL; never empty or negative.
    static func duration(_ duration: Duration) -> String {
        let milliseconds = max(1, duration.wholeMilliseconds)
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}
