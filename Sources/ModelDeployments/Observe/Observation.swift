package import Kubernetes

/// What the cluster shows of one ModelDeployment: its children, no decision.
package struct Observation: Sendable, Equatable {
    /// The Deployments of all revisions, in no order.
    package var tracks: [TrackObservation]
    package var services: [ServiceObservation]
    /// Children that somebody else owns.
    package var conflicts: [OwnershipConflict]
    /// Whether the namespace is being deleted, and nothing can be created in it.
    package var isNamespaceTerminating: Bool

    package init(
        tracks: [TrackObservation] = [],
        services: [ServiceObservation] = [],
        conflicts: [OwnershipConflict] = [],
        isNamespaceTerminating: Bool = false
    ) {
        self.tracks = tracks
        self.services = services
        self.conflicts = conflicts
        self.isNamespaceTerminating = isNamespaceTerminating
    }

    /// The Deployment of a revision.
    package func track(_ revision: String?) -> TrackObservation? { tracks.first { $0.revision == revision } }
}

/// The Deployment of one revision and what its pods say.
package struct TrackObservation: Sendable, Equatable {
    package var revision: String
    /// The name of the Deployment.
    package var name: String
    /// The version of the model it serves.
    package var version: String
    /// Pods asked for.
    package var desired: Int
    /// Pods that exist.
    package var replicas: Int
    package var ready: Int
    /// Pods ready for at least `minReadySeconds`.
    package var available: Int
    package var createdAt: Timestamp?
    /// Why pods are not ready, when some are not.
    package var trouble: Trouble?
    /// How far the pods have come on their way to ready.
    package var progress: ProgressMark
    /// Whether what the Deployment has beside its pods and their number is as it shall be.
    package var isCurrent: Bool

    package init(
        revision: String,
        name: String,
        version: String = "",
        desired: Int = 0,
        replicas: Int = 0,
        ready: Int = 0,
        available: Int = 0,
        createdAt: Timestamp? = nil,
        trouble: Trouble? = nil,
        progress: ProgressMark = ProgressMark(),
        isCurrent: Bool = true
    ) {
        self.revision = revision
        self.name = name
        self.version = version
        self.desired = desired
        self.replicas = replicas
        self.ready = ready
        self.available = available
        self.createdAt = createdAt
        self.trouble = trouble
        self.progress = progress
        self.isCurrent = isCurrent
    }
}

/// How far the pods of a track have come: each count only grows while things go well.
///
/// A deadline counts from the last time any part of it rose, so that a model that takes 20 minutes to load is not taken
/// for one that hangs.
package struct ProgressMark: Sendable, Hashable {
    package var scheduled: Int
    /// Containers `model` that have started.
    package var started: Int
    package var ready: Int
    /// A thousand for each ready pod, and how many thousandths of the model the furthest of the others has loaded.
    package var loaded: Int

    package init(scheduled: Int = 0, started: Int = 0, ready: Int = 0, loaded: Int = 0) {
        self.scheduled = scheduled
        self.started = started
        self.ready = ready
        self.loaded = loaded
    }

    /// Whether any part is further than in an earlier mark.
    package func isBeyond(_ earlier: ProgressMark) -> Bool {
        scheduled > earlier.scheduled || started > earlier.started || ready > earlier.ready || loaded > earlier.loaded
    }

    /// The furthest of both in every part.
    package func furthest(_ other: ProgressMark) -> ProgressMark {
        ProgressMark(
            scheduled: max(scheduled, other.scheduled),
            started: max(started, other.started),
            ready: max(ready, other.ready),
            loaded: max(loaded, other.loaded)
        )
    }
}

/// A Service of the ModelDeployment.
package struct ServiceObservation: Sendable, Equatable {
    package var name: String
    /// The revision its selector names; nil when it selects all tracks.
    package var revision: String?
    /// Whether ports and selector are as they shall be, the revision aside.
    package var isCurrent: Bool

    package init(name: String, revision: String? = nil, isCurrent: Bool = true) {
        self.name = name
        self.revision = revision
        self.isCurrent = isCurrent
    }
}

/// A child that this ModelDeployment needs and somebody else has.
package struct OwnershipConflict: Sendable, Equatable {
    /// As `Service "churn"`.
    package var child: String
    /// As `ModelDeployment "churn"`, or `nobody` for an object without controller.
    package var owner: String

    package init(child: String, owner: String) {
        self.child = child
        self.owner = owner
    }
}
