import GoText
import JSON
import Kubernetes

/// Addresses, ports and rules of services.
extension AddressBook {
    /// Completes a service that is new or has changed its type, from the addresses and ports that are free.
    mutating func complete(_ service: inout JSONValue, old: JSONValue?) throws(APIStatus) {
        var spec = service["spec"] ?? [:]
        let type = spec["type"]?.string ?? "ClusterIP"
        spec["type"] = .string(type)
        if spec["sessionAffinity"] == nil { spec["sessionAffinity"] = "None" }
        var ports = spec["ports"]?.array ?? []
        for index in ports.indices {
            if ports[index]["protocol"] == nil { ports[index]["protocol"] = "TCP" }
            if [nil, 0, ""].contains(ports[index]["targetPort"]) { ports[index]["targetPort"] = ports[index]["port"] }
        }
        if !ports.isEmpty { spec["ports"] = .array(ports) }
        var causes: [APIStatus.Cause] = []
        try completeAddress(&spec, type, old, &causes)
        completePorts(&spec, type, old, &causes)
        if type == "NodePort" || type == "LoadBalancer" {
            if spec["externalTrafficPolicy"] == nil { spec["externalTrafficPolicy"] = "Cluster" }
        } else {
            spec["externalTrafficPolicy"] = nil
        }
        service["spec"] = spec
        if service["status"]?.object == nil { service["status"] = ["loadBalancer": [:]] }
        guard causes.isEmpty else { throw .invalid(.service, service.name, causes) }
    }

    private mutating func completeAddress(
        _ spec: inout JSONValue,
        _ type: String,
        _ old: JSONValue?,
        _ causes: inout [APIStatus.Cause]
    ) throws(APIStatus) {
        guard type != "ExternalName" else {
            spec["clusterIP"] = nil
            spec["clusterIPs"] = nil
            return
        }
        let held = old?["spec"]?["clusterIP"]?.string
        let listed = spec["clusterIPs"]?.array?.first?.string
        var address = spec["clusterIP"]?.string ?? listed ?? ""
        if let held, held == address, let listed, listed != held { address = listed }
        if let held, !held.isEmpty {
            guard address != held else {
                spec["clusterIPs"] = [.string(held)]
                return
            }
            let shown = address.isEmpty ? "[]string(nil)" : "[]string{\(GoText.quoted(address))}"
            let detail = address.isEmpty ? "primary clusterIP can not be unset" : "may not change once set"
            causes.append(
                .init(
                    reason: "FieldValueInvalid",
                    message: "Invalid value: \(shown): \(detail)",
                    field: "spec.clusterIPs[0]"
                )
            )
            return
        }
        if address.isEmpty {
            guard let free = freeAddress() else {
                throw APIStatus(
                    code: 500,
                    reason: "InternalError",
                    message: "Internal error occurred: failed to allocate a serviceIP: range is full"
                )
            }
            address = free
        } else if address != "None" {
            let fault =
                !covers(address)
                ? "provided IP is not in the valid range. The range of valid IPs is \(range)"
                : isTaken(address) ? "provided IP is already allocated" : nil
            if let fault {
                causes.append(
                    .init(
                        reason: "FieldValueInvalid",
                        message: "Invalid value: []string{\(GoText.quoted(address))}: failed to allocated "
                            + "ip:\(address) with error:\(fault)",
                        field: "spec.clusterIPs"
                    )
                )
            }
        }
        spec["clusterIP"] = .string(address)
        spec["clusterIPs"] = [.string(address)]
    }

    private mutating func completePorts(
        _ spec: inout JSONValue,
        _ type: String,
        _ old: JSONValue?,
        _ causes: inout [APIStatus.Cause]
    ) {
        var ports = spec["ports"]?.array ?? []
        let held = Set(old.map(Self.ports) ?? [])
        var given: Set<Int> = Set(ports.compactMap { $0["nodePort"]?.integer })
        for index in ports.indices {
            guard type == "NodePort" || type == "LoadBalancer" else {
                // Ports that were given to a service of another type go back.
                if let port = ports[index]["nodePort"]?.integer, held.contains(port) || port == 0 {
                    ports[index]["nodePort"] = nil
                }
                continue
            }
            let port = ports[index]["nodePort"]?.integer ?? 0
            let field = "spec.ports[\(index)].nodePort"
            if port == 0 {
                if let free = freePort(but: given) {
                    ports[index]["nodePort"] = .integer(free)
                    given.insert(free)
                }
            } else if !held.contains(port) {
                if !covers(port: port) {
                    let detail = "provided port is not in the valid range. The range of valid ports is \(portRange)"
                    causes.append(.invalid(field, .integer(port), detail))
                } else if isTaken(port: port) {
                    causes.append(.invalid(field, .integer(port), "provided port is already allocated"))
                }
            }
        }
        if !ports.isEmpty { spec["ports"] = .array(ports) }
    }

    static func faults(_ service: JSONValue) -> [APIStatus.Cause] {
        let spec = service["spec"] ?? [:]
        let ports = spec["ports"]?.array ?? []
        var causes: [APIStatus.Cause] = []
        if ports.isEmpty, spec["type"] != "ExternalName", spec["clusterIP"] != "None" {
            causes.append(.required("spec.ports"))
        }
        var names: Set<String> = []
        for (index, port) in ports.enumerated() {
            let field = "spec.ports[\(index)]"
            let name = port["name"]?.string ?? ""
            if name.isEmpty, ports.count > 1 {
                causes.append(.required("\(field).name"))
            } else if !name.isEmpty {
                causes += Names.labelFaults(name).map { .invalid("\(field).name", .string(name), $0) }
                if !names.insert(name).inserted { causes.append(.duplicate("\(field).name", .string(name))) }
            }
            if let number = port["port"]?.integer, !(1...65535).contains(number) {
                causes.append(.invalid("\(field).port", .integer(number), "must be between 1 and 65535, inclusive"))
            } else if port["port"] == nil {
                causes.append(.invalid("\(field).port", 0, "must be between 1 and 65535, inclusive"))
            }
        }
        if spec["type"] == "ExternalName", (spec["externalName"]?.string ?? "").isEmpty {
            causes.append(.required("spec.externalName"))
        }
        return causes
    }
}
