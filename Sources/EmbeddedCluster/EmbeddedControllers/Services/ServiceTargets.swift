import EmbeddedAPI
import JSON
import Kubernetes

/// The pods behind a service, and the ports that it reaches on them.
struct ServiceTargets {
    /// A port on a pod.
    struct Port: Hashable, Comparable {
        var name: String
        var number: Int
        var transport: String
        var application: String?

        static func < (a: Port, b: Port) -> Bool {
            if a.name != b.name { return a.name < b.name }
            return a.number == b.number ? a.transport < b.transport : a.number < b.number
        }

        /// - Parameter namesAlways: Endpoint slices name a port "" that has no name; endpoints leave it out.
        func value(namesAlways: Bool) -> JSONValue {
            var value: JSONValue = [:]
            if namesAlways || !name.isEmpty { value["name"] = .string(name) }
            value["port"] = .integer(number)
            value["protocol"] = .string(transport)
            if let application { value["appProtocol"] = .string(application) }
            return value
        }
    }

    let service: JSONValue
    /// With an address, in the order of their names.
    let pods: [JSONValue]

    /// Nil when the service selects no pods: its endpoints are somebody else's then.
    init?(_ service: JSONValue, in cluster: Cluster) {
        guard let labels = service.spec["selector"]?.object, !labels.isEmpty,
            service.spec["type"]?.string != "ExternalName"
        else { return nil }
        self.service = service
        pods = cluster.pods(namespace: service.namespace, LabelSelector(labels: labels)).filter {
            $0.status["podIP"]?.string?.isEmpty == false
        }
    }

    var publishesNotReady: Bool { service.spec["publishNotReadyAddresses"]?.bool ?? false }
    var isHeadless: Bool { service.spec["clusterIP"]?.string == "None" }

    /// Whether a pod may still serve, or come to serve again.
    static func mayServe(_ pod: JSONValue) -> Bool {
        switch pod.spec["restartPolicy"]?.string {
        case "Never": !pod.isOver
        case "OnFailure": pod.phase != "Succeeded"
        default: true
        }
    }

    /// The service's ports on a pod; those whose names the pod does not have are left out.
    func ports(on pod: JSONValue) -> [Port] {
        (service.spec["ports"]?.array ?? []).compactMap { port in
            let transport = port["protocol"]?.string ?? "TCP"
            return number(of: port, transport, on: pod).map {
                Port(
                    name: port["name"]?.string ?? "",
                    number: $0,
                    transport: transport,
                    application: port["appProtocol"]?.string
                )
            }
        }.sorted()
    }

    private func number(of port: JSONValue, _ transport: String, on pod: JSONValue) -> Int? {
        guard let target = port["targetPort"] else { return port["port"]?.integer }
        if let number = target.integer { return number == 0 ? port["port"]?.integer : number }
        for container in pod.spec["containers"]?.array ?? [] {
            for candidate in container["ports"]?.array ?? []
            where candidate["name"] == target && candidate["protocol"]?.string ?? "TCP" == transport {
                return candidate["containerPort"]?.integer
            }
        }
        return nil
    }

    /// The service's labels, and what marks a headless one.
    var labels: JSONObject {
        var labels = service.labels
        labels["service.kubernetes.io/headless"] = isHeadless ? "" : nil
        return labels
    }

    /// A reference to a pod.
    static func reference(_ pod: JSONValue, withVersion: Bool) -> JSONValue {
        var reference: JSONValue = [
            "kind": "Pod", "namespace": .string(pod.namespace), "name": .string(pod.name), "uid": .string(pod.uid),
        ]
        if withVersion { reference["resourceVersion"] = .string(pod.resourceVersion) }
        return reference
    }

    /// The name under which DNS knows the pod, if it asked for one.
    func hostname(of pod: JSONValue) -> String? {
        guard pod.spec["subdomain"]?.string == service.name else { return nil }
        return pod.spec["hostname"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The keys of services that a change concerns.
    static func services(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        switch change.resource {
        case .service: return [change.key]
        case .pod:
            guard change.old.map(Self.facts) != change.new.map(Self.facts) else { return [] }
            let labels = [change.old, change.new].compactMap { $0?.labels }
            return cluster.core.list(.service, namespace: change.key.namespace).filter { service in
                guard let selector = service.spec["selector"]?.object, !selector.isEmpty else { return false }
                return labels.contains { labels in selector.allSatisfy { labels[$0.key] == $0.value } }
            }.map(\.key)
        default: return []
        }
    }

    /// What of a pod shows in endpoints.
    private static func facts(_ pod: JSONValue) -> [JSONValue] {
        [
            .object(pod.labels), .bool(pod.isBeingDeleted), .bool(pod.isReadyPod), .string(pod.phase),
            pod.status["podIP"] ?? .null, pod.spec["nodeName"] ?? .null, .string(pod.uid),
        ]
    }
}
