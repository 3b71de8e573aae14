import EmbeddedAPI
import EmbeddedControllers
import Glibc
import JSON
import Kubernetes
import Processes
import Telemetry

/// What pods share on their node.
struct PodContext: Sendable {
    var cluster: Cluster
    var keeper: ProcessKeeper
    var prober: Prober
    var images: ImageTable
    var surroundings: @Sendable (String) -> PodSurroundings
    var nodeAddress: String
    var wall: @Sendable () -> Timestamp
    var clock: any Clock<Duration>
    var logger: Logger
}

/// Runs one pod, from when it is bound to the node until it is gone, as kubelet does.
actor PodWorker {
    enum Ending: Sendable, Equatable {
        /// Its deletion was asked for, with this time to end in peace.
        case deleted(grace: Duration)
        /// It is gone from the API already.
        case vanished
        /// The node stops; the pod is to run again when it is started again.
        case stopped(grace: Duration)

        var grace: Duration {
            switch self {
            case .deleted(let grace), .stopped(let grace): grace
            case .vanished: .seconds(2)
            }
        }
    }

    private struct Place: Hashable {
        var isInitial: Bool
        var index: Int
    }

    /// One run of a container.
    private struct Run {
        var child: ChildProcess
        var plan: ContainerPlan
        var log: ContainerLog
        var started: Timestamp
    }

    nonisolated let uid: String
    nonisolated let key: ObjectKey
    nonisolated let address: String
    private let folder: String
    private let context: PodContext
    private var pod: JSONValue
    private var status: PodStatus
    private var volumes: PodVolumes?
    private var runs: [Place: Run] = [:]
    private var logs: [Place: ContainerLog] = [:]
    private var ending: Ending?
    private var live: Task<Void, Never>?
    private let (endings, endingFeed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private var hurrying: Task<Void, Never>?

    /// - Parameter folder: The pod's own.
    init(_ pod: JSONValue, address: String, folder: String, _ context: PodContext) {
        self.pod = pod
        self.address = address
        self.folder = folder
        self.context = context
        uid = pod.uid
        key = pod.key
        let initial = pod.specList("initContainers")
        let waiting = initial.isEmpty ? "ContainerCreating" : "PodInitializing"
        func states(_ containers: [JSONValue], _ field: String, _ waiting: String) -> [ContainerState] {
            containers.map { container in
                var state = ContainerState(container, waitingFor: waiting)
                if let old = pod.status[field]?.array?.first(where: { $0["name"] == container["name"] }) {
                    state.resume(old)
                }
                return state
            }
        }
        status = PodStatus(
            initial: states(initial, "initContainerStatuses", "PodInitializing"),
            containers: states(pod.specList("containers"), "containerStatuses", waiting),
            address: address,
            nodeAddress: context.nodeAddress,
            started: context.wall(),
            restartPolicy: pod.spec["restartPolicy"]?.string ?? "Always"
        )
        // What the containers may refer to.
        self.pod[path: ["status", "podIP"]] = .string(address)
        self.pod[path: ["status", "podIPs"]] = [["ip": .string(address)]]
        self.pod[path: ["status", "hostIP"]] = .string(context.nodeAddress)
    }

    // MARK: Life

    /// Runs the pod until ``end(_:)`` was called and all is stopped.
    func run() async {
        let isOver = ["Succeeded", "Failed"].contains(pod.status["phase"]?.string ?? "")
        if !isOver, ending == nil {
            let live = Task { await self.work() }
            self.live = live
            await live.value
        }
        if ending == nil { for await _ in endings { break } }
        await shutDown()
    }

    /// Has the pod end, or end sooner.
    func end(_ ending: Ending) {
        if let old = self.ending {
            if case .stopped = old {} else { self.ending = ending }
            guard ending.grace < old.grace, hurrying == nil else { return }
            hurrying = Task { [clock = context.clock] in
                try? await clock.sleep(for: ending.grace)
                self.killAll()
            }
            return
        }
        self.ending = ending
        live?.cancel()
        endingFeed.yield()
    }

    private func killAll() { for run in runs.values { run.child.send(SIGKILL) } }

    /// Takes in what somebody changed in the pod.
    func update(_ pod: JSONValue) {
        self.pod["metadata"] = pod["metadata"]
        if pod.isBeingDeleted {
            end(.deleted(grace: .seconds(max(0, pod.metadata["deletionGracePeriodSeconds"]?.integer ?? 30))))
        }
    }

    /// Brings files up to date with the config maps and secrets that they come from.
    func refresh() {
        guard volumes != nil, ending == nil else { return }
        // What is missing now was there when the pod started; its files stay, as kubelet leaves them.
        guard let fresh = try? PodVolumes(pod, context.surroundings(key.namespace)) else { return }
        volumes = fresh
        try? fresh.write(below: volumesFolder)
    }

    private var volumesFolder: String { "\(folder)/volumes" }

    private func work() async {
        publish()
        guard await makeVolumes() else { return }
        for index in status.initial.indices {
            await run(Place(isInitial: true, index: index))
            guard status.initial[index].hasSucceeded else { return }
        }
        for index in status.containers.indices {
            status.containers[index].phase = .waiting(.init(reason: "ContainerCreating"))
        }
        await withDiscardingTaskGroup { group in
            for index in status.containers.indices {
                group.addTask { await self.run(Place(isInitial: false, index: index)) }
            }
        }
    }

    /// - Returns: False when the pod is to end.
    private func makeVolumes() async -> Bool {
        var wait = Duration.milliseconds(500)
        while !Task.isCancelled {
            do throws(ContainerFault) {
                let volumes = try PodVolumes(pod, context.surroundings(key.namespace))
                try volumes.write(below: volumesFolder)
                self.volumes = volumes
                return true
            } catch {
                note(isWarning: true, error.reason, error.message)
                await pause(wait)
                wait = min(wait * 2, .seconds(8))
            }
        }
        return false
    }

    // MARK: Containers

    private func container(_ place: Place) -> JSONValue {
        pod.specList(place.isInitial ? "initContainers" : "containers")[place.index]
    }

    private subscript(_ place: Place) -> ContainerState {
        get { place.isInitial ? status.initial[place.index] : status.containers[place.index] }
        set {
            if place.isInitial {
                status.initial[place.index] = newValue
            } else {
                status.containers[place.index] = newValue
            }
        }
    }

    /// Runs a container, again and again where it is to be started again.
    private func run(_ place: Place) async {
        var backoff = RestartBackoff()
        var pulls = RestartBackoff()
        let spec = container(place)
        let name = self[place].name
        let imageName = self[place].image
        if self[place].last != nil, self[place].restarts == 0 || !place.isInitial { self[place].restarts += 1 }
        while !Task.isCancelled {
            guard let image = context.images.image(imageName) else {
                await refuseImage(place, &pulls)
                continue
            }
            let began = context.wall()
            do {
                let plan = try plan(place, spec, image)
                note("Pulled", "Container image \"\(imageName)\" already present on machine")
                note("Created", "Created container \(name)")
                try await runOnce(place, plan, spec)
            } catch let fault as ContainerFault {
                await wait(for: .init(reason: fault.reason, message: fault.message), place)
                continue
            } catch {
                guard !(error is CancellationError) else { return }
                let message = "failed to start: \(error)"
                note(isWarning: true, "Failed", "Error: \(message)")
                let now = context.wall()
                self[place].phase = .terminated(
                    .init(id: "", code: 128, reason: "StartError", message: message, started: now, finished: now)
                )
            }
            publish()
            guard let end = self[place].terminated, !Task.isCancelled,
                PodStatus.restarts(status.restartPolicy, isInitial: place.isInitial, code: end.code)
            else { return }
            let wait = backoff.ended(after: context.wall() - began)
            if wait > .zero {
                self[place].last = end
                self[place].phase = .waiting(
                    .init(
                        reason: "CrashLoopBackOff",
                        message: "back-off \(RestartBackoff.text(wait)) restarting failed container=\(name) "
                            + "pod=\(key.name)_\(key.namespace)(\(uid))"
                    )
                )
                note(isWarning: true, "BackOff", "Back-off restarting failed container")
                publish()
                await pause(wait)
                guard !Task.isCancelled else { return }
            }
            self[place].last = end
            self[place].restarts += 1
        }
    }

    private func wait(for waiting: ContainerState.Waiting, _ place: Place) async {
        let isNews = self[place].phase != .waiting(waiting)
        self[place].phase = .waiting(waiting)
        if isNews {
            note(isWarning: true, "Failed", "Error: \(waiting.message)")
            publish()
        }
        await pause(.seconds(1))
    }

    private func refuseImage(_ place: Place, _ backoff: inout RestartBackoff) async {
        let image = self[place].image
        let why = "the image table has no entry \"\(ImageTable.lastPart(image))\""
        note("Pulling", "Pulling image \"\(image)\"")
        note(isWarning: true, "Failed", "Failed to pull image \"\(image)\": \(why)")
        note(isWarning: true, "Failed", "Error: ErrImagePull")
        self[place].phase = .waiting(.init(reason: "ErrImagePull", message: why))
        publish()
        await pause(.seconds(2))
        guard !Task.isCancelled else { return }
        self[place].phase = .waiting(
            .init(reason: "ImagePullBackOff", message: "Back-off pulling image \"\(image)\"")
        )
        note("BackOff", "Back-off pulling image \"\(image)\"")
        note(isWarning: true, "Failed", "Error: ImagePullBackOff")
        publish()
        await pause(max(backoff.ended(after: .zero), .seconds(10)))
    }

    private func plan(
        _ place: Place,
        _ spec: JSONValue,
        _ image: ImageTable.Image
    ) throws(ContainerFault)
        -> ContainerPlan
    {
        let home = "\(folder)/containers/\(self[place].name)"
        do throws(FileFailure) { try Files.makeFolder(home) } catch {
            throw ContainerFault(reason: "CreateContainerError", message: "\(error)")
        }
        var mounts = volumes?.mounts(of: spec, below: volumesFolder) ?? MountPaths([])
        mounts.add(terminationPath(spec), terminationFile(place))
        return try ContainerPlan(
            spec,
            of: pod,
            image: image,
            address: address,
            folder: home,
            mounts: mounts,
            context.surroundings(key.namespace)
        )
    }

    private func terminationPath(_ spec: JSONValue) -> String {
        spec["terminationMessagePath"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? "/dev/termination-log"
    }

    private func terminationFile(_ place: Place) -> String { "\(folder)/containers/\(self[place].name).end" }

    /// Starts the container and stays with it until it ends.
    ///
    /// - Throws: What starting throws; `CancellationError` when the task is cancelled, and then the container runs on.
    private func runOnce(_ place: Place, _ plan: ContainerPlan, _ spec: JSONValue) async throws {
        Files.remove(terminationFile(place))
        let log = try ContainerLog(path: logPath(place, self[place].restarts), wall: context.wall)
        logs[place] = log
        let settings = ChildProcess.Settings(
            try Self.program(plan),
            Array(plan.command.dropFirst()),
            environment: plan.environment,
            folder: plan.folder,
            output: .lines { log.append($0, stream: "stdout") },
            errors: .lines { log.append($0, stream: "stderr") }
        )
        let child = try context.keeper.start(settings)
        let run = Run(child: child, plan: plan, log: log, started: context.wall())
        runs[place] = run
        note("Started", "Started container \(self[place].name)")
        let startup = Probe(.startup, of: spec, address: address)
        let readiness = Probe(.readiness, of: spec, address: address)
        let liveness = Probe(.liveness, of: spec, address: address)
        self[place].phase = .running(.init(id: "process://\(child.id)", started: run.started))
        self[place].isStarted = startup == nil
        self[place].isReady = startup == nil && readiness == nil
        publish()
        let exit = await withTaskGroup(of: ChildProcess.Exit?.self) { group in
            group.addTask {
                if let startup {
                    guard await self.follow(startup, place, run, spec) else { return nil }
                    await self.becomeStarted(place, run, isReady: readiness == nil)
                }
                await withDiscardingTaskGroup { group in
                    for probe in [readiness, liveness].compactMap(\.self) {
                        group.addTask { _ = await self.follow(probe, place, run, spec) }
                    }
                }
                return nil
            }
            // Its end ends the probes; a cancelled task leaves it to who cancelled it.
            let exit = try? await child.exit()
            group.cancelAll()
            return exit
        }
        guard let exit else { throw CancellationError() }
        finish(place, exit)
    }

    private func becomeStarted(_ place: Place, _ run: Run, isReady: Bool) {
        guard runs[place]?.child === run.child else { return }
        self[place].isStarted = true
        self[place].isReady = isReady
        publish()
    }

    /// The program's path.
    private static func program(_ plan: ContainerPlan) throws(ContainerStartFault) -> String {
        guard let name = plan.command.first else { throw ContainerStartFault(description: "no command specified") }
        if name.contains("/") {
            let path = name.hasPrefix("/") ? name : "\(plan.folder)/\(name)"
            guard access(path, X_OK) == 0 else {
                throw ContainerStartFault(
                    description: "exec: \"\(name)\": stat \(name): \(String(cString: strerror(errno)))"
                )
            }
            return path
        }
        for folder in (plan.environment["PATH"] ?? "").split(separator: ":") {
            if access("\(folder)/\(name)", X_OK) == 0 { return "\(folder)/\(name)" }
        }
        throw ContainerStartFault(description: "exec: \"\(name)\": executable file not found in $PATH")
    }

    /// Writes down that a container ended.
    private func finish(_ place: Place, _ exit: ChildProcess.Exit) {
        guard let run = runs.removeValue(forKey: place) else { return }
        run.log.finish()
        context.keeper.forget(run.child)
        let code = exit.code < 0 ? 255 : Int(exit.code)
        self[place].isStarted = false
        self[place].isReady = false
        self[place].phase = .terminated(
            .init(
                id: "process://\(run.child.id)",
                code: code,
                reason: code == 0 ? "Completed" : "Error",
                message: lastWords(place, run, code),
                started: run.started,
                finished: context.wall()
            )
        )
    }

    private func lastWords(_ place: Place, _ run: Run, _ code: Int) -> String {
        if let bytes = Files.read(terminationFile(place)), !bytes.isEmpty {
            return String(decoding: bytes.suffix(4096), as: UTF8.self)
        }
        guard code != 0, container(place)["terminationMessagePolicy"] == "FallbackToLogsOnError" else { return "" }
        return run.log.lastText(limitBytes: 2048)
    }

    // MARK: Probes

    /// Asks again and again: a startup probe until it is answered well, the others until the task is cancelled.
    ///
    /// - Returns: Whether the container may go on.
    private func follow(_ probe: Probe, _ place: Place, _ run: Run, _ spec: JSONValue) async -> Bool {
        await pause(probe.initialDelay)
        var state = ProbeState(probe)
        while !Task.isCancelled {
            guard
                let answer = try? await context.prober.ask(probe.action, timeLimit: probe.timeLimit, plan: run.plan),
                runs[place]?.child === run.child, ending == nil
            else { return false }
            if case .bad(let why) = answer {
                note(isWarning: true, "Unhealthy", "\(probe.kind.title) probe failed: \(why)")
            }
            let isGood = answer == .good
            let isNews = state.record(isGood)
            switch probe.kind {
            case .startup where isNews && isGood: return true
            case .readiness where isNews:
                self[place].isReady = isGood
                publish()
            case .startup where isNews, .liveness where isNews && !isGood:
                let name = self[place].name
                note("Killing", "Container \(name) failed \(probe.kind.rawValue) probe, will be restarted")
                let seconds = pod.spec["terminationGracePeriodSeconds"]?.integer ?? 30
                await stop(run, spec, grace: .seconds(max(seconds, 0)))
                return false
            default: break
            }
            await pause(probe.period)
        }
        return false
    }

    // MARK: The end

    /// Has a container end: its hook, SIGTERM, and SIGKILL for all of its processes after the grace period.
    private func stop(_ run: Run, _ spec: JSONValue, grace: Duration) async {
        var left = grace
        if grace > .zero, let hook = spec[path: ["lifecycle", "preStop"]] {
            let began = ContinuousClock.now
            let action = Probe.action(hook, spec, address)
            let answer = try? await context.prober.ask(action, timeLimit: grace, plan: run.plan)
            if case .bad(let why) = answer { note(isWarning: true, "FailedPreStopHook", why) }
            // kubelet gives two seconds after a hook that took all the time.
            left = max(left - (ContinuousClock.now - began), .seconds(2))
        }
        run.child.send(SIGTERM, to: left > .zero ? .process : .group)
        let ended = await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await run.child.exit()) != nil }
            group.addTask { [clock = context.clock, left] in
                try? await clock.sleep(for: left)
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
        if !ended { run.child.send(SIGKILL) }
    }

    private func shutDown() async {
        guard let ending else { return }
        let stopped = runs
        await withDiscardingTaskGroup { group in
            for (place, run) in stopped {
                if case .stopped = ending {} else { note("Killing", "Stopping container \(self[place].name)") }
                let spec = container(place)
                group.addTask { await self.stop(run, spec, grace: ending.grace) }
            }
        }
        for (place, run) in stopped { if let exit = try? await run.child.exit() { finish(place, exit) } }
        hurrying?.cancel()
        // It may have changed meanwhile.
        switch self.ending ?? ending {
        case .stopped: return
        case .vanished: break
        case .deleted:
            publish()
            remove()
        }
        Files.remove(folder)
    }

    /// Lets the API forget the pod.
    private func remove() {
        var call = APICall(.delete, .pod, key)
        call.userAgent = "kubelet"
        call.gracePeriodSeconds = 0
        call.body = [
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
            "preconditions": ["uid": .string(uid)],
        ]
        // Somebody else may have been faster.
        _ = try? context.cluster.core.perform(call)
    }

    // MARK: Telling

    /// Writes the status, if it is another than the API has.
    private func publish() {
        if case .vanished = ending { return }
        for _ in 0..<16 {
            guard var object = context.cluster.core.get(.pod, key), object.uid == uid else { return }
            let fresh = status.value(over: object.status, now: context.wall())
            guard fresh != object.status else { return }
            object["status"] = fresh
            var call = APICall(.update, .pod, key)
            call.subresource = "status"
            call.userAgent = "kubelet"
            call.body = object
            do throws(APIStatus) {
                _ = try context.cluster.core.perform(call)
                return
            } catch {
                guard error.reason == "Conflict" else {
                    context.logger.warning(
                        "pod status refused",
                        ["pod": .string(key.description), "error": .string(error.message)]
                    )
                    return
                }
            }
        }
    }

    private func note(isWarning: Bool = false, _ reason: String, _ message: String) {
        context.cluster.record(
            .pod,
            pod,
            isWarning: isWarning,
            reason,
            message,
            by: "kubelet",
            now: context.wall()
        )
    }

    /// Sleeps, unless the task is cancelled.
    private func pause(_ time: Duration) async {
        guard time > .zero else { return }
        // Who called looks at the task.
        try? await context.clock.sleep(for: time)
    }

    // MARK: Logs and use

    private func logPath(_ place: Place, _ restarts: Int) -> String {
        "\(folder)/logs/\(self[place].name)/\(restarts).log"
    }

    /// The log that a request means.
    ///
    /// - Throws: 400, in the words of kubelet, when there is none.
    func log(_ request: LogRequest) throws(APIStatus) -> ContainerLog {
        let places =
            status.initial.indices.map { Place(isInitial: true, index: $0) }
            + status.containers.indices.map { Place(isInitial: false, index: $0) }
        guard let place = places.first(where: { self[$0].name == request.container }) else {
            throw .badRequest("container \(request.container) is not valid for pod \(key.name)")
        }
        let state = self[place]
        if request.isPrevious {
            guard state.last != nil else {
                throw .badRequest(
                    "previous terminated container \"\(state.name)\" in pod \"\(key.name)\" not found"
                )
            }
            // While it waits to be started again, the last run is the one that the number still names.
            let number = state.isRunning || state.terminated != nil ? state.restarts - 1 : state.restarts
            return ContainerLog(finished: logPath(place, max(number, 0)))
        }
        if let log = logs[place] { return log }
        if state.last != nil { return ContainerLog(finished: logPath(place, max(state.restarts - 1, 0))) }
        var reason = "ContainerCreating"
        if case .waiting(let waiting) = state.phase { reason = waiting.reason }
        throw .badRequest(
            "container \"\(state.name)\" in pod \"\(key.name)\" is waiting to start: \(reason)"
        )
    }

    /// The running containers and their process groups.
    var groups: [(container: String, group: Int32)] {
        runs.map { (self[$0.key].name, $0.value.child.id) }.sorted { $0.0 < $1.0 }
    }
}

/// Why a program cannot be run.
struct ContainerStartFault: Error, CustomStringConvertible {
    var description: String
}

extension APIStatus {
    static func badRequest(_ message: String) -> APIStatus {
        APIStatus(code: 400, reason: "BadRequest", message: message)
    }
}
