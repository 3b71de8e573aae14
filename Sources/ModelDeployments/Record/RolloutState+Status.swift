import Telemetry
internal import Engines
package import HomeostatAPI
internal import Kubernetes

/// The state of the machine as the status stores it, and back.
///
/// Whatever ``ModelDeploymentStatus/record(_:policy:)`` writes, ``RolloutState/init(_:policy:)`` reads back equal; the
/// operator keeps nothing else between two looks at an object.
extension RolloutState {
    /// What a status has recorded.
    ///
    /// - Parameter policy: Under which the evidence was gathered; evidence of a metric that is judged otherwise by now is
    ///   dropped.
    package init(_ status: ModelDeploymentStatus, policy: Policy) {
        self.init()
        stable = status.stable.flatMap { RevisionRecord($0.revision, $0.version) }
        isEstablished = status.stable?.established ?? false
        rollout = status.currentRollout.map { Rollout($0, status: status, policy: policy) }
        rejected = status.rejected.map(Rejection.init)
        history = status.history.map(FinishedRollout.init)
        lastRequest = status.lastHandledRequest.map(AnsweredRequest.init)
        progress = status.progress.flatMap(Progress.init)
        reportedReason = status.reason.isEmpty ? nil : status.reason
    }
}

extension ModelDeploymentStatus {
    /// Records the state of the machine, leaving what is seen of the cluster as it is.
    mutating func record(_ state: RolloutState, policy: Policy) {
        stable = state.stable.map { record in
            var track = stable ?? TrackStatus()
            if track.revision != record.revision { track = TrackStatus() }
            track.revision = record.revision
            track.version = record.version
            track.established = state.isEstablished
            return track
        }
        canary = state.rollout.map { rollout in
            var track = canary ?? TrackStatus()
            if track.revision != rollout.canary.revision { track = TrackStatus() }
            track.revision = rollout.canary.revision
            track.version = rollout.canary.version
            return track
        }
        record(state.rollout, from: state.stable?.revision ?? "", policy: policy)
        rejected = state.rejected.map(RejectedRevision.init)
        history = state.history.map(RolloutRecord.init)
        lastHandledRequest = state.lastRequest.map(HandledRequest.init)
        progress = state.progress.map(ProgressStatus.init)
    }

    private mutating func record(_ rollout: Rollout?, from stable: String, policy: Policy) {
        guard let rollout else {

            currentRollout = nil
            step = nil
            pause = nil
            analysis = nil
            return
        }
        if currentRollout?.revision != rollout.canary.revision { rollback = nil }
        currentRollout = CurrentRollout(rollout, from: stable)
        weights = WeightStatus(desired: rollout.weight, observed: weights?.observed ?? 0, verified: weights?.verified)
        step = StepStatus(rollout, policy: policy)
        pause = PauseStatus(rollout, policy: policy)
        analysis = rollout.evidence.map(AnalysisStatus.init)
        if case .returning(let back) = rollout.stage {
            rollback = RollbackStatus(back, revision: rollout.canary.revision)
        }
    }
}

// MARK: Rollout

extension Rollout {
    init(_ current: CurrentRollout, status: ModelDeploymentStatus, policy: Policy) {
        let startedAt = current.startedAt ?? Timestamp(microseconds: 0)
        self.init(
            canary: RolloutState.RevisionRecord(revision: current.revision, version: current.version),
            weight: status.weights?.desired ?? 0,
            stepsHash: current.stepsHash,
            startedAt: startedAt
        )
        stepStartedAt = status.step?.startedAt ?? startedAt
        stepName = status.step?.name ?? ""
        pausedAt = status.pause.flatMap { $0.requested ? $0.startedAt : nil }
        pausedSeconds = current.pausedSeconds
        promotedBy = current.promotedBy
        evidence = status.analysis.map { AnalysisState($0, policy: policy) }
        switch current.stage {
        case .stepping: stage = .stepping(status.step?.index ?? 0)
        case .promoting: stage = .promoting
        case .returning: stage = .returning(Return(status.rollback ?? RollbackStatus(), startedAt: startedAt))
        }
    }
}

extension CurrentRollout {
    init(_ rollout: Rollout, from stable: String) {
        self.init()
        revision = rollout.canary.revision
        version = rollout.canary.version
        from = stable
        startedAt = rollout.startedAt
        pausedSeconds = rollout.pausedSeconds
        stepsHash = rollout.stepsHash
        promotedBy = rollout.promotedBy
        switch rollout.stage {
        case .stepping: stage = .stepping
        case .promoting: stage = .promoting
        case .returning: stage = .returning
        }
    }
}

extension StepStatus {
    init(_ rollout: Rollout, policy: Policy) {
        self.init()
        count = policy.steps.count
        startedAt = rollout.stepStartedAt
        name = rollout.stepName
        switch rollout.stage {
        case .stepping(let place):
            index = place
            text = "\(place + 1)/\(count) \(rollout.stepName)"
        case .promoting:
            index = count
            text = "promoting"
        case .returning:
            index = count
            text = "returning"
        }
    }
}

extension PauseStatus {
    init?(_ rollout: Rollout, policy: Policy) {
        self.init()
        if let pausedAt = rollout.pausedAt {
            startedAt = pausedAt
            requested = true
            return
        }
        guard case .stepping(let index) = rollout.stage, policy.steps.indices.contains(index),
            case .pause(let duration) = policy.steps[index].action
        else { return nil }
        startedAt = rollout.stepStartedAt
        until = duration.map { rollout.stepStartedAt + $0 }
    }
}

extension Rollout.Return {
    init(_ back: RollbackStatus, startedAt: Timestamp) {
        self.init(
            outcome: RolloutState.Outcome(back.result),
            reason: back.reason,
            message: back.message,
            since: back.startedAt ?? startedAt
        )
        abandonsCapacity = back.abandonsCapacity
    }
}

extension RollbackStatus {
    init(_ back: Rollout.Return, revision: String) {
        self.init()
        self.revision = revision
        result = RolloutResult(back.outcome)
        reason = back.reason
        message = back.message
        startedAt = back.since
        abandonsCapacity = back.abandonsCapacity
    }
}

// MARK: Evidence

extension AnalysisState {
    init(_ status: AnalysisStatus, policy: Policy) {
        self.init(startedAt: status.startedAt ?? Timestamp(microseconds: 0))
        lookedAt = status.lastEvaluatedAt ?? startedAt
        let metrics = policy.analysis?.metrics ?? []
        let compared = metrics.filter { $0.sequential != nil }.count
        self.metrics = status.state.map { state in
            let configuration = metrics.first { $0.name == state.metric }?.sequential?.shared(among: compared)
            return MetricState(state, configuration: configuration)
        }
    }
}

extension AnalysisStatus {
    init(_ state: AnalysisState) {
        self.init()
        startedAt = state.startedAt
        lastEvaluatedAt = state.lookedAt
        blockedSince = state.unavailableSince
        self.state = state.metrics.map(EvidenceState.init)
    }
}

extension MetricState {
    init(_ state: EvidenceState, configuration: RateComparison.Configuration?) {
        self.init(name: state.metric, since: state.countedUntil ?? Timestamp(microseconds: 0))
        updatedAt = state.updatedAt ?? countedUntil
        failures = state.failures
        passes = state.passes
        values = state.values
        broken = state.broken.isEmpty ? nil : state.broken
        detail = state.detail
        unavailableSince = state.unavailableSince
        insufficientSince = state.insufficientSince
        // Evidence that was gathered under another configuration answers another question: the planner starts anew.
        if let configuration, !state.encoded.isEmpty {
            comparison = try? RateComparison(encoded: state.encoded, configuration: configuration)
        }
    }
}

extension EvidenceState {
    init(_ state: MetricState) {
        self.init()
        metric = state.name
        encoded = state.comparison?.encoded ?? ""
        failures = state.failures
        passes = state.passes
        values = state.values
        broken = state.broken ?? ""
        detail = state.detail
        unavailableSince = state.unavailableSince
        insufficientSince = state.insufficientSince
        updatedAt = state.updatedAt
        countedUntil = state.countedUntil
    }
}

// MARK: Records

extension RolloutState.RevisionRecord {
    /// Nil without a revision.
    init?(_ revision: String, _ version: String) {
        guard !revision.isEmpty else { return nil }
        self.init(revision: revision, version: version)
    }
}

extension RolloutState.Outcome {
    init(_ result: RolloutResult) {
        switch result {
        case .promoted: self = .promoted
        case .rolledBack: self = .rolledBack
        case .aborted: self = .aborted
        case .superseded: self = .superseded
        case .reverted: self = .reverted
        }
    }
}

extension RolloutResult {
    init(_ outcome: RolloutState.Outcome) {
        switch outcome {
        case .promoted: self = .promoted
        case .rolledBack: self = .rolledBack
        case .aborted: self = .aborted
        case .superseded: self = .superseded
        case .reverted: self = .reverted
        }
    }
}

extension RolloutState.Rejection {
    init(_ rejected: RejectedRevision) {
        self.init(
            revision: rejected.revision,
            version: rejected.version,
            outcome: RolloutState.Outcome(rejected.result),
            reason: rejected.reason,
            message: rejected.message,
            at: rejected.at ?? Timestamp(microseconds: 0)
        )
    }
}

extension RejectedRevision {
    init(_ rejection: RolloutState.Rejection) {
        self.init()
        revision = rejection.revision
        version = rejection.version
        result = RolloutResult(rejection.outcome)
        reason = rejection.reason
        message = rejection.message
        at = rejection.at
    }
}

extension FinishedRollout {
    init(_ record: RolloutRecord) {
        let start = record.startedAt ?? Timestamp(microseconds: 0)
        self.init(
            canary: RolloutState.RevisionRecord(revision: record.revision, version: record.version),
            from: RolloutState.RevisionRecord(record.from, record.fromVersion),
            outcome: RolloutState.Outcome(record.result),
            reason: record.reason,
            message: record.message,
            startedAt: start,
            finishedAt: record.finishedAt ?? start,
            pausedSeconds: record.pausedSeconds
        )
    }
}

extension RolloutRecord {
    init(_ record: FinishedRollout) {
        self.init()
        revision = record.canary.revision
        version = record.canary.version
        from = record.from?.revision ?? ""
        fromVersion = record.from?.version ?? ""
        result = RolloutResult(record.outcome)
        reason = record.reason
        message = record.message
        startedAt = record.startedAt
        finishedAt = record.finishedAt
        durationSeconds = Int((record.finishedAt - record.startedAt).inSeconds.rounded())
        pausedSeconds = record.pausedSeconds
    }
}

extension AnsweredRequest {
    init(_ request: HandledRequest) {
        self.init(
            id: request.id,
            verb: request.verb,
            revision: request.revision,
            isAccepted: request.result == .accepted,
            message: request.message,
            at: request.at ?? Timestamp(microseconds: 0)
        )
    }
}

extension HandledRequest {
    init(_ request: AnsweredRequest) {
        self.init()
        id = request.id
        verb = request.verb
        revision = request.revision
        result = request.isAccepted ? .accepted : .refused
        message = request.message
        at = request.at
    }
}

extension RolloutState.Progress {
    init?(_ status: ProgressStatus) {
        guard !status.revision.isEmpty, let since = status.since else { return nil }
        let mark = ProgressMark(
            scheduled: status.scheduled,
            started: status.started,
            ready: status.ready,
            loaded: status.loaded
        )
        let trouble = Trouble.Cause(rawValue: status.cause).map {
            Trouble($0, object: status.pod, message: status.message)
        }
        self.init(revision: status.revision, mark: mark, since: since, trouble: trouble)
    }
}

extension ProgressStatus {
    init(_ progress: RolloutState.Progress) {
        self.init()
        revision = progress.revision
        scheduled = progress.mark.scheduled
        started = progress.mark.started
        ready = progress.mark.ready
        loaded = progress.mark.loaded
        since = progress.since
        cause = progress.trouble?.cause.rawValue ?? ""
        pod = progress.trouble?.object ?? ""
        message = progress.trouble?.message ?? ""
    }
}
