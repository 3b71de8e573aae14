import Engines
import HomeostatAPI
import Kubernetes
import Testing

@testable import ModelDeployments

/// What holds in every world, whatever happens in it.
@Suite("Planner, in any world") struct PlannerPropertyTests {
    static let revisions = ["v1", "v2", "v3", "v4"]

    static func random(_ generator: inout SplitMix) -> World {
        let lists = [
            PlannerTests.weights(25, 50, 75, pause: .seconds(20)), PlannerTests.weights(75, 25, pause: .seconds(15)),
            PlannerTests.weights(5, 50, 100, pause: .seconds(30)), [],
            [Policy.Step("half", .setWeight(50)), Policy.Step("judge", .analysis(minimum: .seconds(20)))],
        ]
        var world = World(
            PlannerTests.policy(
                replicas: Int.random(in: 1...9, using: &generator),
                steps: lists.randomElement(using: &generator) ?? [],
                analysis: Bool.random(using: &generator) ? PlannerTests.judged : nil,
                deadline: .seconds(90)
            )
        )
        for revision in revisions {
            world.behaviours[revision] = World.Behaviour(
                readyAfter: .seconds(Int.random(in: 0...20, using: &generator)),
                errorRate: [0, 0.001, 0.3].randomElement(using: &generator) ?? 0
            )
        }
        world.random = SplitMix(seed: generator.next())
        return world
    }

    /// Something a person, the cluster or a metrics provider may do.
    static func disturb(_ world: inout World, _ generator: inout SplitMix) {
        switch Int.random(in: 0..<9, using: &generator) {
        case 0, 1:
            world.policy.revision = revisions.randomElement(using: &generator) ?? "v1"
            world.policy.generation += 1
        case 2: world.policy.replicas = Int.random(in: 1...9, using: &generator)
        case 3:
            world.request(
                Policy.Request.Verb.allCases.randomElement(using: &generator) ?? .abort,
                revisions.randomElement(using: &generator) ?? "v1",
                id: "\(generator.next())"
            )
        case 4: world.metrics = .down
        case 5: world.metrics = .answering
        case 6: world.policy.isSuspended.toggle()
        case 7: world.policy.steps = Self.random(&generator).policy.steps
        default: break
        }
    }

    @Test("available pods never fall below what the traffic needs by the operator's own doing", arguments: 0..<40)
    func capacity(seed: UInt64) {
        var generator = SplitMix(seed: seed)
        var world = Self.random(&generator)
        world.settle()
        var needed = world.policy.replicas
        for _ in 0..<30 {
            Self.disturb(&world, &generator)
            for _ in 0..<Int.random(in: 1...25, using: &generator) {
                let before = Self.revisions.reduce(0) { $0 + world.available($1) }
                needed = world.policy.replicas
                world.reconcile()
                let after = Self.revisions.reduce(0) { $0 + world.available($1) }
                #expect(after >= min(before, needed), "seed \(seed) at \(world.now): \(before) pods became \(after)")
                world.now = world.now + .seconds(1)
            }
        }
    }

    @Test("the weight asked for rises only when the tracks bear the one before", arguments: 0..<20)
    func weightAfterEndpoints(seed: UInt64) {
        var generator = SplitMix(seed: seed &+ 1000)
        var world = Self.random(&generator)
        world.settle()
        for _ in 0..<20 {
            Self.disturb(&world, &generator)
            for _ in 0..<15 {
                let before = world
                world.reconcile()
                if let old = before.state.rollout, let new = world.state.rollout, old.canary == new.canary,
                    new.weight > old.weight, old.stepsHash == new.stepsHash, new.promotedBy == nil,
                    world.state.lastRequest == before.state.lastRequest
                {
                    let shares = ReplicaShares(weight: old.weight, of: before.policy.replicas)
                    let bears = before.available(old.canary.revision) >= shares.canary
                    #expect(bears, "seed \(seed): \(old.weight) to \(new.weight)")
                }
                world.now = world.now + .seconds(1)
            }
        }
    }

    @Test(
        "left alone, every world comes to rest: on the revision asked for, or on the stable one and stalled",
        arguments: 0..<40
    )
    func comesToRest(seed: UInt64) {
        var generator = SplitMix(seed: seed &+ 2000)
        var world = Self.random(&generator)
        world.settle()
        for _ in 0..<15 {
            Self.disturb(&world, &generator)
            world.run(.seconds(Int.random(in: 1...30, using: &generator)))
        }
        world.metrics = .answering
        world.policy.isSuspended = false
        world.policy.steps = PlannerTests.weights(50, pause: .seconds(10))
        if let canary = world.state.rollout?.canary.revision { world.request(.resume, canary, id: "last") }
        world.run(.seconds(2000))
        let stable = world.state.stable?.revision ?? ""
        #expect(world.state.rollout == nil, "seed \(seed): \(world.situation)")
        #expect(world.available(stable) == world.policy.replicas)
        #expect(Self.revisions.allSatisfy { $0 == stable || world.desired($0) == 0 })
        switch world.situation.readiness {
        case .ready: #expect(stable == world.policy.revision)
        case .stalled:
            #expect(world.state.rejected?.revision == world.policy.revision && stable != world.policy.revision)
        default: Issue.record("seed \(seed): \(world.situation)")
        }
    }

    @Test("71 every status that is written in any world keeps to kstatus and survives being stored", arguments: 0..<12)
    func statuses(seed: UInt64) {
        var generator = SplitMix(seed: seed &+ 3000)
        var world = Self.random(&generator)
        for _ in 0..<15 {
            for _ in 0..<10 {
                world.reconcile()
                world.now = world.now + .seconds(2)
            }
            Self.disturb(&world, &generator)
        }
        #expect(world.statusFaults == [])
    }

    @Test("a crash after any number of writes ends in the same state, with no step doubled", arguments: [0.0, 0.4])
    func crashes(errorRate: Double) {
        func story(crashAt: Int?) -> World {
            var world = PlannerTests.updated(
                PlannerTests.policy(
                    steps: PlannerTests.weights(25, 50, pause: .seconds(20)),
                    analysis: PlannerTests.judged
                )
            )
            world.behaviours["v2"] = World.Behaviour(errorRate: errorRate)
            world.crashAfter = crashAt
            for _ in 0..<160 {
                for _ in 0..<2 { world.reconcile() }
                if world.crashAfter == 0 {
                    world.crashAfter = nil  // another operator takes over, three seconds later
                    world.now = world.now + .seconds(3)
                }
                world.now = world.now + .seconds(1)
            }
            return world
        }
        let calm = story(crashAt: nil)
        #expect(calm.state.rollout == nil)
        for crash in 1...45 {
            let world = story(crashAt: crash)
            #expect(world.state.stable == calm.state.stable && world.state.rollout == nil, "crash after \(crash)")
            #expect(world.state.rejected?.revision == calm.state.rejected?.revision)
            #expect(world.tracks.mapValues(\.desired) == calm.tracks.mapValues(\.desired))
            #expect(world.services == calm.services)
            #expect(world.reasons.filter { $0 != .rollingBack } == calm.reasons.filter { $0 != .rollingBack })
        }
    }

    @Test("80 alike tracks: the share of false rollbacks stays within alpha and sampling error")
    func sameOnBothSides() {
        let runs = 200
        var rolledBack = 0
        for seed in 0..<runs {
            var world = PlannerTests.updated(
                PlannerTests.policy(
                    replicas: 10,
                    steps: PlannerTests.weights(10, 50, pause: .seconds(600)),
                    analysis: PlannerTests.judged
                )
            )
            world.random = SplitMix(seed: UInt64(seed) &* 7919)
            world.storesStatus = false
            world.behaviours["v1"] = World.Behaviour(readyAfter: .zero, errorRate: 0.02)
            world.behaviours["v2"] = World.Behaviour(readyAfter: .zero, errorRate: 0.02)
            // Only the ticks at which evidence is due matter here.
            for _ in 0..<260 {
                world.reconcile()
                world.now = world.now + .seconds(5)
            }
            if world.state.rejected != nil { rolledBack += 1 }
        }
        let alpha = PlannerTests.sequential.alphaRollback
        let bound = alpha + 3 * (alpha * (1 - alpha) / Double(runs)).squareRoot()
        #expect(Double(rolledBack) / Double(runs) <= bound, "\(rolledBack) of \(runs)")
    }
}
