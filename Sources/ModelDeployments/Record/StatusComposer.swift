import Telemetry
internal import Engines
package import HomeostatAPI
package import Kubernetes

/// Writes down a plan and what was seen as the status that people and tools read.
package struct StatusComposer {
    let policy: Policy
    let plan: Plan
    let observed: Observation
    let now: Timestamp
    let epoch: Int

    /// The status after a plan.
    ///
    /// - Parameters:
    ///   - previous: The status before; times of conditions that do not change are taken from it.
    ///   - epoch: Which leader writes.
    package static func status(
        _ policy: Policy,
        plan: Plan,
        observed: Observation,
        previous: ModelDeploymentStatus,
        now: Timestamp,
        epoch: Int = 0
    ) -> ModelDeploymentStatus {
        StatusComposer(policy: policy, plan: plan, observed: observed, now: now, epoch: epoch).status(previous)
    }

    private func status(_ previous: ModelDeploymentStatus) -> ModelDeploymentStatus {
        var status = previous
        status.record(plan.state, policy: policy)
        status.observedGeneration = max(previous.observedGeneration, policy.generation)
        status.epoch = max(previous.epoch, epoch)
        let situation = plan.situation
        status.phase = situation.phase
        status.reason = situation.reason
        status.message = situation.message
        describeTracks(&status)
        describeWeights(&status)
        describeVerdicts(&status)
        describeRollback(&status, previous)
        status.conditions.replace(with: conditions(status, previous.conditions))
        return status
    }

    // MARK: What is seen

    private func describeTracks(_ status: inout ModelDeploymentStatus) {
        let stable = observed.track(plan.state.stable?.revision)
        status.stable = describe(status.stable, stable)
        status.canary = describe(status.canary, observed.track(plan.state.rollout?.canary.revision))
        status.replicas = stable?.replicas ?? 0
        status.readyReplicas = stable?.ready ?? 0
        status.selector =
            plan.state.stable.map { ChildNames.selector(policy.key.name, revision: $0.revision) }
            ?? ChildNames.selector(policy.key.name)
    }

    private func describe(_ status: TrackStatus?, _ track: TrackObservation?) -> TrackStatus? {
        guard var status else { return nil }
        status.deployment = ChildNames.deployment(policy.key.name, revision: status.revision)
        status.replicas = track?.replicas ?? 0
        status.ready = track?.ready ?? 0
        status.available = track?.available ?? 0
        status.createdAt = track?.createdAt
        return status
    }

    private func describeWeights(_ status: inout ModelDeploymentStatus) {
        let canary = observed.track(plan.state.rollout?.canary.revision)?.available ?? 0
        let all = observed.tracks.reduce(0) { $0 + $1.available }
        let shares = ReplicaShares(stable: all - canary, canary: canary)
        let desired = plan.state.rollout?.weight ?? 0
        let wanted = ReplicaShares(weight: desired, of: policy.replicas)
        status.weights = WeightStatus(
            desired: desired,
            observed: shares.weight,
            verified: shares.canary == wanted.canary && shares.weight == wanted.weight
        )
    }

    /// Verdicts stay after the rollout, so that they can be read when it has been rolled back overnight.
    private func describeVerdicts(_ status: inout ModelDeploymentStatus) {
        guard let rollout = plan.state.rollout else { return }
        guard let evidence = rollout.evidence else {
            if case .returning = rollout.stage { return }
            status.verdicts = []
            return
        }
        status.verdicts = (policy.analysis?.metrics ?? []).compactMap { metric in
            evidence.metric(metric.name).map { MetricVerdict($0, metric, rollout: rollout) }
        }
    }

    private func describeRollback(_ status: inout ModelDeploymentStatus, _ previous: ModelDeploymentStatus) {
        guard plan.state.rollout == nil, previous.currentRollout?.stage == .returning,
            let record = plan.state.history.first, record.canary.revision == status.rollback?.revision
        else { return }
        let began = status.rollback?.startedAt
        status.rollback?.finishedAt = record.finishedAt
        status.rollback?.durationSeconds = began.map { (record.finishedAt - $0).inSeconds }
    }

    // MARK: Conditions

    private func conditions(
        _ status: ModelDeploymentStatus,
        _ previous: Conditions
    ) -> [Condition] {
        var conditions: [Condition] = []
        func add(_ type: String, _ value: Condition.Status, _ reason: String, _ message: String) {
            conditions.append(
                Condition(
                    type,
                    value,
                    reason: reason,
                    message: String(message.prefix(1024)),
                    observedGeneration: status.observedGeneration,
                    at: now
                )
            )
        }
        let situation = plan.situation
        switch situation.readiness {
        case .ready: add("Ready", .yes, situation.reason, situation.message)
        case .working:
            add("Ready", .unknown, situation.reason, situation.message)
            add("Reconciling", .yes, situation.reason, situation.message)
        case .stalled:
            add("Ready", .no, situation.reason, situation.message)
            add("Stalled", .yes, situation.reason, situation.message)
        case .unchanged:
            let kept = previous.all.filter { ["Ready", "Reconciling", "Stalled"].contains($0.type) }
            for condition in kept { add(condition.type, condition.status, condition.reason, condition.message) }
            if kept.isEmpty {
                add("Ready", .unknown, situation.reason, situation.message)
                add("Reconciling", .yes, situation.reason, situation.message)
            }
        }
        let stable = observed.track(plan.state.stable?.revision)
        let serving = observed.tracks.reduce(0) { $0 + $1.available }
        if serving > 0 || policy.replicas == 0 {
            add(
                "Available",
                .yes,
                "PodsAvailable",
                "\(stable?.available ?? 0) stable and \(serving - (stable?.available ?? 0)) other pods answer"
            )
        } else {
            add("Available", .no, "NoPodsAvailable", stable?.trouble.map { "\($0)" } ?? "no pod answers yet")
        }
        if plan.state.rollout != nil, let weights = status.weights {
            let isAligned = weights.verified ?? false
            add(
                "TrafficAligned",
                isAligned ? .yes : .no,
                isAligned ? "WeightInEffect" : "PodsChanging",
                "\(weights.observed) % of the pods that answer are the canary's, \(weights.desired) % are asked for"
            )
        }
        return conditions
    }
}

extension MetricVerdict {
    init(_ state: MetricState, _ metric: Policy.Metric, rollout: Rollout) {
        self.init()
        name = state.name
        verdict = state.verdict(metric)
        updatedAt = state.updatedAt
        message = MetricExplanation.text(state, metric, canaryShare: Double(rollout.weight) / 100)
        if let comparison = state.comparison {
            let interval = comparison.interval(level: 0.95)
            estimate = comparison.ratio
            lower = interval.lower > 0 ? interval.lower : nil
            upper = interval.upper
            canaryRate = comparison.canaryRate
            stableRate = comparison.stableRate
            canarySamples = comparison.canary.total
            stableSamples = comparison.stable.total
            if verdict == .collecting, rollout.weight > 0, rollout.weight < 100 {
                expectedSamples = comparison.canaryRequestsToNonInferior(share: Double(rollout.weight) / 100)
                expectedDecisionAt = Self.decision(
                    expectedSamples,
                    comparison: comparison,
                    since: rollout.evidence?.startedAt,
                    until: state.countedUntil
                )
            }
        }
        if !metric.limits.isEmpty {
            failures = state.failures
            let limit = metric.limits.first { $0.broken(by: state.values) != nil } ?? metric.limits[0]
            value = state.values[limit.quantity]
            self.limit = limit.maximum ?? limit.minimum
        }
    }

    /// When the canary will have answered so many more requests at the rate it has so far; nil when that is unknown or
    /// more than a year away.
    private static func decision(
        _ samples: Int?,
        comparison: RateComparison,
        since start: Timestamp?,
        until end: Timestamp?
    ) -> Timestamp? {
        guard let samples, let start, let end, end > start, comparison.canary.total > 0 else { return nil }
        let seconds = Double(samples) * (end - start).inSeconds / Double(comparison.canary.total)
        return seconds < 366 * 86_400 ? (end + .microseconds(Int(seconds * 1e6))).wholeSeconds : nil
    }
}
