import JSON
import TestSupport

/// What a scenario has left, without what differs from one time to the next: identities, addresses and times.
struct FinalState: Equatable, CustomStringConvertible {
    /// One line for each object, as `Deployment churn-0123456789: {…}`, in order.
    var lines: [String]

    init(_ scenario: Scenario) async throws {
        let model = try await scenario.model()
        var lines = ["ModelDeployment churn: \(Self.plain(model?["status"] ?? .null))"]
        for deployment in try await scenario.deployments() {
            lines.append("Deployment \(deployment.objectName): \(Self.plain(deployment["spec"] ?? .null))")
        }
        for service in try await scenario.services() {
            lines.append("Service \(service.objectName): \(Self.plain(service["spec"] ?? .null))")
        }
        self.lines = lines.sorted()
    }

    /// The lines that this one or the other has alone.
    func difference(from other: FinalState) -> String {
        (lines.filter { !other.lines.contains($0) }.map { "is: \($0)" }
            + other.lines.filter { !lines.contains($0) }.map { "should be: \($0)" }).joined(separator: "\n")
    }

    /// The lines, one below the other.
    var description: String { lines.joined(separator: "\n") }

    private static let passing: Set<String> = [
        // Times and what is made of them; messages hold durations.
        "lastTransitionTime", "startedAt", "finishedAt", "updatedAt", "createdAt", "at", "since", "trafficReturnedAt",
        "lastEvaluatedAt", "durationSeconds", "pausedSeconds", "message",
        // Given by the API server.
        "clusterIP", "clusterIPs",
        // Counts leaders; ids of requests are new each time.
        "epoch", "id", "by",
    ]

    private static func plain(_ value: JSONValue) -> String {
        String(decoding: stripped(value).bytes(sorted: true), as: UTF8.self)
    }

    private static func stripped(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): .array(elements.map(stripped))
        case .object(let members):
            .object(JSONObject(members.filter { !passing.contains($0.key) }.map { ($0.key, stripped($0.value)) }))
        default: value
        }
    }
}

/// The shortest rollout that has everything: a weight, a pause, a promotion.
enum Promotion {
    private static let fixture = ModelFixture(steps: [.weight(50, "half"), .pause("soak", "1s")])
    private static let calm = Task {
        try await Outcome.of("calm-promotion") { scenario in
            let traffic = try await run(in: scenario)
            _ = await traffic.stop()
        }
    }

    /// Rolls a second version out, with requests from the first one's start on.
    static func run(in scenario: Scenario) async throws -> Traffic {
        try await scenario.establish(fixture)
        let traffic = try await scenario.traffic(rate: 25)
        try await scenario.apply(fixture.version("1.1.0"))
        try await scenario.settled(at: "1.1.0", within: .seconds(120))
        try await eventually("the old pods to go") { try await scenario.pods().count == 2 }
        return traffic
    }

    /// What it leaves when nothing goes wrong.
    static func expected() async throws -> FinalState { try await calm.value }
}

/// A canary whose image does not exist.
enum Rollback {
    private static let fixture = ModelFixture(
        steps: [.weight(50, "half"), .pause("ask")],
        more: ["progressDeadlineSeconds": 6]
    )
    private static let calm = Task {
        try await Outcome.of("calm-rollback") { scenario in
            let traffic = try await run(in: scenario)
            _ = await traffic.stop()
        }
    }

    /// Rolls a second version out until it was taken back, with requests from the first one's start on.
    static func run(in scenario: Scenario) async throws -> Traffic {
        try await scenario.establish(fixture)
        let traffic = try await scenario.traffic(rate: 25)
        try await scenario.apply(fixture.version("1.1.0") { $0.image = "localhost/nothing:none" })
        try await scenario.model("churn", "to be rolled back", within: .seconds(120)) {
            $0.condition("Stalled")?["reason"] == "RolledBack"
        }
        try await eventually("the canary's pods to go") { try await scenario.pods().count == 2 }
        return traffic
    }

    /// What it leaves when nothing goes wrong.
    static func expected() async throws -> FinalState { try await calm.value }
}

private enum Outcome {
    static func of(_ name: String, _ body: @Sendable (Scenario) async throws -> Void) async throws -> FinalState {
        var state: FinalState?
        try await Scenario.run(name) { scenario in
            try await body(scenario)
            state = try await FinalState(scenario)
        }
        guard let state else { throw HarnessError("the scenario \(name) has left nothing") }
        return state
    }
}
