import JSON
import Kubernetes
import Testing

@Suite("Conditions") struct ConditionTests {
    let early = Timestamp(microseconds: 1_795_176_000_000_000)
    let late = Timestamp(microseconds: 1_795_176_060_500_000)

    private func condition(
        _ type: String = "Ready",
        _ status: Condition.Status = .yes,
        reason: String = "Promoted",
        at time: Timestamp? = nil
    ) -> Condition {
        Condition(type, status, reason: reason, message: "m", observedGeneration: 3, at: time ?? early)
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

    @Test("a whole new set keeps the times of what stays as it was, and nothing that it leaves out") func replaced() {
        var conditions = Conditions()
        for type in ["Ready", "Reconciling", "Available"] { conditions.set(condition(type)) }
        conditions.replace(with: [
            condition("Available", reason: "Other", at: late), condition("Ready", .no, at: late),
            condition("Stalled", at: late),
        ])
        #expect(conditions.all.map(\.type) == ["Available", "Ready", "Stalled"])
        #expect(conditions.all.map(\.lastTransitionTime) == [early, late.wholeSeconds, late.wholeSeconds])
        #expect(conditions["Available"]?.reason == "Other")
    }
}
