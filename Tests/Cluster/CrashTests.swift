import Synchronization
import TestSupport
import Testing

/// The operator dies after its writes and is started again, with real pods under requests all the time.
///
/// Covered is every write that a promotion and a rollback consist of, however many those are: in one run the operator is
/// killed after each of its writes, before it hears that the write was taken, so that no process ever sees the outcome of
/// more than none. In two further runs it is killed after every other write, the odd and the even ones, just after it
/// was told, so that each write is also the last of a process that had carried on from the one before. Writes are all
/// requests that change something, events included; a process that comes up between them reads its caches anew.
@Suite(.enabled(if: TestCluster.isAvailable, "no cluster"), .timeLimit(.minutes(10)))
struct CrashTests {
    /// After which writes the operator dies.
    struct Schedule: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Whether it dies after the write of this number, counted from 1.
        var kills: @Sendable (Int) -> Bool
        var beforeAnswer: Bool

        static let all = [
            Schedule(testDescription: "after every write, unheard", kills: { _ in true }, beforeAnswer: true),
            Schedule(testDescription: "after odd writes", kills: { $0 % 2 == 1 }, beforeAnswer: false),
            Schedule(testDescription: "after even writes", kills: { $0 % 2 == 0 }, beforeAnswer: false),
        ]
    }

    @Test("a promotion ends the same when the operator dies", arguments: Schedule.all)
    func promotion(schedule: Schedule) async throws {
        try await check(schedule, expected: try await Promotion.expected(), Promotion.run)
    }

    @Test("a rollback ends the same when the operator dies", arguments: Schedule.all)
    func rollback(schedule: Schedule) async throws {
        try await check(schedule, expected: try await Rollback.expected(), Rollback.run)
    }

    private func check(
        _ schedule: Schedule,
        expected: FinalState,
        _ body: (Scenario) async throws -> Traffic
    ) async throws {
        let proxy = try await TestCluster.ready().proxy()
        try await Scenario.run("crash", through: proxy) { scenario in
            let process = try scenario.operator
            let kills = Mutex(0)
            proxy.use { call in
                guard call.isWrite, schedule.kills(call.writeNumber) else { return .pass }
                let kill: @Sendable () async -> Void = {
                    kills.withLock { $0 += 1 }
                    await process.crash()
                }
                return schedule.beforeAnswer ? .beforeAnswer(kill) : .afterAnswer(kill)
            }
            let traffic = try await body(scenario)
            // What is not settled yet would be written now.
            try await quiet(proxy)
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
            let state = try await FinalState(scenario)
            let report = state == expected ? "" : await scenario.report()
            #expect(state == expected, "\(state.difference(from: expected))\n\(report)")
            let steps = try await scenario.stepEvents()
            #expect(Set(steps).count == steps.count, "\(steps)")
            let due = proxy.calls.count { $0.isWrite && schedule.kills($0.writeNumber) && $0.status != nil }
            let done = kills.withLock { $0 }
            // Two writes under way at once end one process: the second finds it gone, and has nothing left to kill.
            #expect(schedule.beforeAnswer ? done == due : done <= due, "\(done) of \(due)")
            #expect(done >= 8 && process.starts > done / 2, "\(done) of \(due), \(process.starts) starts")
        }
        await proxy.stop()
    }

    /// Waits until no write has come for two seconds: ten times as long as the operator takes from one to the next.
    private func quiet(_ proxy: FaultProxy) async throws {
        let clock = ContinuousClock()
        var count = proxy.count()
        var since = clock.now
        try await eventually("the operator to have nothing left to do") {
            if proxy.calls.count(where: \.isWrite) != count {
                count = proxy.calls.count(where: \.isWrite)
                since = clock.now
            }
            return since.duration(to: clock.now) > .seconds(2)
        }
    }
}
