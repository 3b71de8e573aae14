import JSON
import Testing

/// Rollouts that people watch, with real pods, a real Service and requests without a break.
@Suite(.serialized, .enabled(if: TestCluster.isAvailable, "no cluster"), .timeLimit(.minutes(10)))
struct RolloutTests {
    private static let waiting = ModelFixture(
        steps: [.weight(50, "half"), .pause("ask")]
    )

    @Test("case 60: promotion restarts no pod and fails no request") func promotion() async throws {
        try await Scenario.run("promote") { scenario in
            let first = ModelFixture(steps: [.weight(50, "half"), .pause("soak", "3s")])
            let old = try await scenario.establish(first)
            let traffic = try await scenario.traffic()
            try await traffic.answers(20, of: "1.0.0")
            try await scenario.apply(first.version("1.1.0"))
            let model = try await scenario.atStep("soak", of: "1.1.0")
            let revision = try #require(model.at("status.canary.revision")?.string)
            let canary = try await scenario.podUIDs(of: revision)
            #expect(canary.count == 1 && revision != old)
            try await traffic.answers(20, of: "1.1.0")
            try await scenario.settled(at: "1.1.0")
            let promoted = try await scenario.podUIDs(of: revision)
            #expect(promoted.isSuperset(of: canary) && promoted.count == 2, "\(canary) became \(promoted)")
            try await eventually("the pods of the old revision to go") {
                try await scenario.pods(of: old).isEmpty
            }
            try await traffic.answers(40, of: "1.1.0")
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
            let restarts = try await scenario.pods()
                .compactMap { $0.at("status.containerStatuses")?[0]?["restartCount"]?.integer }
            #expect(restarts == [0, 0])
            let history = try await scenario.model()?.at("status.history")?.array ?? []
            #expect(history.map { $0["result"] } == ["Promoted", "Promoted"])
            #expect(history.first?["version"] == "1.1.0" && history.first?["from"]?.string == old)
        }
    }

    @Test("case 7: a third revision in a pause takes the canary's place and starts at the first step")
    func third() async throws {
        try await Scenario.run("third") { scenario in
            let stable = try await scenario.establish(Self.waiting)
            let pods = try await scenario.podUIDs(of: stable)
            let traffic = try await scenario.traffic()
            try await scenario.apply(Self.waiting.version("1.1.0"))
            let second = try await scenario.atStep("ask", of: "1.1.0").at("status.canary.revision")?.string ?? ""
            try await scenario.apply(Self.waiting.version("1.2.0"))
            let third = try await scenario.atStep("ask", of: "1.2.0").at("status.canary.revision")?.string ?? ""
            try await eventually("the pods of the second revision to go") {
                try await scenario.pods(of: second).isEmpty
            }
            #expect(try await scenario.pods(of: third).count == 1)
            // Half of two pods: one of the first pods stays, and none is new.
            let left = try await scenario.podUIDs(of: stable)
            #expect(left.isSubset(of: pods) && left.count == 1)
            let history = try await scenario.model()?.at("status.history")?.array ?? []
            #expect(history.first?["result"] == "Superseded" && history.first?["version"] == "1.1.0")
            #expect(
                try scenario.decisions() == [
                    "Established", "RolloutStarted", "StepStarted", "StepStarted", "RolloutSuperseded",
                    "RolloutStarted", "StepStarted", "StepStarted",
                ]
            )
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
        }
    }

    @Test("case 8: asking for the stable version again takes the canary back at once") func revert() async throws {
        try await Scenario.run("revert") { scenario in
            let stable = try await scenario.establish(Self.waiting)
            let pods = try await scenario.podUIDs(of: stable)
            let traffic = try await scenario.traffic()
            try await scenario.apply(Self.waiting.version("1.1.0"))
            let canary = try await scenario.atStep("ask", of: "1.1.0").at("status.canary.revision")?.string ?? ""
            let kept = try await scenario.podUIDs(of: stable)
            try await scenario.apply(Self.waiting)
            let model = try await scenario.settled(at: "1.0.0")
            #expect(model.condition("Ready")?["reason"] == "RevertedToStable")
            #expect(model.at("status.weights") == ["desired": 0, "observed": 0, "verified": true])
            #expect(model.at("status.rejected") == nil && model.condition("Stalled") == nil)
            #expect(model.at("status.history")?[0]?["result"] == "Reverted")
            try await eventually("the canary's pods to go") { try await scenario.pods(of: canary).isEmpty }
            let now = try await scenario.podUIDs(of: stable)
            #expect(now.isSuperset(of: kept) && kept.isSubset(of: pods) && now.count == 2)
            try await traffic.answers(20, of: "1.0.0")
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
        }
    }

    @Test("case 15: a version that crashes gets no request, and a good one after it starts at the first step")
    func goodBadGood() async throws {
        try await Scenario.run("good-bad-good") { scenario in
            let good = ModelFixture(
                steps: [.weight(50, "half"), .pause("soak", "1s")],
                more: ["progressDeadlineSeconds": 60]
            )
            try await scenario.establish(good)
            let traffic = try await scenario.traffic()
            try await scenario.apply(good.version("1.1.0") { $0.options = ["--model-file", "/nowhere"] })
            let bad = try await scenario.model("churn", "the canary to crash") {
                $0.at("status.canary.version") == "1.1.0"
                    && $0.at("status.progress.cause")?.string == "CrashLoop"
            }
            let revision = bad.at("status.canary.revision")?.string ?? ""
            try await traffic.answers(40, of: "1.0.0")
            try await scenario.apply(good.version("1.2.0"))
            try await scenario.settled(at: "1.2.0")
            #expect(try await scenario.pods(of: revision).isEmpty)
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
            #expect(Set(tally.answers.keys) == ["1.0.0", "1.2.0"])
            let history = try await scenario.model()?.at("status.history")?.array ?? []
            #expect(history.map { $0["result"]?.string } == ["Promoted", "Superseded", "Promoted"])
        }
    }

    @Test("case 22: abort, retry and promote happen once each and in this order") func requests() async throws {
        try await Scenario.run("requests") { scenario in
            let stable = try await scenario.establish(Self.waiting)
            let traffic = try await scenario.traffic()
            try await scenario.apply(Self.waiting.version("1.1.0"))
            let revision = try await scenario.atStep("ask", of: "1.1.0").at("status.canary.revision")?.string ?? ""
            #expect(try await scenario.request("promote", of: stable) == "Refused")
            #expect(try await scenario.request("abort", of: revision) == "Accepted")
            let aborted = try await scenario.model("churn", "to be aborted") {
                $0.condition("Stalled")?["reason"] == "Aborted"
            }
            #expect(aborted.at("status.weights.desired") == 0 && aborted.at("status.stable.revision")?.string == stable)
            try await eventually("the canary's pods to go") { try await scenario.pods(of: revision).isEmpty }
            #expect(try await scenario.request("retry", of: revision) == "Accepted")
            try await scenario.atStep("ask", of: "1.1.0")
            #expect(try await scenario.request("promote", of: revision) == "Accepted")
            try await scenario.settled(at: "1.1.0")
            let expected = [
                "Established", "RolloutStarted", "StepStarted", "StepStarted", "RequestRefused", "Aborting",
                "RolloutAborted", "RolloutRetried", "RolloutStarted", "StepStarted", "StepStarted", "Promoting",
                "RolloutPromoted",
            ]
            #expect(try scenario.decisions() == expected)
            try await eventually("the events of all that") {
                try await scenario.events().sorted() == expected.sorted()
            }
            let desired = scenario.recorder.versions.compactMap { $0.at("status.weights.desired")?.integer }
            let changes = desired.reduce(into: [Int]()) { if $0.last != $1 { $0.append($1) } }
            #expect(changes == [0, 50, 0, 50, 100, 0])
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
        }
    }
}
