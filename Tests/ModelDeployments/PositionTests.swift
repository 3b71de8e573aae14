import Kubernetes
import Testing

@testable import ModelDeployments

@Suite("Position") struct PositionTests {
    @Test("every move that any world makes is in the table", arguments: 0..<30)
    func movesAreInTheTable(seed: UInt64) {
        var generator = SplitMix(seed: seed &+ 5000)
        var world = PlannerPropertyTests.random(&generator)
        world.storesStatus = false
        var moves: Set<String> = []
        for _ in 0..<40 {
            for _ in 0..<12 {
                let before = Position(world.state)
                world.reconcile()
                let after = Position(world.state)
                if before != after { moves.insert("\(before.rawValue) \(after.rawValue)") }
                world.now = world.now + .seconds(2)
            }
            PlannerPropertyTests.disturb(&world, &generator)
        }
        let known = Set(Position.table.map { "\($0.from.rawValue) \($0.to.rawValue)" })
        #expect(moves.isSubset(of: known), "\(moves.subtracting(known))")
    }

    @Test("every position but the first is reached and left")
    func tableIsConnected() {
        for position in Position.allCases {
            #expect(Position.table.contains { $0.from == position })
            #expect(position == .none || Position.table.contains { $0.to == position })
        }
    }
}
