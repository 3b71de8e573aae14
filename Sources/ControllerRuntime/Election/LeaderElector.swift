package import HTTPTransport
package import Kubernetes
import Synchronization
import Telemetry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The lease is not held, or cannot be trusted any more: another process may act.
package struct LeadershipLost: Error, Sendable, CustomStringConvertible {
    package let detail: String

    package init(_ detail: String) { self.detail = detail }

    package var description: String { "not the leader: \(detail)" }
}

/// Holds a lease so that of many processes one works.
package final class LeaderElector: Sendable {
    private let machine: Mutex<LeaseMachine>
    private let store: any LeaseStore
    private let name: String
    private let runtime: RuntimeContext

    /// - Parameters:
    ///   - name: Of the lease, for metrics and logs.
    ///   - identity: Must differ between any two processes; see ``uniqueIdentity(_:)``.
    package init(
        store: any LeaseStore,
        name: String,
        identity: String,
        options: LeaseMachine.Options = LeaseMachine.Options(),
        runtime: RuntimeContext = RuntimeContext()
    ) {
        machine = Mutex(LeaseMachine(identity: identity, options: options))
        self.store = store
        self.name = name
        self.runtime = runtime
        runtime.metrics.isLeader.set(0, [name])
    }

    /// A name that no other process has, also not the next one in the same pod: the host's name and a random part.
    package static func uniqueIdentity(_ chance: () -> Double = { .random(in: 0..<1) }) -> String {
        var host = [CChar](repeating: 0, count: 256)
        gethostname(&host, host.count - 1)
        let name = String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(name)_\(String(UInt64(chance() * 0x1p52), radix: 16))"
    }

    /// The epoch at this moment; nil when the lease is not held or not trusted any more.
    package var epoch: Epoch? {
        let now = runtime.clock.now
        return machine.withLock { $0.leadership(now: now) }
    }

    /// Makes sure that the lease can be trusted at this moment; to be called before each write that matters.
    ///
    /// A process that was frozen finds here that its time is over, before it has looked at the lease again.
    /// - Throws: ``LeadershipLost``
    @discardableResult
    package func check() throws(LeadershipLost) -> Epoch {
        guard let epoch else { throw LeadershipLost("the lease \"\(name)\" is not held or was not renewed in time") }
        return epoch
    }

    /// Suspends until the lease is held.
    ///
    /// - Throws: `CancellationError`, nothing else: failures are logged and tried again.
    package func acquire() async throws -> Epoch {
        while true {
            await attempt(until: runtime.clock.now + machine.withLock { $0.options.renewDeadline })
            if let epoch {
                runtime.metrics.isLeader.set(1, [name])
                runtime.logger.info("became the leader", fields(["epoch": .integer(epoch.transitions)]))
                return epoch
            }
            try Task.checkCancellation()
            let chance = runtime.chance()
            try await runtime.clock.sleep(for: machine.withLock { $0.pause(chance: chance) })
        }
    }

    /// Renews the lease until it is lost.
    ///
    /// - Throws: ``LeadershipLost`` at the renew deadline or when another holds the lease; `CancellationError`.
    package func renew() async throws {
        defer { runtime.metrics.isLeader.set(0, [name]) }
        while true {
            let now = runtime.clock.now
            let (until, pause) = machine.withLock { ($0.trustedUntil ?? now, $0.pause(chance: 0)) }
            try await runtime.clock.sleep(until: min(until, now + pause))
            await attempt(until: until)
            try Task.checkCancellation()
            guard epoch != nil else {
                machine.withLock { $0.giveUp() }
                runtime.logger.error("lost the leadership", fields([:]))
                throw LeadershipLost("the lease \"\(name)\" was not renewed in time or is held by another")
            }
        }
    }

    /// Gives the lease back, so that another takes over at once; only when all work has stopped.
    package func release() async {
        let now = runtime.clock.now
        let wall = runtime.clock.wall.now
        guard let (record, version) = machine.withLock({ $0.release(now: now, wall: wall) }) else { return }
        machine.withLock { $0.giveUp() }
        runtime.metrics.isLeader.set(0, [name])
        do {
            _ = try await withDeadline(now + .seconds(5), runtime.clock) { [store] in
                try await store.replace(record, resourceVersion: version)
            }
            runtime.logger.info("released the leadership", fields([:]))
        } catch {
            // It runs out by itself.
            runtime.logger.warning("the lease could not be released", fields(["error": .error(error)]))
        }
    }

    /// Looks at the lease and takes or renews it if that may be done.
    private func attempt(until deadline: Duration) async {
        guard runtime.clock.now < deadline else { return }
        do {
            try await withDeadline(deadline, runtime.clock) { try await self.tryOnce() }
        } catch  where Task.isCancelled {
            return
        } catch {
            runtime.logger.warning("the lease could not be taken or renewed", fields(["error": .error(error)]))
        }
    }

    private func tryOnce() async throws {
        // The holder knows what it wrote: it need not read first. Somebody else's write shows as a conflict.
        if epoch == nil { try await look() }
        do {
            try await write()
        } catch let failure as APIFailure where [.conflict, .notFound, .alreadyExists].contains(failure.reason) {
            try await look()
            try await write()
        }
    }

    private func look() async throws {
        let found = try await store.read()
        let now = runtime.clock.now
        machine.withLock { $0.saw(found?.record, resourceVersion: found?.resourceVersion ?? "", now: now) }
    }

    private func write() async throws {
        let sentAt = runtime.clock.now
        let wall = runtime.clock.wall.now
        let (plan, holder) = machine.withLock { ($0.plan(now: sentAt, wall: wall), $0.holder) }
        switch plan {
        case .leave:
            machine.withLock { $0.giveUp() }
            runtime.logger.debug("another process leads", fields(["holder": .string(holder ?? "")]))
        case .create(let record):
            let version = try await store.create(record)
            machine.withLock { $0.wrote(record, resourceVersion: version, sentAt: sentAt) }
        case .replace(let record, let version):
            let version = try await store.replace(record, resourceVersion: version)
            machine.withLock { $0.wrote(record, resourceVersion: version, sentAt: sentAt) }
        }
    }

    private func fields(_ more: Logger.Fields) -> Logger.Fields {
        var fields: Logger.Fields = ["lease": .string(name)]
        fields.merge(more)
        return fields
    }
}

/// Lets writes through only while the lease can be trusted.
///
/// Put around the transport of the client that the controllers use; the elector needs a client without it.
package struct FencedTransport: KubernetesTransport {
    private let inner: any KubernetesTransport
    private let elector: LeaderElector

    package init(_ inner: any KubernetesTransport, _ elector: LeaderElector) {
        self.inner = inner
        self.elector = elector
    }

    package func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        if request.method != "GET" && request.method != "HEAD" { try elector.check() }
        return try await inner.send(request)
    }

    package func stream(_ request: HTTPRequest) async throws -> HTTPStream { try await inner.stream(request) }
    package func update(tls: TLSConfiguration) { inner.update(tls: tls) }
    package func shutdown() { inner.shutdown() }
}
