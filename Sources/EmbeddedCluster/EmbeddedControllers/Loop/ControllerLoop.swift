package import EmbeddedAPI
package import Kubernetes
import Synchronization

/// Runs controllers over an API: in virtual time step by step, or in real time for as long as it is let.
///
/// It holds nothing that matters: a new one over the same API goes on where another stopped, however it stopped. One loop
/// is driven by one caller at a time.
package final class ControllerLoop: Sendable {
    /// A reconciliation that the API refused something in.
    package struct Failure: Sendable {
        package var controller: String
        package var key: ObjectKey
        package var status: APIStatus
    }

    private struct State {
        var schedule = WorkSchedule()
        var isStarted = false
    }

    private let cluster: Cluster
    private let controllers: [any ClusterController]
    private let wall: @Sendable () -> Timestamp
    private let report: @Sendable (Failure) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - core: The API; every change to it is seen, whoever made it.
    ///   - controllers: Each works on its keys in order, and in a round the first controllers go first.
    ///   - wall: The time that objects show; used by ``run()`` alone.
    ///   - report: Told of each failed reconciliation, which is tried again later.
    package convenience init(
        core: APICore,
        controllers: [any ClusterController],
        wall: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable (Failure) -> Void = { _ in }
    ) {
        self.init(Cluster(core: core), controllers: controllers, wall: wall, report: report)
    }

    init(
        _ cluster: Cluster,
        controllers: [any ClusterController],
        wall: @escaping @Sendable () -> Timestamp,
        report: @escaping @Sendable (Failure) -> Void
    ) {
        self.cluster = cluster
        self.controllers = controllers
        self.wall = wall
        self.report = report
    }

    /// Works until nothing is left to do at this time.
    ///
    /// - Returns: When there will be more to do if nothing changes; nil when never.
    package func settle(now: Timestamp) -> Timestamp? { work({ now }, isOver: { false }) }

    /// Does one reconciliation, if there is one to do at this time; so that tests can stop anywhere.
    ///
    /// - Returns: Whether there was one.
    package func step(now: Timestamp) -> Bool {
        follow()
        guard let item = state.withLock({ $0.schedule.take(now: now) }) else { return false }
        let controller = controllers[item.controller]
        do throws(APIStatus) {
            let again = try controller.reconcile(item.key, in: cluster, now: now)
            state.withLock { $0.schedule.succeed(item, again: again, now: now) }
        } catch {
            state.withLock { $0.schedule.fail(item, now: now) }
            // A conflict means that somebody else wrote first, which is no news.
            if error.reason != "Conflict" {
                report(Failure(controller: controller.name, key: item.key, status: error))
            }
        }
        return true
    }

    /// Works in real time: at once when something changes, and when something is due.
    ///
    /// - Throws: `CancellationError` when the task is cancelled; nothing else.
    @concurrent
    package func run() async throws {
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let registration = cluster.core.onChange { wake.yield() }
        defer { cluster.core.removeOnChange(registration) }
        var iterator = wakes.makeAsyncIterator()
        while true {
            try Task.checkCancellation()
            let due = work(wall, isOver: { Task.isCancelled })
            guard let due else {
                _ = await iterator.next(isolation: nil)
                continue
            }
            let timer = Task {
                try await Task.sleep(for: max(.zero, due - wall()))
                wake.yield()
            }
            defer { timer.cancel() }
            _ = await iterator.next(isolation: nil)
        }
    }

    private func work(_ now: () -> Timestamp, isOver: () -> Bool) -> Timestamp? {
        while !isOver(), step(now: now()) {}
        return state.withLock { $0.schedule.nextDue() }
    }

    /// Sees what changed since the last time, and which keys it concerns.
    private func follow() {
        let isStarted = state.withLock { $0.isStarted }
        var changes = isStarted ? cluster.follow() : nil
        if changes == nil {
            changes = cluster.relist()
            state.withLock { $0.isStarted = true }
        }
        guard let changes, !changes.isEmpty else { return }
        var items: [WorkSchedule.Item] = []
        for change in changes {
            for (index, controller) in controllers.enumerated() {
                for key in controller.keys(for: change, in: cluster) {
                    items.append(WorkSchedule.Item(controller: index, key: key))
                }
            }
        }
        state.withLock { state in for item in items { state.schedule.add(item) } }
    }
}
