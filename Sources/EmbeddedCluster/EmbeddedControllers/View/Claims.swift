import EmbeddedAPI
import JSON
import Kubernetes

extension Cluster {
    /// The objects that a controller's object governs: those it owns and selects, and orphans that it selects and adopts.
    ///
    /// What it owns and no longer selects is let go.
    ///
    /// - Parameters:
    ///   - resource: Pods or replica sets.
    ///   - owner: The object that governs, of this type, as it was just read.
    /// - Returns: In the order of their names.
    func claim(
        _ resource: ResourceType,
        for owner: JSONValue,
        _ type: ResourceType,
        _ selector: LabelSelector,
        by component: String
    ) throws(APIStatus) -> [JSONValue] {
        var claimed: [JSONValue] = []
        for object in controlled(resource, byUID: owner.uid) {
            if selector.matches(object.labels) {
                claimed.append(object)
            } else if !owner.isBeingDeleted {
                try release(resource, object, from: owner, by: component)
            }
        }
        guard !owner.isBeingDeleted else { return claimed }
        for key in look({ $0.orphans(resource, namespace: owner.namespace) }) {
            guard let object = get(resource, key), !object.isBeingDeleted, object.controllingOwner == nil,
                selector.matches(object.labels)
            else { continue }
            let owners = object.metadata["ownerReferences"]?.array ?? []
            let all = owners.filter { $0["uid"]?.string != owner.uid } + [Owner.controller(type, owner)]
            claimed.append(try patchMetadata(resource, object, ["ownerReferences": .array(all)], by: component))
        }
        return claimed.sorted { $0.name < $1.name }
    }

    private func release(
        _ resource: ResourceType,
        _ object: JSONValue,
        from owner: JSONValue,
        by component: String
    )
        throws(APIStatus)
    {
        let rest = (object.metadata["ownerReferences"]?.array ?? []).filter { $0["uid"]?.string != owner.uid }
        do throws(APIStatus) {
            let value: JSONValue = rest.isEmpty ? .null : .array(rest)
            try patchMetadata(resource, object, ["ownerReferences": value], by: component)
        } catch {
            // It is gone, or is another object by now.
            if error.reason != "NotFound", error.reason != "Invalid" { throw error }
        }
    }

    /// The keys of objects of a resource that a change to something they may govern concerns: the controller that owns
    /// it or owned it, or, for an orphan, all in its namespace that select it.
    func governors(of change: Change, _ resource: ResourceType) -> [ObjectKey] {
        var keys: Set<ObjectKey> = []
        let owners = [change.old, change.new].map { $0?.controllingOwner }
        for owner in owners {
            guard let owner, owner.kind == resource.kind, owner.apiVersion.hasPrefix(resource.group) else { continue }
            keys.insert(ObjectKey(namespace: change.key.namespace, name: owner.name))
        }
        if let object = change.new, owners[1] == nil, !object.isBeingDeleted {
            for candidate in core.list(resource, namespace: change.key.namespace) {
                guard let selector = try? LabelSelector(object: candidate.spec["selector"]), !selector.isEmpty,
                    selector.matches(object.labels)
                else { continue }
                keys.insert(candidate.key)
            }
        }
        return keys.sorted()
    }
}
