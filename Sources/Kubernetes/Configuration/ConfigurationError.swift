/// Why no client can be made, or why it has no credentials.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// A closed set of causes, fit for a metric label.
    package enum Reason: String, Sendable {
        /// There is no configuration, or it names something that is not in it.
        case missing
        /// A file cannot be read.
        case unreadable
        /// A file or a field has not the form it must have.
        case malformed
        /// Something that this client cannot do.
        case unsupported
        /// The credential plugin failed, was too slow, or printed something else.
        case plugin
    }

    /// The cause.
    package var reason: Reason
    /// What was attempted, on what, and what happened.
    package var detail: String

    package init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    package var description: String { detail }
}
