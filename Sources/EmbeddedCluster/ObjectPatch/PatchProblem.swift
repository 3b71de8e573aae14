/// Why a patch could not be applied.
package struct PatchProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whose fault it is, as the API server answers it.
    package enum Reason: Sendable, Hashable {
        /// The patch itself is malformed: 400, `BadRequest`.
        case malformed
        /// The patch does not fit this object: 422, `Invalid`.
        case unfitting
        /// The real server answers 500 without a reason, though the patch is at fault.
        case unforeseen
        /// Too many operations: 413, `RequestEntityTooLarge`.
        case tooLarge
    }

    package var reason: Reason
    /// What the API server answers.
    package var message: String
    /// What happened, where the API server's answer hides it; for logs.
    package var detail: String

    package init(_ reason: Reason, _ message: String, detail: String = "") {
        self.reason = reason
        self.message = message
        self.detail = detail
    }

    /// A JSON patch that does not fit the object; the API server tells no more than this.
    static func unfitting(_ detail: String) -> PatchProblem {
        PatchProblem(.unfitting, "the server rejected our request due to an error in our request", detail: detail)
    }

    /// The HTTP status.
    package var code: Int {
        switch reason {
        case .malformed: 400
        case .unfitting: 422
        case .unforeseen: 500
        case .tooLarge: 413
        }
    }

    package var description: String { detail.isEmpty ? message : "\(message): \(detail)" }
}
