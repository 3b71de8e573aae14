package import EmbeddedAPI
package import Kubernetes
import JSON

/// Empties namespaces that are to be deleted, then lets them go.
package struct NamespaceController: ClusterController {
    package let name = "namespace"
    private let component = "namespace-controller"

    package init() {}

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        if change.resource == .namespace {
            return change.new?.isBeingDeleted == true ? [ObjectKey(name: change.key.name)] : []
        }
        // Something in a namespace went, or lost a finalizer, or slipped in at the last moment.
        let key = ObjectKey(name: change.key.namespace)
        guard !key.name.isEmpty, cluster.get(.namespace, key)?.isBeingDeleted == true else { return [] }
        return [key]
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let namespace = cluster.get(.namespace, key), namespace.isBeingDeleted else { return nil }
        let finalizers = namespace.spec["finalizers"]?.array ?? []
        guard finalizers.contains("kubernetes") else { return nil }
        var remains = Remains()
        var seen: Set<ResourceType> = []
        let types = cluster.core.definitions.map(\.stored).filter { $0.isNamespaced && seen.insert($0).inserted }
        for type in types.sorted(by: { ($0.group, $0.plural) < ($1.group, $1.plural) }) {
            try empty(type, key.name, cluster, &remains)
        }
        let status = status(of: namespace, remains, now)
        var current = try cluster.updateStatus(.namespace, namespace, status, by: component)
        guard remains.counts.isEmpty, remains.failures.isEmpty else {
            if let failure = remains.failures.first { throw failure }
            return nil
        }
        current[path: ["spec", "finalizers"]] = .array(finalizers.filter { $0 != "kubernetes" })
        current = try cluster.update(.namespace, current, subresource: "finalize", by: component)
        return nil
    }

    /// What is left in a namespace after everything was asked to go.
    private struct Remains {
        var counts: [(type: ResourceType, count: Int)] = []
        var finalizers: [String: Int] = [:]
        var failures: [APIStatus] = []
    }

    private func empty(
        _ type: ResourceType,
        _ namespace: String,
        _ cluster: Cluster,
        _ remains: inout Remains
    )
        throws(APIStatus)
    {
        let objects = cluster.core.list(type, namespace: namespace)
        for object in objects where !object.isBeingDeleted {
            do throws(APIStatus) { try cluster.delete(type, object, by: component) } catch {
                if error.reason != "Conflict" { remains.failures.append(error) }
            }
        }
        guard !objects.isEmpty else { return }
        let left = cluster.core.list(type, namespace: namespace)
        if !left.isEmpty { remains.counts.append((type, left.count)) }
        for finalizer in left.flatMap(\.finalizers) { remains.finalizers[finalizer, default: 0] += 1 }
    }

    private func status(of namespace: JSONValue, _ remains: Remains, _ now: Timestamp) -> JSONValue {
        var conditions = namespace.status["conditions"]?.array ?? []
        func set(_ type: String, _ value: Bool, _ reason: String, _ message: String) {
            var condition: JSONValue = [
                "type": .string(type), "status": value ? "True" : "False",
                "lastTransitionTime": .string(now.description), "reason": .string(reason),
                "message": .string(message),
            ]
            if let index = conditions.firstIndex(where: { $0["type"]?.string == type }) {
                if conditions[index]["status"] == condition["status"] {
                    condition["lastTransitionTime"] = conditions[index]["lastTransitionTime"]
                }
                conditions[index] = condition
            } else {
                conditions.append(condition)
            }
        }
        set(
            "NamespaceDeletionDiscoveryFailure",
            false,
            "ResourcesDiscovered",
            "All resources successfully discovered"
        )
        set(
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed"
        )
        if remains.failures.isEmpty {
            set(
                "NamespaceDeletionContentFailure",
                false,
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization"
            )
        } else {
            let text = remains.failures.map(\.message).joined(separator: ", ")
            let message = "Failed to delete all resource types, \(remains.failures.count) remaining: \(text)"
            set("NamespaceDeletionContentFailure", true, "ContentDeletionFailed", message)
        }
        let counts = remains.counts.map { "\($0.type.plural).\($0.type.group) has \($0.count) resource instances" }
        if counts.isEmpty {
            set("NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed")
        } else {
            let message = "Some resources are remaining: \(counts.joined(separator: ", "))"
            set("NamespaceContentRemaining", true, "SomeResourcesRemain", message)
        }
        let finalizers = remains.finalizers.sorted { $0.key < $1.key }.map {
            "\($0.key) in \($0.value) resource instances"
        }
        if finalizers.isEmpty {
            let message = "All content-preserving finalizers finished"
            set("NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers", message)
        } else {
            let list = finalizers.joined(separator: ", ")
            let message = "Some content in the namespace has finalizers remaining: \(list)"
            set("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", message)
        }
        var status = namespace.status
        status["phase"] = "Terminating"
        status["conditions"] = .array(conditions)
        return status
    }
}
