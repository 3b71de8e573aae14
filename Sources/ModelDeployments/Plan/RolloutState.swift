package import Kubernetes

/// Everything a decision depends on besides the specification and what is seen now; stored in the status.
package struct RolloutState: Sendable, Equatable {
    /// The revision that bears the traffic and that every way back leads to; nil before the first one.
    package var stable: RevisionRecord?
    /// Whether the stable revision has ever been available in full.
    package var isEstablished = false
    /// The change in progress.
    package var rollout: Rollout?
    /// The last revision that was refused; it is not tried again without a request.
    package var rejected: Rejection?
    /// The latest first.
    package var history: [FinishedRollout] = []
    /// The last request taken from the annotation, whatever came of it.
    package var lastRequest: AnsweredRequest?
    /// How far the track that is being waited for has come, and since when.
    package var progress: Progress?
    /// The reason last reported, so that people are told of a change once.
    package var reportedReason: String?

    package init() {}

    /// How the last change ended.
    package var lastOutcome: Outcome? { history.first?.outcome }

    /// How a change ended; the raw values stand in status and events.
    package enum Outcome: String, Sendable, CaseIterable {
        case promoted = "Promoted"
        case rolledBack = "RolledBack"
        case aborted = "Aborted"
        case superseded = "Superseded"
        case reverted = "Reverted"
    }

    package struct RevisionRecord: Sendable, Equatable {
        package var revision: String
        package var version: String

        package init(revision: String, version: String) {
            self.revision = revision
            self.version = version
        }
    }

    package struct Rejection: Sendable, Equatable {
        package var revision: String
        package var version: String
        package var outcome: Outcome
        package var reason: String
        package var message: String
        package var at: Timestamp
    }

    package struct Progress: Sendable, Equatable {
        package var revision: String
        package var mark: ProgressMark
        package var since: Timestamp
        /// What held the pods up when they last said so: a pod that crashes says nothing while it tries again.
        package var trouble: Trouble?

        package init(revision: String, mark: ProgressMark, since: Timestamp, trouble: Trouble? = nil) {
            self.revision = revision
            self.mark = mark
            self.since = since
            self.trouble = trouble
        }
    }
}

/// A change from the stable revision to another.
package struct Rollout: Sendable, Equatable {
    package var canary: RolloutState.RevisionRecord
    package var stage: Stage
    /// The canary's share of the traffic that is asked for, in percent.
    package var weight: Int
    /// The name of the present step.
    package var stepName = ""
    /// Which steps the position counts in; another list means another position.
    package var stepsHash: String
    package var startedAt: Timestamp
    /// When the present step began.
    package var stepStartedAt: Timestamp
    /// When a person asked to pause; nil while nobody has.
    package var pausedAt: Timestamp?
    /// Seconds that the rollout has waited for people or in pauses before the present wait.
    package var pausedSeconds = 0
    package var evidence: AnalysisState?
    /// Who asked for the promotion, if somebody did.
    package var promotedBy: String?

    package init(
        canary: RolloutState.RevisionRecord,
        stage: Stage = .stepping(0),
        weight: Int = 0,
        stepsHash: String,
        startedAt: Timestamp
    ) {
        self.canary = canary
        self.stage = stage
        self.weight = weight
        self.stepsHash = stepsHash
        self.startedAt = startedAt
        stepStartedAt = startedAt
    }

    /// Where a rollout stands.
    package enum Stage: Sendable, Equatable {
        /// At the step with this index.
        case stepping(Int)
        /// All steps are done or skipped; the canary grows to its full size and becomes the stable revision.
        case promoting
        /// The traffic goes back to the stable revision.
        case returning(Return)
    }

    /// Why the traffic goes back.
    package struct Return: Sendable, Equatable {
        package var outcome: RolloutState.Outcome
        /// In CamelCase, as it stands in conditions and events.
        package var reason: String
        package var message: String
        package var since: Timestamp
        /// Whether the canary goes although the stable revision cannot yet bear the whole traffic.
        package var abandonsCapacity = false

        package init(outcome: RolloutState.Outcome, reason: String, message: String, since: Timestamp) {
            self.outcome = outcome
            self.reason = reason
            self.message = message
            self.since = since
        }
    }
}

/// One finished change.
package struct FinishedRollout: Sendable, Equatable {
    package var canary: RolloutState.RevisionRecord
    package var from: RolloutState.RevisionRecord?
    package var outcome: RolloutState.Outcome
    package var reason: String
    package var message: String
    package var startedAt: Timestamp
    package var finishedAt: Timestamp
    package var pausedSeconds: Int
}

/// A person's request and what came of it.
package struct AnsweredRequest: Sendable, Equatable {
    package var id: String
    package var verb: String
    package var revision: String
    package var isAccepted: Bool
    package var message: String
    package var at: Timestamp
}
