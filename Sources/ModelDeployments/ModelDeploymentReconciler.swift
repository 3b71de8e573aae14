package import ControllerRuntime
package import HomeostatAPI
internal import JSON
package import Kubernetes
package import Telemetry

/// Observes, plans, acts and records, for one ModelDeployment at a time.
///
/// Effects follow from what the status has recorded, and a decision is recorded before it has effects; see ``Plan``.
package struct ModelDeploymentReconciler: Reconciler {
    package static let statusManager = FieldManager("homeostat", concern: "status")

    private let objects: CachedClient<ModelDeployment>
    private let observer: Observer
    private let actuator: Actuator
    private let source: any EvidenceSource
    private let fence: Fence
    private let clock: any WallClock
    private let logger: Logger
    private let tell: @Sendable (EventNote) -> Void
    private let metrics: RolloutMetrics

    /// - Parameters:
    ///   - tell: Takes what people are told; must not wait.
    package init(
        objects: CachedClient<ModelDeployment>,
        observer: Observer,
        actuator: Actuator,
        source: any EvidenceSource,
        fence: Fence,
        clock: any WallClock,
        logger: Logger,
        metrics: RolloutMetrics,
        tell: @escaping @Sendable (EventNote) -> Void
    ) {
        self.objects = objects
        self.observer = observer
        self.actuator = actuator
        self.source = source
        self.fence = fence
        self.clock = clock
        self.logger = logger
        self.metrics = metrics
        self.tell = tell
    }

    package func reconcile(_ key: ObjectKey) async throws -> Outcome {
        guard let object = objects.get(key) else { return .settled }
        let policy = Policy(object)
        let state = RolloutState(object.status, policy: policy)

        // Observe
        var loaded: [String: Double] = [:]
        if let waited = state.progress?.revision {
            loaded = try await source.loadProgress(for: object, revisions: [waited])
        }
        let (observed, children) = try await observer.observe(object, policy: policy, loaded: loaded)
        let evidence = try await evidence(object, policy, state)
        let now = clock.now

        // Plan
        var plan = Planner.plan(policy, state: state, observed: observed, evidence: evidence, now: now)
        logger.debug(
            "planned",
            [
                "object.name": .string(key.description), "actions": .integer(plan.actions.count),
                "reason": .string(plan.situation.reason), "moves": .bool(plan.movesMachine),
            ]
        )

        // Act
        var failure: (any Error)?
        for action in plan.actions {
            do {
                try await actuator.carryOut(action, for: object, state: state, children: children)
            } catch let refused as APIFailure where Self.isForPeople(refused) {
                failure = refused
            } catch let lost as LostRevision { failure = lost }
            if let failure {
                plan.situation = Situation(.degraded, .stalled, reason: "ApplyFailed", "\(failure)")
                break
            }
        }
        if plan.actions.contains(.removeFinalizer), failure == nil {
            tell(plan.events, about: object)
            return .settled
        }

        // Record
        try await record(plan, object, policy: policy, observed: observed, now: now)
        if let failure { throw failure }
        // What was written comes back by the watches and leads here again.
        return plan.wakeAfter.map { .again(after: $0) } ?? .settled
    }

    /// Whether only a person can put it right, so that it belongs into the status.
    private static func isForPeople(_ failure: APIFailure) -> Bool {
        switch failure.reason {
        case .invalid, .badRequest, .forbidden, .alreadyExists, .tooLarge: true
        default: false
        }
    }

    private func evidence(
        _ object: ModelDeployment,
        _ policy: Policy,
        _ state: RolloutState
    ) async throws -> WindowEvidence? {
        let now = clock.now
        guard Planner.needsEvidence(policy, state: state, now: now), let rollout = state.rollout,
            let stable = state.stable?.revision
        else { return nil }
        return try await source.evidence(for: object, policy: policy, stable: stable, rollout: rollout, now: now)
    }

    private func record(
        _ plan: Plan,
        _ object: ModelDeployment,
        policy: Policy,
        observed: Observation,
        now: Timestamp
    ) async throws {
        var updated = object
        updated.status = StatusComposer.status(
            policy,
            plan: plan,
            observed: observed,
            previous: object.status,
            now: now,
            epoch: try fence.epoch()
        )
        guard updated.status != object.status else { return }
        do {
            let written = try await objects.replace(
                updated,
                subresource: "status",
                fieldManager: Self.statusManager.name
            )
            // A definition older than this program drops fields it does not know, and with them what was decided; going on
            // would decide the same for ever.
            guard written.status == updated.status else { throw OutdatedDefinition() }
        } catch let failure as APIFailure where failure.reason == .notFound { return }
        tell(plan.events, about: object)
        metrics.moved(from: object.status, to: updated.status)
    }

    private func tell(_ notes: [Note], about object: ModelDeployment) {
        for note in notes {
            logger.info(
                "decision",
                [
                    "object.name": .string(object.key.description), "reason": .string(note.reason.rawValue),
                    "detail": .string(note.message),
                ]
            )
            tell(
                EventNote(
                    regarding: ObjectReference(ModelDeployment.resource, object.metadata),
                    type: note.isWarning ? .warning : .normal,
                    reason: note.reason.rawValue,
                    action: note.reason.rawValue,
                    note: note.message
                )
            )
        }
    }
}

/// The API server did not store the status as it was sent.
package struct OutdatedDefinition: Error, CustomStringConvertible {
    package var description: String {
        "the API server dropped parts of the status: its CustomResourceDefinition is not of this version; install the "
            + "output of \"homeostat crds\""
    }
}
