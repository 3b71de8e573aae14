import Kubernetes
import Synchronization
import TestSupport
import Testing

@testable import ControllerRuntime

@Suite("The cache") struct StoreTests {
    typealias Object = DynamicObject

    /// A store that holds what was listed at a version.
    private func store(
        _ objects: [Object] = [],
        at version: Int = 10,
        indexes: [Index<Object>] = []
    ) -> StoreWriter<Object> {
        let writer = StoreWriter(Store<Object>(indexes: indexes))
        _ = replace(writer, objects, at: version)
        return writer
    }

    private func replace(_ writer: StoreWriter<Object>, _ objects: [Object], at version: Int) -> [Change<Object>] {
        writer.beginReplace()
        for object in objects { writer.stage(object) }
        return writer.finishReplace(at: "\(version)")
    }

    @Test("7.2 a new list reports what is gone as deleted, what is new as added, and keeps the rest") func relist() {
        let kept = Object.fixture("kept", version: 3)
        let writer = store([kept, .fixture("gone", version: 4), .fixture("changed", version: 5)])
        let changes = replace(
            writer,
            [kept, .fixture("changed", version: 21), .fixture("new", version: 22)],
            at: 30
        )
        let told = Set(changes.map { "\($0.key.name) \($0.old != nil) \($0.new != nil)" })
        #expect(told == ["gone true false", "changed true true", "new false true"])
        #expect(Set(writer.store.keys.map(\.name)) == ["kept", "changed", "new"])
    }

    @Test("7.4 readers see the old state until a new list is complete") func swap() {
        let writer = store([.fixture("a", version: 3)])
        writer.beginReplace()
        writer.stage(.fixture("b", version: 12))
        #expect(writer.store.keys.map(\.name) == ["a"])
        writer.beginReplace()  // the list was given up and begun anew
        writer.stage(.fixture("c", version: 13))
        _ = writer.finishReplace(at: "20")
        #expect(writer.store.keys.map(\.name) == ["c"])
    }

    @Test("7.7 events of one batch are applied in order") func order() {
        let writer = store()
        let applied = writer.apply([
            .put(.fixture("a", version: 11)), .put(.fixture("a", version: 12)), .put(.fixture("b", version: 13)),
            .deleted(.fixture("b", version: 14)),
        ])
        #expect(applied.changes.count == 4 && applied.version == "14" && !applied.wentBack)
        #expect(writer.store.get(.shop("a"))?.metadata.resourceVersion == "12")
        #expect(writer.store.get(.shop("b")) == nil)
    }

    @Test("7.12 what is told twice changes nothing") func duplicates() {
        let writer = store()
        _ = writer.apply([.put(.fixture("a", version: 11))])
        let again = writer.apply([.put(.fixture("a", version: 11))])
        #expect(again.changes.isEmpty && !again.wentBack)
        let unknown = writer.apply([.deleted(.fixture("x", version: 12))])
        #expect(unknown.changes.isEmpty && unknown.version == "12")
        _ = writer.apply([.deleted(.fixture("a", version: 13))])
        #expect(writer.apply([.deleted(.fixture("a", version: 13))]).changes.isEmpty)
        #expect(writer.store.count == 0)
    }

    @Test("7.12 a change of an object that was never added adds it") func changeBeforeAdd() {
        let writer = store()
        let applied = writer.apply([.put(.fixture("a", version: 12))])
        #expect(applied.changes.first?.old == nil && applied.changes.first?.new != nil)
        #expect(writer.store.count == 1)
    }

    @Test("7.2 an event older than a deletion does not bring the object back, and asks for a list") func resurrection()
    {
        let writer = store([.fixture("a", version: 3)])
        _ = writer.apply([.deleted(.fixture("a", version: 15))])
        let late = writer.apply([.put(.fixture("a", version: 12))])
        #expect(late.wentBack && late.changes.isEmpty)
        #expect(writer.store.count == 0)
    }

    @Test("7.11 after a restore the cache equals the server, although versions went back") func restored() {
        let writer = store([.fixture("a", version: 90), .fixture("b", version: 95)], at: 100)
        #expect(writer.apply([.bookmark(resourceVersion: "40", isInitialEventsEnd: false)]).wentBack)
        let changes = replace(writer, [.fixture("a", version: 30)], at: 40)
        #expect(changes.count == 2)
        #expect(writer.store.get(.shop("a"))?.metadata.resourceVersion == "30")
        #expect(writer.apply([.put(.fixture("c", version: 41))]).changes.count == 1)
    }

    @Test("7.22 a listed object that cannot be read stays as it was known") func unreadable() {
        let writer = store([.fixture("a", version: 3), .fixture("b", version: 4)])
        writer.beginReplace()
        writer.stage(.fixture("a", version: 12))
        writer.stageUnreadable(.shop("b"))
        let changes = writer.finishReplace(at: "20")
        #expect(changes.map(\.key.name) == ["a"])
        #expect(writer.store.count == 2)
    }

    @Test("an object made again under the same name is a deletion and an addition") func reborn() {
        let writer = store([.fixture("a", version: 3, uid: "one")])
        let changes = writer.apply([.put(.fixture("a", version: 12, uid: "two"))]).changes
        #expect(changes.map { $0.new?.metadata.uid } == [nil, "two"])
    }

    @Test("7.38 an index follows the field: the old value no longer finds the object") func indexes() {
        let writer = store(
            [.fixture("a", version: 3, labels: ["app": "x"]), .fixture("b", version: 4, labels: ["app": "x"])],
            indexes: [.label("app"), .namespace]
        )
        #expect(writer.store.indexed(by: "app", "x").map(\.key.name) == ["a", "b"])
        _ = writer.apply([.put(.fixture("a", version: 11, labels: ["app": "y"]))])
        #expect(writer.store.indexed(by: "app", "x").map(\.key.name) == ["b"])
        #expect(writer.store.indexed(by: "app", "y").map(\.key.name) == ["a"])
        _ = writer.apply([.deleted(.fixture("b", version: 12))])
        #expect(writer.store.indexed(by: "app", "x").isEmpty)
        #expect(writer.store.indexed(by: "namespace", "shop").count == 1)
        #expect(writer.store.indexed(by: "unknown", "x").isEmpty)
    }

    @Test("7.42 a streamed first state replaces the cache at its end, and what follows is applied") func streamed() {
        let writer = store([.fixture("old", version: 3)])
        writer.beginReplace()
        let (first, rest) = writer.stage([
            .put(.fixture("b", version: 9)), .put(.fixture("a", version: 5)), .deleted(.fixture("b", version: 12)),
            .bookmark(resourceVersion: "12", isInitialEventsEnd: true), .put(.fixture("c", version: 13)),
        ])
        #expect(first.initialEventsEnd == "12" && rest.count == 1)
        _ = writer.finishReplace(at: "12")
        _ = writer.apply(Array(rest))
        #expect(Set(writer.store.keys.map(\.name)) == ["a", "c"])
    }

    @Test("7.45 a list of an unchanged cache keeps the objects it has") func reuse() {
        let objects = (0..<50).map { Object.fixture("w\($0)", version: $0 + 1) }
        let writer = store(objects, at: 60)
        let before = writer.store.state.withLock { $0.items.mapValues { ObjectIdentifier($0) } }
        #expect(replace(writer, objects, at: 70).isEmpty)
        let after = writer.store.state.withLock { $0.items.mapValues { ObjectIdentifier($0) } }
        #expect(before == after)
    }

    @Suite("waits for own writes") struct Expectations {
        private let writer = StoreWriter(Store<Object>())
        private var store: Store<Object> { writer.store }

        init() {
            writer.beginReplace()
            writer.stage(.fixture("a", version: 3))
            _ = writer.finishReplace(at: "10")
        }

        @Test("7.13 until the object is there at that version or a later one") func version() {
            let written = Object.fixture("a", version: 15)
            #expect(!store.meets(.written(written)))
            let seen = Box<Bool>()
            #expect(!store.notify(when: .written(written)) { seen.add(true) })
            _ = writer.apply([.put(.fixture("a", version: 12))])
            #expect(seen.values.isEmpty)
            _ = writer.apply([.put(written)])
            #expect(seen.values.count == 1)
            _ = writer.apply([.put(.fixture("a", version: 16))])
            #expect(seen.values.count == 1)
        }

        @Test("7.13 or until a bookmark or another object has passed the version") func passed() {
            let hidden = Object.fixture("not-selected", version: 15)
            #expect(!store.meets(.written(hidden)))
            _ = writer.apply([.bookmark(resourceVersion: "15", isInitialEventsEnd: false)])
            #expect(store.meets(.written(hidden)))
        }

        @Test("7.13 a write that changed nothing is seen at once") func unchanged() {
            #expect(store.meets(.written(Object.fixture("a", version: 3))))
        }

        @Test("7.13 a deletion is seen when the object is gone, going, or another one") func deletion() {
            let deleted = Expectation.deleted(.shop("a"), uid: "uid-a")
            #expect(!store.meets(deleted))
            var going = Object.fixture("a", version: 11)
            going.metadata.deletionTimestamp = Timestamp(microseconds: 1)
            _ = writer.apply([.put(going)])
            #expect(store.meets(deleted))
            #expect(store.meets(.deleted(.shop("a"), uid: "another")))
            #expect(store.meets(.deleted(.shop("never"), uid: "x")))
        }
    }

    @Test(
        "versions are compared as numbers of any length, or not at all",
        arguments: [
            ("9", "10", false), ("10", "9", true), ("10", "10", true), ("18446744073709551617", "2", true),
            ("a", "a", true), ("a", "b", nil), ("1", "b", nil), ("", "1", nil), ("007", "7", nil),
        ] as [(String, String, Bool?)]
    )
    func versions(a: String, b: String, isAtLeast: Bool?) {
        #expect(ResourceVersion.isAtLeast(a, b) == isAtLeast)
    }
}
