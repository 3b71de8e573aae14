import JSON
package import Kubernetes
import Synchronization
import Telemetry

/// Where events are written.
package protocol EventSink: Sendable {
    /// - Throws: When it was not written; ``APIFailure`` tells whether trying again makes sense.
    func write(_ write: EventCorrelator.Write) async throws
}

/// Writes events to the API server, as `events.k8s.io/v1`.
package struct ClientEventSink: EventSink {
    private let client: ResourceClient<DynamicObject>

    package init(_ client: KubernetesClient) { self.client = client.resource(of: .event) }

    package func write(_ write: EventCorrelator.Write) async throws {
        switch write {
        case .create(let key, let value):
            var fields = value.object ?? JSONObject()
            fields.remove("metadata")
            let metadata = ObjectMeta(name: key.name, namespace: key.namespace)
            do {
                _ = try await client.create(DynamicObject(metadata: metadata, fields: fields))
            } catch let failure as APIFailure where failure.reason == .alreadyExists {
                return  // the answer of an earlier attempt was lost: names are given once
            }
        case .patch(let key, let value): _ = try await client.patch(key, .merge(value))
        }
    }
}

/// Tells people what happens to objects, without ever holding up or failing who tells it.
///
/// Notes are counted together, filtered and put into a bounded queue at once; ``run()`` writes them. What does not fit or
/// cannot be written is dropped and counted.
package final class EventRecorder: Sendable {
    private struct State {
        var correlator: EventCorrelator
        var queue = Ring<EventCorrelator.Write>()
        var suppressed = 0
        var isDraining = false
    }

    private let state: Mutex<State>
    private let sink: any EventSink
    private let capacity: Int
    private let sweepInterval: Duration
    private let runtime: RuntimeContext
    private let wakeup = Wakeup()

    /// - Parameters:
    ///   - controller: `reportingController`: a name with a domain, as `homeostat.dev/operator`.
    ///   - instance: `reportingInstance`, as the pod's name.
    ///   - capacity: How many writes may wait.
    package init(
        sink: any EventSink,
        controller: String,
        instance: String,
        options: EventCorrelator.Options = EventCorrelator.Options(),
        capacity: Int = 1000,
        runtime: RuntimeContext = RuntimeContext()
    ) {
        // Two processes must not give the same names; the time tells one process from its predecessor.
        let seed = UInt64(runtime.chance() * 0x1p52) ^ UInt64(bitPattern: Int64(runtime.clock.wall.now.microseconds))
        state = Mutex(
            State(
                correlator: EventCorrelator(controller: controller, instance: instance, seed: seed, options: options)
            )
        )
        self.sink = sink
        self.capacity = capacity
        self.runtime = runtime
        sweepInterval = options.seriesIdle / 6
    }

    /// Tells what happened; returns at once.
    package func record(_ note: EventNote) {
        let now = runtime.clock.now
        let wall = runtime.clock.wall.now
        let (isNew, dropped, suppressed) = state.withLock { state -> (Bool, Bool, Int) in
            guard !state.isDraining else { return (false, true, 0) }
            let before = state.correlator.suppressed
            let write = state.correlator.record(note, now: now, wall: wall)
            let suppressed = state.correlator.suppressed - before
            guard let write else { return (false, false, suppressed) }
            guard state.queue.count < capacity else { return (false, true, suppressed) }
            state.queue.append(write)
            return (true, false, suppressed)
        }
        if dropped { runtime.metrics.eventsDropped.increment(["queue_full"]) }
        if suppressed > 0 { runtime.metrics.eventsDropped.increment(by: Double(suppressed), ["spam"]) }
        if isNew { wakeup.set() }
    }

    /// Writes events until the task is cancelled, or after ``drain()`` until everything is written.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    try await self.runtime.clock.sleep(for: self.sweepInterval)
                    self.sweep()
                }
            }
            defer { group.cancelAll() }
            try await write()
        }
    }

    /// Takes no more notes and has ``run()`` end when what waits is written.
    package func drain() {
        let now = runtime.clock.now
        state.withLock { state in
            guard !state.isDraining else { return }
            state.isDraining = true
            for write in state.correlator.finish(now: now) { state.queue.append(write) }
        }
        wakeup.set()
    }

    private func sweep() {
        let now = runtime.clock.now
        let isNew = state.withLock { state in
            let writes = state.correlator.sweep(now: now)
            for write in writes where state.queue.count < capacity { state.queue.append(write) }
            return !writes.isEmpty
        }
        if isNew { wakeup.set() }
    }

    private func write() async throws {
        while true {
            let (next, isDraining) = state.withLock { ($0.queue.popFirst(), $0.isDraining) }
            if let next {
                await write(next)
            } else if isDraining {
                return
            } else {
                await wakeup.wait()
            }
            try Task.checkCancellation()
        }
    }

    private func write(_ write: EventCorrelator.Write) async {
        for attempt in 1... {
            do {
                try await sink.write(write)
                runtime.metrics.eventsWritten.increment([write.label])
                return
            } catch {
                let failure = error as? APIFailure
                let isFinal = Task.isCancelled || attempt == 3 || failure?.isRetryable == false
                if !isFinal, (try? await runtime.clock.sleep(for: failure?.retryAfter ?? .seconds(attempt))) != nil {
                    continue
                }
                runtime.metrics.eventsDropped.increment([failure?.reason.rawValue ?? "other"])
                runtime.logger.warning("an event could not be written", ["error": .error(error)])
                return
            }
        }
    }
}

extension EventCorrelator.Write {
    fileprivate var label: String {
        switch self {
        case .create: "create"
        case .patch: "series"
        }
    }
}
