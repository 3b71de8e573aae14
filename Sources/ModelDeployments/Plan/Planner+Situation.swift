import HomeostatAPI
import Kubernetes

extension Planner {
    /// How things stand, by the table of situations.
    func situation() -> Situation {
        guard let stable = state.stable, state.isEstablished else { return pendingSituation() }
        guard let rollout = state.rollout else { return steadySituation(stable) }
        let canary = "revision \(rollout.canary.revision) (version \(rollout.canary.version))"
        switch rollout.stage {
        case .returning(let back):
            return Situation(.rollingBack, .working, reason: "RollingBack", "\(back.outcome.rawValue): \(back.message)")
        case .promoting:
            let track = observed.track(rollout.canary.revision)
            return Situation(
                .promoting,
                .working,
                reason: "Promoting",
                "\(canary) takes all traffic: \(track?.available ?? 0) of \(policy.replicas) pods available\(troubleText(track))"
            )
        case .stepping(let index): return steppingSituation(index, rollout)
        }
    }

    private func pendingSituation() -> Situation {
        let track = observed.track(state.stable?.revision)
        let counts = "\(track?.available ?? 0) of \(policy.replicas) pods available"
        if isStuck {
            return Situation(.degraded, .stalled, reason: "ProgressDeadlineExceeded", stuckMessage)
        }
        return Situation(
            .pending,
            .working,
            reason: "Progressing",
            "the first revision \(state.stable?.revision ?? policy.revision) is starting: \(counts)\(troubleText(track))"
        )
    }

    private func steadySituation(_ stable: RolloutState.RevisionRecord) -> Situation {
        if policy.revision != stable.revision, let rejected = state.rejected, rejected.revision == policy.revision {
            return Situation(
                .degraded,
                .stalled,
                reason: rejected.outcome.rawValue,
                "\(rejected.message); the specification still asks for revision \(rejected.revision) (version "
                    + "\(rejected.version)): set model and template back to those of version \(stable.version) (revision "
                    + "\(stable.revision)), give a new version, or annotate "
                    + "homeostat.dev/request=retry/\(rejected.revision)/<id> to try it again"
            )
        }
        let track = observed.track(stable.revision)
        let name = "revision \(stable.revision) (version \(stable.version))"
        let others = observed.tracks.filter { $0.revision != stable.revision && ($0.desired > 0 || $0.replicas > 0) }
        guard !isServing(stable.revision) || !others.isEmpty else {
            let isBack =
                state.lastOutcome == .reverted || state.lastOutcome == .rolledBack || state.lastOutcome == .aborted
            return Situation(
                .healthy,
                .ready,
                reason: isBack ? "RevertedToStable" : "Promoted",
                "\(name) serves all traffic"
            )
        }
        if isServing(stable.revision) {
            let pods = others.reduce(0) { $0 + max($1.desired, $1.replicas) }
            return Situation(
                .progressing,
                .working,
                reason: "Scaling",
                "\(name) serves; \(pods) pods of other revisions are leaving"
            )
        }
        if isStuck { return Situation(.degraded, .stalled, reason: "ProgressDeadlineExceeded", stuckMessage) }
        return Situation(
            .progressing,
            .working,
            reason: "Scaling",
            "\(name) serves with \(track?.available ?? 0) of \(policy.replicas) pods available\(troubleText(track))"
        )
    }

    private func steppingSituation(_ index: Int, _ rollout: Rollout) -> Situation {
        let step = describe(step: index)
        if rollout.pausedAt != nil {
            return Situation(
                .paused,
                .working,
                reason: "AwaitingApproval",
                "paused by a person at \(step) with weight \(rollout.weight); " + command("resume", rollout)
            )
        }
        if policy.replicas == 0 {
            return Situation(
                .paused,
                .working,
                reason: "ScaledToZero",
                "there is no traffic to judge: set spec.replicas above 0"
            )
        }
        if isAnalysisBlocked, let known = rollout.evidence, let since = known.unavailableSince {
            return Situation(.paused, .working, reason: "AnalysisBlocked", blockedMessage(known, since: since))
        }
        guard policy.steps.indices.contains(index) else {
            return Situation(.progressing, .working, reason: "Progressing", step)
        }
        switch policy.steps[index].action {
        case .setWeight(let weight):
            let track = observed.track(rollout.canary.revision)
            return Situation(
                .progressing,
                .working,
                reason: "Progressing",
                "\(step): weight \(weight), \(track?.available ?? 0) of \(shares.canary) canary pods available"
                    + troubleText(track)
            )
        case .pause(nil):
            return Situation(
                .paused,
                .working,
                reason: "AwaitingApproval",
                "\(step): waits until a person goes on; "
                    + command("resume", rollout)
            )
        case .pause(.some(let duration)):
            return Situation(
                .paused,
                .working,
                reason: "Progressing",
                "\(step): pause until \(rollout.stepStartedAt + duration)"
            )
        case .analysis:
            let list = (policy.analysis?.metrics ?? []).compactMap { metric in
                rollout.evidence?.metric(metric.name).map { explain($0, metric) }
            }
            let late = policy.analysis.map { now >= rollout.stepStartedAt + $0.maximum } ?? false
            let hint = late ? "; longer than analysis.maxDuration, held: " + command("promote", rollout) : ""
            return Situation(
                .analyzing,
                .working,
                reason: "CollectingEvidence",
                "\(step): " + (list.isEmpty ? "waits for the first window" : list.joined(separator: "; ")) + hint
            )
        }
    }

    private func command(_ verb: String, _ rollout: Rollout) -> String {
        "annotate homeostat.dev/request=\(verb)/\(rollout.canary.revision)/<id>"
    }

    private func troubleText(_ track: TrackObservation?) -> String {
        guard let track, track.available < track.desired, let trouble = track.trouble else { return "" }
        return "; \(trouble)"
    }
}
