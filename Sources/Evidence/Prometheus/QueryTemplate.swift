package import JSON

/// A PromQL query written by a person, with places for what differs from rollout to rollout.
///
/// `{{namespace}}`, `{{revision}}`, `{{name}}` and `{{interval}}` are replaced; names are escaped for the quotes they stand
/// in, so that no value can become part of the query.
package struct QueryTemplate: Sendable, Hashable {
    /// What is put in.
    package struct Values: Sendable {
        /// The namespace of the ModelDeployment.
        package var namespace: String
        /// The revision asked about.
        package var revision: String
        /// The name of the ModelDeployment.
        package var name: String
        /// How much time one look covers.
        package var interval: Duration

        /// Makes the values.
        package init(namespace: String, revision: String, name: String, interval: Duration) {
            self.namespace = namespace
            self.revision = revision
            self.name = name
            self.interval = interval
        }
    }

    private enum Placeholder: String, CaseIterable {
        case namespace, revision, name, interval
    }

    private enum Part: Hashable {
        case text(String)
        /// The quotes it stands in; nil for none.
        case place(Placeholder, quote: Unicode.Scalar?)
    }

    /// The query as written.
    package let text: String
    private var parts: [Part] = []

    /// Reads a template.
    ///
    /// - Parameters:
    ///   - text: PromQL with placeholders.
    ///   - field: Where the text was read, for the error.
    /// - Throws: ``FieldError`` for an unknown or unclosed placeholder, for a name outside quotes and an interval inside.
    package init(parsing text: String, field: String) throws(FieldError) {
        self.text = text
        func fault(_ problem: String) -> FieldError { FieldError(path: field, problem: "\"\(text)\" \(problem)") }
        let scalars = Array(text.unicodeScalars)
        var index = 0
        var quote: Unicode.Scalar?
        var isComment = false
        var plain = String.UnicodeScalarView()
        while index < scalars.count {
            let scalar = scalars[index]
            if scalar == "{", index + 1 < scalars.count, scalars[index + 1] == "{" {
                let rest = scalars[(index + 2)...]
                guard
                    let close = rest.indices.first(where: {
                        $0 + 1 < rest.endIndex && rest[$0] == "}" && rest[$0 + 1] == "}"
                    })
                else { throw fault("has a placeholder at character \(index + 1) which is not closed") }
                var view = String.UnicodeScalarView()
                view.append(contentsOf: rest[..<close].filter { $0 != " " && $0 != "\t" })
                guard let place = Placeholder(rawValue: String(view)) else {
                    let known = Placeholder.allCases.map { "{{\($0.rawValue)}}" }.joined(separator: ", ")
                    throw fault("has an unknown placeholder {{\(String(view))}}; use \(known)")
                }
                guard isComment || (place == .interval) == (quote == nil) else {
                    throw fault(
                        place == .interval
                            ? "has {{interval}} inside quotes; it is a duration, as in [{{interval}}]"
                            : "has {{\(place.rawValue)}} outside quotes; write \"{{\(place.rawValue)}}\""
                    )
                }
                parts += [.text(String(plain)), .place(place, quote: quote)]
                plain = .init()
                index = close + 2
                continue
            }
            plain.append(scalar)
            index += 1
            if isComment {
                isComment = scalar != "\n"
            } else if let open = quote {
                if scalar == "\\", open != "`", index < scalars.count {
                    guard !scalars[index...].starts(with: ["{", "{"]) else {
                        throw fault("has a backslash before the placeholder at character \(index + 1)")
                    }
                    plain.append(scalars[index])
                    index += 1
                } else if scalar == open {
                    quote = nil
                }
            } else if scalar == "\"" || scalar == "'" || scalar == "`" {
                quote = scalar
            } else if scalar == "#" {
                isComment = true
            }
        }
        guard quote == nil else { throw fault("has quotes which are not closed") }
        parts.append(.text(String(plain)))
        guard !text.allSatisfy(\.isWhitespace) else { throw fault("is empty; write a PromQL query") }
    }

    /// The query with its placeholders replaced.
    ///
    /// A backtick in a value that stands between backticks, and line breaks in a comment, are left out, as nothing can
    /// express them there; no name of Kubernetes holds either.
    package func query(_ values: Values) -> String {
        parts.map { part in
            switch part {
            case .text(let text): return text
            case .place(.interval, _): return PromQL.duration(values.interval)
            case .place(let place, let quote):
                let value =
                    switch place {
                    case .namespace: values.namespace
                    case .revision: values.revision
                    default: values.name
                    }
                switch quote {
                case "`": return value.filter { $0 != "`" }
                case let quote?: return PromQL.escaped(value, quote: quote)
                case nil: return value.filter { !$0.isNewline }
                }
            }
        }.joined()
    }
}
