/// What is wrong with a JSON text, and where.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    /// A closed set of causes, fit for a metric label.
    package enum Reason: String, Sendable {
        /// The text ends inside a value.
        case truncated
        /// The text breaks JSON's grammar.
        case syntax
        /// A number does not fit the type it is read as.
        case numberOutOfRange
        /// The text is not UTF-8.
        case encoding
        /// Arrays and objects are nested deeper than ``JSONReader/maximumDepth``.
        case tooDeep
        /// The value is of another kind than the reader of it expects.
        case wrongType
        /// A value that must be there is not.
        case missing
        /// The value is of the right kind but not an allowed one.
        case invalid
    }

    /// The cause.
    package var reason: Reason
    /// What was found, in words.
    package var detail: String
    /// The byte at which reading stopped, counted from the start of the text; nil when the error is not about bytes.
    package var offset: Int?
    /// The path of the value from the root, as `spec.containers[0].image`; empty for the root.
    package var path: String

    package init(_ reason: Reason, _ detail: String, offset: Int? = nil, path: String = "") {
        self.reason = reason
        self.detail = detail
        self.offset = offset
        self.path = path
    }

    package var description: String {
        let place = path.isEmpty ? "" : "\(path): "
        return offset.map { "\(place)\(detail) at byte \($0)" } ?? "\(place)\(detail)"
    }

    /// The same error, seen from one level further up.
    package func inside(_ component: String) -> JSONError {
        var copy = self
        copy.path = path.isEmpty ? component : path.hasPrefix("[") ? component + path : "\(component).\(path)"
        return copy
    }

    /// The same error, seen from the array that holds the value.
    package func inside(index: Int) -> JSONError { inside("[\(index)]") }
}
