import JSON
import Kubernetes
import Testing

@testable import ControllerRuntime

@Suite("The conventions of kstatus") struct KStatusTests {
    let early = Timestamp(microseconds: 1_795_176_000_000_000)

    private func condition(
        _ type: String = "Ready",
        _ status: Condition.Status = .yes,
        reason: String = "Promoted",
        generation: Int = 3
    ) -> Condition {
        Condition(type, status, reason: reason, message: "m", observedGeneration: generation, at: early)
    }

    private func status(_ conditions: [Condition], observed: JSONValue = 3) -> JSONValue {
        ["observedGeneration": observed, "conditions": .array(conditions.map(\.value))]
    }

    @Test("a right status breaks no rule") func right() {
        #expect(KStatus.violations(of: status([condition()]), generation: 3) == [])
        let working = [
            condition("Ready", .unknown, reason: "Progressing"), condition("Reconciling", .yes, reason: "Progressing"),
        ]
        #expect(KStatus.violations(of: status(working), generation: 3) == [])
        let stalled = [condition("Ready", .no, reason: "RolledBack"), condition("Stalled", .yes, reason: "RolledBack")]
        #expect(KStatus.violations(of: status(stalled), generation: 4) == [])
    }

    @Test(
        "each broken rule is named",
        arguments: [
            ("missing", ["Ready: missing"]), ("both", ["Reconciling and Stalled: both are True"]),
            ("false negative", ["Reconciling: is False; leave it out unless it is True"]),
            ("ready while reconciling", ["Ready: is True while Reconciling is True"]),
            (
                "ready for an old generation",
                ["Ready: is True for generation 2, the status for 3, the object is at 3"]
            ), ("unknown", ["Ready: is Unknown without Reconciling"]),
            ("text generation", ["observedGeneration: must be a whole number"]),
            ("ahead", ["observedGeneration: 9 is above the generation 3"]),
            ("twice", ["conditions[1].type: Ready is there twice"]),
            ("reason", ["conditions[0] (Ready).reason: \"not a word\" is no word in CamelCase"]),
        ] as [(String, [String])]
    )
    func broken(which: String, violations: [String]) {
        let notReady = condition("Ready", .no)
        let status =
            switch which {
            case "missing": status([])
            case "both": status([notReady, condition("Reconciling"), condition("Stalled")])
            case "false negative": status([notReady, condition("Reconciling", .no)])
            case "ready while reconciling": status([condition(), condition("Reconciling")])
            case "ready for an old generation": status([condition(generation: 2)])
            case "unknown": status([condition("Ready", .unknown)])
            case "text generation": status([notReady], observed: "3")
            case "ahead": status([notReady], observed: 9)
            case "twice": status([notReady, notReady])
            default: status([condition("Ready", .no, reason: "not a word")])
            }
        #expect(KStatus.violations(of: status, generation: 3) == violations)
    }

    @Test("tools that follow kstatus conclude what they should") func verdicts() {
        var metadata = ObjectMeta(name: "a")
        metadata.generation = 3
        func verdict(_ conditions: [Condition], observed: JSONValue = 3) -> KStatus.Verdict {
            KStatus.verdict(status: status(conditions, observed: observed), metadata: metadata)
        }
        #expect(verdict([condition()]) == .current)
        #expect(verdict([condition()], observed: 2) == .inProgress)
        #expect(verdict([condition("Ready", .no), condition("Stalled")]) == .failed)
        #expect(verdict([condition("Ready", .unknown), condition("Reconciling")]) == .inProgress)
        metadata.deletionTimestamp = early
        #expect(verdict([condition()]) == .terminating)
    }
}
