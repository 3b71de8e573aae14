/// Where the machine of one ModelDeployment stands.
package enum Position: String, Sendable, CaseIterable {
    /// Nothing is recorded yet.
    case none
    /// The first revision has never had all its pods.
    case establishing
    /// One revision serves, and no change is in progress.
    case steady
    /// A change goes through its steps.
    case stepping
    /// A change has its steps behind it, and the canary grows to its full size.
    case promoting
    /// The traffic goes back to the stable revision.
    case returning

    package init(_ state: RolloutState) {
        switch (state.stable, state.rollout?.stage) {
        case (nil, _): self = .none
        case (_, .stepping): self = .stepping
        case (_, .promoting): self = .promoting
        case (_, .returning): self = .returning
        case (_, nil): self = state.isEstablished ? .steady : .establishing
        }
    }
}

extension Position {
    /// A move of the machine.
    package struct Move: Sendable, Hashable {
        package var from: Position
        package var to: Position
        package var cause: String
    }

    /// Every move there is.
    ///
    /// What is not in it does not happen; tests hold the planner to that, and the documentation
    /// prints it.
    package static let table: [Move] = [
        Move(from: .none, to: .establishing, cause: "the object is seen for the first time"),
        Move(
            from: .establishing,
            to: .establishing,
            cause: "another revision is asked for before the first ever served"
        ),
        Move(from: .establishing, to: .steady, cause: "all pods of the first revision are available"),
        Move(from: .steady, to: .stepping, cause: "a revision is asked for that is neither stable nor refused"),
        Move(from: .steady, to: .promoting, cause: "the same, and there are no steps"),
        Move(from: .steady, to: .steady, cause: "request retry: the refused revision may be tried again"),
        Move(
            from: .stepping,
            to: .stepping,
            cause:
                "a step is done or skipped; the steps were edited; request pause or resume; a third revision takes over"
        ),
        Move(from: .stepping, to: .promoting, cause: "the last step is done or skipped; request promote"),
        Move(
            from: .stepping,
            to: .returning,
            cause:
                "a verdict Worse or a limit broken; no progress within the deadline; no data or no verdict in time and "
                + "the policy says Rollback; request abort; the stable revision is asked for; deletion"
        ),
        Move(from: .promoting, to: .steady, cause: "all pods of the canary are available: it is the stable revision"),
        Move(from: .promoting, to: .stepping, cause: "a third revision takes over"),
        Move(from: .promoting, to: .promoting, cause: "a third revision takes over, and there are no steps"),
        Move(from: .promoting, to: .returning, cause: "as from stepping"),
        Move(
            from: .returning,
            to: .returning,
            cause: "the stable revision did not get its pods back in time: the canary is taken away anyway"
        ),
        Move(from: .returning, to: .steady, cause: "the canary's pods are gone and all stable pods are available"),
        Move(from: .returning, to: .stepping, cause: "a third revision is asked for"),
        Move(from: .returning, to: .promoting, cause: "the same, and there are no steps"),
    ]

    /// The table as Markdown, for the documentation.
    package static var markdown: String {
        let rows = table.map { "| \($0.from.rawValue) | \($0.to.rawValue) | \($0.cause) |\n" }
        return "| from | to | when |\n| --- | --- | --- |\n" + rows.joined()
    }
}
