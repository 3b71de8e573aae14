internal import EmbeddedServer
internal import FoundationEssentials
internal import Glibc
internal import HTTPTransport
internal import HomeostatAPI
internal import LocalCluster
internal import ProcessRuntime
internal import Processes
internal import Telemetry

/// `homeostat up`: a cluster on this machine with the operator and, where it is installed, Prometheus.
enum UpCommand {
    static let options = [
        CommandArguments.Option("data", "FOLDER", "Keep the cluster there over restarts; nothing is kept without."),
        CommandArguments.Option("port", "NUMBER", "The API server's port on 127.0.0.1; a free one without."),
        CommandArguments.Option("kubeconfig", "FILE", "Where the kubeconfig is written; into the folder without."),
        CommandArguments.Option("images", "FILE", "Which commands stand for which images; adds to the standard ones."),
        CommandArguments.Option("no-operator", nil, "Run no operator; its resources are there nevertheless."),
        CommandArguments.Option("no-prometheus", nil, "Run no Prometheus."),
        CommandArguments.Option("prometheus-port", "NUMBER", "Prometheus's port on 127.0.0.1; 9090 without."),
        CommandArguments.Option("log-level", "LEVEL", "error, warning, info or debug; warning without."),
    ]

    /// Why it ended although nobody asked.
    private struct Fault: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }

    private struct Settings {
        var folder: String
        var isTemporary: Bool
        var port: Int
        var prometheusPort: Int
        var kubeconfig: String
        var images: ImageTable
        var level: Logger.Level

        init(_ arguments: CommandArguments, _ environment: [String: String]) throws {
            func port(_ name: String) throws(CommandArguments.Fault) -> Int? {
                guard let port = try arguments.integer(name, minimum: 1) else { return nil }
                guard port < 65536 else { throw CommandArguments.Fault("--\(name): \(port) is above 65535") }
                return port
            }
            self.port = try port("port") ?? 0
            prometheusPort = try port("prometheus-port") ?? 9090
            isTemporary = arguments["data"] == nil
            let data = arguments["data"] ?? "\(environment["TMPDIR"] ?? "/tmp")/homeostat-up-\(getpid())"
            folder = Self.absolute(data)
            kubeconfig = Self.absolute(arguments["kubeconfig"] ?? "\(folder)/kubeconfig")
            images = .standard(modelServer: Self.program("model-server", environment))
            if let path = arguments["images"] {
                guard let bytes = try? Data(contentsOf: URL(filePath: path)) else {
                    throw CommandArguments.Fault("--images: cannot read \"\(path)\"")
                }
                do throws(ImageTable.Fault) { images = images.merging(try ImageTable(parsing: Array(bytes))) } catch {
                    throw CommandArguments.Fault("--images: \(path): \(error)")
                }
            }
            let name = arguments["log-level"] ?? "warning"
            guard let level = Logger.Level(name: name) else {
                throw CommandArguments.Fault(
                    "--log-level: \"\(name)\" is not a level; use error, warning, info or debug"
                )
            }
            self.level = level
        }

        private static func absolute(_ path: String) -> String {
            path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
        }

        /// A program beside this one, or else in the `PATH`.
        static func program(_ name: String, _ environment: [String: String]) -> String? {
            var folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
            if let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
                let slash = own.lastIndex(of: "/")
            {
                folders.insert(String(own[..<slash]), at: 0)
            }
            return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
        }
    }

    static func run(_ arguments: CommandArguments) async throws -> Int32 {
        let environment = ProcessInfo.processInfo.environment
        let settings = try Settings(arguments, environment)
        signal(SIGPIPE, SIG_IGN)
        // From before anything is started: what has begun is to be ended in order.
        let signals = try TerminationSignals.system()
        defer { if settings.isTemporary { try? FileManager.default.removeItem(atPath: settings.folder) } }
        var options = LocalCluster.Options(folder: settings.folder, images: settings.images)
        options.keepsObjects = !settings.isTemporary
        options.port = settings.port
        for name in ["PATH", "LANG", "TZ"] { options.environment[name] = environment[name] }
        let cluster = try LocalCluster(options, logger: Logger(level: settings.level))
        try cluster.install(CustomResourceDefinitions.all.map(\.value))
        try write(cluster.server.kubeconfig, to: settings.kubeconfig)
        let running = Task { try await cluster.run() }
        var prometheus: ChildProcess?
        var failure: (any Error)?
        do {
            let program = arguments.has("no-prometheus") ? nil : Settings.program("prometheus", environment)
            if let program { prometheus = try await startPrometheus(program, settings, cluster) }
            tell(settings, cluster, arguments, hasPrometheus: prometheus != nil)
            try await stay(settings, arguments, running, prometheus, signals)
        } catch {
            failure = error
        }
        if let prometheus {
            prometheus.send(SIGTERM)
            let isOver = Task { try await prometheus.exit() }
            let limit = Task {
                try await Task.sleep(for: .seconds(5))
                prometheus.send(SIGKILL)
            }
            _ = try? await isOver.value
            limit.cancel()
        }
        running.cancel()
        _ = await running.result
        if let failure { throw failure }
        return 0
    }

    /// Returns when it is asked to end; the operator hears the same signals and ends in its own order.
    private static func stay(
        _ settings: Settings,
        _ arguments: CommandArguments,
        _ cluster: Task<Void, any Error>,
        _ prometheus: ChildProcess?,
        _ signals: AsyncStream<Int32>
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for await _ in signals { return true }
                return false
            }
            group.addTask {
                // Its task is not this group's to cancel, so the wait must end by itself.
                try await withTaskCancellationHandler {
                    try await cluster.value
                } onCancel: {
                    cluster.cancel()
                }
                throw Fault("the cluster ended")
            }
            if let prometheus {
                group.addTask {
                    let exit = try await prometheus.exit()
                    throw Fault("Prometheus ended with \(exit.code); see \(settings.folder)/prometheus/log")
                }
            }
            guard !arguments.has("no-operator") else {
                _ = try await group.next()
                return
            }
            let operating = try CommandArguments(
                [
                    "--kubeconfig", settings.kubeconfig, "--metrics-address", "127.0.0.1:0", "--health-address",
                    "127.0.0.1:0", "--log-level", "\(settings.level)",
                ],
                options: OperatorCommand.options
            )
            group.addTask {
                let code = try await OperatorCommand.run(operating)
                guard code == 0 else { throw Fault("the operator ended with \(code)") }
                return true
            }
            // The signal and the operator's end, in whichever order.
            _ = try await group.next()
            _ = try await group.next()
        }
    }

    private static func startPrometheus(
        _ program: String,
        _ settings: Settings,
        _ cluster: LocalCluster
    ) async throws -> ChildProcess {
        let folder = "\(settings.folder)/prometheus"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try write(PrometheusConfiguration.text(metricsURL: cluster.metricsURL), to: "\(folder)/prometheus.yaml")
        let child = try ChildProcess(
            .init(
                program,
                [
                    "--config.file=\(folder)/prometheus.yaml", "--storage.tsdb.path=\(folder)/data",
                    "--web.listen-address=127.0.0.1:\(settings.prometheusPort)", "--log.level=warn",
                ],
                folder: folder,
                output: .file("\(folder)/log")
            )
        )
        let client = try HTTPClient()
        defer { client.shutdown() }
        let request = HTTPRequest(
            url: "http://127.0.0.1:\(settings.prometheusPort)/-/ready",
            timeLimit: .seconds(2)
        )
        for _ in 0..<600 where child.isRunning {
            if let answer = try? await client.send(request), answer.status == 200 { return child }
            try await Task.sleep(for: .milliseconds(50))
        }
        child.send(SIGKILL)
        throw Fault(
            "Prometheus does not start on port \(settings.prometheusPort); choose another with --prometheus-port, or "
                + "--no-prometheus"
        )
    }

    private static func tell(
        _ settings: Settings,
        _ cluster: LocalCluster,
        _ arguments: CommandArguments,
        hasPrometheus: Bool
    ) {
        var lines = [
            "The cluster is up. To use it:", "", "  export KUBECONFIG=\(settings.kubeconfig)", "  kubectl get nodes",
            "", "API server: \(cluster.server.url)", "Metrics of containers: \(cluster.metricsURL)/metrics",
        ]
        lines.append(
            hasPrometheus
                ? "Prometheus: http://127.0.0.1:\(settings.prometheusPort)"
                : "Prometheus: not running\(arguments.has("no-prometheus") ? "" : "; install it and start this again")"
        )
        lines.append(
            "Images: \(settings.images.images.keys.sorted().joined(separator: ", ")); more by --images FILE"
        )
        lines.append("Ctrl-C stops everything\(settings.isTemporary ? " and forgets it" : "").")
        Program.write(lines.joined(separator: "\n") + "\n")
    }

    /// For this user alone: a kubeconfig holds keys.
    private static func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Fault("cannot write \"\(path)\": \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Fault("cannot write \"\(path)\": \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }
}
