/// Why a configuration was not applied.
package enum ApplyProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Others own fields to which the configuration gives other values: 409, `Conflict`.
    case conflicts([ApplyConflict])
    /// The request asks for what may not be asked: 400, `BadRequest`.
    case refused(String)
    /// The configuration does not fit the schema: 500 without a reason, as the API server answers.
    case untyped(String)

    /// The HTTP status.
    package var code: Int {
        switch self {
        case .conflicts: 409
        case .refused: 400
        case .untyped: 500
        }
    }

    /// `Conflict`, `BadRequest`, or empty.
    package var reason: String {
        switch self {
        case .conflicts: "Conflict"
        case .refused: "BadRequest"
        case .untyped: ""
        }
    }

    /// As the API server words it.
    package var description: String {
        switch self {
        case .refused(let message): return message
        case .untyped(let message): return message
        case .conflicts(let conflicts):
            if conflicts.count == 1, let conflict = conflicts.first {
                return "Apply failed with 1 conflict: conflict with \(conflict.manager): \(conflict.field)"
            }
            var lines: [String] = []
            var last: String?
            for conflict in conflicts {
                if conflict.manager != last { lines.append("conflicts with \(conflict.manager):") }
                last = conflict.manager
                lines.append("- \(conflict.field)")
            }
            return "Apply failed with \(conflicts.count) conflicts: " + lines.joined(separator: "\n")
        }
    }
}

/// A field that another manager owns, a cause with reason `FieldManagerConflict`.
package struct ApplyConflict: Sendable, Hashable {
    /// Its name in quotes, and for one who updated what version it used: `"kubectl" using apps/v1`.
    package var manager: String
    /// As `.spec.replicas`.
    package var field: String

    /// The cause's message.
    package var message: String { "conflict with \(manager)" }
}
