import JSON
import Kubernetes

/// Defaults and rules of pods and of the templates that pods are made from.
enum PodRules {
    /// What every pod specification gets, a template's too.
    static func fill(template spec: inout JSONValue) {
        for list in ["initContainers", "containers"] {
            guard case .array(var containers)? = spec[list] else { continue }
            for index in containers.indices {
                if containers[index]["imagePullPolicy"] == nil, let image = containers[index]["image"]?.string {
                    containers[index]["imagePullPolicy"] = isLatest(image) ? "Always" : "IfNotPresent"
                }
            }
            spec[list] = .array(containers)
        }
        if let name = spec["serviceAccountName"]?.string, spec["serviceAccount"] == nil {
            spec["serviceAccount"] = .string(name)
        } else if let name = spec["serviceAccount"]?.string, spec["serviceAccountName"] == nil {
            spec["serviceAccountName"] = .string(name)
        }
    }

    /// What a new pod gets besides.
    static func fill(pod: inout JSONValue) {
        var spec = pod["spec"] ?? [:]
        fill(template: &spec)
        if (spec["serviceAccountName"]?.string ?? "").isEmpty {
            spec["serviceAccountName"] = "default"
            spec["serviceAccount"] = "default"
        }
        for list in ["initContainers", "containers"] {
            guard case .array(var containers)? = spec[list] else { continue }
            for index in containers.indices {
                // What is limited and not requested is requested as limited.
                for (name, limit) in containers[index]["resources"]?["limits"]?.object ?? [:]
                where containers[index]["resources"]?["requests"]?[name] == nil {
                    containers[index][path: ["resources", "requests", name]] = limit
                }
            }
            spec[list] = .array(containers)
        }
        if spec["priority"] == nil { spec["priority"] = 0 }
        if spec["preemptionPolicy"] == nil { spec["preemptionPolicy"] = "PreemptLowerPriority" }
        if spec["enableServiceLinks"] == nil { spec["enableServiceLinks"] = true }
        var tolerations = spec["tolerations"]?.array ?? []
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
        where !tolerations.contains(where: { isTolerating($0, key) }) {
            tolerations.append([
                "key": .string(key), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            ])
        }
        spec["tolerations"] = .array(tolerations)
        pod["spec"] = spec
        pod["status"] = ["phase": "Pending", "qosClass": .string(quality(spec))]
    }

    static func faults(_ spec: JSONValue?, _ field: String) -> [APIStatus.Cause] {
        var causes: [APIStatus.Cause] = []
        let containers = spec?["containers"]?.array ?? []
        if containers.isEmpty { causes.append(.required("\(field).containers")) }
        var names: Set<String> = []
        for (list, containers) in [
            ("containers", containers), ("initContainers", spec?["initContainers"]?.array ?? []),
        ] {
            for (index, container) in containers.enumerated() {
                let place = "\(field).\(list)[\(index)]"
                let name = container["name"]?.string ?? ""
                if name.isEmpty {
                    causes.append(.required("\(place).name"))
                } else {
                    causes += Names.labelFaults(name).map { .invalid("\(place).name", .string(name), $0) }
                    if !names.insert(name).inserted { causes.append(.duplicate("\(place).name", .string(name))) }
                }
                if (container["image"]?.string ?? "").isEmpty { causes.append(.required("\(place).image")) }
            }
        }
        let policies = ["Always", "OnFailure", "Never"]
        if let policy = spec?["restartPolicy"]?.string, !policies.contains(policy) {
            causes.append(.notSupported("\(field).restartPolicy", .string(policy), policies))
        }
        return causes
    }

    /// Of a pod only little may change: images, the deadline, and tolerations may be added.
    static func changeFaults(_ pod: JSONValue, old: JSONValue) -> [APIStatus.Cause] {
        func comparable(_ object: JSONValue) -> JSONValue {
            var spec = object["spec"] ?? [:]
            for list in ["initContainers", "containers"] {
                guard case .array(var containers)? = spec[list] else { continue }
                for index in containers.indices { containers[index]["image"] = nil }
                spec[list] = .array(containers)
            }
            spec["activeDeadlineSeconds"] = nil
            spec["tolerations"] = nil
            return spec
        }
        let tolerations = pod["spec"]?["tolerations"]?.array ?? []
        let keepsTolerations = (old["spec"]?["tolerations"]?.array ?? []).allSatisfy(tolerations.contains)
        guard comparable(pod) != comparable(old) || !keepsTolerations else { return [] }
        return [
            .forbidden(
                "spec",
                "pod updates may not change fields other than `spec.containers[*].image`, "
                    + "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` "
                    + "(only additions to existing tolerations)"
            )
        ]
    }

    /// The quality of service, from what containers request and may use.
    static func quality(_ spec: JSONValue) -> String {
        let containers = (spec["containers"]?.array ?? []) + (spec["initContainers"]?.array ?? [])
        var isBestEffort = true
        var isGuaranteed = !containers.isEmpty
        for container in containers {
            let requests = container["resources"]?["requests"]?.object ?? [:]
            let limits = container["resources"]?["limits"]?.object ?? [:]
            for name in ["cpu", "memory"] {
                if requests[name] != nil || limits[name] != nil { isBestEffort = false }
                if limits[name] == nil || (requests[name] ?? limits[name]) != limits[name] { isGuaranteed = false }
            }
        }
        return isBestEffort ? "BestEffort" : isGuaranteed ? "Guaranteed" : "Burstable"
    }

    private static func isTolerating(_ toleration: JSONValue, _ key: String) -> Bool {
        let own = toleration["key"]?.string ?? ""
        let effect = toleration["effect"]?.string ?? ""
        return (own == key || own.isEmpty) && (effect.isEmpty || effect == "NoExecute")
    }

    private static func isLatest(_ image: String) -> Bool {
        guard !image.contains("@") else { return false }
        let last = image.split(separator: "/").last ?? ""
        guard let colon = last.firstIndex(of: ":") else { return true }
        return last[last.index(after: colon)...] == "latest"
    }
}
