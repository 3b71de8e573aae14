import JSON

/// What a pod takes of the node that it runs on.
struct PodDemand: Sendable, Hashable {
    /// By resource, in thousandths; what is 0 is left out.
    var requests: [String: Int] = [:]
    /// As `TCP/8080`.
    var hostPorts: [String] = []

    /// The containers' requests together, or those of an init container that asks for more, and the overhead.
    init(_ pod: JSONValue) {
        let containers = pod.spec["containers"]?.array ?? []
        for container in containers {
            for (name, amount) in Self.requests(container) { requests[name, default: 0] += amount }
            for port in container["ports"]?.array ?? [] {
                guard let number = port["hostPort"]?.integer, number > 0 else { continue }
                hostPorts.append("\(port["protocol"]?.string ?? "TCP")/\(number)")
            }
        }
        for container in pod.spec["initContainers"]?.array ?? [] {
            for (name, amount) in Self.requests(container) { requests[name] = max(requests[name] ?? 0, amount) }
        }
        for (name, value) in pod.spec["overhead"]?.object ?? [:] {
            requests[name, default: 0] += Quantity.thousandths(value) ?? 0
        }
        requests = requests.filter { $0.value > 0 }
        hostPorts.sort()
    }

    private static func requests(_ container: JSONValue) -> [(String, Int)] {
        (container[path: ["resources", "requests"]]?.object ?? [:]).map { name, value in
            // So that sums of absurd requests cannot overflow.
            (name, min(max(0, Quantity.thousandths(value) ?? 0), 1 << 52))
        }
    }
}
