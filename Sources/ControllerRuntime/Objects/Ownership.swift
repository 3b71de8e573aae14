package import Kubernetes

/// Why an object cannot be owned as asked.
package struct OwnershipError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Reason: String, Sendable {
        /// Another owner controls the object.
        case alreadyControlled
        /// The owner lives in another namespace, or in one while the object does not: the garbage collector would
        /// take the owner for missing and delete the object.
        case wrongNamespace
        /// The owner is not stored yet and so has no uid.
        case notStored
    }

    package var reason: Reason
    package var object: ObjectKey
    package var detail: String

    package var description: String { "cannot own \"\(object)\": \(detail)" }
}

extension OwnerReference {
    /// A reference that makes `owner` the controller.
    package init(controlledBy owner: ObjectMeta, _ resource: ResourceType) {
        self.init(apiVersion: resource.apiVersion, kind: resource.kind, name: owner.name, uid: owner.uid)
    }

    /// The API group, without the version: a kind keeps its group when its version changes.
    package var group: String {
        guard let slash = apiVersion.firstIndex(of: "/") else { return "" }
        return String(apiVersion[..<slash])
    }

    /// Whether the owner is of a kind.
    package func isOf(_ resource: ResourceType) -> Bool { kind == resource.kind && group == resource.group }
}

extension ObjectMeta {
    /// Makes an object this one's controller, so that this one is deleted with it.
    ///
    /// Doing it again, or after the owner's version changed, replaces the reference.
    /// - Throws: ``OwnershipError``
    package mutating func setController(_ owner: ObjectMeta, _ resource: ResourceType) throws(OwnershipError) {
        guard !owner.uid.isEmpty else {
            throw OwnershipError(reason: .notStored, object: key, detail: "the owner \"\(owner.key)\" has no uid yet")
        }
        guard owner.namespace.isEmpty || owner.namespace == namespace else {
            throw OwnershipError(
                reason: .wrongNamespace,
                object: key,
                detail: "the owner \"\(owner.key)\" lives in another namespace"
            )
        }
        if let other = controller, other.uid != owner.uid {
            throw OwnershipError(
                reason: .alreadyControlled,
                object: key,
                detail: "\(other.kind) \"\(other.name)\" controls it"
            )
        }
        let reference = OwnerReference(controlledBy: owner, resource)
        if let place = ownerReferences.firstIndex(where: { $0.uid == owner.uid }) {
            ownerReferences[place] = reference
        } else {
            ownerReferences.append(reference)
        }
    }

    /// The keys of the owners of a kind; those of namespaced kinds live in this object's namespace.
    package func owners(of resource: ResourceType, controllersOnly: Bool = true) -> [ObjectKey] {
        ownerReferences.filter { $0.isOf(resource) && ($0.controller || !controllersOnly) }
            .map { ObjectKey(namespace: resource.isNamespaced ? namespace : "", name: $0.name) }
    }
}
