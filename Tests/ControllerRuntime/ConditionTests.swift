import JSON
import Kubernetes
import Testing

@testable import ControllerRuntime

@Suite("Conditions") struct ConditionTests {
    let early = Timestamp(microseconds: 1_795_176_000_000_000)
    let late = Timestamp(microseconds: 1_795_176_060_500_000)

    private func condition(
        _ type: String = "Ready",
        _ status: Condition.Status = .yes,
        reason: String = "Promoted",
        generation: Int = 3,
        at time: Timestamp? = nil
    ) -> Condition {
        Condition(type, status, reason: reason, message: "m", observedGeneration: generation, at: time ?? early)
    }

    private func status(_ conditions: [Condition], observed: JSONValue = 3) -> JSONValue {
        ["observedGeneration": observed, "conditions": .array(conditions.map(\.value))]
    }

    @Test("the transition time changes with the status and with nothing else") func transition() {
        var conditions = Conditions()
        let changes = [
            conditions.set(condition()), conditions.set(condition(at: late)),
            conditions.set(condition(reason: "Other", at: late)),
        ]
        #expect(changes == [true, false, true])
        #expect(conditions["Ready"]?.lastTransitionTime == early)
        conditions.set(condition("Ready", .no, at: late))
        #expect(conditions["Ready"]?.lastTransitionTime == late.wholeSeconds)
    }

    @Test("conditions are read as they were written, in their order") func roundTrip() {
        var conditions = Conditions()
        conditions.set(condition("Ready"))
        conditions.set(condition("Available"))
        conditions.set(condition("Ready", .no))
        #expect(conditions.all.map(\.type) == ["Ready", "Available"])
        #expect(Conditions(conditions.value) == conditions)
        let removed = [conditions.remove("Ready"), conditions.remove("Ready")]
        #expect(removed == [true, false] && conditions.all.count == 1)
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

@Suite("Ownership") struct OwnershipTests {
    private let parent = ResourceType(group: "example.com", version: "v1", kind: "Parent", plural: "parents")

    private func owner(_ name: String, namespace: String = "shop", uid: String? = nil) -> ObjectMeta {
        var metadata = ObjectMeta(name: name, namespace: namespace)
        metadata.uid = uid ?? "uid-\(name)"
        return metadata
    }

    @Test("an object has one controller; setting it again changes nothing") func controller() throws {
        var child = ObjectMeta(name: "child", namespace: "shop")
        try child.setController(owner("a"), parent)
        try child.setController(owner("a"), parent)
        #expect(child.ownerReferences.count == 1 && child.controller?.uid == "uid-a")
        #expect(child.owners(of: parent) == [.shop("a")])
    }

    @Test("what the garbage collector would punish is refused") func refused() throws {
        var child = ObjectMeta(name: "child", namespace: "shop")
        #expect(throws: OwnershipError.self) { try child.setController(owner("a", namespace: "other"), parent) }
        #expect(throws: OwnershipError.self) { try child.setController(owner("a", uid: ""), parent) }
        try child.setController(owner("a"), parent)
        #expect(throws: OwnershipError.self) { try child.setController(owner("b"), parent) }
        #expect(child.controller?.name == "a")
    }

    @Test("a manager's name says program and concern, as long as the API server takes it") func fieldManager() {
        #expect(FieldManager("homeostat", concern: "traffic").name == "homeostat/traffic")
        #expect(FieldManager("x", concern: String(repeating: "y", count: 300)).name.utf8.count == 128)
    }
}
