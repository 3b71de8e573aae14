import EmbeddedControllers
import Kubernetes
import Testing

@Suite("The arithmetic of rollouts")
struct RolloutPlannerTests {
    typealias Set = RolloutPlanner.ReplicaSet

    private func set(_ name: String, _ replicas: Int, available: Int? = nil, age: Int = 0, ceiling: Int? = nil) -> Set {
        Set(
            name: name,
            created: Timestamp(microseconds: -age),
            replicas: replicas,
            present: replicas,
            ready: available ?? replicas,
            available: available ?? replicas,
            ceiling: ceiling
        )
    }

    private func plan(_ replicas: Int, surge: Int, unavailable: Int, new: Set?, old: [Set]) -> RolloutPlanner {
        RolloutPlanner(
            replicas: replicas,
            strategy: .rollingUpdate(surge: surge, unavailable: unavailable),
            newSet: new,
            oldSets: old
        )
    }

    @Test("a new replica set begins with what the surge leaves room for")
    func firstStep() {
        let old = [set("old", 10)]
        #expect(plan(10, surge: 3, unavailable: 2, new: set("new", 0), old: old).newReplicas == 3)
        #expect(plan(10, surge: 0, unavailable: 2, new: set("new", 0), old: old).newReplicas == 0)
        #expect(plan(10, surge: 3, unavailable: 2, new: nil, old: []).newReplicas == 10)
    }

    @Test("old replicas go as far as enough pods stay available")
    func scaleDown() {
        let waiting = plan(10, surge: 3, unavailable: 2, new: set("new", 3, available: 0), old: [set("old", 10)])
        #expect(waiting.step() == [.init(name: "old", replicas: 8)])
        let further = plan(10, surge: 3, unavailable: 2, new: set("new", 5, available: 3), old: [set("old", 8)])
        #expect(further.step() == [.init(name: "old", replicas: 5)])
        let stuck = plan(10, surge: 3, unavailable: 2, new: set("new", 5, available: 0), old: [set("old", 8)])
        #expect(stuck.step() == [])
    }

    @Test("old replicas that do not work go first, of the oldest set first")
    func brokenFirst() {
        let olds = [set("older", 2, available: 0, age: 2), set("old", 8, available: 6, age: 1)]
        let plan = plan(10, surge: 1, unavailable: 3, new: set("new", 1, available: 1), old: olds)
        // 11 pods, 7 must stay: all 4 broken ones may go; 7 are available, so no other.
        #expect(plan.step() == [.init(name: "older", replicas: 0), .init(name: "old", replicas: 6)])
    }

    @Test("a change of size in the middle of a rollout is shared in proportion")
    func proportional() {
        // 10 with a surge of 3, 8 old and 5 new, becomes 30: 33 pods, of which 8/13 and 5/13.
        let plan = plan(
            30,
            surge: 3,
            unavailable: 2,
            new: set("new", 5, available: 0, ceiling: 13),
            old: [set("old", 8, age: 1, ceiling: 13)]
        )
        #expect(plan.proportionalScalings() == [.init(name: "old", replicas: 20), .init(name: "new", replicas: 13)])
    }

    @Test("a change to nothing empties all sets")
    func toZero() {
        let plan = plan(0, surge: 3, unavailable: 2, new: set("new", 5, ceiling: 13), old: [set("old", 8, ceiling: 13)])
        #expect(plan.proportionalScalings().allSatisfy { $0.replicas == 0 })
    }

    @Test("a recreation first takes the old ones away, and does not surge")
    func recreate() {
        let plan = RolloutPlanner(
            replicas: 3,
            strategy: .recreate,
            newSet: set("new", 0),
            oldSets: [set("old", 3)]
        )
        #expect(plan.step() == [.init(name: "old", replicas: 0)])
        #expect(plan.newReplicas == 3)
        #expect(plan.surge == 0)
    }

    @Test("any rollout comes to its end within its limits", arguments: 0..<200 as Range<UInt64>)
    func property(seed: UInt64) {
        var chance = SeededChance(seed: seed)
        let replicas = Int.random(in: 1...20, using: &chance)
        let surge = Int.random(in: 0...5, using: &chance)
        let unavailable = surge == 0 ? Int.random(in: 1...5, using: &chance) : Int.random(in: 0...5, using: &chance)
        var sets = ["older": (replicas: replicas / 2, available: replicas / 2), "new": (replicas: 0, available: 0)]
        sets["old"] = (replicas - replicas / 2, replicas - replicas / 2)
        func facts(_ name: String, age: Int) -> Set {
            set(name, sets[name]?.replicas ?? 0, available: sets[name]?.available ?? 0, age: age)
        }
        var overrun = 0
        var missing = 0
        for _ in 0..<300 {
            let plan = plan(
                replicas,
                surge: surge,
                unavailable: unavailable,
                new: facts("new", age: 0),
                old: [facts("older", age: 2), facts("old", age: 1)]
            )
            for scaling in plan.step() {
                let available = min(sets[scaling.name]?.available ?? 0, scaling.replicas)
                sets[scaling.name] = (scaling.replicas, available)
            }
            let total = sets.values.reduce(0) { $0 + $1.replicas }
            let available = sets.values.reduce(0) { $0 + $1.available }
            overrun = max(overrun, total - replicas - surge)
            missing = max(missing, replicas - min(unavailable, replicas) - available)
            // A pod of the new set becomes available now and then.
            if let new = sets["new"], new.available < new.replicas, Bool.random(using: &chance) {
                sets["new"]?.available += 1
            }
        }
        #expect(overrun == 0)
        #expect(missing == 0)
        #expect(sets["new"]?.available == replicas)
        #expect(sets["old"]?.replicas == 0)
        #expect(sets["older"]?.replicas == 0)
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededChance: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
