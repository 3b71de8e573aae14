package import HomeostatAPI

/// What is to be done and remembered about one ModelDeployment now.
///
/// A plan either moves the machine (``movesMachine``) or acts on the cluster, never both: effects follow only from what
/// the status already records, so a crash between any two writes leaves nothing half decided.
package struct Plan: Sendable, Equatable {
    /// The state to record.
    package var state: RolloutState
    /// Effects, in the order in which they are to be carried out.
    package var actions: [Action] = []
    /// What people are told when, and only when, the state has been recorded.
    package var events: [Note] = []
    /// How things stand, in words and conditions.
    package var situation: Situation
    /// When to look again though nothing has changed.
    package var wakeAfter: Duration?
    /// Whether the position of the machine changes.
    package var movesMachine = false

    package init(state: RolloutState, situation: Situation) {
        self.state = state
        self.situation = situation
    }
}

/// One effect on the cluster.
package enum Action: Sendable, Hashable {
    /// The Deployment of a revision exists and has so many pods.
    case scale(revision: String, replicas: Int)
    /// A Service exists and selects the pods of one revision, or of all when nil.
    case point(service: TrackService, revision: String?)
    /// The Deployment of a retired revision goes.
    case remove(revision: String)
    case addFinalizer
    /// Children lose their owner and stay.
    case orphanChildren
    case removeFinalizer
}

/// The Services of a ModelDeployment.
package enum TrackService: String, Sendable, CaseIterable {
    /// The one that clients use.
    case all = ""
    case stable = "-stable"
    case canary = "-canary"

    /// The Service's name.
    package func name(of deployment: String) -> String { deployment + rawValue }
}

/// Something people are told once.
package struct Note: Sendable, Hashable {
    /// A closed set; the raw value is the event's reason.
    package enum Reason: String, Sendable, CaseIterable {
        case established = "Established"
        case rolloutStarted = "RolloutStarted"
        case stepStarted = "StepStarted"
        case promoting = "Promoting"
        case promoted = "RolloutPromoted"
        case rollingBack = "RollingBack"
        case rolledBack = "RolledBack"
        case aborting = "Aborting"
        case aborted = "RolloutAborted"
        case superseded = "RolloutSuperseded"
        case reverting = "RevertingToStable"
        case reverted = "RevertedToStable"
        case stepsChanged = "StepsChanged"
        case paused = "RolloutPaused"
        case resumed = "RolloutResumed"
        case retried = "RolloutRetried"
        case requestRefused = "RequestRefused"
        case analysisBlocked = "AnalysisBlocked"
        case analysisResumed = "AnalysisResumed"
        case deadlineExceeded = "ProgressDeadlineExceeded"
        case invalidSpec = "InvalidSpec"
        case conflict = "TargetAlreadyManaged"
        case capacityAbandoned = "CapacityAbandoned"
        case released = "Released"
    }

    package var reason: Reason
    package var isWarning: Bool
    package var message: String

    package init(_ reason: Reason, warning: Bool = false, _ message: String) {
        self.reason = reason
        isWarning = warning
        self.message = message
    }
}

/// How a ModelDeployment stands, as its conditions and columns say it.
package struct Situation: Sendable, Hashable {
    /// What kstatus makes of it.
    package enum Readiness: Sendable, Hashable {
        /// `Ready=True`
        case ready
        /// `Ready=Unknown`, `Reconciling=True`
        case working
        /// `Ready=False`, `Stalled=True`
        case stalled
        /// As it was.
        case unchanged
    }

    package var phase: Phase
    package var readiness: Readiness
    /// In CamelCase, from the table of situations.
    package var reason: String
    package var message: String

    package init(_ phase: Phase, _ readiness: Readiness, reason: String, _ message: String) {
        self.phase = phase
        self.readiness = readiness
        self.reason = reason
        self.message = message
    }
}
