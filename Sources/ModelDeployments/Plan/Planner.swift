import Telemetry
internal import Engines
import HomeostatAPI
package import Kubernetes

/// Decides what to do about one ModelDeployment.
///
/// Pure: same input, same plan. ``Position/table`` names every move that the machine can make; at most one is made per
/// plan.
package struct Planner: Sendable {
    let policy: Policy
    let observed: Observation
    let evidence: WindowEvidence?
    let now: Timestamp
    var state: RolloutState
    var notes: [Note] = []
    var hasMoved = false
    /// When to look again, as far as known.
    var wakeUps: [Timestamp] = []

    /// Decides.
    ///
    /// - Parameters:
    ///   - policy: What is asked for.
    ///   - state: What has been recorded.
    ///   - observed: What the cluster shows.
    ///   - evidence: What the metrics said over the window from `state`'s last one to its own end; nil when none was due.
    ///   - now: The wall clock.
    package static func plan(
        _ policy: Policy,
        state: RolloutState,
        observed: Observation,
        evidence: WindowEvidence? = nil,
        now: Timestamp
    ) -> Plan {
        var planner = Planner(policy: policy, observed: observed, evidence: evidence, now: now, state: state)
        return planner.plan()
    }

    init(
        policy: Policy,
        observed: Observation,
        evidence: WindowEvidence?,
        now: Timestamp,
        state: RolloutState
    ) {
        self.policy = policy
        self.observed = observed
        self.evidence = evidence
        self.now = now
        self.state = state
    }

    /// Whether the metrics are to be looked at now.
    package static func needsEvidence(_ policy: Policy, state: RolloutState, now: Timestamp) -> Bool {
        guard let analysis = policy.analysis, !analysis.metrics.isEmpty, !policy.isSuspended, policy.deletedAt == nil,
            policy.errors.isEmpty, let rollout = state.rollout, !rollout.isReturning,
            rollout.canary.revision == policy.revision, let evidence = rollout.evidence
        else { return false }
        return now >= evidence.lookedAt + analysis.interval
    }

    mutating func plan() -> Plan {
        if policy.deletedAt != nil { return planDeletion() }
        guard policy.errors.isEmpty else {
            return refuse("InvalidSpec", note: .invalidSpec, policy.errors.joined(separator: "; "))
        }
        guard observed.conflicts.isEmpty else {
            let list = observed.conflicts.map { "\($0.child) belongs to \($0.owner)" }.joined(separator: "; ")
            return refuse(
                "TargetAlreadyManaged",
                note: .conflict,
                "\(list); rename this ModelDeployment or delete the other object, and it goes on by itself"
            )
        }
        guard policy.hasFinalizer else {
            return finish([.addFinalizer], Situation(.pending, .working, reason: "Progressing", "taking charge"))
        }
        handleRequest()
        if policy.isSuspended {
            return finish(
                [],
                Situation(.suspended, .unchanged, reason: "Suspended", "spec.suspend is true: nothing moves")
            )
        }
        if !hasMoved { move() }
        // Effects follow from what is recorded; a move is recorded first.
        return finish(hasMoved ? [] : actions(), situation())
    }

    // MARK: Moves

    private mutating func move() {
        guard let stable = state.stable else {
            state.stable = RolloutState.RevisionRecord(revision: policy.revision, version: policy.version)
            return moved()
        }
        guard state.isEstablished else { return moveToEstablished(stable) }
        guard let rollout = state.rollout else {
            trackProgress(of: stable.revision, until: isServing(stable.revision))
            if policy.revision != stable.revision, policy.revision != state.rejected?.revision { start() }
            return
        }
        move(rollout, stable: stable)
    }

    private mutating func moveToEstablished(_ stable: RolloutState.RevisionRecord) {
        if policy.revision != stable.revision {
            state.stable = RolloutState.RevisionRecord(revision: policy.revision, version: policy.version)
            state.progress = nil
            return moved(
                Note(
                    .superseded,
                    "revision \(stable.revision) never served; revision \(policy.revision) takes its place"
                )
            )
        }
        let isDone = isServing(stable.revision)
        trackProgress(of: stable.revision, until: isDone)
        guard isDone else {
            if isStuck { tellOnce("ProgressDeadlineExceeded", Note(.deadlineExceeded, warning: true, stuckMessage)) }
            return
        }
        state.isEstablished = true
        record(
            stable,
            from: nil,
            .promoted,
            reason: "FirstRevision",
            message: "the first revision serves",
            startedAt: observed.track(stable.revision)?.createdAt ?? now,
            pausedSeconds: 0
        )
        moved(Note(.established, "revision \(stable.revision) (version \(stable.version)) serves all traffic"))
    }

    private mutating func start() {
        let canary = RolloutState.RevisionRecord(revision: policy.revision, version: policy.version)
        var rollout = Rollout(canary: canary, stepsHash: stepsHash, startedAt: now)
        if policy.steps.isEmpty {
            rollout.stage = .promoting
            rollout.weight = 100
        } else {
            rollout.weight = policy.weights[0]
            rollout.stepName = policy.steps[0].name
        }
        state.rollout = rollout
        state.progress = nil
        moved(
            Note(
                .rolloutStarted,
                "rollout of revision \(canary.revision) (version \(canary.version)) started, "
                    + "stable is \(state.stable?.revision ?? "none") (version \(state.stable?.version ?? "none"))"
            )
        )
        if case .stepping(let index) = rollout.stage { notes.append(stepNote(index)) }
    }

    private mutating func move(_ rollout: Rollout, stable: RolloutState.RevisionRecord) {
        if case .returning(let back) = rollout.stage {
            return moveReturning(rollout, back, stable: stable)
        }
        if policy.revision == stable.revision {
            return giveBack(
                .reverted,
                reason: "RevertedToStable",
                message: "the specification asks for the stable revision \(stable.revision) again"
            )
        }
        if policy.revision != rollout.canary.revision {
            return supersede(rollout, stable: stable)
        }
        if rollout.stepsHash != stepsHash, case .stepping(let index) = rollout.stage {
            return followNewSteps(from: index)
        }
        judge()
        guard !giveBackIfJudgedSo() else { return }
        switch state.rollout?.stage {
        case .stepping(let index): moveStepping(index)
        case .promoting: movePromoting()
        default: break
        }
    }

    private mutating func moveReturning(
        _ rollout: Rollout,
        _ back: Rollout.Return,
        stable: RolloutState.RevisionRecord
    ) {
        let wantsThird =
            policy.revision != stable.revision && policy.revision != rollout.canary.revision
            && policy.revision != state.rejected?.revision
        let canary = observed.track(rollout.canary.revision)
        let isGone = (canary?.desired ?? 0) == 0 && (canary?.replicas ?? 0) == 0
        trackProgress(of: stable.revision, until: isServing(stable.revision))
        if wantsThird || (isGone && (isServing(stable.revision) || back.abandonsCapacity)) {
            finishReturning(rollout, back, stable: stable)
            if wantsThird { start() }
            return
        }
        let deadline = back.since + policy.progressDeadline
        if !back.abandonsCapacity, !isServing(stable.revision), isGone || now >= deadline {
            // Either nothing is left to wait for, or waiting longer only keeps the refused version serving.
            guard now >= deadline else { return wakeUps.append(deadline) }
            var back = back
            back.abandonsCapacity = true
            state.rollout?.stage = .returning(back)
            return moved(
                Note(
                    .capacityAbandoned,
                    warning: true,
                    "stable revision \(stable.revision) did not reach \(policy.replicas) available pods in "
                        + "\(policy.progressDeadline.inWords): revision \(rollout.canary.revision) is taken away anyway"
                        + (observed.track(stable.revision)?.trouble.map { "; \($0)" } ?? "")
                )
            )
        }
        wakeUps.append(deadline)
    }

    private mutating func finishReturning(
        _ rollout: Rollout,
        _ back: Rollout.Return,
        stable: RolloutState.RevisionRecord
    ) {
        record(
            rollout.canary,
            from: stable,
            back.outcome,
            reason: back.reason,
            message: back.message,
            startedAt: rollout.startedAt,
            pausedSeconds: rollout.pausedSeconds
        )
        if back.outcome == .rolledBack || back.outcome == .aborted {
            state.rejected = RolloutState.Rejection(
                revision: rollout.canary.revision,
                version: rollout.canary.version,
                outcome: back.outcome,
                reason: back.reason,
                message: back.message,
                at: back.since
            )
        }
        state.rollout = nil
        state.progress = nil
        let times = "after \((now - rollout.startedAt).inWords), way back \((now - back.since).inWords)"
        switch back.outcome {
        case .rolledBack:
            moved(
                Note(
                    .rolledBack,
                    warning: true,
                    "revision \(rollout.canary.revision) rolled back \(times): \(back.message)"
                )
            )
        case .aborted:
            moved(
                Note(.aborted, warning: true, "revision \(rollout.canary.revision) aborted \(times): \(back.message)")
            )
        default:
            moved(Note(.reverted, "all traffic is on revision \(stable.revision) again, \(times): \(back.message)"))
        }
    }

    private mutating func supersede(_ rollout: Rollout, stable: RolloutState.RevisionRecord) {
        let message = "superseded by revision \(policy.revision)"
        guard policy.revision != state.rejected?.revision else {
            return giveBack(.superseded, reason: "Superseded", message: message)
        }
        record(
            rollout.canary,
            from: stable,
            .superseded,
            reason: "Superseded",
            message: message,
            startedAt: rollout.startedAt,
            pausedSeconds: rollout.pausedSeconds
        )
        notes.append(Note(.superseded, "revision \(rollout.canary.revision) is \(message)"))
        start()
    }

    /// The steps were edited: go on at the first one that does not lower the traffic.
    private mutating func followNewSteps(from index: Int) {
        guard var rollout = state.rollout else { return }
        rollout.stepsHash = stepsHash
        let weights = policy.weights
        let name = rollout.stepName
        let place =
            policy.steps.indices.first { policy.steps[$0].name == name && weights[$0] >= rollout.weight }
            ?? weights.firstIndex { $0 >= rollout.weight } ?? weights.indices.last
        guard let place else {
            rollout.stage = .promoting
            rollout.weight = 100
            state.rollout = rollout
            return moved(Note(.stepsChanged, "the specification has no steps any more: promoting"))
        }
        if policy.steps[place].name != name { rollout.stepStartedAt = now }
        rollout.stage = .stepping(place)
        rollout.stepName = policy.steps[place].name
        rollout.weight = max(rollout.weight, weights[place])
        state.rollout = rollout
        moved(
            Note(
                .stepsChanged,
                "steps were edited: going on at \(describe(step: place)) with weight \(rollout.weight), evidence is kept"
            )
        )
    }

    mutating func giveBack(_ outcome: RolloutState.Outcome, reason: String, message: String) {
        guard let rollout = state.rollout else { return }
        closePause()
        state.rollout?.stage = .returning(
            Rollout.Return(outcome: outcome, reason: reason, message: message, since: now)
        )
        state.rollout?.weight = 0
        state.progress = nil
        let canary = "revision \(rollout.canary.revision) (version \(rollout.canary.version))"
        switch outcome {
        case .rolledBack: moved(Note(.rollingBack, warning: true, "rolling back \(canary): \(message)"))
        case .aborted: moved(Note(.aborting, warning: true, "aborting \(canary): \(message)"))
        default: moved(Note(.reverting, "taking back \(canary): \(message)"))
        }
    }

    // MARK: Helpers

    mutating func moved(_ note: Note? = nil) {
        hasMoved = true
        if let note { notes.append(note) }
    }

    mutating func tellOnce(_ reason: String, _ note: Note) {
        if state.reportedReason != reason { notes.append(note) }
    }

    /// Adds what remains of a pause by a person to the rollout's account.
    mutating func closePause() {
        guard let pausedAt = state.rollout?.pausedAt else { return }
        let paused = now - pausedAt
        state.rollout?.pausedSeconds += Int(paused.inSeconds)
        state.rollout?.pausedAt = nil
        if let started = state.rollout?.stepStartedAt { state.rollout?.stepStartedAt = started + paused }
    }

    mutating func record(
        _ canary: RolloutState.RevisionRecord,
        from stable: RolloutState.RevisionRecord?,
        _ outcome: RolloutState.Outcome,
        reason: String,
        message: String,
        startedAt: Timestamp,
        pausedSeconds: Int
    ) {
        state.history.insert(
            FinishedRollout(
                canary: canary,
                from: stable,
                outcome: outcome,
                reason: reason,
                message: message,
                startedAt: startedAt,
                finishedAt: now,
                pausedSeconds: pausedSeconds
            ),
            at: 0
        )
        state.history.removeLast(max(0, state.history.count - max(policy.historyLimit, 1)))
    }

    /// Whether a revision has all the pods that the whole traffic needs.
    func isServing(_ revision: String) -> Bool {
        guard let track = observed.track(revision) else { return false }
        return track.desired == policy.replicas && min(track.available, track.desired) >= policy.replicas
    }

    var stepsHash: String { Self.hash(policy.steps) }

    /// A short text that differs when the steps differ.
    static func hash(_ steps: [Policy.Step]) -> String {
        // The description names every field; this only tells an edit from none.
        var hash = FNV1a()
        for byte in steps.map({ "\($0.name)=\($0.action)" }).joined(separator: ";").utf8 { hash.add(byte) }
        return String(hash.value, radix: 16)
    }

    // MARK: Progress

    /// Notes how far a track has come, until it has arrived.
    mutating func trackProgress(of revision: String, until isDone: Bool) {
        guard !isDone else {
            state.progress = nil
            return
        }
        let track = observed.track(revision)
        let mark = track?.progress ?? ProgressMark()
        guard let progress = state.progress, progress.revision == revision else {
            state.progress = RolloutState.Progress(
                revision: revision,
                mark: mark,
                since: now,
                trouble: track?.trouble
            )
            return wakeUps.append(now + policy.progressDeadline)
        }
        if mark.isBeyond(progress.mark) {
            state.progress?.mark = progress.mark.furthest(mark)
            state.progress?.since = now
            state.progress?.trouble = nil
        }
        if let trouble = track?.trouble { state.progress?.trouble = trouble }
        wakeUps.append((state.progress?.since ?? now) + policy.progressDeadline)
    }

    /// Whether the track that is waited for has come no further for longer than the deadline.
    var isStuck: Bool { state.progress.map { now >= $0.since + policy.progressDeadline } ?? false }

    /// Why it is stuck, in words.
    var stuckMessage: String {
        guard let progress = state.progress else { return "" }
        let track = observed.track(progress.revision)
        let counts = "\(track?.available ?? 0) of \(track?.desired ?? 0) pods available"
        let cause = trouble(of: progress).map { "; \($0)" } ?? ""
        return
            "revision \(progress.revision) made no progress for \(policy.progressDeadline.inWords): \(counts)\(cause)"
    }

    /// What keeps the pods from getting ready.
    func trouble(of progress: RolloutState.Progress) -> Trouble? {
        guard let track = observed.track(progress.revision) else { return progress.trouble }
        let trouble = track.trouble ?? progress.trouble
        // Pods that were loading and stopped doing so look merely unready from outside.
        let loading = progress.mark.loaded - progress.mark.ready * 1000
        if loading > 0, loading < 1000, trouble?.cause ?? .notReady == .notReady {
            return Trouble(
                .modelLoadStalled,
                object: trouble?.object ?? track.name,
                message: "the model is \(loading / 10) % loaded and gets no further"
            )
        }
        return trouble
    }

    // MARK: Result

    private mutating func refuse(_ reason: String, note: Note.Reason, _ message: String) -> Plan {
        tellOnce(reason, Note(note, warning: true, message))
        return finish([], Situation(.degraded, .stalled, reason: reason, message))
    }

    mutating func finish(_ actions: [Action], _ situation: Situation) -> Plan {
        state.reportedReason = situation.reason
        var plan = Plan(state: state, situation: situation)
        plan.actions = actions
        plan.events = notes
        plan.movesMachine = hasMoved
        plan.wakeAfter = hasMoved ? .zero : wakeUps.min().map { max($0 - now, .milliseconds(100)) }
        return plan
    }
}

extension Rollout {
    /// Whether the traffic is on its way back.
    package var isReturning: Bool { if case .returning = stage { true } else { false } }
}

extension Duration {
    /// The duration for people, as `1h30m`, `45s` or `250ms`.
    package var inWords: String {
        let milliseconds = Int((inSeconds * 1000).rounded())
        guard milliseconds >= 1000 else { return "\(max(milliseconds, 0))ms" }
        let seconds = milliseconds / 1000
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"),
        ]
        return parts.filter { $0.0 > 0 }.prefix(2).map { "\($0.0)\($0.1)" }.joined()
    }
}
