import JSON
import Kubernetes

/// Where connections go that come to services.
struct ServiceRoutes: Equatable, Sendable {
    /// An address and a port.
    struct Place: Hashable, Sendable, CustomStringConvertible {
        var address: String
        var port: Int
        var description: String { "\(address):\(port)" }
    }

    /// The ready places behind each place; only those that have some.
    private(set) var targets: [Place: [Place]] = [:]

    init() {}

    /// - Parameters:
    ///   - endpoints: All endpoints objects.
    ///   - nodeAddress: Where node ports are reached.
    init(services: [JSONValue], endpoints: [JSONValue], nodeAddress: String) {
        let byKey = Dictionary(endpoints.map { ($0.key, $0) }, uniquingKeysWith: { $1 })
        for service in services {
            guard let address = service.spec["clusterIP"]?.string, address.hasPrefix("127."),
                let subsets = byKey[service.key]?["subsets"]?.array
            else { continue }
            for port in service.specList("ports") where port["protocol"]?.string ?? "TCP" == "TCP" {
                guard let number = port["port"]?.integer else { continue }
                let ready = Self.targets(port["name"]?.string ?? "", subsets)
                guard !ready.isEmpty else { continue }
                targets[Place(address: address, port: number)] = ready
                if let nodePort = port["nodePort"]?.integer, nodePort > 0 {
                    targets[Place(address: nodeAddress, port: nodePort)] = ready
                }
            }
        }
    }

    private static func targets(_ name: String, _ subsets: [JSONValue]) -> [Place] {
        subsets.flatMap { subset -> [Place] in
            let port = (subset["ports"]?.array ?? []).first { $0["name"]?.string ?? "" == name }?["port"]?.integer
            guard let port else { return [] }
            return (subset["addresses"]?.array ?? []).compactMap { $0["ip"]?.string }.map {
                Place(address: $0, port: port)
            }
        }
    }
}
