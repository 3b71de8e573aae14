package import Kubernetes
import Synchronization

/// A second way to find objects of a ``Store``: by values computed from them.
package struct Index<Object: KubernetesObject>: Sendable {
    package let name: String
    /// The values under which an object is found; none leaves it out.
    package let values: @Sendable (Object) -> [String]

    package init(_ name: String, values: @escaping @Sendable (Object) -> [String]) {
        self.name = name
        self.values = values
    }

    /// By the uid of each owner, under the name `owner`.
    package static var owner: Index { Index("owner") { $0.metadata.ownerReferences.map(\.uid) } }
    /// By namespace, under the name `namespace`.
    package static var namespace: Index { Index("namespace") { [$0.metadata.namespace] } }
    /// By the value of one label, under the label's name.
    package static func label(_ label: String) -> Index {
        Index(label) { object in object.metadata.labels[label].map { [$0] } ?? [] }
    }
}

/// What a cache must have seen before a reader of it sees a write.
package struct Expectation: Sendable, Hashable {
    enum Kind: Hashable {
        /// The object at this version or a newer one.
        case version(String)
        /// The object with this uid gone or going.
        case deleted(uid: String)
    }

    let key: ObjectKey
    let kind: Kind

    /// The version that was written; nil for a deletion.
    var version: String? { if case .version(let version) = kind { version } else { nil } }

    /// The write that returned this object is seen.
    package static func written(_ object: some KubernetesObject) -> Expectation {
        Expectation(key: object.key, kind: .version(object.metadata.resourceVersion))
    }

    /// The deletion of the object with this uid is seen.
    package static func deleted(_ key: ObjectKey, uid: String) -> Expectation {
        Expectation(key: key, kind: .deleted(uid: uid))
    }
}

/// The reading half of a cache: the objects of one kind as the API server last told them, with indexes.
///
/// Objects are shared and never copied on reading. Only the informer that owns the store can write to it; objects and
/// indexes change together.
package final class Store<Object: KubernetesObject>: Sendable {
    typealias Box = CachedObject<Object>

    struct Waiter {
        let expectation: Expectation
        let notify: @Sendable () -> Void
    }

    struct State {
        var items: [ObjectKey: Box] = [:]
        var indexes: [[String: Set<ObjectKey>]]
        /// The version up to which everything was seen.
        var seenVersion = ""
        var isSynced = false
        var waiters: [Waiter] = []
    }

    let indexes: [Index<Object>]
    let state: Mutex<State>

    init(indexes: [Index<Object>] = []) {
        self.indexes = indexes
        state = Mutex(State(indexes: indexes.map { _ in [:] }))
    }

    /// The object of this name; nil when there is none.
    package func get(_ key: ObjectKey) -> Object? { state.withLock { $0.items[key] }?.object }

    /// All objects, in no order.
    package func list() -> [Object] { state.withLock { Array($0.items.values) }.map(\.object) }

    /// All objects of one namespace, in no order; cost grows with the whole cache.
    package func list(in namespace: String) -> [Object] {
        list().filter { $0.metadata.namespace == namespace }
    }

    /// The names of all objects, in no order.
    package var keys: [ObjectKey] { state.withLock { Array($0.items.keys) } }

    /// How many objects there are.
    package var count: Int { state.withLock { $0.items.count } }

    /// Whether the first list was complete once.
    package var isSynced: Bool { state.withLock { $0.isSynced } }

    /// The objects that an index files under a value, in the order of their keys.
    ///
    /// An index that the store does not have finds nothing.
    package func indexed(by index: String, _ value: String) -> [Object] {
        guard let place = indexes.firstIndex(where: { $0.name == index }) else { return [] }
        let boxes = state.withLock { state in
            (state.indexes[place][value] ?? []).compactMap { key in state.items[key].map { (key, $0) } }
        }
        return boxes.sorted { $0.0 < $1.0 }.map(\.1.object)
    }

    /// Whether the cache has seen what is expected; if not, `notify` is called once when it has.
    ///
    /// `notify` runs on the informer's task and must be quick.
    package func notify(
        when expectation: Expectation,
        _ notify: @escaping @Sendable () -> Void
    ) -> Bool {
        state.withLock { state in
            if state.meets(expectation) { return true }
            state.waiters.append(Waiter(expectation: expectation, notify: notify))
            return false
        }
    }

    /// Whether the cache has seen what is expected.
    package func meets(_ expectation: Expectation) -> Bool { state.withLock { $0.meets(expectation) } }

    func box(_ object: Object) -> Box { Box(object, indexed: indexes.map { $0.values(object) }) }
}

extension Store.State {
    func meets(_ expectation: Expectation) -> Bool {
        // Metadata are asked for last: each time they are copied, and every write comes by here.
        switch expectation.kind {
        case .version(let version):
            // Versions of one kind come in order: once a newer one was seen, so was this one, even if the object is
            // gone again or never matched the cache's selector.
            if ResourceVersion.isAtLeast(seenVersion, version) == true { return true }
            guard let item = items[expectation.key] else { return false }
            return ResourceVersion.isAtLeast(item.object.metadata.resourceVersion, version) == true
        case .deleted(let uid):
            let item = items[expectation.key]?.object.metadata
            return item?.uid != uid || item?.isBeingDeleted == true
        }
    }

    mutating func put(_ key: ObjectKey, _ box: Store.Box?) {
        let old = items[key]
        items[key] = box
        for place in indexes.indices {
            let before = old?.indexed[place] ?? []
            let after = box?.indexed[place] ?? []
            guard before != after else { continue }
            for value in before {
                indexes[place][value]?.remove(key)
                if indexes[place][value]?.isEmpty == true { indexes[place][value] = nil }
            }
            for value in after { indexes[place][value, default: []].insert(key) }
        }
    }

    /// Takes out the waiters whose expectation is met now.
    mutating func takeMet() -> [Store.Waiter] {
        guard !waiters.isEmpty else { return [] }
        var met: [Store.Waiter] = []
        var unmet: [Store.Waiter] = []
        for waiter in waiters {
            if meets(waiter.expectation) { met.append(waiter) } else { unmet.append(waiter) }
        }
        waiters = unmet
        return met
    }
}
