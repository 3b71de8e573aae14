import Kubernetes
import Synchronization

/// The writing half of a ``Store``: applies what the watch says and swaps in whole lists.
///
/// There is one for each store, used by the store's informer alone; so what it reads cannot change under it.
final class StoreWriter<Object: KubernetesObject>: Sendable {
    typealias Box = CachedObject<Object>

    /// A list that is being received; readers go on seeing the state before it.
    private struct Staged {
        var items: [ObjectKey: Box] = [:]
    }

    /// What a batch of watch events came to.
    struct Applied {
        var changes: [Change<Object>] = []
        /// The last version seen; nil when the batch had none.
        var version: String?
        /// Whether something was older than what had been seen: events were lost, doubled or history was rewritten.
        var wentBack = false
        /// The version at which the streamed first state was announced complete.
        var initialEventsEnd: String?
        /// Objects that could not be read.
        var malformed: [(key: ObjectKey?, reason: String)] = []
    }

    typealias Event = ObjectUpdate<Object>

    let store: Store<Object>
    private let transform: (@Sendable (inout Object) -> Void)?
    private let staged = Mutex<Staged?>(nil)

    init(_ store: Store<Object>, transform: (@Sendable (inout Object) -> Void)? = nil) {
        self.store = store
        self.transform = transform
    }

    // MARK: Whole states

    /// Begins to receive a whole state, forgetting one that was not finished.
    func beginReplace() { staged.withLock { $0 = Staged() } }

    /// Adds an object to the state that is being received.
    ///
    /// An object that is in the cache at the same version is kept as it is, so that a list of an unchanged cache needs
    /// no second copy of it.
    func stage(_ object: Object) {
        var object = object
        let key = object.key
        let current = store.state.withLock { $0.items[key] }
        if let current, current.object.isSameVersion(as: object) {
            staged.withLock { $0?.items[key] = current }
            return
        }
        transform?(&object)
        let box = store.box(object)
        staged.withLock { $0?.items[key] = box }
    }

    /// Takes an object out of the state that is being received.
    func unstage(_ key: ObjectKey) { staged.withLock { _ = $0?.items.removeValue(forKey: key) } }

    /// Notes that an object exists but could not be read: what the cache knows of it stays.
    func stageUnreadable(_ key: ObjectKey) {
        guard let current = store.state.withLock({ $0.items[key] }) else { return }
        staged.withLock { _ = $0?.items[key] = current }
    }

    /// Makes the received state the cache's, all at once.
    ///
    /// - Returns: The changes, deletions of what is no longer there included.
    func finishReplace(at version: String) -> [Change<Object>] {
        let new = staged.withLock { staged in
            defer { staged = nil }
            return staged?.items ?? [:]
        }
        let (changes, met) = store.state.withLock { state in
            var changes: [Change<Object>] = []
            for (key, box) in state.items where new[key] == nil {
                changes.append(Change(old: box, new: nil, origin: .list))
                state.put(key, nil)
            }
            if state.items.isEmpty { state.items.reserveCapacity(new.count) }
            changes.reserveCapacity(changes.count + new.count)
            for (key, box) in new {
                let old = state.items[key]
                guard old !== box else { continue }
                state.put(key, box)
                changes += Self.changes(from: old, to: box, origin: .list)
            }
            state.seenVersion = version
            state.isSynced = true
            return (changes, state.takeMet())
        }
        for waiter in met { waiter.notify() }
        return changes
    }

    // MARK: Events

    /// Applies events of a watch that follows a whole state, in order; those known already change nothing.
    func apply(_ events: [Event]) -> Applied {
        var applied = Applied()
        // Indexes and the transform are the owner's code: they run before the lock is taken.
        let prepared = events.map { event -> (Event, Box?) in
            guard case .put(var object) = event else { return (event, nil) }
            transform?(&object)
            return (event, store.box(object))
        }
        let met = store.state.withLock { state in
            for (event, box) in prepared { Self.apply(event, box, to: &state, &applied) }
            return state.takeMet()
        }
        for waiter in met { waiter.notify() }
        return applied
    }

    /// Applies events of a stream that has not announced the end of the first state: they go to the staged state.
    ///
    /// When the end is among them the caller finishes the replacement and applies what follows it.
    func stage(_ events: ArraySlice<Event>) -> (applied: Applied, rest: ArraySlice<Event>) {
        var applied = Applied()
        for (place, event) in zip(events.indices, events) {
            switch event {
            case .put(let object): stage(object)
            case .deleted(let object): unstage(object.key)
            case .restart: beginReplace()
            case .malformed(let key, let reason):
                if let key { stageUnreadable(key) }
                applied.malformed.append((key, reason))
            case .bookmark(let version, let isEnd):
                guard isEnd else { continue }
                applied.initialEventsEnd = version
                return (applied, events[(place + 1)...])
            }
        }
        return (applied, [])
    }

    private static func apply(
        _ event: Event,
        _ box: Box?,
        to state: inout Store<Object>.State,
        _ applied: inout Applied
    ) {
        switch event {
        case .restart: break  // of lists alone
        case .malformed(let key, let reason): applied.malformed.append((key, reason))
        case .bookmark(let version, _):
            if ResourceVersion.isBefore(version, state.seenVersion) {
                applied.wentBack = true
            } else {
                state.seenVersion = version
                applied.version = version
            }
        case .put(let object), .deleted(let object):
            let key = object.key
            let version = object.metadata.resourceVersion
            let old = state.items[key]
            if ResourceVersion.isAtLeast(state.seenVersion, version) == true {
                // Seen already. The same version of a stored object is an event told twice; anything else is suspect,
                // and believing it could bring back what was deleted.
                if old?.object.metadata.resourceVersion != version && version != state.seenVersion {
                    applied.wentBack = true
                }
                return
            }
            state.seenVersion = version
            applied.version = version
            if let box {
                state.put(key, box)
                applied.changes += changes(from: old, to: box, origin: .watch)
            } else if let old {
                state.put(key, nil)
                applied.changes.append(Change(old: old, new: nil, origin: .watch))
            }
        }
    }

    /// An object that was deleted and made again under its name is two changes.
    private static func changes(from old: Box?, to new: Box, origin: Change<Object>.Origin) -> [Change<Object>] {
        guard let old, old.object.metadata.uid != new.object.metadata.uid else {
            return [Change(old: old, new: new, origin: origin)]
        }
        return [Change(old: old, new: nil, origin: origin), Change(old: nil, new: new, origin: origin)]
    }
}

extension KubernetesObject {
    /// Whether both are the same state of the same object, so that one may stand for the other.
    fileprivate func isSameVersion(as other: Self) -> Bool {
        let (a, b) = (metadata, other.metadata)
        return !a.resourceVersion.isEmpty && a.resourceVersion == b.resourceVersion && a.uid == b.uid
            && a.generation == b.generation
    }
}
