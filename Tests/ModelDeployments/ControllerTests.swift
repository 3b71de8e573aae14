import ControllerRuntime
import HomeostatAPI
import JSON
import Kubernetes
import Synchronization
import Testing
import TestSupport

@testable import ModelDeployments

@Suite("Controller", .timeLimit(.minutes(3))) struct ControllerTests {
    static let steps = [
        CanaryStep(name: "quarter", setWeight: 25), CanaryStep(name: "half", setWeight: 50),
    ]

    @Test("a new version is promoted, and each child is made once")
    func promotion() async throws {
        let harness = try OperatorHarness()
        try await harness.withOperator {
            harness.apply("1.0.0", steps: Self.steps)
            try await harness.wait { $0.isSettled && $0.status.stable?.version == "1.0.0" }
            harness.apply("2.0.0", steps: Self.steps)
            try await harness.wait { $0.isSettled && $0.status.stable?.version == "2.0.0" }
        }
        #expect(harness.sizes == ["1.0.0": 0, "2.0.0": 4])
        #expect(harness.server.objects(.service).count == 3)
        #expect(harness.server.requests.filter { $0.verb == "create" }.count == 5)
        let stored = try #require(harness.stored)
        #expect(stored.status.history.map(\.result) == [.promoted, .promoted])
        #expect(KStatus.violations(of: stored.status.json, generation: stored.metadata.generation) == [])
        await harness.stop()
    }

    @Test("77 killed after any write of a promotion, it ends in the same state with no step doubled")
    func crashesOfAPromotion() async throws {
        try await crashes { harness in
            harness.apply("2.0.0", steps: Self.steps)
            try await harness.wait { $0.isSettled && $0.status.stable?.version == "2.0.0" }
            #expect(harness.sizes == ["1.0.0": 0, "2.0.0": 4])
            #expect(harness.stored?.status.history.map(\.result) == [.promoted, .promoted])
        }
    }

    @Test("77 killed after any write of a rollback, it ends in the same state with no step doubled")
    func crashesOfARollback() async throws {
        let steps = [CanaryStep(name: "half", setWeight: 50), CanaryStep(name: "stay", pause: nil)]
        try await crashes { harness in
            harness.apply("2.0.0", steps: steps)
            try await harness.wait { $0.status.step?.name == "stay" }
            let revision = harness.stored?.status.canary?.revision ?? ""
            harness.server.change(
                ModelDeployment.resource,
                harness.key,
                ["metadata", "annotations"],
                [OperatorRequest.annotation: .string("abort/\(revision)/1")]
            )
            try await harness.wait { $0.status.phase == .degraded }
            #expect(harness.sizes == ["1.0.0": 4, "2.0.0": 0])
            #expect(harness.stored?.status.history.map(\.result) == [.aborted, .promoted])
            #expect(harness.stored?.status.reason == "Aborted")
        }
    }

    /// Plays a story once for each of its writes, with the operator killed after that write and another one started.
    private func crashes(_ story: @escaping @Sendable (OperatorHarness) async throws -> Void) async throws {
        var write = 1
        while true {
            let harness = try OperatorHarness()
            try await harness.withOperator {
                harness.apply("1.0.0", steps: Self.steps)
                try await harness.wait { $0.isSettled }
            }
            let isReached = Mutex(false)
            harness.server.crash(afterWrite: write)
            let play = Task { try await story(harness) }
            try await harness.withOperator {
                // Ends with the crash, or with the story when it has fewer writes.
                let isOver = Latch()
                let crash = Task {
                    await harness.server.crashed.wait()
                    isOver.signal()
                }
                Task {
                    _ = await play.result
                    isOver.signal()
                }
                await isOver.wait()
                crash.cancel()
                isReached.withLock { $0 = harness.server.crashed.count > 0 }
            }
            harness.server.recover()
            if isReached.withLock({ $0 }) {
                try await harness.withOperator { try await play.value }
            } else {
                try await play.value
            }
            #expect(harness.server.objects(.service).count == 3, "crash after write \(write)")
            await harness.stop()
            guard isReached.withLock({ $0 }) else { break }
            write += 1
        }
        #expect(write > 5, "the story has \(write - 1) writes")
    }

    @Test(
        "77 conflicts, throttling, errors and cut watches change nothing about how it ends",
        arguments: [(409, "Conflict"), (429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable")]
    )
    func faults(code: Int, reason: String) async throws {
        let harness = try OperatorHarness()
        try await harness.withOperator {
            harness.apply("1.0.0", steps: Self.steps)
            try await harness.wait { $0.isSettled }
            harness.server.onRequest { request in
                request.isWrite && request.number % 3 == 0 ? .answer(code, reason) : nil
            }
            harness.apply("2.0.0", steps: Self.steps)
            try await harness.wait { $0.status.currentRollout != nil }
            harness.server.cutWatches()
            try await harness.wait { $0.isSettled && $0.status.stable?.version == "2.0.0" }
        }
        #expect(harness.sizes == ["1.0.0": 0, "2.0.0": 4])
        #expect(harness.stored?.status.history.count == 2)
        await harness.stop()
    }

    @Test("76 two operators at once, as when a frozen leader thaws, take each step once")
    func twoOperators() async throws {
        let harness = try OperatorHarness()
        try await harness.withOperator {
            try await harness.withOperator {
                harness.apply("1.0.0", steps: Self.steps)
                try await harness.wait { $0.isSettled && $0.status.stable?.version == "1.0.0" }
                harness.apply("2.0.0", steps: Self.steps)
                try await harness.wait { $0.isSettled && $0.status.stable?.version == "2.0.0" }
            }
        }
        #expect(harness.sizes == ["1.0.0": 0, "2.0.0": 4])
        #expect(harness.stored?.status.history.map(\.result) == [.promoted, .promoted])
        let told = harness.told.map(\.reason)
        for (reason, count) in [("Established", 1), ("RolloutStarted", 1), ("StepStarted", 2), ("RolloutPromoted", 1)] {
            #expect(told.filter { $0 == reason }.count == count, "\(reason): \(told)")
        }
        await harness.stop()
    }

    @Test("76 an operator whose leadership is over writes nothing")
    func lostLeadership() async throws {
        let harness = try OperatorHarness()
        try await harness.withOperator {
            harness.apply("1.0.0", steps: Self.steps)
            try await harness.wait { $0.isSettled }
        }
        let before = harness.server.writeCount
        try await harness.withOperator(fence: Fence { throw LeadershipLost("the lease is held by another") }) {
            harness.apply("2.0.0", steps: Self.steps)
            // It has looked at the new version when it has looked for its Deployment.
            await harness.server.waitForRequests { $0.verb == "get" && $0.type == .deployment }
        }
        #expect(harness.server.writeCount == before && harness.stored?.status.canary == nil)
        await harness.stop()
    }

    @Test("66 a Service of somebody else is left alone, and the object says whose it is")
    func foreignService() async throws {
        let harness = try OperatorHarness()
        let foreign: JSONValue = [
            "apiVersion": "v1", "kind": "Service",
            "metadata": [
                "name": "churn", "namespace": "shop",
                "ownerReferences": [
                    ["apiVersion": "x/v1", "kind": "Shop", "name": "elder", "uid": "1", "controller": true]
                ],
            ],
            "spec": ["selector": ["app": "shop"], "ports": [["port": 80]]],
        ]
        let before = harness.server.put(.service, foreign)
        try await harness.withOperator {
            harness.apply("1.0.0", steps: Self.steps)
            try await harness.wait { $0.status.reason == "TargetAlreadyManaged" }
            #expect(harness.stored?.status.message.contains("Shop \"elder\"") == true)
            #expect(harness.server.get(.service, harness.key) == before)
            harness.server.delete(.service, harness.key)
            // Freed by the deletion: the next look finds it so.
            harness.apply("1.0.1", steps: Self.steps)
            try await harness.wait { $0.isSettled }
        }
        await harness.stop()
    }

    @Test("64 deleted in the middle, the stable version serves on without an owner and the object is gone")
    func deletion() async throws {
        let harness = try OperatorHarness()
        let steps = [CanaryStep(name: "half", setWeight: 50), CanaryStep(name: "stay", pause: nil)]
        try await harness.withOperator {
            harness.apply("1.0.0", steps: steps)
            try await harness.wait { $0.isSettled }
            harness.apply("2.0.0", steps: steps)
            try await harness.wait { $0.status.step?.name == "stay" }
            harness.server.delete(ModelDeployment.resource, harness.key)
            // The first one adds the finalizer, the second one removes it.
            await harness.server.waitForRequests(2) { request in
                request.verb == "patch" && request.type == ModelDeployment.resource && request.subresource == nil
            }
        }
        let left = harness.server.objects(.deployment)
        #expect(left.map { $0[path: ["spec", "replicas"]] } == [4])
        #expect(left.allSatisfy { $0[path: ["metadata", "ownerReferences"]] == nil })
        #expect(harness.stored == nil && harness.server.objects(.service).count == 3)
        await harness.stop()
    }

    @Test("a definition that drops parts of the status is named, and the API server is not flooded")
    func outdatedDefinition() async throws {
        let harness = try OperatorHarness()
        try await harness.withOperator {
            harness.apply("1.0.0", steps: Self.steps)
            try await harness.wait { $0.isSettled }
        }
        harness.server.drop(["status", "currentRollout"], of: ModelDeployment.resource)
        harness.apply("2.0.0", steps: Self.steps)
        let before = harness.server.writeCount
        let clock = ManualClock()
        try await harness.withOperator(clock: RuntimeClock(manual: clock)) {
            for round in 0..<10 {
                await clock.sleeper(dueIn: .milliseconds(5 << round))
                #expect(harness.server.writeCount <= before + round + 1)
                clock.advance(by: .milliseconds(5 << round))
            }
        }
        #expect(harness.sizes == ["1.0.0": 4])
        #expect("\(OutdatedDefinition())".contains("homeostat crds"))
        await harness.stop()
    }
}
