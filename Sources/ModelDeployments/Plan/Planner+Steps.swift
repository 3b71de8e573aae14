import Telemetry
import HomeostatAPI
import Kubernetes

extension Planner {
    /// The pods of each track that the present position asks for.
    var shares: ReplicaShares {
        guard let rollout = state.rollout else { return ReplicaShares(stable: policy.replicas, canary: 0) }
        return ReplicaShares(weight: rollout.weight, of: policy.replicas)
    }

    mutating func moveStepping(_ index: Int) {
        guard policy.steps.indices.contains(index), let rollout = state.rollout else {
            // The list of steps is what the position was recorded with, so this position cannot be outside of it
            // unless the status was edited; the steps are then taken as done.
            return startPromoting()
        }
        wakeForAnalysis()
        let isOver: Bool
        switch policy.steps[index].action {
        case .setWeight: isOver = true
        case .pause(let duration): isOver = isPauseOver(duration, rollout)
        case .analysis(let minimum): isOver = isAnalysisOver(rollout, minimum: minimum)
        }
        guard !hasMoved else { return }
        // Whatever the step waits for, the traffic moves on only from tracks that bear what they have; the deadline
        // runs while that alone is waited for.
        guard isOver, !areTracksSettled(rollout) else {
            state.progress = nil
            if isOver, mayAdvance(rollout) { next(after: index) }
            return
        }
        waitForTracks(rollout)
        if isStuck, state.progress?.revision == rollout.canary.revision { giveBackAsStuck() }
    }

    private func mayAdvance(_ rollout: Rollout) -> Bool {
        rollout.pausedAt == nil && policy.replicas > 0 && !isAnalysisBlocked
    }

    private mutating func giveBackAsStuck() {
        let cause = state.progress.flatMap { trouble(of: $0)?.cause.rawValue }
        giveBack(.rolledBack, reason: cause ?? "ProgressDeadlineExceeded", message: stuckMessage)
    }

    private mutating func isPauseOver(_ duration: Duration?, _ rollout: Rollout) -> Bool {
        guard let duration, rollout.pausedAt == nil else { return false }
        let end = rollout.stepStartedAt + duration
        guard now < end else { return true }
        wakeUps.append(end)
        return false
    }

    /// Whether every metric says that the canary may go on, or time has run out and that means going on.
    private mutating func isAnalysisOver(_ rollout: Rollout, minimum: Duration) -> Bool {
        guard let analysis = policy.analysis else { return true }
        guard rollout.pausedAt == nil, policy.replicas > 0 else { return false }
        let earliest = rollout.stepStartedAt + minimum
        if now >= earliest, pending(analysis).isEmpty, rollout.evidence != nil { return true }
        if now < earliest { wakeUps.append(earliest) }
        let latest = rollout.stepStartedAt + analysis.maximum
        guard now >= latest else {
            wakeUps.append(latest)
            return false
        }
        switch analysis.onTimeout {
        case .hold: return false
        case .promote: return true
        case .rollback:
            let open = pending(analysis).map { "\($0.0.name) is \($0.1.rawValue)" }.joined(separator: ", ")
            giveBack(
                .rolledBack,
                reason: "AnalysisTimeout",
                message: "no verdict in \(analysis.maximum.inWords): \(open)"
            )
            return false
        }
    }

    mutating func movePromoting() {
        guard let rollout = state.rollout else { return }
        wakeForAnalysis()
        let canary = rollout.canary
        let isDone = isServing(canary.revision)
        trackProgress(of: canary.revision, until: isDone)
        guard !isStuck else { return giveBackAsStuck() }
        guard isDone else { return }
        let how = rollout.promotedBy.map { "by request \($0)" } ?? "after all steps"
        record(
            canary,
            from: state.stable,
            .promoted,
            reason: rollout.promotedBy == nil ? "StepsCompleted" : "PromotedByRequest",
            message: promotionMessage(rollout),
            startedAt: rollout.startedAt,
            pausedSeconds: rollout.pausedSeconds
        )
        state.stable = canary
        state.rollout = nil
        state.progress = nil
        if state.rejected?.revision == canary.revision { state.rejected = nil }
        moved(
            Note(
                .promoted,
                "revision \(canary.revision) (version \(canary.version)) is the stable one, \(how), in "
                    + "\((now - rollout.startedAt).inWords); \(promotionMessage(rollout))"
            )
        )
    }

    private func promotionMessage(_ rollout: Rollout) -> String {
        guard let analysis = policy.analysis, let evidence = rollout.evidence else {
            return "no analysis was asked for"
        }
        return analysis.metrics.compactMap { metric in
            evidence.metric(metric.name).map { explain($0, metric) }
        }.joined(separator: "; ")
    }

    mutating func next(after index: Int, by request: String? = nil) {
        closePause()
        guard let rollout = state.rollout else { return }
        if policy.steps.indices.contains(index), case .pause = policy.steps[index].action {
            state.rollout?.pausedSeconds += max(0, Int((now - rollout.stepStartedAt).inSeconds))
        }
        guard policy.steps.indices.contains(index + 1) else { return startPromoting(by: request) }
        state.rollout?.stage = .stepping(index + 1)
        state.rollout?.stepName = policy.steps[index + 1].name
        state.rollout?.stepStartedAt = now
        if case .setWeight(let weight) = policy.steps[index + 1].action { state.rollout?.weight = weight }
        state.progress = nil
        var note = stepNote(index + 1)
        if let request { note.message += ", by request \(request)" }
        moved(note)
    }

    private mutating func startPromoting(by request: String? = nil) {
        state.rollout?.stage = .promoting
        state.rollout?.weight = 100
        state.progress = nil
        let revision = state.rollout?.canary.revision ?? ""
        moved(Note(.promoting, "all steps are done: revision \(revision) takes all traffic"))
    }

    // MARK: Tracks

    /// Whether both tracks have the pods that the present weight asks for.
    func areTracksSettled(_ rollout: Rollout) -> Bool {
        let shares = shares
        func has(_ revision: String?, _ replicas: Int) -> Bool {
            guard let track = observed.track(revision) else { return replicas == 0 }
            return track.desired == replicas && min(track.available, track.desired) >= replicas
        }
        return has(rollout.canary.revision, shares.canary) && has(state.stable?.revision, shares.stable)
    }

    private mutating func waitForTracks(_ rollout: Rollout) {
        let canary = observed.track(rollout.canary.revision)
        if min(canary?.available ?? 0, canary?.desired ?? 0) < shares.canary {
            trackProgress(of: rollout.canary.revision, until: false)
        } else if let stable = state.stable {
            trackProgress(of: stable.revision, until: areTracksSettled(rollout))
        }
    }

    // MARK: Words

    func describe(step index: Int) -> String {
        guard policy.steps.indices.contains(index) else { return "the end of the steps" }
        return "step \(index + 1)/\(policy.steps.count) \"\(policy.steps[index].name)\""
    }

    func stepNote(_ index: Int) -> Note {
        let what =
            switch policy.steps[index].action {
            case .setWeight(let weight): "weight \(weight)"
            case .pause(nil): "pause until a person resumes"
            case .pause(.some(let duration)): "pause for \(duration.inWords)"
            case .analysis: "analysis"
            }
        return Note(.stepStarted, "\(describe(step: index)): \(what)")
    }
}
