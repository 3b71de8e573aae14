import HomeostatAPI
package import Telemetry

/// Counts what becomes of rollouts.
package struct RolloutMetrics: Sendable {
    private let finished: Counter
    private let duration: Histogram
    private let moves: Counter

    /// Makes the metrics, once, at start-up.
    package init(_ registry: MetricsRegistry) {
        finished = registry.counter(
            "homeostat_rollouts_finished_total",
            help: "Finished rollouts by how they ended.",
            labels: ["result"]
        )
        duration = registry.histogram(
            "homeostat_rollout_duration_seconds",
            help: "How long rollouts took, by how they ended.",
            labels: ["result"],
            buckets: [10, 60, 300, 900, 3600, 14_400, 86_400, 604_800]
        )
        moves = registry.counter(
            "homeostat_rollout_phase_changes_total",
            help: "Changes of the phase of ModelDeployments, by the new one.",
            labels: ["phase"]
        )
    }

    /// Counts what has changed between two statuses of one object.
    func moved(from old: ModelDeploymentStatus, to new: ModelDeploymentStatus) {
        if let phase = new.phase, phase != old.phase { moves.increment(by: 1, [phase.rawValue]) }
        guard let record = new.history.first, record != old.history.first else { return }
        finished.increment(by: 1, [record.result.rawValue])
        duration.observe(Double(record.durationSeconds), [record.result.rawValue])
    }
}
