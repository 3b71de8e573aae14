package import EmbeddedAPI
import EmbeddedControllers
package import EmbeddedServer
import FoundationEssentials
import HTTPServing
package import JSON
package import Kubernetes
package import ProcessRuntime
package import Telemetry

/// A whole cluster on this machine: API server, controllers, and a node that runs pods as processes.
///
///     let cluster = try LocalCluster(options)
///     try cluster.install(definitions)
///     try await cluster.run()  // until cancelled
package final class LocalCluster: Sendable {
    /// How the cluster is set up.
    package struct Options: Sendable {
        /// Where everything is kept: secrets, pods' folders and, if asked for, the objects.
        package var folder: String
        /// Whether objects are kept over restarts.
        package var keepsObjects = false
        /// The API server's port; 0 for any that is free.
        package var port = 0
        /// The port of metrics and of Prometheus's targets; 0 for any that is free.
        package var metricsPort = 0
        package var images: ImageTable
        /// Where pods get their addresses.
        package var podRange = "127.80.0.0/16"
        /// Where services get their addresses.
        package var serviceRange = "127.96.0.0/16"
        /// What every container has in its environment, as `PATH`.
        package var environment: [String: String] = [:]

        package init(folder: String, images: ImageTable) {
            self.folder = folder
            self.images = images
        }
    }

    package let core: APICore
    package let server: EmbeddedServer
    package let runtime: ProcessRuntime
    private let controllers: ControllerLoop
    private let metricsServer: HTTPServer
    private let lock: FolderLock

    /// The time of day.
    @Sendable package static func now() -> Timestamp { Timestamp(seconds: Date().timeIntervalSince1970) }

    /// Starts to answer; nothing happens by itself before ``run()``.
    ///
    /// - Throws: When the folder is another cluster's or cannot be used, or a port is taken.
    package init(_ options: Options, logger: Logger = .silent) throws {
        lock = try FolderLock(options.folder)
        var settings = APICore.Options()
        settings.serviceRange = options.serviceRange
        core = try APICore(
            wall: Self.now,
            folder: options.keepsObjects ? "\(options.folder)/objects" : nil,
            options: settings
        )
        let identity = try ClusterIdentity(file: "\(options.folder)/identity.json")
        var serving = EmbeddedServer.Options(identity: identity, wall: Self.now)
        serving.port = options.port
        let server = try EmbeddedServer(core, serving)
        self.server = server
        let cluster = Cluster(core: core)
        var node = ProcessRuntime.Options(folder: "\(options.folder)/node", images: options.images)
        node.podRange = options.podRange
        node.environment = options.environment
        node.environment["KUBERNETES_SERVICE_HOST"] = "127.0.0.1"
        node.environment["KUBERNETES_SERVICE_PORT"] = "\(server.port)"
        let runtime = try ProcessRuntime(cluster, node, wall: Self.now, logger: logger)
        self.runtime = runtime
        let signer = server.signer
        controllers = ControllerLoop(
            core: core,
            controllers: StandardControllers.all(
                authority: server.authorityPEM ?? "",
                sign: {
                    signer.secretToken(
                        for: ObjectKey(namespace: $0.namespace, name: $0.account),
                        uid: $0.accountUID,
                        secret: $0.secret
                    )
                }
            ) + [NodeHeartbeat()],
            wall: Self.now,
            report: { failure in
                logger.warning(
                    "controller failed",
                    [
                        "controller": .string(failure.controller), "object": .string(failure.key.description),
                        "error": .string(failure.status.message),
                    ]
                )
            }
        )
        metricsServer = try HTTPServer(HTTPServerConfiguration(address: "127.0.0.1", port: options.metricsPort)) {
            [core] request in
            switch request.path {
            case "/metrics": .text(await runtime.metrics())
            case "/targets": .json(ScrapeTargets.of(core.list(.pod)).bytes())
            default: ServerResponse(status: 404)
            }
        }
        server.front.setLogs { pod, options in
            let write = try await runtime.log(pod, Self.request(options))
            return { sink in try await write { try await sink.write($0) } }
        }
    }

    private static func request(_ options: PodLogOptions) -> LogRequest {
        var request = LogRequest(container: options.container)
        request.follows = options.follows
        request.isPrevious = options.isPrevious
        request.tailLines = options.tailLines
        request.since = options.sinceTime ?? options.sinceSeconds.map { now() - .seconds($0) }
        request.hasTimestamps = options.hasTimestamps
        request.limitBytes = options.limitBytes
        return request
    }

    /// Where `/metrics` of the containers is, and at `/targets` the pods as Prometheus's HTTP service discovery reads them.
    package var metricsURL: String { "http://127.0.0.1:\(metricsServer.port)" }

    /// Creates custom resource definitions, or brings those that are there up to date.
    ///
    /// - Throws: `APIStatus`.
    package func install(_ definitions: [JSONValue]) throws(APIStatus) {
        for definition in definitions {
            let key = ObjectKey(name: definition[path: ["metadata", "name"]]?.string ?? "")
            var call = APICall(.create, .customResourceDefinition)
            call.userAgent = "homeostat"
            call.body = definition
            if let old = core.get(.customResourceDefinition, key) {
                call = APICall(.update, .customResourceDefinition, key)
                call.userAgent = "homeostat"
                var object = definition
                object[path: ["metadata", "resourceVersion"]] = old[path: ["metadata", "resourceVersion"]]
                call.body = object
            }
            _ = try core.perform(call)
        }
    }

    /// Runs controllers and pods until the task is cancelled; returns when every process has ended and nothing listens.
    ///
    /// - Throws: `CancellationError` when the task is cancelled, or what the API refused at the start. May be called once.
    package func run() async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.controllers.run() }
                group.addTask { try await self.runtime.run() }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch {
            await close()
            throw error
        }
        await close()
    }

    private func close() async {
        await metricsServer.stop()
        await server.stop()
    }
}
