import EmbeddedAPI
import JSON

/// Why a pod cannot run on a node, in the words of kube-scheduler 1.20.
struct NodeFilter {
    private let pod: JSONValue
    private let demand: PodDemand
    private let tolerations: [JSONValue]

    init(_ pod: JSONValue) {
        self.pod = pod
        demand = PodDemand(pod)
        tolerations = pod.spec["tolerations"]?.array ?? []
    }

    /// The reasons of the first thing that fails; empty when the pod may run there.
    func refusals(of node: JSONValue, _ use: ClusterIndex.NodeUse) -> [String] {
        if node.spec["unschedulable"]?.bool ?? false, !toleratesUnschedulable { return ["node(s) were unschedulable"] }
        let shortages = shortages(node, use)
        if !shortages.isEmpty { return shortages }
        if demand.hostPorts.contains(where: { use.ports[$0] != nil }) {
            return ["node(s) didn't have free ports for the requested pod ports"]
        }
        if !isWanted(node) { return ["node(s) didn't match Pod's node affinity"] }
        for taint in node.spec["taints"]?.array ?? []
        where ["NoSchedule", "NoExecute"].contains(taint["effect"]?.string) && !tolerates(taint) {
            let key = taint["key"]?.string ?? ""
            return ["node(s) had taint {\(key): \(taint["value"]?.string ?? "")}, that the pod didn't tolerate"]
        }
        return []
    }

    /// The share of the node that stays free, 0...1, over processors and memory: the emptiest node is taken.
    func freeShare(of node: JSONValue, _ use: ClusterIndex.NodeUse) -> Double {
        let shares = ["cpu", "memory"].map { name in
            let all = Double(Self.allocatable(node, name))
            let used = Double((use.requests[name] ?? 0) + (demand.requests[name] ?? 0))
            return all > 0 ? max(0, 1 - used / all) : 0
        }
        return shares.reduce(0, +) / 2
    }

    private static func allocatable(_ node: JSONValue, _ name: String) -> Int {
        Quantity.thousandths(node.status["allocatable"]?[name]) ?? 0
    }

    private func shortages(_ node: JSONValue, _ use: ClusterIndex.NodeUse) -> [String] {
        var shortages: [String] = []
        if (use.pods.count + 1) * 1000 > Self.allocatable(node, "pods") { shortages.append("Too many pods") }
        for (name, amount) in demand.requests.sorted(by: { $0.key < $1.key }) where name != "pods" {
            let free = Self.allocatable(node, name) - (use.requests[name] ?? 0)
            if amount > free { shortages.append("Insufficient \(name)") }
        }
        return shortages
    }

    // MARK: Labels

    private func isWanted(_ node: JSONValue) -> Bool {
        let labels = node.labels
        for (key, value) in pod.spec["nodeSelector"]?.object ?? [:] where labels[key] != value { return false }
        let path = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"]
        guard let required = pod.spec[path: path] else { return true }
        return (required["nodeSelectorTerms"]?.array ?? []).contains { term in
            let expressions = term["matchExpressions"]?.array ?? []
            let fields = term["matchFields"]?.array ?? []
            guard !expressions.isEmpty || !fields.isEmpty else { return false }
            return expressions.allSatisfy { Self.holds($0, labels[$0["key"]?.string ?? ""]?.string) }
                && fields.allSatisfy { $0["key"] == "metadata.name" && Self.holds($0, node.name) }
        }
    }

    private static func holds(_ expression: JSONValue, _ value: String?) -> Bool {
        let values = expression["values"]?.array?.compactMap(\.string) ?? []
        func compare(_ relation: (Int, Int) -> Bool) -> Bool {
            guard let number = value.flatMap({ Int($0) }), let bound = values.first.flatMap({ Int($0) }) else {
                return false
            }
            return relation(number, bound)
        }
        switch expression["operator"]?.string {
        case "In": return value.map(values.contains) ?? false
        case "NotIn": return !(value.map(values.contains) ?? false)
        case "Exists": return value != nil
        case "DoesNotExist": return value == nil
        case "Gt": return compare(>)
        case "Lt": return compare(<)
        default: return false
        }
    }

    // MARK: Taints

    private var toleratesUnschedulable: Bool {
        tolerates(["key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"])
    }

    private func tolerates(_ taint: JSONValue) -> Bool {
        tolerations.contains { toleration in
            if let effect = toleration["effect"]?.string, !effect.isEmpty, effect != taint["effect"]?.string {
                return false
            }
            let key = toleration["key"]?.string ?? ""
            if !key.isEmpty, key != taint["key"]?.string { return false }
            if toleration["operator"]?.string == "Exists" { return true }
            return !key.isEmpty && toleration["value"]?.string ?? "" == taint["value"]?.string ?? ""
        }
    }
}
