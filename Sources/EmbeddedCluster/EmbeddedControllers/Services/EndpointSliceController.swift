package import EmbeddedAPI
package import Kubernetes
import JSON

/// Lists the pods behind each service in endpoint slices of at most a hundred.
package struct EndpointSliceController: ClusterController {
    package let name = "endpointslice"
    private let component = "endpointslice-controller"
    private static let serviceLabel = "kubernetes.io/service-name"
    private static let managerLabel = "endpointslice.kubernetes.io/managed-by"
    private static let manager: JSONValue = "endpointslice-controller.k8s.io"
    private static let limit = 100

    package init() {}

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        guard change.resource == .endpointSlice else { return ServiceTargets.services(for: change, in: cluster) }
        let names = [change.old, change.new].compactMap { slice in
            slice.flatMap { $0.labels[Self.managerLabel] == Self.manager ? $0.labels[Self.serviceLabel]?.string : nil }
        }
        return Set(names).sorted().map { ObjectKey(namespace: change.key.namespace, name: $0) }
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        // Slices of a service that is gone are the garbage collector's.
        guard let service = cluster.get(.service, key), !service.isBeingDeleted,
            let targets = ServiceTargets(service, in: cluster)
        else { return nil }
        var slices: [[JSONValue]: [JSONValue]] = [:]
        for slice in cluster.controlled(.endpointSlice, byUID: service.uid)
        where slice.labels[Self.managerLabel] == Self.manager && !slice.isBeingDeleted {
            slices[slice["ports"]?.array ?? [], default: []].append(slice)
        }
        var wanted: [[JSONValue]: [JSONValue]] = [:]
        for pod in targets.pods where ServiceTargets.mayServe(pod) {
            let ports = targets.ports(on: pod).map { $0.value(namesAlways: true) }
            wanted[ports, default: []].append(endpoint(pod, targets))
        }
        // A service without pods keeps one slice, so that readers can tell it from one that was not looked at yet.
        if wanted.isEmpty { wanted[[]] = [] }
        let groups = Set(wanted.keys).union(slices.keys).sorted { "\($0)" < "\($1)" }
        for ports in groups {
            try fill(slices[ports] ?? [], ports, wanted[ports], targets, cluster, now)
        }
        return nil
    }

    /// Changes as few slices as it can: endpoints stay where they are, and new ones go where there is room.
    private func fill(
        _ slices: [JSONValue],
        _ ports: [JSONValue],
        _ wanted: [JSONValue]?,
        _ targets: ServiceTargets,
        _ cluster: Cluster,
        _ now: Timestamp
    ) throws(APIStatus) {
        var left = Dictionary(
            (wanted ?? []).map { ($0[path: ["targetRef", "uid"]]?.string ?? "", $0) },
            uniquingKeysWith: { first, _ in first }
        )
        var contents = slices.map { slice in
            (slice["endpoints"]?.array ?? []).compactMap {
                left.removeValue(forKey: $0[path: ["targetRef", "uid"]]?.string ?? "")
            }
        }
        var rest = (wanted ?? []).filter { left[$0[path: ["targetRef", "uid"]]?.string ?? ""] != nil }
        for index in contents.indices {
            let room = max(0, Self.limit - contents[index].count)
            contents[index] += rest.prefix(room)
            rest.removeFirst(min(room, rest.count))
        }
        let keepsOne = wanted?.isEmpty == true
        for (index, slice) in slices.enumerated() {
            if contents[index].isEmpty, !(keepsOne && index == 0) {
                try cluster.delete(.endpointSlice, slice, by: component)
            } else {
                try update(slice, contents[index], targets, cluster, now)
            }
        }
        if keepsOne, slices.isEmpty { try create([], ports, targets, cluster, now) }
        while !rest.isEmpty {
            try create(Array(rest.prefix(Self.limit)), ports, targets, cluster, now)
            rest.removeFirst(min(Self.limit, rest.count))
        }
    }

    private func labels(_ targets: ServiceTargets) -> JSONObject {
        var labels = targets.labels
        labels[Self.serviceLabel] = .string(targets.service.name)
        labels[Self.managerLabel] = Self.manager
        return labels
    }

    private static let mark = "endpoints.kubernetes.io/last-change-trigger-time"

    private func update(
        _ slice: JSONValue,
        _ endpoints: [JSONValue],
        _ targets: ServiceTargets,
        _ cluster: Cluster,
        _ now: Timestamp
    ) throws(APIStatus) {
        let labels = labels(targets)
        guard slice["endpoints"]?.array ?? [] != endpoints || slice.labels != labels else { return }
        var changed = slice
        changed["endpoints"] = .array(endpoints)
        changed[path: ["metadata", "labels"]] = .object(labels)
        changed[path: ["metadata", "annotations", Self.mark]] = .string(now.description)
        try cluster.update(.endpointSlice, changed, by: component)
    }

    private func create(
        _ endpoints: [JSONValue],
        _ ports: [JSONValue],
        _ targets: ServiceTargets,
        _ cluster: Cluster,
        _ now: Timestamp
    ) throws(APIStatus) {
        let service = targets.service
        let isSixth = service.spec["ipFamilies"]?[0] == "IPv6"
        do throws(APIStatus) {
            _ = try cluster.create(
                .endpointSlice,
                [
                    "apiVersion": .string(ResourceType.endpointSlice.apiVersion), "kind": "EndpointSlice",
                    "metadata": [
                        "generateName": .string(service.name + "-"), "namespace": .string(service.namespace),
                        "labels": .object(labels(targets)), "annotations": [Self.mark: .string(now.description)],
                        "ownerReferences": [Owner.controller(.service, service)],
                    ],
                    "addressType": isSixth ? "IPv6" : "IPv4", "endpoints": .array(endpoints),
                    "ports": .array(ports),
                ],
                by: component
            )
        } catch {
            if !error.causes.contains(where: { $0.reason == "NamespaceTerminating" }) { throw error }
        }
    }

    private func endpoint(_ pod: JSONValue, _ targets: ServiceTargets) -> JSONValue {
        let serves = pod.isReadyPod
        var endpoint: JSONValue = [
            "addresses": [pod.status["podIP"] ?? ""],
            "conditions": [
                "ready": .bool(targets.publishesNotReady || serves && !pod.isBeingDeleted), "serving": .bool(serves),
                "terminating": .bool(pod.isBeingDeleted),
            ],
        ]
        if let hostname = targets.hostname(of: pod) { endpoint["hostname"] = .string(hostname) }
        endpoint["targetRef"] = ServiceTargets.reference(pod, withVersion: false)
        if !pod.nodeName.isEmpty { endpoint["nodeName"] = .string(pod.nodeName) }
        return endpoint
    }
}
