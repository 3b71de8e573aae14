import Kubernetes
import Synchronization
package import Telemetry

/// The metrics of a runtime, under the names that controller-runtime and client-go gave them where there are such.
///
/// Label values come from closed sets: names of controllers and kinds, reasons, codes. Never the name of an object.
package final class RuntimeMetrics: Sendable {
    let reconciles: Counter
    let reconcileErrors: Counter
    let terminalErrors: Counter
    let timeouts: Counter
    let conflicts: Counter
    let reconcileSeconds: Histogram
    let maxConcurrent: Gauge
    let queueSeconds: Histogram
    let workSeconds: Histogram
    let lists: Counter
    let watches: Counter
    let listFailures: Counter
    let malformed: Counter
    let changes: Counter
    let objects: Gauge
    let synced: Gauge
    let isLeader: Gauge
    let eventsWritten: Counter
    let eventsDropped: Counter
    private let controllers = Mutex<[String: @Sendable () -> ControllerFigures?]>([:])

    /// What a controller tells at each scrape.
    struct ControllerFigures {
        var queue: WorkQueue<ObjectKey>.Figures
        var active: Int
    }

    /// - Parameter registry: Where they are exposed; one runtime for each.
    package init(_ registry: MetricsRegistry) {
        reconciles = registry.counter(
            "controller_runtime_reconcile_total",
            help: "Total number of reconciliations per controller.",
            labels: ["controller", "result"]
        )
        reconcileErrors = registry.counter(
            "controller_runtime_reconcile_errors_total",
            help: "Total number of reconciliation errors per controller.",
            labels: ["controller"]
        )
        terminalErrors = registry.counter(
            "controller_runtime_terminal_reconcile_errors_total",
            help: "Total number of terminal reconciliation errors per controller.",
            labels: ["controller"]
        )
        timeouts = registry.counter(
            "controller_runtime_reconcile_timeouts_total",
            help: "Total number of reconciliation timeouts per controller.",
            labels: ["controller"]
        )
        conflicts = registry.counter(
            "homeostat_controller_conflicts_total",
            help: "Reconciliations that ended because somebody else wrote first.",
            labels: ["controller"]
        )
        reconcileSeconds = registry.histogram(
            "controller_runtime_reconcile_time_seconds",
            help: "Length of time per reconciliation per controller.",
            labels: ["controller"],
            buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
        )
        maxConcurrent = registry.gauge(
            "controller_runtime_max_concurrent_reconciles",
            help: "Maximum number of concurrent reconciles per controller.",
            labels: ["controller"]
        )
        queueSeconds = registry.histogram(
            "workqueue_queue_duration_seconds",
            help: "How long in seconds an item stays in workqueue before being requested.",
            labels: ["name", "controller"],
            buckets: Self.queueBuckets
        )
        workSeconds = registry.histogram(
            "workqueue_work_duration_seconds",
            help: "How long in seconds processing an item from workqueue takes.",
            labels: ["name", "controller"],
            buckets: Self.queueBuckets
        )
        lists = registry.counter(
            "homeostat_informer_lists_total",
            help: "Lists begun.",
            labels: ["resource"]
        )
        watches = registry.counter(
            "homeostat_informer_watches_total",
            help: "Watches begun.",
            labels: ["resource"]
        )
        listFailures = registry.counter(
            "homeostat_informer_failures_total",
            help: "Lists and watches that failed, by reason.",
            labels: ["resource", "reason"]
        )
        malformed = registry.counter(
            "homeostat_informer_malformed_objects_total",
            help: "Objects that could not be read.",
            labels: ["resource"]
        )
        changes = registry.counter(
            "homeostat_informer_changes_total",
            help: "Changes of cached objects.",
            labels: ["resource"]
        )
        objects = registry.gauge("homeostat_informer_objects", help: "Objects in the cache.", labels: ["resource"])
        synced = registry.gauge(
            "homeostat_informer_synced",
            help: "1 while the cache follows the server.",
            labels: ["resource"]
        )
        isLeader = registry.gauge(
            "leader_election_master_status",
            help:
                "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master.",
            labels: ["name"]
        )
        eventsWritten = registry.counter(
            "homeostat_events_written_total",
            help: "Events written, by what was done.",
            labels: ["write"]
        )
        eventsDropped = registry.counter(
            "homeostat_events_dropped_total",
            help: "Events that were not written, by reason.",
            labels: ["reason"]
        )
        observe(registry)
    }

    private static let queueBuckets = [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000]

    private func observe(_ registry: MetricsRegistry) {
        func queue(
            _ name: String,
            _ kind: MetricsRegistry.ObservedKind,
            _ help: String,
            _ value: @escaping @Sendable (WorkQueue<ObjectKey>.Figures) -> Double
        ) {
            registry.observe(name, kind, help: help, labels: ["name", "controller"]) { [weak self] in
                (self?.figures ?? []).map { ([$0.name, $0.name], value($0.figures.queue)) }
            }
        }
        queue("workqueue_depth", .gauge, "Current depth of workqueue.") { Double($0.depth) }
        queue("workqueue_adds_total", .counter, "Total number of adds handled by workqueue.") { Double($0.adds) }
        queue("workqueue_retries_total", .counter, "Total number of retries handled by workqueue.") {
            Double($0.retries)
        }
        queue(
            "workqueue_unfinished_work_seconds",
            .gauge,
            "How many seconds of work has been done that is in progress and hasn't been observed by work_duration."
        ) { $0.unfinished.inSeconds }
        queue(
            "workqueue_longest_running_processor_seconds",
            .gauge,
            "How many seconds has the longest running processor for workqueue been running."
        ) { $0.longest.inSeconds }
        registry.observe(
            "controller_runtime_active_workers",
            .gauge,
            help: "Number of currently used workers per controller.",
            labels: ["controller"]
        ) { [weak self] in (self?.figures ?? []).map { ([$0.name], Double($0.figures.active)) } }
    }

    private var figures: [(name: String, figures: ControllerFigures)] {
        // Asked outside of the lock: the controllers take their own.
        controllers.withLock { Array($0) }.compactMap { entry in entry.value().map { (entry.key, $0) } }
    }

    func add(controller name: String, _ figures: @escaping @Sendable () -> ControllerFigures?) {
        controllers.withLock { $0[name] = figures }
        for result in ["success", "error", "requeue", "requeue_after"] { reconciles.prepare([name, result]) }
        for counter in [reconcileErrors, terminalErrors, timeouts, conflicts] { counter.prepare([name]) }
    }
}
