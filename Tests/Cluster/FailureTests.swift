import JSON
import Synchronization
import TestSupport
import Testing

/// Canaries that do not come up or do not behave, and an API server in trouble.
@Suite(.serialized, .enabled(if: TestCluster.isAvailable, "no cluster"), .timeLimit(.minutes(10)))
struct FailureTests {
    /// A canary that never becomes ready, and the words in which its pods say why.
    struct Stuck: Sendable, CustomTestStringConvertible {
        var cause: String
        var words: String
        var change: @Sendable (inout ModelFixture) -> Void
        var testDescription: String { cause }

        static let all = [
            Stuck(cause: "ImagePullFailed", words: "localhost/nothing:none") { $0.image = "localhost/nothing:none" },
            Stuck(cause: "Unschedulable", words: "Insufficient cpu") { $0.requests = ["cpu": "1000"] },
            Stuck(cause: "CrashLoop", words: "exited with code") { $0.options = ["--model-file", "/nowhere"] },
        ]
    }

    @Test("case 17: a canary that makes no progress is rolled back with its pods' reason", arguments: Stuck.all)
    func deadline(stuck: Stuck) async throws {
        try await Scenario.run("deadline") { scenario in
            let good = ModelFixture(
                steps: [.weight(50, "half"), .pause("ask")],
                more: ["progressDeadlineSeconds": 15]
            )
            let stable = try await scenario.establish(good)
            let pods = try await scenario.podUIDs(of: stable)
            let traffic = try await scenario.traffic()
            try await scenario.apply(good.version("1.1.0", stuck.change))
            let model = try await scenario.model("churn", "to be rolled back") {
                $0.condition("Stalled")?["reason"] == "RolledBack"
            }
            let message = model.at("status.rejected.message")?.string ?? ""
            #expect(model.at("status.rejected.reason")?.string == stuck.cause)
            #expect(message.contains(stuck.words) && message.contains("churn-"), "\(message)")
            #expect(model.condition("Ready")?["message"]?.string?.contains(stuck.words) == true)
            #expect(model.at("status.rollback.reason")?.string == stuck.cause)
            #expect(model.at("status.history")?[0]?["result"] == "RolledBack")
            #expect(model.at("status.phase") == "Degraded" && model.condition("Available")?["status"] == "True")
            #expect(try await scenario.podUIDs(of: stable) == pods)
            let revision = model.at("status.rejected.revision")?.string ?? ""
            try await eventually("the canary's pods to go") { try await scenario.pods(of: revision).isEmpty }
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
            #expect(Set(tally.answers.keys) == ["1.0.0"])
        }
    }

    @Test(
        "a version that fails three in ten requests is rolled back on what Prometheus measured",
        .enabled(if: TestCluster.prometheus != nil, "no Prometheus")
    )
    func errors() async throws {
        try await Scenario.run("errors") { scenario in
            let good = ModelFixture(
                steps: [.weight(50, "half"), .analysis("judge")],
                more: [
                    "analysis": [
                        "prometheus": ["address": .string(TestCluster.prometheus ?? "")],
                        "interval": "2s",
                        "metrics": [
                            [
                                "name": "errors",
                                "errorRate": [
                                    "total": "model_requests_total",
                                    "failed": "model_requests_total{code=~\"5..\"}",
                                ],
                            ]
                        ],
                    ]
                ]
            )
            try await scenario.establish(good)
            let traffic = try await scenario.traffic(rate: 80, tolerates: [500])
            try await scenario.apply(good.version("1.1.0") { $0.options = ["--fault-error-share", "0.3"] })
            let model = try await scenario.model("churn", "to be rolled back", within: .seconds(120)) {
                $0.condition("Stalled")?["reason"] == "RolledBack"
            }
            let verdict = model.at("status.verdicts")?[0]
            #expect(verdict?["name"] == "errors" && verdict?["verdict"] == "Worse")
            let rate = verdict?["canaryRate"]?.double ?? 0
            #expect((0.15...0.45).contains(rate), "\(rate)")
            #expect(verdict?["stableRate"]?.double == 0)
            #expect(model.at("status.rollback.reason") == "AnalysisWorse")
            let message = model.at("status.rollback.message")?.string ?? ""
            #expect(
                message.contains("errors") && message.contains("\(verdict?["canarySamples"]?.integer ?? -1)"),
                "\(message)"
            )
            #expect(model.at("status.rollback.durationSeconds")?.double ?? -1 > 0)
            #expect(model.at("status.history")?[0]?["result"] == "RolledBack")
            let before = traffic.soFar.answers["status 500"] ?? 0
            #expect(before > 0)
            // Until the last of them has ended, the node may still give them requests.
            try await eventually("the canary's pods to end") {
                let revision = model.at("status.rejected.revision")?.string ?? ""
                return try await scenario.pods(of: revision, ending: true).isEmpty
            }
            let after = traffic.soFar.answers["status 500"] ?? 0
            try await traffic.answers(80, of: "1.0.0")
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
            #expect(tally.answers["status 500"] == after)
        }
    }

    /// What goes wrong between the operator and the API server.
    struct Trouble: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var rule: FaultProxy.Rule

        /// Every so many-th write.
        private static func each(_ count: Int, _ fault: FaultProxy.Fault) -> FaultProxy.Rule {
            { $0.isWrite && $0.writeNumber % count == 0 ? fault : .pass }
        }

        static let all = [
            Trouble(testDescription: "409 for every third write", rule: each(3, .answer(409))),
            Trouble(testDescription: "429 for every other write", rule: each(2, .answer(429, retryAfter: 1))),
            Trouble(testDescription: "500 for every third write", rule: each(3, .answer(500))),
            Trouble(testDescription: "answers of every third write lost", rule: each(3, .loseAnswer)),
            Trouble(testDescription: "watches cut after two lines, 410 for every third watch") { call in
                guard call.isWatch else { return .pass }
                return call.number % 3 == 0 ? .answer(410) : .cut(afterLines: 2)
            },
            Trouble(testDescription: "503, refused and late requests") { call in
                switch call.number % 7 {
                case 0: .answer(503, retryAfter: 1)
                case 3: .refuse
                case 5: .delay(.milliseconds(300))
                default: .pass
                }
            },
        ]
    }

    @Test("case 77: an API server in trouble changes nothing in the end", arguments: Trouble.all)
    func faults(trouble: Trouble) async throws {
        let expected = try await Promotion.expected()
        let proxy = try await TestCluster.ready().proxy()
        try await Scenario.run("faults", through: proxy) { scenario in
            proxy.use(trouble.rule)
            let traffic = try await Promotion.run(in: scenario)
            proxy.use { _ in .pass }
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
            let state = try await FinalState(scenario)
            #expect(state == expected, "\(state.difference(from: expected))")
            let steps = try await scenario.stepEvents()
            #expect(Set(steps).count == steps.count, "\(steps)")
        }
        await proxy.stop()
    }
}
