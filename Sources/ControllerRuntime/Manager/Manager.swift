import Synchronization
import Telemetry

/// How a manager's run ended, and with which code the process should.
package enum ManagerExit: Sendable, CustomStringConvertible {
    /// Asked to end, and everything ended in time.
    case clean
    /// A part ended or failed although nobody asked it to.
    case failed(part: String, String)
    /// The lease was lost. Nothing was waited for: the process must end now.
    case leaseLost
    /// Asked to end for a second time; nothing more was waited for.
    case signalledAgain
    /// Something did not end in the grace period.
    case graceExceeded(parts: [String])

    /// The exit code of the process.
    package var code: Int32 {
        switch self {
        case .clean: 0
        case .failed, .leaseLost, .graceExceeded: 1
        case .signalledAgain: 130
        }
    }

    package var description: String {
        switch self {
        case .clean: "ended as asked"
        case .failed(let part, let text): "\(part) failed: \(text)"
        case .leaseLost: "the lease was lost"
        case .signalledAgain: "asked to end twice"
        case .graceExceeded(let parts): "did not end in time: \(parts.joined(separator: ", "))"
        }
    }
}

/// When a part runs, and in which order parts end: from the last to the first.
package enum ManagerStage: Int, Sendable, Comparable, CaseIterable {
    /// Always; ends last, so that probes and metrics answer to the end.
    case servers
    /// Always: informers.
    case caches
    /// Always: what is told to people.
    case events
    /// Only while this process leads: controllers.
    case leader

    package static func < (a: ManagerStage, b: ManagerStage) -> Bool { a.rawValue < b.rawValue }
}

/// Starts the parts of an operator in order, and ends them in order.
///
/// It ends with a signal: work is drained, then events are written, caches and servers stop, and last the lease is given
/// back. When the lease is lost there is no such order: everything is cancelled and the process must end.
package final class Manager: Sendable {
    private struct Part {
        var name: String
        var stage: ManagerStage
        var run: @Sendable () async throws -> Void
        /// Asks it to end by itself; without, it is cancelled.
        var drain: (@Sendable () -> Void)?
    }

    private enum Event: Sendable {
        case signal(Int32)
        case leads
        case leaseLost
        case ended(Int, String?)
        case graceOver
    }

    private struct State {
        var parts: [Part] = []
        var checks: [(name: String, failure: @Sendable () -> String?)] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    private let elector: LeaderElector?
    private let grace: Duration
    private let signals: AsyncStream<Int32>
    private let runtime: RuntimeContext

    /// - Parameters:
    ///   - elector: Nil to lead from the start.
    ///   - grace: How long everything may take to end.
    ///   - signals: Each element asks to end, by the number of a signal.
    package init(
        elector: LeaderElector? = nil,
        grace: Duration = .seconds(30),
        signals: AsyncStream<Int32>,
        runtime: RuntimeContext = RuntimeContext()
    ) {
        self.elector = elector
        self.grace = grace
        self.signals = signals
        self.runtime = runtime
    }

    // MARK: Parts

    /// Adds a part before ``run()``.
    ///
    /// - Parameters:
    ///   - drain: Asks the part to end by itself; without it the part's task is cancelled.
    ///   - run: Runs until cancelled or drained; ending earlier is a failure.
    package func add(
        _ name: String,
        _ stage: ManagerStage,
        drain: (@Sendable () -> Void)? = nil,
        run: @escaping @Sendable () async throws -> Void
    ) {
        state.withLock { $0.parts.append(Part(name: name, stage: stage, run: run, drain: drain)) }
    }

    /// Adds an informer and its readiness.
    package func add<Object>(_ informer: Informer<Object>) {
        add(informer.name, .caches) { try await informer.run() }
        addCheck(informer.name) { informer.unreadiness }
    }

    /// Adds a controller, which runs while this process leads.
    package func add(_ controller: Controller) {
        add(controller.name, .leader, drain: { controller.drain() }, run: { try await controller.run() })
    }

    /// Adds an event recorder, which writes what is left at the end.
    package func add(_ recorder: EventRecorder) {
        add("events", .events, drain: { recorder.drain() }, run: { try await recorder.run() })
    }

    /// Adds something that must hold before the process counts as ready.
    ///
    /// - Parameter failure: Why it does not hold; nil when it does.
    package func addCheck(_ name: String, _ failure: @escaping @Sendable () -> String?) {
        state.withLock { $0.checks.append((name, failure)) }
    }

    /// Each check with why it fails; nil when it does not.
    package var readiness: [(name: String, failure: String?)] {
        let (checks, isStopping) = state.withLock { ($0.checks, $0.isStopping) }
        let stopping: [(String, String?)] = isStopping ? [("shutdown", "the process is ending")] : []
        return checks.map { ($0.name, $0.failure()) } + stopping
    }

    /// Whether no check fails.
    package var isReady: Bool { readiness.allSatisfy { $0.failure == nil } }

    // MARK: Running

    /// Runs everything until a signal, a failure or the loss of the lease.
    ///
    /// Returns without waiting for what does not end in time: the caller ends the process with ``ManagerExit/code``.
    package func run() async -> ManagerExit {
        let (events, feed) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(4096))
        var run = Run(parts: state.withLock { $0.parts }, feed: feed)
        let signalWatch = watchSignals(feed)
        let lease = holdLease(feed)
        defer {
            signalWatch.cancel()
            lease.cancel()
            run.cancelAll()
            feed.finish()
        }
        for stage in ManagerStage.allCases where stage != .leader { run.start(stage) }
        runtime.logger.info("manager started")
        var exit = ManagerExit.clean
        var iterator = events.makeAsyncIterator()
        waiting: while let event = await iterator.next(isolation: nil) {
            switch event {
            case .leads: run.start(.leader)
            case .leaseLost: return lost()
            case .ended(let id, let failure):
                let part = run.ended(id)
                exit = .failed(part: part, failure ?? "it ended although nobody asked it to")
                runtime.logger.error(
                    "a part of the operator ended; ending",
                    ["part": .string(part), "error": .string(failure ?? "none")]
                )
                break waiting
            case .signal(let number):
                runtime.logger.info("asked to end", ["signal": .integer(Int(number))])
                break waiting
            case .graceOver: break
            }
        }
        state.withLock { $0.isStopping = true }
        return await stop(&run, &iterator, lease, exit)
    }

    private func stop(
        _ run: inout Run,
        _ events: inout AsyncStream<Event>.Iterator,
        _ lease: Task<Void, Never>,
        _ exit: ManagerExit
    ) async -> ManagerExit {
        let timer = Task { [grace, runtime, feed = run.feed] in
            guard (try? await runtime.clock.sleep(for: grace)) != nil else { return }
            feed.yield(.graceOver)
        }
        defer { timer.cancel() }
        for stage in ManagerStage.allCases.reversed() {
            run.stop(stage)
            while run.isRunning(stage), let event = await events.next(isolation: nil) {
                switch event {
                case .ended(let id, _): _ = run.ended(id)
                case .signal: return .signalledAgain
                case .leaseLost: return lost()
                case .graceOver:
                    runtime.logger.error("the grace period is over")
                    return .graceExceeded(parts: run.names)
                case .leads: break  // leading began too late to begin work
                }
            }
        }
        // Renewed until here, as the work had to end under it; and renewed no more, or it would be taken again.
        lease.cancel()
        await lease.value
        await elector?.release()
        runtime.logger.info("manager ended")
        return exit
    }

    private func lost() -> ManagerExit {
        runtime.logger.error("the lease is lost; ending without waiting for anything")
        return .leaseLost
    }

    private func watchSignals(_ feed: AsyncStream<Event>.Continuation) -> Task<Void, Never> {
        Task { [signals] in for await number in signals { feed.yield(.signal(number)) } }
    }

    private func holdLease(_ feed: AsyncStream<Event>.Continuation) -> Task<Void, Never> {
        Task { [elector] in
            guard let elector else {
                feed.yield(.leads)
                return
            }
            do {
                _ = try await elector.acquire()
                feed.yield(.leads)
                try await elector.renew()
            } catch is CancellationError {
                return
            } catch { feed.yield(.leaseLost) }
        }
    }

    /// The tasks of one run.
    private struct Run {
        let parts: [Part]
        let feed: AsyncStream<Event>.Continuation
        private var tasks: [Int: Task<Void, Never>] = [:]

        init(parts: [Part], feed: AsyncStream<Event>.Continuation) {
            self.parts = parts
            self.feed = feed
        }

        var names: [String] { tasks.keys.sorted().map { parts[$0].name } }

        mutating func start(_ stage: ManagerStage) {
            for (id, part) in parts.enumerated() where part.stage == stage {
                tasks[id] = Task { [feed] in
                    do {
                        try await part.run()
                        feed.yield(.ended(id, nil))
                    } catch { feed.yield(.ended(id, "\(error)")) }
                }
            }
        }

        func isRunning(_ stage: ManagerStage) -> Bool { tasks.keys.contains { parts[$0].stage == stage } }

        func stop(_ stage: ManagerStage) {
            for (id, task) in tasks where parts[id].stage == stage {
                if let drain = parts[id].drain { drain() } else { task.cancel() }
            }
        }

        mutating func ended(_ id: Int) -> String {
            tasks[id] = nil
            return parts[id].name
        }

        func cancelAll() { for task in tasks.values { task.cancel() } }
    }
}
