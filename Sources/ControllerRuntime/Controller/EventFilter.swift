package import Kubernetes

/// Which changes of objects are worth a reconcile.
///
/// Filters of change let through what is new, gone or told again by a resync.
package struct EventFilter<Object: KubernetesObject>: Sendable {
    /// Whether a change is let through.
    package let passes: @Sendable (Change<Object>) -> Bool

    package init(_ passes: @escaping @Sendable (Change<Object>) -> Bool) { self.passes = passes }

    /// Everything.
    package static var all: EventFilter { EventFilter { _ in true } }

    /// What changed the specification or asks for deletion: not the own status writes.
    package static var generationChanged: EventFilter {
        changed { $0.generation != $1.generation || $0.isBeingDeleted != $1.isBeingDeleted }
    }

    /// Every new version; drops what a list tells again.
    package static var versionChanged: EventFilter { changed { $0.resourceVersion != $1.resourceVersion } }

    /// Changes of what is computed from the object.
    package static func changed<Value: Equatable & SendableMetatype>(
        of value: @escaping @Sendable (Object) -> Value
    ) -> EventFilter {
        EventFilter { change in
            guard let old = change.old, let new = change.new, change.origin != .resync else { return true }
            return value(old) != value(new)
        }
    }

    package static func && (a: EventFilter, b: EventFilter) -> EventFilter {
        EventFilter { a.passes($0) && b.passes($0) }
    }

    package static func || (a: EventFilter, b: EventFilter) -> EventFilter {
        EventFilter { a.passes($0) || b.passes($0) }
    }

    package static prefix func ! (filter: EventFilter) -> EventFilter { EventFilter { !filter.passes($0) } }

    private static func changed(_ differ: @escaping @Sendable (ObjectMeta, ObjectMeta) -> Bool) -> EventFilter {
        EventFilter { change in
            guard let old = change.old, let new = change.new, change.origin != .resync else { return true }
            return differ(old.metadata, new.metadata)
        }
    }
}

/// Which keys a changed object concerns.
package enum KeyMap {
    /// The object's own key.
    package static func itself<Object: KubernetesObject>() -> @Sendable (Object) -> [ObjectKey] { { [$0.key] } }

    /// The owners of a kind.
    ///
    /// - Parameter controllersOnly: Whether only the owner that controls the object counts.
    package static func owner<Object: KubernetesObject>(
        _ resource: ResourceType,
        controllersOnly: Bool = true
    ) -> @Sendable (Object) -> [ObjectKey] {
        { $0.metadata.owners(of: resource, controllersOnly: controllersOnly) }
    }

    /// The object of the same namespace that a label names.
    package static func label<Object: KubernetesObject>(_ label: String) -> @Sendable (Object) -> [ObjectKey] {
        { object in
            object.metadata.labels[label].map { [ObjectKey(namespace: object.metadata.namespace, name: $0)] } ?? []
        }
    }
}
