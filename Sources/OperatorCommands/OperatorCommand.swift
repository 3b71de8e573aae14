internal import ControllerRuntime
internal import FoundationEssentials
internal import Glibc
internal import HTTPTransport
internal import HomeostatAPI
internal import Kubernetes
internal import ModelDeployments
internal import Processes
internal import Server
internal import Telemetry

/// `homeostat operator`: puts the parts together and runs them.
enum OperatorCommand {
    static let options = [
        CommandArguments.Option(
            "kubeconfig",
            "FILE",
            "The kubeconfig; KUBECONFIG or the pod's service account without."
        ),
        CommandArguments.Option("context", "NAME", "The context of the kubeconfig."),
        CommandArguments.Option("namespace", "NAME", "Look after this namespace alone; all of them without."),
        CommandArguments.Option("leader-elect", nil, "Work only while holding a lease, so that several may run."),
        CommandArguments.Option(
            "lease-namespace",
            "NAME",
            "Where the lease is; POD_NAMESPACE or homeostat-system without."
        ),
        CommandArguments.Option("lease-name", "NAME", "The name of the lease; homeostat without."),
        CommandArguments.Option(
            "metrics-address",
            "HOST:PORT",
            "Where /metrics is served; :8080 without, \"\" nowhere."
        ),
        CommandArguments.Option(
            "health-address",
            "HOST:PORT",
            "Where /healthz and /readyz are served; :8081 without, \"\" nowhere."
        ),
        CommandArguments.Option("workers", "NUMBER", "How many objects are looked after at the same time; 4 without."),
        CommandArguments.Option("log-level", "LEVEL", "error, warning, info or debug; info without."),
    ]

    static func run(_ arguments: CommandArguments) async throws -> Int32 {
        let settings = try Settings(arguments)
        let environment = ProcessInfo.processInfo.environment
        signal(SIGPIPE, SIG_IGN)
        let logger = Logger(level: settings.level)
        let registry = MetricsRegistry()
        let runtime = RuntimeContext(logger: logger, metrics: RuntimeMetrics(registry))
        let configuration = try ClientConfiguration.load(
            path: arguments["kubeconfig"],
            context: arguments["context"],
            environment: environment
        )
        let client = try KubernetesClient(configuration: configuration, metrics: registry)
        defer { client.shutdown() }

        // The pod's name alone would let a container that was started again take itself for its predecessor.
        let identity = LeaderElector.uniqueIdentity()
        var elector: LeaderElector?
        if arguments.has("leader-elect") {
            let key = ObjectKey(
                namespace: arguments["lease-namespace"] ?? environment["POD_NAMESPACE"] ?? "homeostat-system",
                name: arguments["lease-name"] ?? "homeostat"
            )
            elector = LeaderElector(
                store: ClientLeaseStore(client, key),
                name: key.description,
                identity: identity,
                runtime: runtime
            )
        }
        // What controllers write goes through the fence; leases and events do not, or nobody could become the leader.
        let fenced = try KubernetesClient(
            configuration: configuration,
            wrapping: { [elector] transport in
                elector.map { FencedTransport(transport, $0) } ?? transport
            },
            metrics: registry
        )
        defer { fenced.shutdown() }
        let manager = Manager(elector: elector, signals: try TerminationSignals.system(), runtime: runtime)
        let recorder = EventRecorder(
            sink: ClientEventSink(client),
            controller: "homeostat.dev/operator",
            instance: identity,
            runtime: runtime
        )
        manager.add(recorder)
        let prometheus = try HTTPClient(HTTPClientConfiguration(userAgent: "homeostat/\(Program.version)"))
        defer { prometheus.shutdown() }
        ModelDeploymentsSetup(
            client: fenced,
            namespace: arguments["namespace"] ?? "",
            workers: settings.workers,
            source: PrometheusSource(http: prometheus, kubernetes: fenced),
            fence: Fence { [elector] in try elector?.check().transitions ?? 0 },
            runtime: runtime,
            metrics: RolloutMetrics(registry),
            tell: { recorder.record($0) }
        ).add(to: manager)
        let server = try OperationsServer(
            metricsAddress: settings.metrics,
            healthAddress: settings.health,
            metrics: registry,
            ready: [
                HealthCheck("caches") { [weak manager] in
                    let failures = manager?.readiness.compactMap { check in check.failure.map { "\(check.name): \($0)" }
                    }
                    guard let failures, !failures.isEmpty else { return .ok }
                    return .failed(failures.joined(separator: "; "))
                }
            ]
        )
        manager.add("operations", .servers) { try await stay(server) }
        logger.info(
            "operator starting",
            [
                "version": .string(Program.version), "server": .string(configuration.server),
                "namespace": .string(arguments["namespace"] ?? "all"),
                "leader_election": .bool(elector != nil), "metrics.port": .integer(server.metricsPort ?? 0),
                "health.port": .integer(server.healthPort ?? 0),
            ]
        )
        let exit = await manager.run()
        logger.info("operator ended", ["reason": .string(exit.description)])
        return exit.code
    }

    /// Serves until the manager ends it.
    private static func stay(_ server: OperationsServer) async throws {
        do { try await Task.sleep(for: .seconds(Int32.max)) } catch {
            await server.stop()
            throw error
        }
    }

    /// The options that need checking.
    private struct Settings {
        var level: Logger.Level
        var metrics: ListenAddress?
        var health: ListenAddress?
        var workers: Int

        init(_ arguments: CommandArguments) throws(CommandArguments.Fault) {
            let name = arguments["log-level"] ?? "info"
            guard let level = Logger.Level(name: name) else {
                throw CommandArguments.Fault(
                    "--log-level: \"\(name)\" is not a level; use error, warning, info or debug"
                )
            }
            self.level = level
            metrics = try Self.address(arguments, "metrics-address", ":8080")
            health = try Self.address(arguments, "health-address", ":8081")
            workers = try arguments.integer("workers", minimum: 1) ?? 4
        }

        private static func address(
            _ arguments: CommandArguments,
            _ name: String,
            _ standard: String
        ) throws(CommandArguments.Fault) -> ListenAddress? {
            let text = arguments[name] ?? standard
            guard !text.isEmpty else { return nil }
            guard let address = ListenAddress(text) else {
                throw CommandArguments.Fault("--\(name): \"\(text)\" is not an address; write HOST:PORT or :PORT")
            }
            return address
        }
    }
}
