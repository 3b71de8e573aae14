package import Telemetry

/// What every part of a runtime shares: time, chance, logs and metrics.
package struct RuntimeContext: Sendable {
    package var clock: RuntimeClock
    package var logger: Logger
    package var metrics: RuntimeMetrics
    /// Gives random numbers in `0..<1`.
    package var chance: @Sendable () -> Double

    package init(
        clock: RuntimeClock = .system,
        logger: Logger = .silent,
        metrics: RuntimeMetrics = RuntimeMetrics(MetricsRegistry()),
        chance: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        self.clock = clock
        self.logger = logger
        self.metrics = metrics
        self.chance = chance
    }
}
