import Engines
import HomeostatAPI
import Kubernetes

extension Planner {
    /// Adds the window's evidence to what is known of the canary.
    mutating func judge() {
        guard let analysis = policy.analysis, !analysis.metrics.isEmpty, let rollout = state.rollout else { return }
        guard var known = rollout.evidence else {
            // Judging starts when the canary takes traffic, so that old counters of a reused revision do not count.
            guard rollout.weight > 0, (observed.track(rollout.canary.revision)?.available ?? 0) > 0 else { return }
            let metrics = analysis.metrics.map { fresh($0, analysis) }
            state.rollout?.evidence = AnalysisState(startedAt: now, metrics: metrics)
            return
        }
        known.metrics = analysis.metrics.map { metric in
            guard let state = known.metric(metric.name), state.comparison?.configuration == shared(metric, analysis)
            else {
                return fresh(metric, analysis)
            }
            return state
        }
        let wasBlocked = known.unavailableSince != nil
        if let evidence {
            for (index, metric) in analysis.metrics.enumerated() {
                guard let reading = evidence.metrics.first(where: { $0.name == metric.name })?.reading else { continue }
                known.metrics[index].add(reading, upTo: evidence.end, policy: metric, now: now)
            }
            known.lookedAt = now
        }
        state.rollout?.evidence = known
        if let since = known.unavailableSince, !wasBlocked {
            notes.append(Note(.analysisBlocked, warning: true, blockedMessage(known, since: since)))
        } else if wasBlocked, known.unavailableSince == nil {
            notes.append(Note(.analysisResumed, "all metrics answer again"))
        }
    }

    /// A metric of which nothing is known; its configuration has been checked with the specification.
    private func fresh(_ metric: Policy.Metric, _ analysis: Policy.Analysis) -> MetricState {
        MetricState(
            name: metric.name,
            comparison: shared(metric, analysis).flatMap { try? RateComparison($0) },
            since: now
        )
    }

    /// The configuration a metric is judged with, its error probability shared with the other metrics.
    private func shared(_ metric: Policy.Metric, _ analysis: Policy.Analysis) -> RateComparison.Configuration? {
        metric.sequential?.shared(among: analysis.metrics.filter { $0.sequential != nil }.count)
    }

    /// Takes the canary back when a metric says so.
    mutating func giveBackIfJudgedSo() -> Bool {
        guard let analysis = policy.analysis, let known = state.rollout?.evidence else { return false }
        for metric in analysis.metrics {
            guard let state = known.metric(metric.name) else { continue }
            switch state.verdict(metric) {
            case .worse:
                giveBack(.rolledBack, reason: "AnalysisWorse", message: explain(state, metric))
                return true
            case .failed:
                giveBack(.rolledBack, reason: "LimitExceeded", message: explain(state, metric))
                return true
            default: continue
            }
        }
        guard analysis.onNoData == .rollback, let since = noDataSince(known), now >= since + analysis.noDataTimeout
        else {
            return false
        }
        let silent = known.metrics.first { $0.unavailableSince != nil || $0.insufficientSince != nil }
        giveBack(
            .rolledBack,
            reason: "NoData",
            message: "no data for \(analysis.noDataTimeout.inWords) and analysis.onNoData is Rollback: "
                + "\(silent?.name ?? ""): \(silent?.detail ?? "")"
        )
        return true
    }

    private func noDataSince(_ known: AnalysisState) -> Timestamp? {
        [known.unavailableSince, known.insufficientSince].compactMap { $0 }.min()
    }

    /// Whether the weight is held because a source of metrics does not answer.
    var isAnalysisBlocked: Bool {
        guard let analysis = policy.analysis, let known = state.rollout?.evidence, let since = known.unavailableSince
        else {
            return false
        }
        return !(analysis.onNoData == .proceed && now >= since + analysis.noDataTimeout)
    }

    /// The metrics that do not yet say that the canary may go on.
    func pending(_ analysis: Policy.Analysis) -> [(Policy.Metric, Verdict)] {
        analysis.metrics.compactMap { metric in
            guard let known = state.rollout?.evidence?.metric(metric.name) else { return (metric, .collecting) }
            let verdict = known.verdict(metric)
            switch verdict {
            case .nonInferior, .passed: return nil
            case .insufficientData, .unavailable:
                let since = [known.unavailableSince, known.insufficientSince].compactMap { $0 }.min() ?? now
                let mayProceed = analysis.onNoData == .proceed && now >= since + analysis.noDataTimeout
                return mayProceed ? nil : (metric, verdict)
            default: return (metric, verdict)
            }
        }
    }

    mutating func wakeForAnalysis() {
        guard let analysis = policy.analysis, let known = state.rollout?.evidence else { return }
        wakeUps.append(known.lookedAt + analysis.interval)
        if analysis.onNoData != .hold, let since = noDataSince(known) { wakeUps.append(since + analysis.noDataTimeout) }
    }

    // MARK: Words

    func blockedMessage(_ known: AnalysisState, since: Timestamp) -> String {
        let silent = known.metrics.filter { $0.unavailableSince != nil }
        let list = silent.map { "\($0.name): \($0.detail)" }.joined(separator: "; ")
        return "the weight is held at \(state.rollout?.weight ?? 0) since \(since): \(list)"
    }

    /// What a metric says, with its numbers.
    func explain(_ known: MetricState, _ metric: Policy.Metric) -> String {
        MetricExplanation.text(known, metric, canaryShare: state.rollout.map { Double($0.weight) / 100 })
    }
}

/// Puts a metric's verdict into words.
package enum MetricExplanation {
    /// As `errors: Worse, the canary fails 4.1 times as often …`.
    ///
    /// - Parameter canaryShare: The canary's share of the traffic, for the estimate of what is still needed.
    package static func text(_ known: MetricState, _ metric: Policy.Metric, canaryShare: Double?) -> String {
        let verdict = known.verdict(metric)
        var parts: [String] = []
        if let comparison = known.comparison { parts.append(counts(comparison)) }
        if let broken = known.broken {
            parts.append("\(broken) in \(known.failures) window\(known.failures == 1 ? "" : "s") in a row")
        } else if known.comparison == nil {
            let values = known.values.sorted { $0.key < $1.key }.map {
                "\($0.key) \($0.value.short)\(Policy.Limit.unit($0.key))"
            }
            if !values.isEmpty { parts.append(values.joined(separator: ", ")) }
        }
        if !known.detail.isEmpty { parts.append(known.detail) }
        if verdict == .collecting, let comparison = known.comparison, let canaryShare, canaryShare > 0, canaryShare < 1,
            let more = comparison.canaryRequestsToNonInferior(share: canaryShare)
        {
            parts.append("about \(max(more, 1)) more canary requests needed if it is healthy")
        }
        return "\(metric.name): \(verdict.rawValue)" + (parts.isEmpty ? "" : ", " + parts.joined(separator: ", "))
    }

    private static func counts(_ comparison: RateComparison) -> String {
        let canary = "\(comparison.canary.failed) of \(comparison.canary.total)"
        let stable = "\(comparison.stable.failed) of \(comparison.stable.total)"
        var text = "canary failed \(canary) requests, stable \(stable)"
        let interval = comparison.interval(level: 0.95)
        let upper = interval.upper.map { $0.short } ?? "∞"
        if let ratio = comparison.ratio {
            text += " (ratio \(ratio.short), 95 % interval \(interval.lower.short) to \(upper))"
        } else if interval.lower > 0 {
            text += " (95 % interval of the ratio \(interval.lower.short) to \(upper))"
        }
        return text
    }
}
