import ControllerRuntime
import FoundationEssentials
import Kubernetes
import Processes
import Telemetry

#if canImport(Glibc)
import Glibc
#endif

/// The operator that `Benchmarks/runtime` measures.
///
/// It holds a cache of widgets and, in mode `reconcile`, a controller that writes their status. Environment:
/// `KUBECONFIG`, `BENCH_MODE` (`sync` or `reconcile`), `BENCH_WORKERS` (10 without), `BENCH_HTTP` (1 to keep from HTTP/2).
@main
struct BenchRuntime {
    static func main() async throws {
        signal(SIGPIPE, SIG_IGN)
        let environment = ProcessInfo.processInfo.environment
        var configuration = try ClientConfiguration.load(environment: environment)
        configuration.http2 = environment["BENCH_HTTP"] != "1"
        let registry = MetricsRegistry()
        let runtime = RuntimeContext(metrics: RuntimeMetrics(registry))
        let client = try KubernetesClient(configuration: configuration, metrics: registry)
        defer { client.shutdown() }
        let manager = Manager(signals: try TerminationSignals.system(), runtime: runtime)
        let widgets = Informer<Widget>(client: client.resource(), runtime: runtime)
        if environment["BENCH_MODE"] != "sync" {
            let controller = Controller(
                name: "widget",
                reconciler: WidgetReconciler(
                    widgets: CachedClient(client.resource(), widgets),
                    clock: SteadyWallClock(runtime.clock)
                ),
                options: ControllerOptions(maxConcurrent: environment["BENCH_WORKERS"].flatMap { Int($0) } ?? 10),
                runtime: runtime
            )
            controller.watch(widgets, filter: .generationChanged)
            manager.add(controller)
        }
        manager.add(widgets)
        manager.add("announcement", .servers) {
            try await widgets.waitUntilSynced()
            announce("SYNCED \(widgets.store.count)\n")
            try await Task.sleep(for: .seconds(Int32.max))
        }
        exit(await manager.run().code)
    }

    /// Writes to standard output at once, past its buffer.
    private static func announce(_ text: String) {
        let bytes = Array(text.utf8)
        // A driver that is gone is told nothing.
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }
}
