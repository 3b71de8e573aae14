import JSON
import Testing

/// A ModelDeployment as an object among others: deleted, suspended, scaled, waited for.
@Suite(.serialized, .enabled(if: TestCluster.isAvailable, "no cluster"), .timeLimit(.minutes(10)))
struct ObjectTests {
    private static let waiting = ModelFixture(steps: [.weight(50, "half"), .pause("ask")])

    @Test("case 64: deletion in the middle of a rollout leaves the stable version serving") func deletion() async throws
    {
        try await Scenario.run("delete") { scenario in
            let stable = try await scenario.establish(Self.waiting)
            let traffic = try await scenario.traffic()
            try await scenario.apply(Self.waiting.version("1.1.0"))
            let canary = try await scenario.atStep("ask", of: "1.1.0").at("status.canary.revision")?.string ?? ""
            try await traffic.answers(10, of: "1.1.0")
            try await TestCluster.kubectl(
                ["-n", scenario.namespace, "delete", "mdep", "churn", "--timeout=60s"],
                limit: .seconds(70)
            )
            try await eventually("the canary's pods to go") { try await scenario.pods(of: canary).isEmpty }
            try await traffic.answers(40, of: "1.0.0")
            #expect(try await scenario.pods(of: stable).count == 2)
            let deployments = try await scenario.deployments().map(\.objectName)
            #expect(deployments.contains("churn-\(stable)"))
            for service in ["churn", "churn-stable", "churn-canary"] {
                let through = try await scenario.traffic(to: service)
                try await through.answers(10, of: "1.0.0", within: .seconds(15))
                let tally = await through.stop()
                #expect(tally.failed == 0 && Set(tally.answers.keys) == ["1.0.0"], "\(service): \(tally)")
            }
            // Nothing is left that garbage collection would take away.
            for object in try await scenario.deployments() + scenario.services()
            where object.objectName != "churn-\(canary)" {
                #expect(object.at("metadata.ownerReferences") == nil, "\(object.objectName)")
            }
            let tally = await traffic.stop()
            #expect(tally.failed == 0, "\(tally.failures)")
        }
    }

    @Test("case 66: of two objects that want the same Service the younger one waits for the elder") func conflict()
        async throws
    {
        try await Scenario.run("conflict") { scenario in
            try await scenario.establish(Self.waiting)
            let elder = try await scenario.model()?.at("metadata.resourceVersion")
            // Its Service has the name of the elder's Service for the stable track.
            var younger = Self.waiting
            younger.name = "churn-stable"
            try await scenario.apply(younger)
            let model = try await scenario.model("churn-stable", "to be stalled") {
                $0.condition("Stalled")?["reason"] == "TargetAlreadyManaged"
            }
            let message = model.condition("Stalled")?["message"]?.string ?? ""
            #expect(message.contains("churn") && message.contains("churn-stable"), "\(message)")
            #expect(try await scenario.model()?.at("metadata.resourceVersion") == elder)
            #expect(try await scenario.pods().count == 2)
            try await TestCluster.kubectl([
                "-n", scenario.namespace, "patch", "mdep", "churn", "--type=merge", "-p",
                "{\"spec\":{\"deletionPolicy\":\"Delete\"}}",
            ])
            try await TestCluster.kubectl(["-n", scenario.namespace, "delete", "mdep", "churn", "--timeout=60s"])
            try await scenario.settled("churn-stable", at: "1.0.0")
        }
    }

    @Test("cases 69 and 20: nothing moves while suspended, and then the newest version alone") func suspend()
        async throws
    {
        try await Scenario.run("suspend") { scenario in
            let fixture = ModelFixture(steps: [.weight(50, "half"), .pause("soak", "1s")])
            try await scenario.establish(fixture)
            let suspended = fixture.version("1.0.0") { $0.more["suspend"] = true }
            try await scenario.apply(suspended)
            try await scenario.model("churn", "to be suspended") { $0.at("status.phase") == "Suspended" }
            let before = try await scenario.deployments().map { $0["spec"] }
            for version in ["1.1.0", "1.2.0"] {
                try await scenario.apply(suspended.version(version))
                let model = try await scenario.model("churn", "version \(version) to be seen") {
                    $0.at("status.observedGeneration") == $0.at("metadata.generation")
                }
                #expect(model.condition("Ready")?["status"] == "True" && model.at("status.phase") == "Suspended")
            }
            #expect(try await scenario.deployments().map { $0["spec"] } == before)
            try await scenario.apply(fixture.version("1.2.0"))
            try await scenario.settled(at: "1.2.0")
            let versions = Set(
                scenario.recorder.versions.compactMap { $0.at("status.canary.version")?.string }
            )
            #expect(versions == ["1.2.0"])
            let phases = scenario.recorder.versions.compactMap { $0.at("status.phase")?.string }
            let changes = phases.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
            #expect(changes.count { $0 == "Suspended" } == 1, "\(changes)")
        }
    }

    @Test("case 71: kubectl waits for, scales and lists ModelDeployments") func kubectl() async throws {
        try await Scenario.run("kubectl") { scenario in
            let fixture = ModelFixture(replicas: 1, steps: [.weight(50, "half"), .pause("ask")])
            let kubectl = ["-n", scenario.namespace]
            try await scenario.apply(fixture)
            try await TestCluster.kubectl(
                kubectl + ["wait", "mdep/churn", "--for=condition=Ready", "--timeout=60s"],
                limit: .seconds(70)
            )
            try await TestCluster.kubectl(kubectl + ["scale", "mdep", "churn", "--replicas=3"])
            try await eventually("three pods") { try await scenario.pods().count == 3 }
            try await TestCluster.kubectl(
                kubectl + ["wait", "mdep/churn", "--for=condition=Ready", "--timeout=60s"],
                limit: .seconds(70)
            )
            let scale = try await scenario.cluster.get(
                "/apis/homeostat.dev/v1alpha1/namespaces/\(scenario.namespace)/modeldeployments/churn/scale"
            )
            #expect(scale?.at("spec.replicas") == 3 && scale?.at("status.replicas") == 3)
            let selector = try #require(scale?.at("status.selector")?.string)
            let selected = try await TestCluster.kubectl(kubectl + ["get", "pods", "-l", selector, "-o", "name"])
            #expect(selected.split(separator: "\n").count == 3)

            let model = try await scenario.model()
            let table = try await TestCluster.kubectl(kubectl + ["get", "mdep"]).split(separator: "\n")
            let head = table[0].split(separator: " ").map(String.init)
            #expect(head == ["NAME", "PHASE", "STEP", "WEIGHT", "STABLE", "CANARY", "READY", "REASON", "AGE"])
            let stable = try #require(model?.at("status.stable.version")?.string)
            #expect(table[1].contains("Healthy") && table[1].contains(stable) && table[1].contains("True"))

            try await scenario.apply(fixture.version("1.1.0") { $0.replicas = 3 })
            try await scenario.atStep("ask", of: "1.1.0")
            let row = try await TestCluster.kubectl(kubectl + ["get", "mdep", "--no-headers"])
            for word in ["Paused", "ask", "50", "1.0.0", "1.1.0", "Unknown", "AwaitingApproval"] {
                #expect(row.contains(word), "\(row)")
            }
            // What is paused is not ready, and whoever waits for it is told so in time.
            let wait = try await TestCluster.attempt(
                kubectl + ["wait", "mdep/churn", "--for=condition=Ready", "--timeout=1s"]
            )
            #expect(wait.status != 0)
            let explained = try await TestCluster.kubectl(["explain", "mdep.spec.strategy.canary.steps"])
            #expect(explained.contains("setWeight") && explained.contains("after the last step"))
        }
    }

    @Test("a wrong spec is refused by the API server with the field's name")
    func refused() async throws {
        try await Scenario.run("refused", withOperator: false) { scenario in
            var wrong = Self.waiting.version("one")
            wrong.steps = [.weight(140, "half")]
            let output = try await TestCluster.attempt(
                ["-n", scenario.namespace, "apply", "--dry-run=server", "-f", "-"],
                input: "\(wrong.manifest)"
            )
            #expect(output.status != 0)
            #expect(output.errors.contains("spec.model.version"), "\(output.errors)")
            #expect(
                output.errors.contains("spec.strategy.canary.steps.setWeight")
                    || output.errors.contains("spec.strategy.canary.steps[0].setWeight"),
                "\(output.errors)"
            )
        }
    }
}
