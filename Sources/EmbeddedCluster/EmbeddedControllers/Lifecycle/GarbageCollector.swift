package import EmbeddedAPI
package import Kubernetes
import JSON

/// Deletes objects whose owners are gone, and lets owners go that wait for their dependents.
///
/// Keys are objects of any resource, as `plural.group/name`.
package struct GarbageCollector: ClusterController {
    package let name = "garbagecollector"
    private let component = "garbage-collector-controller"
    private static let foreground = "foregroundDeletion"
    private static let orphan = "orphan"

    package init() {}

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        // Nothing owns events, and there are many.
        if change.resource.plural == "events" { return [] }
        var places: Set<StoredObject> = []
        let place = StoredObject(change.resource, change.key)
        if let object = change.new {
            let waits = Self.waits(object)
            if waits, change.old.map(Self.waits) != true { places.insert(place) }
            let owners = object.metadata["ownerReferences"]
            if owners != nil, change.old == nil || change.old?.metadata["ownerReferences"] != owners {
                places.insert(place)
            }
        }
        if let old = change.old, change.new == nil || change.new?.uid != old.uid {
            places.formUnion(cluster.look { $0.dependents(ofUID: old.uid) })
        }
        // An owner in a foreground deletion may wait for just this.
        for owner in (change.old?.owners ?? []) + (change.new?.owners ?? []) {
            guard let owner = cluster.look({ $0.place(ofUID: owner.uid) }),
                let object = cluster.get(owner.resource, owner.key), Self.waits(object)
            else { continue }
            places.insert(owner)
        }
        return places.sorted().map(\.queueKey)
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let place = place(of: key, cluster), let object = cluster.get(place.resource, place.key) else {
            return nil
        }
        if object.isBeingDeleted {
            if object.finalizers.contains(Self.orphan) { try orphan(place, object, cluster) }
            if object.finalizers.contains(Self.foreground) { try waitForDependents(place, object, cluster, now) }
            return nil
        }
        try collect(place, object, cluster, now)
        return nil
    }

    private func place(of key: ObjectKey, _ cluster: Cluster) -> StoredObject? {
        guard let slash = key.name.firstIndex(of: "/") else { return nil }
        let resource = String(key.name[..<slash])
        let name = String(key.name[key.name.index(after: slash)...])
        let definition = cluster.core.definitions.first { $0.stored.description == resource }
        return definition.map { StoredObject($0.stored, ObjectKey(namespace: key.namespace, name: name)) }
    }

    /// Whether an object waits for what it owns.
    private static func waits(_ object: JSONValue) -> Bool {
        object.isBeingDeleted && object.finalizers.contains { $0 == foreground || $0 == orphan }
    }

    private static func isInForegroundDeletion(_ object: JSONValue) -> Bool {
        object.isBeingDeleted && object.finalizers.contains(foreground)
    }

    // MARK: Owners

    private enum OwnerState { case present, waiting, absent }

    /// Looks an owner up as it is now, where the reference says that it is.
    ///
    /// A reference cannot reach into another namespace: what it names is not there, wherever the uid may be. What the API
    /// does not know, or cannot say, counts as present: nothing is deleted on a guess.
    private func state(of owner: Owner, of dependent: StoredObject, _ cluster: Cluster) -> OwnerState {
        let definition = cluster.core.definitions.first {
            $0.type.kind == owner.kind && $0.type.apiVersion == owner.apiVersion
        }
        guard let type = definition?.stored, !type.isNamespaced || !dependent.key.namespace.isEmpty else {
            return .present
        }
        let key = ObjectKey(namespace: type.isNamespaced ? dependent.key.namespace : "", name: owner.name)
        guard let object = cluster.get(type, key), object.uid == owner.uid else { return .absent }
        return Self.isInForegroundDeletion(object) ? .waiting : .present
    }

    private func collect(
        _ place: StoredObject,
        _ object: JSONValue,
        _ cluster: Cluster,
        _ now: Timestamp
    )
        throws(APIStatus)
    {
        let owners = object.owners
        guard !owners.isEmpty else { return }
        let states = owners.map { state(of: $0, of: place, cluster) }
        guard states.contains(where: { $0 != .present }) else { return }
        for (owner, state) in zip(owners, states) where state == .absent {
            guard let elsewhere = cluster.look({ $0.place(ofUID: owner.uid) }),
                elsewhere.key.namespace != place.key.namespace
            else { continue }
            let reference =
                "[\(owner.apiVersion)/\(owner.kind), namespace: \(place.key.namespace), name: \(owner.name), "
                + "uid: \(owner.uid)]"
            let message = "ownerRef \(reference) does not exist in namespace \"\(place.key.namespace)\""
            cluster.record(
                place.resource,
                object,
                isWarning: true,
                "OwnerRefInvalidNamespace",
                message,
                by: component,
                now: now
            )
        }
        if states.contains(.present) {
            // Somebody still wants it; the others lose their say.
            let kept = zip(object.metadata["ownerReferences"]?.array ?? [], states).filter { $1 == .present }.map(\.0)
            try write(kept, to: place, object, cluster)
            return
        }
        if states.contains(.waiting), cluster.look({ $0.hasDependents(ofUID: object.uid) }) {
            try cluster.delete(place.resource, object, propagation: "Foreground", by: component)
            return
        }
        let policy =
            object.finalizers.contains(Self.orphan)
            ? "Orphan" : object.finalizers.contains(Self.foreground) ? "Foreground" : "Background"
        // Somebody may have given it another owner since it was read.
        try cluster.delete(place.resource, object, propagation: policy, mustBeUnchanged: true, by: component)
    }

    private func write(
        _ owners: [JSONValue],
        to place: StoredObject,
        _ object: JSONValue,
        _ cluster: Cluster
    )
        throws(APIStatus)
    {
        do throws(APIStatus) {
            try cluster.patchMetadata(
                place.resource,
                object,
                ["ownerReferences": owners.isEmpty ? .null : .array(owners)],
                by: component
            )
        } catch { if error.reason != "NotFound" { throw error } }
    }

    // MARK: Waiting owners

    /// Takes the owner out of its dependents' references, then lets it go without them.
    private func orphan(_ place: StoredObject, _ object: JSONValue, _ cluster: Cluster) throws(APIStatus) {
        for dependent in cluster.look({ $0.dependents(ofUID: object.uid) }) {
            guard let child = cluster.get(dependent.resource, dependent.key) else { continue }
            let kept = (child.metadata["ownerReferences"]?.array ?? []).filter { $0["uid"]?.string != object.uid }
            try write(kept, to: dependent, child, cluster)
        }
        try remove(Self.orphan, from: place, cluster)
    }

    /// Deletes the dependents, and lets the owner go when none of those is left that block it.
    private func waitForDependents(
        _ place: StoredObject,
        _ object: JSONValue,
        _ cluster: Cluster,
        _ now: Timestamp
    )
        throws(APIStatus)
    {
        var isBlocked = false
        for dependent in cluster.look({ $0.dependents(ofUID: object.uid) }) {
            guard let child = cluster.get(dependent.resource, dependent.key),
                let reference = child.owners.first(where: { $0.uid == object.uid })
            else { continue }
            if !child.isBeingDeleted { try collect(dependent, child, cluster, now) }
            guard reference.blocksDeletion, let left = cluster.get(dependent.resource, dependent.key),
                left.uid == child.uid, left.owners.contains(where: { $0.uid == object.uid && $0.blocksDeletion })
            else { continue }
            // Two that own each other would wait for each other for ever.
            if Self.isInForegroundDeletion(left), object.owners.contains(where: { $0.uid == left.uid }) { continue }
            isBlocked = true
        }
        if !isBlocked { try remove(Self.foreground, from: place, cluster) }
    }

    private func remove(_ finalizer: String, from place: StoredObject, _ cluster: Cluster) throws(APIStatus) {
        guard let object = cluster.get(place.resource, place.key), object.finalizers.contains(finalizer) else { return }
        let rest = object.finalizers.filter { $0 != finalizer }.map { JSONValue.string($0) }
        try cluster.patchMetadata(
            place.resource,
            object,
            ["finalizers": rest.isEmpty ? .null : .array(rest)],
            by: component
        )
    }
}
