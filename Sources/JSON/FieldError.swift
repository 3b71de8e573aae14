/// One thing that is wrong with a document, told so that its author can put it right.
package struct FieldError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The path of the field, as `spec.strategy.canary.steps[2].setWeight`; empty for the root.
    package var path: String
    /// The value and what is wrong with it, as `140 is above 100`.
    package var problem: String
    /// What to do about it, as `use a percentage`; empty when the problem says it.
    package var remedy: String

    package init(path: String = "", problem: String, remedy: String = "") {
        self.path = path
        self.problem = problem
        self.remedy = remedy
    }

    package var description: String {
        (path.isEmpty ? "" : "\(path): ") + problem + (remedy.isEmpty ? "" : "; \(remedy)")
    }

    /// The same error, seen from one level further up.
    package func inside(_ component: String) -> FieldError {
        var copy = self
        copy.path = path.isEmpty ? component : path.hasPrefix("[") ? component + path : "\(component).\(path)"
        return copy
    }
}
