package import Kubernetes

/// What a reconcile came to.
package enum Outcome: Sendable, Hashable {
    /// Nothing to do until something changes.
    case settled
    /// Look again after this long, or when something changes.
    case again(after: Duration)
}

/// Brings one object to the state that is asked for.
///
/// It is called with a key alone, observes the whole state, and may be called twice, late or after a crash without harm.
package protocol Reconciler: Sendable {
    /// - Throws: Anything but ``TerminalError`` is tried again after a growing pause.
    func reconcile(_ key: ObjectKey) async throws -> Outcome
}

/// A reconciler that is a closure.
package struct ClosureReconciler: Reconciler {
    private let body: @Sendable (ObjectKey) async throws -> Outcome

    package init(_ body: @escaping @Sendable (ObjectKey) async throws -> Outcome) { self.body = body }

    package func reconcile(_ key: ObjectKey) async throws -> Outcome { try await body(key) }
}

/// A failure that trying again cannot mend: the object is left alone until it changes.
package struct TerminalError: Error, CustomStringConvertible {
    package let cause: any Error

    package init(_ cause: any Error) { self.cause = cause }

    package var description: String { "\(cause)" }
}

/// The reconcile that the current task belongs to.
package struct ReconcileContext: Sendable {
    /// The context of the running reconcile; nil outside of one.
    @TaskLocal package static var current: ReconcileContext?

    /// The controller's name.
    package let controller: String
    package let key: ObjectKey
    /// Tells this run from every other of the process, for logs.
    package let run: Int
    let writes: WriteLog
}
