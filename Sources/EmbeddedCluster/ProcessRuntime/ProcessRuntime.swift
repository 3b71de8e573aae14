package import EmbeddedAPI
package import EmbeddedControllers
import Glibc
import HTTPTransport
import JSON
package import Kubernetes
import Synchronization
package import Telemetry

/// The node of the embedded cluster: runs the containers of the pods that are bound to it as processes of this machine.
///
/// Each pod has an address of its own in 127.0.0.0/8, to which its processes are to bind; services are reachable at
/// theirs. No process outlives this program.
package final class ProcessRuntime: Sendable {
    /// How the node is set up.
    package struct Options: Sendable {
        package var nodeName = "local"
        package var nodeAddress = "127.0.0.1"
        /// Where pods get their addresses, in CIDR notation; in 127.0.0.0/8.
        package var podRange = "127.80.0.0/16"
        /// Where the folders and logs of pods are kept, and what runs; one runtime at a time may use it.
        package var folder: String
        package var images: ImageTable
        /// Variables that every container has; `PATH` is needed to find programs by their names.
        package var environment: [String: String] = [:]
        /// How long processes have to end when the node stops.
        package var stopGrace: Duration = .seconds(2)

        package init(folder: String, images: ImageTable) {
            self.folder = folder
            self.images = images
        }
    }

    /// Why the node cannot work.
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private struct Entry {
        var worker: PodWorker
        var task: Task<Void, Never>
    }

    private let cluster: Cluster
    private let options: Options
    private let context: PodContext
    private let addresses: AddressPool
    private let forwarder: ServiceForwarder
    private let probes: HTTPClient
    private let logger: Logger
    private let entries = Mutex<[String: Entry]>([:])

    /// Kills what an earlier run left in the folder.
    ///
    /// - Parameters:
    ///   - cluster: The API.
    ///   - wall: The time that objects show.
    ///   - clock: Times probes, waits and grace periods.
    package init(
        _ cluster: Cluster,
        _ options: Options,
        wall: @escaping @Sendable () -> Timestamp,
        clock: any Clock<Duration> = ContinuousClock(),
        logger: Logger = .silent
    ) throws {
        guard let addresses = AddressPool(options.podRange) else {
            throw Failure(
                description: "the range of pods: \"\(options.podRange)\" is not a part of 127.0.0.0/8 as 127.80.0.0/16"
            )
        }
        self.cluster = cluster
        self.options = options
        self.addresses = addresses
        self.logger = logger
        do throws(FileFailure) { try Files.makeFolder("\(options.folder)/pods") } catch {
            throw Failure(description: "\(error)")
        }
        let keeper = try ProcessKeeper(records: "\(options.folder)/running")
        probes = try HTTPClient(HTTPClientConfiguration(connectTimeLimit: .seconds(10), maxConnectionsPerHost: 64))
        forwarder = try ServiceForwarder(logger: logger)
        let core = cluster.core
        let nodeKey = ObjectKey(name: options.nodeName)
        let environment = options.environment
        context = PodContext(
            cluster: cluster,
            keeper: keeper,
            prober: Prober(http: probes),
            images: options.images,
            surroundings: { namespace in
                PodSurroundings(
                    object: { type, name in core.get(type, ObjectKey(namespace: namespace, name: name)) },
                    services: { core.list(.service, namespace: namespace) },
                    allocatable: core.get(.node, nodeKey)?.status["allocatable"] ?? [:],
                    environment: environment
                )
            },
            nodeAddress: options.nodeAddress,
            wall: wall,
            clock: clock,
            logger: logger
        )
    }

    // MARK: Running

    /// Registers the node and runs its pods, until the task is cancelled; returns when every process has ended.
    ///
    /// - Throws: `CancellationError` when the task is cancelled, or what the API refused at the start. May be called once.
    @concurrent
    package func run() async throws {
        let core = cluster.core
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let registration = core.onChange { wake.yield() }
        defer { core.removeOnChange(registration) }
        do {
            try register()
            var version = core.version
            relist()
            route()
            for await _ in wakes { version = follow(from: version) }
        } catch {
            await stop()
            throw error
        }
        await stop()
        try Task.checkCancellation()
    }

    private func register() throws(APIStatus) {
        let core = cluster.core
        let key = ObjectKey(name: options.nodeName)
        let node = NodeObject.make(
            options.nodeName,
            address: options.nodeAddress,
            podRange: options.podRange,
            over: core.get(.node, key),
            now: context.wall()
        )
        if core.get(.node, key) == nil {
            var call = APICall(.create, .node)
            call.userAgent = "kubelet"
            call.body = node
            _ = try core.perform(call)
        }
        var call = APICall(.patch, .node, key)
        call.subresource = "status"
        call.userAgent = "kubelet"
        call.patchFormat = .merge
        call.body = ["status": node.status]
        _ = try core.perform(call)
    }

    /// - Returns: The version that is followed from the next time.
    private func follow(from start: Int) -> Int {
        var version = start
        var concernsServices = false
        var fresh: Set<String> = []
        while true {
            guard let changes = try? cluster.core.changes(after: version) else {
                // Too much has happened meanwhile to be told one by one.
                version = cluster.core.version
                relist()
                concernsServices = true
                continue
            }
            guard let last = changes.last else { break }
            version = last.version
            for change in changes {
                switch change.resource {
                case .pod: take(change)
                case .service, .endpoints: concernsServices = true
                case .configMap, .secret: fresh.insert(change.key.namespace)
                default: break
                }
            }
        }
        if concernsServices { route() }
        if !fresh.isEmpty {
            for entry in entries.withLock({ Array($0.values) }) where fresh.contains(entry.worker.key.namespace) {
                Task { await entry.worker.refresh() }
            }
        }
        return version
    }

    private func take(_ change: Change) {
        if let old = change.old, change.new?.uid != old.uid, let entry = entry(old.uid) {
            Task { await entry.worker.end(.vanished) }
        }
        guard let pod = change.new, pod.spec["nodeName"]?.string == options.nodeName else { return }
        if let entry = entry(pod.uid) {
            // What this node wrote itself is no news to it.
            guard change.old?.metadata != pod.metadata else { return }
            Task { await entry.worker.update(pod) }
        } else {
            begin(pod)
        }
    }

    private func relist() {
        let pods = cluster.core.list(.pod).filter { $0.spec["nodeName"]?.string == options.nodeName }
        let there = Set(pods.map(\.uid))
        for (uid, entry) in entries.withLock({ $0 }) where !there.contains(uid) {
            Task { await entry.worker.end(.vanished) }
        }
        for pod in pods {
            if let entry = entry(pod.uid) { Task { await entry.worker.update(pod) } } else { begin(pod) }
        }
    }

    private func route() {
        forwarder.update(
            ServiceRoutes(
                services: cluster.core.list(.service),
                endpoints: cluster.core.list(.endpoints),
                nodeAddress: options.nodeAddress
            )
        )
    }

    private func entry(_ uid: String) -> Entry? { entries.withLock { $0[uid] } }

    private func begin(_ pod: JSONValue) {
        guard let address = addresses.take(pod.status["podIP"]?.string) else {
            logger.error("no address left for a pod", ["pod": .string(pod.key.description)])
            return
        }
        let worker = PodWorker(pod, address: address, folder: "\(options.folder)/pods/\(pod.uid)", context)
        // Under the lock, so that it cannot leave before it was entered.
        entries.withLock { entries in
            let task = Task { [self] in
                if pod.isBeingDeleted { await worker.update(pod) }
                await worker.run()
                self.entries.withLock { $0[worker.uid] = nil }
                addresses.release(address)
            }
            entries[pod.uid] = Entry(worker: worker, task: task)
        }
    }

    private func stop() async {
        forwarder.stop()
        let running = entries.withLock { Array($0.values) }
        for entry in running { await entry.worker.end(.stopped(grace: options.stopGrace)) }
        for entry in running { await entry.task.value }
        probes.shutdown()
    }

    // MARK: Looking in

    /// Writes the log of a container.
    ///
    /// - Parameters:
    ///   - write: Called with whole lines; what it throws ends this.
    /// - Throws: ``APIStatus`` before the first write when there is no such log; what `write` throws; `CancellationError`.
    package func log(
        _ pod: ObjectKey,
        _ request: LogRequest
    ) async throws(APIStatus) -> @Sendable (@Sendable ([UInt8]) async throws -> Void) async throws -> Void {
        let worker = entries.withLock { $0.values.first { $0.worker.key == pod }?.worker }
        guard let worker else {
            throw .badRequest("pod \(pod.name) does not run on this node")
        }
        let log = try await worker.log(request)
        return { write in
            var reader = LogReader(request)
            try await reader.read(log, write)
        }
    }

    /// What the containers use, in the text format of Prometheus, under the names that kubelet gives.
    @concurrent
    package func metrics() async -> String {
        var rows: [(labels: String, group: Int32)] = []
        let workers = entries.withLock { $0.values.map(\.worker) }.sorted { $0.key < $1.key }
        for worker in workers {
            for (container, group) in await worker.groups {
                let labels =
                    "namespace=\"\(worker.key.namespace)\",pod=\"\(worker.key.name)\",container=\"\(container)\""
                rows.append((labels, group))
            }
        }
        let usage = ProcessTable.usage(of: Set(rows.map(\.group)))
        func family(_ name: String, _ type: String, _ help: String, _ value: (ProcessTable.Usage) -> String) -> String {
            "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
                + rows.compactMap { row in usage[row.group].map { "\(name){\(row.labels)} \(value($0))\n" } }.joined()
        }
        return family(
            "container_cpu_usage_seconds_total",
            "counter",
            "CPU time of a container's processes in seconds."
        ) { "\($0.cpuSeconds)" }
            + family(
                "container_memory_working_set_bytes",
                "gauge",
                "Memory that a container's processes have in use."
            ) { "\($0.residentBytes)" }
            + family("container_processes", "gauge", "Processes of a container.") { "\($0.processes)" }
    }
}
