package import EmbeddedAPI
package import Kubernetes
import JSON

/// Lists the pods behind each service in the `Endpoints` of the same name.
package struct EndpointsController: ClusterController {
    package let name = "endpoint"
    private let component = "endpoint-controller"

    package init() {}

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        change.resource == .endpoints ? [change.key] : ServiceTargets.services(for: change, in: cluster)
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        let current = cluster.get(.endpoints, key)
        guard let service = cluster.get(.service, key) else {
            // Endpoints that a person made for a service to come, or a leader election's, have no marks of ours.
            if let current, current.annotations[Self.mark] != nil {
                try cluster.delete(.endpoints, current, by: component)
            }
            return nil
        }
        guard !service.isBeingDeleted, let targets = ServiceTargets(service, in: cluster) else { return nil }
        let subsets = subsets(targets)
        var labels = targets.labels
        guard let current else {
            do throws(APIStatus) {
                _ = try cluster.create(
                    .endpoints,
                    [
                        "apiVersion": "v1", "kind": "Endpoints",
                        "metadata": [
                            "name": .string(key.name), "namespace": .string(key.namespace),
                            "labels": .object(labels), "annotations": [Self.mark: .string(now.description)],
                        ],
                        "subsets": .array(subsets),
                    ],
                    by: component
                )
            } catch {
                // The namespace goes away, and the service with it.
                if !error.causes.contains(where: { $0.reason == "NamespaceTerminating" }) { throw error }
            }
            return nil
        }
        let old = current["subsets"]?.array ?? []
        if !targets.isHeadless { labels["service.kubernetes.io/headless"] = nil }
        guard Self.withoutVersions(old) != Self.withoutVersions(subsets) || labels != current.labels else { return nil }
        var changed = current
        changed["subsets"] = .array(subsets)
        changed[path: ["metadata", "labels"]] = .object(labels)
        changed[path: ["metadata", "annotations", Self.mark]] = .string(now.description)
        try cluster.update(.endpoints, changed, by: component)
        return nil
    }

    /// When the addresses last changed; it marks endpoints as made here.
    private static let mark = "endpoints.kubernetes.io/last-change-trigger-time"

    /// Pods with the same ports share a subset.
    private func subsets(_ targets: ServiceTargets) -> [JSONValue] {
        var ready: [[ServiceTargets.Port]: [JSONValue]] = [:]
        var notReady: [[ServiceTargets.Port]: [JSONValue]] = [:]
        let isPortless = targets.isHeadless && (targets.service.spec["ports"]?.array ?? []).isEmpty
        for pod in targets.pods where targets.publishesNotReady || !pod.isBeingDeleted {
            let ports = targets.ports(on: pod)
            if ports.isEmpty, !isPortless { continue }
            if targets.publishesNotReady || pod.isReadyPod {
                ready[ports, default: []].append(address(pod, targets))
            } else if ServiceTargets.mayServe(pod) {
                notReady[ports, default: []].append(address(pod, targets))
            }
        }
        let groups = Set(ready.keys).union(notReady.keys).sorted { $0.lexicographicallyPrecedes($1) }
        return groups.map { ports in
            var subset: JSONValue = [:]
            for (field, addresses) in [("addresses", ready[ports]), ("notReadyAddresses", notReady[ports])] {
                guard let addresses else { continue }
                subset[field] = .array(addresses.sorted { $0["ip"]?.string ?? "" < $1["ip"]?.string ?? "" })
            }
            if !ports.isEmpty { subset["ports"] = .array(ports.map { $0.value(namesAlways: false) }) }
            return subset
        }
    }

    private func address(_ pod: JSONValue, _ targets: ServiceTargets) -> JSONValue {
        var address: JSONValue = ["ip": pod.status["podIP"] ?? ""]
        if let hostname = targets.hostname(of: pod) { address["hostname"] = .string(hostname) }
        if !pod.nodeName.isEmpty { address["nodeName"] = .string(pod.nodeName) }
        address["targetRef"] = ServiceTargets.reference(pod, withVersion: true)
        return address
    }

    /// A pod's version alone is no news.
    private static func withoutVersions(_ subsets: [JSONValue]) -> [JSONValue] {
        subsets.map { subset in
            var subset = subset
            for field in ["addresses", "notReadyAddresses"] {
                guard let addresses = subset[field]?.array else { continue }
                subset[field] = .array(
                    addresses.map { address in
                        var address = address
                        if address[path: ["targetRef", "resourceVersion"]] != nil {
                            address[path: ["targetRef", "resourceVersion"]] = nil
                        }
                        return address
                    }
                )
            }
            return subset
        }
    }
}
