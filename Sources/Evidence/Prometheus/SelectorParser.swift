import JSON

/// Reads one selector, and nothing but it.
struct SelectorParser {
    private let text: String
    private let field: String
    private let scalars: [Unicode.Scalar]
    private var position = 0

    init(text: String, field: String) {
        self.text = text
        self.field = field
        scalars = Array(text.unicodeScalars)
    }

    mutating func selector() throws(FieldError) -> Selector {
        skipSpace()
        guard position < scalars.count else { throw fault("is empty; write a selector as metric{label=\"value\"}") }
        var metric = name(extra: ":")
        var matchers: [Selector.Matcher] = []
        skipSpace()
        if next == "{" {
            try braces(metric: &metric, matchers: &matchers)
            skipSpace()
        }
        try refuseRest(afterName: metric)
        guard let metric else { throw fault("names no metric; begin with its name, as metric{label=\"value\"}") }
        return Selector(metric, matchers)
    }

    private mutating func braces(
        metric: inout String?,
        matchers: inout [Selector.Matcher]
    ) throws(FieldError) {
        position += 1
        while true {
            skipSpace()
            if next == "}" { break }
            let start = position
            let isQuoted = next == "\"" || next == "'" || next == "`"
            guard let label = isQuoted ? try string() : name() else { throw unexpected("the name of a label") }
            skipSpace()
            if isQuoted, next == "," || next == "}" {
                // Prometheus 3 writes names with other characters so: {"my.metric", label="value"}.
                try setMetric(label, &metric, at: start)
            } else {
                let matcher = Selector.Matcher(label, try comparison(), try value())
                if label == "__name__" {
                    guard matcher.comparison == .equal else {
                        throw fault("must name one metric; replace the condition on __name__ by the metric's name")
                    }
                    try setMetric(matcher.value, &metric, at: start)
                } else {
                    matchers.append(matcher)
                }
            }
            skipSpace()
            if next == "," {
                position += 1
            } else if next != "}" {
                throw unexpected("\",\" or \"}\"")
            }
        }
        position += 1
    }

    private func setMetric(_ name: String, _ metric: inout String?, at start: Int) throws(FieldError) {
        guard metric == nil else { throw fault("names its metric twice, at character \(start + 1) again") }
        guard !name.isEmpty else { throw fault("has an empty metric name at character \(start + 1)") }
        metric = name
    }

    private mutating func comparison() throws(FieldError) -> Selector.Matcher.Comparison {
        let start = position
        switch next {
        case "=":
            position += 1
            if next == "~" {
                position += 1
                return .matches
            }
            if next != "=" { return .equal }
        case "!":
            position += 1
            if next == "=" || next == "~" {
                defer { position += 1 }
                return next == "=" ? .notEqual : .doesNotMatch
            }
        default: break
        }
        position = start
        throw unexpected("\"=\", \"!=\", \"=~\" or \"!~\"")
    }

    private mutating func value() throws(FieldError) -> String {
        skipSpace()
        guard next == "\"" || next == "'" || next == "`" else { throw unexpected("a value in quotes") }
        return try string()
    }

    // MARK: Tokens

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func skipSpace() {
        while let scalar = next, scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" { position += 1 }
    }

    private mutating func name(extra: Unicode.Scalar? = nil) -> String? {
        guard let first = next, PromQL.isNameStart(first) || first == extra else { return nil }
        let start = position
        while let scalar = next, PromQL.isNamePart(scalar) || scalar == extra { position += 1 }
        return Self.text(scalars[start..<position])
    }

    private mutating func string() throws(FieldError) -> String {
        let start = position
        let quote = scalars[position]
        position += 1
        var bytes: [UInt8] = []
        while let scalar = next {
            position += 1
            if scalar == quote {
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw fault("has escapes at character \(start + 1) which do not make UTF-8")
                }
                return text
            }
            if scalar == "\\", quote != "`" {
                bytes += try escape(quote)
            } else if scalar == "\n", quote != "`" {
                break
            } else {
                bytes += Array(String(Character(scalar)).utf8)
            }
        }
        throw fault("has quotes at character \(start + 1) which are not closed")
    }

    private mutating func escape(_ quote: Unicode.Scalar) throws(FieldError) -> [UInt8] {
        let start = position
        let kind = next
        position += 1
        switch kind {
        case "a": return [7]
        case "b": return [8]
        case "f": return [12]
        case "n": return [10]
        case "r": return [13]
        case "t": return [9]
        case "v": return [11]
        case "\\": return [UInt8(ascii: "\\")]
        case quote: return Array(String(Character(quote)).utf8)
        case "x": if let byte = digits(2, radix: 16).flatMap({ UInt8(exactly: $0) }) { return [byte] }
        case "u", "U":
            if let value = digits(kind == "u" ? 4 : 8, radix: 16), let scalar = Unicode.Scalar(value) {
                return Array(String(Character(scalar)).utf8)
            }
        case "0", "1", "2", "3", "4", "5", "6", "7":
            position -= 1
            if let byte = digits(3, radix: 8).flatMap({ UInt8(exactly: $0) }) { return [byte] }
        default: break
        }
        throw fault("has an escape at character \(start) that PromQL does not know; a backslash is written twice")
    }

    private mutating func digits(_ count: Int, radix: Int) -> UInt32? {
        guard position + count <= scalars.count else { return nil }
        defer { position += count }
        let text = Self.text(scalars[position..<position + count])
        return text.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }
            ? UInt32(text, radix: radix) : nil
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    // MARK: Errors

    /// Refuses whatever stands after the selector, by the name of what it looks like.
    private mutating func refuseRest(afterName name: String?) throws(FieldError) {
        guard let found = next else { return }
        let rest = Self.text(scalars[position...])
        switch found {
        case "[": throw fault("has a range at character \(position + 1); leave it out, the window is chosen for you")
        case "@": throw fault("has a time (@) at character \(position + 1); leave it out, the window is chosen for you")
        case "(" where name != nil:
            throw fault("is a function or aggregation; name the counter itself, as metric{label=\"value\"}")
        case _ where rest.lowercased().hasPrefix("offset"):
            throw fault("has an offset at character \(position + 1); leave it out, the window is chosen for you")
        case "}": throw fault("has a \"}\" at character \(position + 1) that nothing opens")
        default: throw unexpected("the end; write one selector as metric{label=\"value\"}")
        }
    }

    private func unexpected(_ wanted: String) -> FieldError {
        guard let found = next else { return fault("ends where \(wanted) should be") }
        return fault("has \"\(found)\" at character \(position + 1) instead of \(wanted)")
    }

    private func fault(_ problem: String) -> FieldError { FieldError(path: field, problem: "\"\(text)\" \(problem)") }
}
