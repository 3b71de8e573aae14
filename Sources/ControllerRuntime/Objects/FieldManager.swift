/// Who owns fields in a server-side apply: the program and the concern it applies them for.
///
/// One manager for each concern keeps them apart: what one concern no longer mentions is removed without touching what
/// another set.
package struct FieldManager: Sendable, Hashable, CustomStringConvertible {
    package let name: String

    /// - Parameters:
    ///   - program: As `homeostat`.
    ///   - concern: As `traffic`. The API server takes 128 bytes for both; what is longer is cut.
    package init(_ program: String, concern: String) {
        var name = "\(program)/\(concern)"
        while name.utf8.count > 128 { name.removeLast() }
        self.name = name
    }

    package var description: String { name }
}
