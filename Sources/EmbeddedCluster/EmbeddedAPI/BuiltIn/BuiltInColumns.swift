package import JSON
package import Kubernetes

/// The tables that `kubectl get` prints of built-in kinds, as kube-apiserver 1.20 makes them.
///
/// Objects may be in any served version of their kind but where a function says which.
package enum BuiltInColumns {
    /// The columns of a resource; the name and the time of creation for kinds without a table of their own.
    package static func columns(_ resource: ResourceType) -> [ResourceDefinition.Column] {
        tables[resource.description]?.columns ?? standard
    }

    /// One object's cells, one for each column.
    ///
    /// - Parameter now: What ages are counted to.
    package static func cells(_ resource: ResourceType, _ object: JSONValue, now: Timestamp) -> [JSONValue] {
        guard let table = tables[resource.description] else {
            return [object["metadata"]?["name"] ?? "", object["metadata"]?["creationTimestamp"] ?? .null]
        }
        return table.cells(Row(object: object, now: now))
    }

    private struct Table: Sendable {
        var columns: [ResourceDefinition.Column]
        var cells: @Sendable (Row) -> [JSONValue]

        /// - Parameter titles: Names separated by commas; `#` before numbers, `?` before Booleans; those after a `|`
        ///   are shown with `-o wide` only, and after the next one always again.
        init(_ titles: String, _ cells: @escaping @Sendable (Row) -> [JSONValue]) {
            self.cells = cells
            columns = titles.split(separator: "|").enumerated().flatMap { priority, group in
                group.split(separator: ",").map { title in
                    let type = title.hasPrefix("#") ? "integer" : title.hasPrefix("?") ? "boolean" : "string"
                    return ResourceDefinition.Column(
                        name: String(type == "string" ? title : title.dropFirst()),
                        type: type,
                        format: title == "Name" ? "name" : "",
                        priority: priority % 2
                    )
                }
            }
        }
    }

    private static let standard = [
        ResourceDefinition.Column(name: "Name", format: "name"),
        ResourceDefinition.Column(name: "Created At", type: "date"),
    ]

    private static let tables: [String: Table] = [
        "pods": Table(
            "Name,Ready,Status,#Restarts,Age|IP,Node,Nominated Node,Readiness Gates",
            PodCells.cells
        ),
        "services": Table("Name,Type,Cluster-IP,External-IP,Port(s),Age|Selector", service),
        "endpoints": Table("Name,Endpoints,Age") { [$0.name, .string(addresses($0)), $0.age] },
        "endpointslices.discovery.k8s.io": Table("Name,AddressType,Ports,Endpoints,Age", slice),
        "nodes": Table(
            "Name,Status,Roles,Age,Version|Internal-IP,External-IP,OS-Image,Kernel-Version,Container-Runtime",
            node
        ),
        "namespaces": Table("Name,Status,Age") { [$0.name, $0["status", "phase"] ?? "", $0.age] },
        "configmaps": Table("Name,Data,Age") { row in
            [row.name, .integer(row.count("data") + row.count("binaryData")), row.age]
        },
        "secrets": Table("Name,Type,Data,Age") { row in
            [row.name, row["type"] ?? "", .integer(row.count("data")), row.age]
        },
        "serviceaccounts": Table("Name,Secrets,Age") { [$0.name, .integer($0.count("secrets")), $0.age] },
        "events": Table(eventTitles, event),
        "events.events.k8s.io": Table(eventTitles, event),
        "deployments.apps": Table("Name,Ready,Up-to-date,Available,Age|Containers,Images,Selector") { row in
            [
                row.name, .string("\(row.number("status", "readyReplicas"))/\(row.number("spec", "replicas"))"),
                .integer(row.number("status", "updatedReplicas")), .integer(row.number("status", "availableReplicas")),
                row.age,
            ] + row.containers + [row.selector("spec", "selector")]
        },
        "replicasets.apps": Table("Name,#Desired,#Current,#Ready,Age|Containers,Images,Selector") { row in
            [
                row.name, .integer(row.number("spec", "replicas")), .integer(row.number("status", "replicas")),
                .integer(row.number("status", "readyReplicas")), row.age,
            ] + row.containers + [row.selector("spec", "selector")]
        },
        "statefulsets.apps": Table("Name,Ready,Age|Containers,Images") { row in
            [
                row.name, .string("\(row.number("status", "readyReplicas"))/\(row.number("spec", "replicas"))"),
                row.age,
            ] + row.containers
        },
        "jobs.batch": Table("Name,Completions,Duration,Age|Containers,Images,Selector", job),
        "cronjobs.batch": Table(
            "Name,Schedule,?Suspend,#Active,Last Schedule,Age|Containers,Images,Selector",
            cronJob
        ),
        "horizontalpodautoscalers.autoscaling": Table(
            "Name,Reference,Targets,MinPods,MaxPods,Replicas,Age",
            AutoscalerCells.cells
        ),
        "poddisruptionbudgets.policy": Table("Name,Min Available,Max Unavailable,#Allowed Disruptions,Age") { row in
            [
                row.name, .string(row.text("spec", "minAvailable") ?? "N/A"),
                .string(row.text("spec", "maxUnavailable") ?? "N/A"),
                .integer(row.number("status", "disruptionsAllowed")), row.age,
            ]
        },
        "networkpolicies.networking.k8s.io": Table("Name,Pod-Selector,Age") { row in
            [row.name, row.selector("spec", "podSelector"), row.age]
        },
        "ingresses.networking.k8s.io": Table("Name,Class,Hosts,Address,Ports,Age", ingress),
        "leases.coordination.k8s.io": Table("Name,Holder,Age") { row in
            [row.name, row["spec", "holderIdentity"] ?? "", row.age]
        },
        "rolebindings.rbac.authorization.k8s.io": Table("Name,Role,Age|Users,Groups,ServiceAccounts", binding),
        "clusterrolebindings.rbac.authorization.k8s.io": Table("Name,Role,Age|Users,Groups,ServiceAccounts", binding),
    ]

    private static let eventTitles =
        "Last Seen,Type,Reason,Object|Subobject,Source|Message|First Seen,Count,Name"

    // MARK: Kinds

    @Sendable private static func service(_ row: Row) -> [JSONValue] {
        let type = row.text("spec", "type") ?? ""
        let external = row.texts("spec", "externalIPs")
        let outside: String
        switch type {
        case "ExternalName": outside = row.text("spec", "externalName") ?? ""
        case "LoadBalancer":
            let given = row.balancers
            outside = given.isEmpty && external.isEmpty ? "<pending>" : (given + external).joined(separator: ",")
        default: outside = external.isEmpty ? "<none>" : external.joined(separator: ",")
        }
        let ports = row.list("spec", "ports").map { port in
            let node = port["nodePort"]?.integer ?? 0
            let number = port["port"]?.integer ?? 0
            return "\(number)\(node > 0 ? ":\(node)" : "")/\(port["protocol"]?.string ?? "TCP")"
        }
        return [
            row.name, .string(type), .string(row.text("spec", "clusterIP") ?? "<none>"), .string(outside),
            .string(ports.isEmpty ? "<none>" : ports.joined(separator: ",")), row.age,
            .string(Row.labels(row["spec", "selector"])),
        ]
    }

    private static func addresses(_ row: Row) -> String {
        var all: [String] = []
        for subset in row.list("subsets") {
            let hosts = (subset["addresses"]?.array ?? []).compactMap { $0["ip"]?.string }
            let ports = (subset["ports"]?.array ?? []).compactMap { $0["port"]?.integer }
            all += ports.isEmpty ? hosts : ports.flatMap { port in hosts.map { "\(Row.host($0)):\(port)" } }
        }
        return Row.listed(all, none: "<none>")
    }

    @Sendable private static func slice(_ row: Row) -> [JSONValue] {
        let ports = row.list("ports").map { port in
            port["port"]?.integer.map(String.init) ?? port["name"]?.string ?? "*"
        }
        let hosts = row.list("endpoints").flatMap { ($0["addresses"]?.array ?? []).compactMap(\.string) }
        return [
            row.name, row["addressType"] ?? "", .string(Row.listed(ports, none: "<unset>")),
            .string(Row.listed(hosts, none: "<unset>")), row.age,
        ]
    }

    @Sendable private static func node(_ row: Row) -> [JSONValue] {
        var states: [String] = []
        if let ready = row.list("status", "conditions").first(where: { $0["type"]?.string == "Ready" }) {
            states.append(ready["status"]?.string == "True" ? "Ready" : "NotReady")
        } else {
            states.append("Unknown")
        }
        if row["spec", "unschedulable"]?.bool == true { states.append("SchedulingDisabled") }
        let prefix = "node-role.kubernetes.io/"
        let roles = Set(
            (row["metadata", "labels"]?.object ?? [:]).compactMap { label -> String? in
                if label.key.hasPrefix(prefix), label.key.count > prefix.count {
                    return String(label.key.dropFirst(prefix.count))
                }
                let role = label.value.string ?? ""
                return label.key == "kubernetes.io/role" && !role.isEmpty ? role : nil
            }
        )
        func address(_ type: String) -> JSONValue {
            row.list("status", "addresses").first { $0["type"]?.string == type }?["address"] ?? "<none>"
        }
        func about(_ name: String) -> JSONValue { .string(row.text("status", "nodeInfo", name) ?? "<unknown>") }
        return [
            row.name, .string(states.joined(separator: ",")),
            .string(roles.isEmpty ? "<none>" : roles.sorted().joined(separator: ",")), row.age,
            row["status", "nodeInfo", "kubeletVersion"] ?? "", address("InternalIP"), address("ExternalIP"),
            about("osImage"), about("kernelVersion"), about("containerRuntimeVersion"),
        ]
    }

    /// Of either group.
    @Sendable private static func event(_ row: Row) -> [JSONValue] {
        func either(_ core: String, _ other: String) -> JSONValue? { row[core] ?? row[other] }
        func time(_ core: String, _ other: String) -> String? {
            either(core, other).flatMap { $0.isNull ? nil : row.since($0) }
        }
        let first = time("firstTimestamp", "deprecatedFirstTimestamp") ?? row.since(row["eventTime"])
        let target = either("involvedObject", "regarding")
        let kind = target?["kind"]?.string?.lowercased() ?? ""
        let name = target?["name"]?.string ?? ""
        let source = either("source", "deprecatedSource")
        let component =
            source?["component"]?.string ?? either("reportingComponent", "reportingController")?.string ?? ""
        let host = source?["host"]?.string ?? row["reportingInstance"]?.string ?? ""
        let message = either("message", "note")?.string ?? ""
        // What is not counted has happened once, and a series does not count its first time.
        let counted = max(either("count", "deprecatedCount")?.integer ?? 0, 1)
        let times = row["series", "count"]?.integer.map { $0 + 1 } ?? counted
        let last =
            row["series", "lastObservedTime"].map { row.since($0) } ?? time("lastTimestamp", "deprecatedLastTimestamp")
        return [
            .string(last ?? first), row["type"] ?? "",
            row["reason"] ?? "", .string(name.isEmpty ? kind : "\(kind)/\(name)"), target?["fieldPath"] ?? "",
            .string(host.isEmpty ? component : "\(component), \(host)"), .string(Row.trimmed(message)),
            .string(first), .integer(times), row.name,
        ]
    }

    @Sendable private static func job(_ row: Row) -> [JSONValue] {
        let succeeded = row.number("status", "succeeded")
        let completions: String
        if let wanted = row["spec", "completions"]?.integer {
            completions = "\(succeeded)/\(wanted)"
        } else {
            let parallel = row.number("spec", "parallelism")
            completions = parallel > 1 ? "\(succeeded)/1 of \(parallel)" : "\(succeeded)/1"
        }
        var duration = ""
        if let start = row.time("status", "startTime") {
            duration = Row.age((row.time("status", "completionTime") ?? row.now) - start)
        }
        return [row.name, .string(completions), .string(duration), row.age]
            + row.containers + [row.selector("spec", "selector")]
    }

    @Sendable private static func cronJob(_ row: Row) -> [JSONValue] {
        let last = row["status", "lastScheduleTime"]
        let inner = Row(object: row["spec", "jobTemplate"] ?? [:], now: row.now)
        return [
            row.name, row["spec", "schedule"] ?? "",
            .string(row["spec", "suspend"]?.bool.map { $0 ? "True" : "False" } ?? "<unset>"),
            .integer(row.count("status", "active")), .string(last == nil ? "<none>" : row.since(last)), row.age,
        ] + inner.containers + [inner.selector("spec", "selector")]
    }

    @Sendable private static func ingress(_ row: Row) -> [JSONValue] {
        let hosts = row.list("spec", "rules").compactMap { $0["host"]?.string }.filter { !$0.isEmpty }
        return [
            row.name, .string(row.text("spec", "ingressClassName") ?? "<none>"),
            .string(Row.listed(hosts, none: "*")), .string(row.balancers.joined(separator: ",")),
            .string(row.count("spec", "tls") > 0 ? "80, 443" : "80"), row.age,
        ]
    }

    @Sendable private static func binding(_ row: Row) -> [JSONValue] {
        func subjects(_ kind: String) -> JSONValue {
            let names = row.list("subjects").filter { $0["kind"]?.string == kind }.map { subject in
                let name = subject["name"]?.string ?? ""
                return kind == "ServiceAccount" ? "\(subject["namespace"]?.string ?? "")/\(name)" : name
            }
            return .string(names.joined(separator: ", "))
        }
        return [
            row.name, .string("\(row.text("roleRef", "kind") ?? "")/\(row.text("roleRef", "name") ?? "")"), row.age,
            subjects("User"), subjects("Group"), subjects("ServiceAccount"),
        ]
    }
}
