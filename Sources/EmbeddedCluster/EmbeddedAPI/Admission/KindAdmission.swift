import GoText
import JSON
import Kubernetes

/// What the server fills into objects of built-in kinds, and what it refuses.
enum KindAdmission {
    typealias Cause = APIStatus.Cause

    // MARK: Filling in

    /// Fills in what depends on fields that are not there, before their defaults come.
    static func prepare(_ object: inout JSONValue, _ type: ResourceType) {
        let path = type.plural == "jobs" ? ["spec"] : ["spec", "jobTemplate", "spec"]
        guard type.group == "batch", let spec = object[path: path] else { return }
        if spec["completions"] == nil, spec["parallelism"] == nil { object[path: path + ["completions"]] = 1 }
    }

    /// Completes an object that is new or changed; what depends on other objects is done by the caller.
    static func fill(_ object: inout JSONValue, old: JSONValue?, _ type: ResourceType) {
        switch (type.group, type.plural) {
        case ("apps", "deployments"): fillDeployment(&object)
        case ("apps", "replicasets"), ("apps", "statefulsets"):
            if object["spec"]?["replicas"] == nil { object[path: ["spec", "replicas"]] = 1 }
            fillTemplate(&object, ["spec", "template", "spec"])
            if old == nil { object["status"] = ["replicas": 0] }
        case ("batch", "jobs"): fillJob(&object, old: old)
        case ("batch", "cronjobs"):
            fillTemplate(&object, ["spec", "jobTemplate", "spec", "template", "spec"])
            if old == nil { object["status"] = [:] }
        case ("", "pods"): if old == nil { PodRules.fill(pod: &object) }
        case ("", "namespaces"): if old == nil { fillNamespace(&object) }
        case ("", "secrets"): fillSecret(&object)
        case ("", "nodes"): if old == nil, object["spec"] == nil { object["spec"] = [:] }
        case ("networking.k8s.io", "networkpolicies"): fillNetworkPolicy(&object)
        case ("networking.k8s.io", "ingresses"): if old == nil { object["status"] = ["loadBalancer": [:]] }
        case ("policy", "poddisruptionbudgets"):
            if old == nil {
                object["status"] = [
                    "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
                ]
            }
        case ("autoscaling", "horizontalpodautoscalers"):
            if object["spec"]?["minReplicas"] == nil { object[path: ["spec", "minReplicas"]] = 1 }
            if old == nil { object["status"] = ["currentReplicas": 0, "desiredReplicas": 0] }
        default: break
        }
    }

    private static func fillDeployment(_ object: inout JSONValue) {
        var spec = object["spec"] ?? [:]
        if spec["replicas"] == nil { spec["replicas"] = 1 }
        if spec["revisionHistoryLimit"] == nil { spec["revisionHistoryLimit"] = 10 }
        if spec["progressDeadlineSeconds"] == nil { spec["progressDeadlineSeconds"] = 600 }
        let kind = spec["strategy"]?["type"]?.string ?? "RollingUpdate"
        var strategy: JSONValue = ["type": .string(kind)]
        if kind == "RollingUpdate" {
            var rolling = spec["strategy"]?["rollingUpdate"] ?? [:]
            if rolling["maxUnavailable"] == nil { rolling["maxUnavailable"] = "25%" }
            if rolling["maxSurge"] == nil { rolling["maxSurge"] = "25%" }
            strategy["rollingUpdate"] = rolling
        } else if let rolling = spec["strategy"]?["rollingUpdate"] {
            strategy["rollingUpdate"] = rolling
        }
        spec["strategy"] = strategy
        object["spec"] = spec
        fillTemplate(&object, ["spec", "template", "spec"])
        if object["status"] == nil { object["status"] = [:] }
    }

    private static func fillTemplate(_ object: inout JSONValue, _ path: [String]) {
        guard var spec = object[path: path] else { return }
        PodRules.fill(template: &spec)
        object[path: path] = spec
    }

    private static func fillJob(_ object: inout JSONValue, old: JSONValue?) {
        var spec = object["spec"] ?? [:]
        if spec["parallelism"] == nil { spec["parallelism"] = 1 }
        if spec["backoffLimit"] == nil { spec["backoffLimit"] = 6 }
        if old == nil, spec["manualSelector"]?.bool != true {
            let marks: [(String, String)] = [("controller-uid", object.uid), ("job-name", object.name)]
            for (key, value) in marks {
                spec[path: ["template", "metadata", "labels", key]] = .string(value)
            }
            spec[path: ["selector", "matchLabels", "controller-uid"]] = .string(object.uid)
        }
        object["spec"] = spec
        if old == nil {
            object["status"] = [:]
            if let labels = spec["template"]?["metadata"]?["labels"], object.labels.isEmpty {
                object.setMeta("labels", labels)
            }
        }
        fillTemplate(&object, ["spec", "template", "spec"])
    }

    private static func fillNamespace(_ object: inout JSONValue) {
        var finalizers = object["spec"]?["finalizers"]?.array ?? []
        if !finalizers.contains("kubernetes") { finalizers.append("kubernetes") }
        object["spec"] = ["finalizers": .array(finalizers)]
        object["status"] = ["phase": "Active"]
    }

    private static func fillSecret(_ object: inout JSONValue) {
        for (key, value) in object["stringData"]?.object ?? [:] {
            object[path: ["data", key]] = .string(Base64.padded(Array((value.string ?? "").utf8)))
        }
        object["stringData"] = nil
        if (object["type"]?.string ?? "").isEmpty { object["type"] = "Opaque" }
    }

    private static func fillNetworkPolicy(_ object: inout JSONValue) {
        guard object["spec"]?["policyTypes"] == nil else { return }
        let hasEgress = !(object["spec"]?["egress"]?.array ?? []).isEmpty
        object[path: ["spec", "policyTypes"]] = hasEgress ? ["Ingress", "Egress"] : ["Ingress"]
    }

    // MARK: Rules

    static func faults(_ object: JSONValue, _ type: ResourceType) -> [APIStatus.Cause] {
        switch (type.group, type.plural) {
        case ("", "pods"): return PodRules.faults(object["spec"], "spec")
        case ("apps", "deployments"), ("apps", "replicasets"), ("apps", "statefulsets"):
            return workloadFaults(object)
        case ("batch", "jobs"): return jobFaults(object)
        case ("", "services"): return AddressBook.faults(object)
        case ("", "configmaps"): return keyFaults(object, ["data", "binaryData"])
        case ("", "secrets"): return keyFaults(object, ["data"]) + secretFaults(object)
        case ("", "events"): return eventFaults(object)
        case ("policy", "poddisruptionbudgets"):
            guard object["spec"]?["minAvailable"] != nil, object["spec"]?["maxUnavailable"] != nil else { return [] }
            return [.invalid("spec", object["spec"], "minAvailable and maxUnavailable cannot be both set")]
        case ("autoscaling", "horizontalpodautoscalers"): return autoscalerFaults(object)
        case ("rbac.authorization.k8s.io", "rolebindings"), ("rbac.authorization.k8s.io", "clusterrolebindings"):
            guard (object["roleRef"]?["name"]?.string ?? "").isEmpty else { return [] }
            return [.required("roleRef.name")]
        default: return []
        }
    }

    static func changeFaults(_ object: JSONValue, old: JSONValue, _ type: ResourceType) -> [APIStatus.Cause] {
        switch (type.group, type.plural) {
        case ("", "pods"): return PodRules.changeFaults(object, old: old)
        case ("apps", "deployments"), ("apps", "replicasets"):
            guard object["spec"]?["selector"] != old["spec"]?["selector"] else { return [] }
            return [immutable("spec.selector", Self.selectorText(object["spec"]?["selector"]))]
        case ("apps", "statefulsets"):
            var a = object["spec"] ?? [:]
            var b = old["spec"] ?? [:]
            for field in ["replicas", "template", "updateStrategy"] {
                a[field] = nil
                b[field] = nil
            }
            guard a != b else { return [] }
            return [
                .forbidden(
                    "spec",
                    "updates to statefulset spec for fields other than 'replicas', 'template', and "
                        + "'updateStrategy' are forbidden"
                )
            ]
        case ("batch", "jobs"):
            return ["completions", "selector", "template"].filter { object["spec"]?[$0] != old["spec"]?[$0] }
                .map { .invalid("spec.\($0)", object["spec"]?[$0], "field is immutable") }
        case ("", "configmaps"), ("", "secrets"): return frozenFaults(object, old: old, type)
        case ("rbac.authorization.k8s.io", "rolebindings"), ("rbac.authorization.k8s.io", "clusterrolebindings"):
            guard let role = object["roleRef"], role != old["roleRef"] else { return [] }
            func text(_ field: String) -> String { GoText.quoted(role[field]?.string ?? "") }
            let shown = "rbac.RoleRef{APIGroup:\(text("apiGroup")), Kind:\(text("kind")), Name:\(text("name"))}"
            return [
                Cause(
                    reason: "FieldValueInvalid",
                    message: "Invalid value: \(shown): cannot change roleRef",
                    field: "roleRef"
                )
            ]
        default: return []
        }
    }

    private static func immutable(_ field: String, _ shown: String) -> Cause {
        Cause(reason: "FieldValueInvalid", message: "Invalid value: \(shown): field is immutable", field: field)
    }

    private static func selectorText(_ selector: JSONValue?) -> String {
        let expressions = selector?["matchExpressions"]?.array ?? []
        let list =
            expressions.isEmpty
            ? "(nil)"
            : "{"
                + expressions.map { expression in
                    let values = expression["values"]?.array?.compactMap(\.string)
                    let shown = values.map { "{\($0.map(GoText.quoted).joined(separator: ", "))}" } ?? "(nil)"
                    return "v1.LabelSelectorRequirement{Key:\(GoText.quoted(expression["key"]?.string ?? "")), "
                        + "Operator:\(GoText.quoted(expression["operator"]?.string ?? "")), "
                        + "Values:[]string\(shown)}"
                }.joined(separator: ", ") + "}"
        return "v1.LabelSelector{MatchLabels:\(mapText(selector?["matchLabels"])), "
            + "MatchExpressions:[]v1.LabelSelectorRequirement\(list)}"
    }

    private static func mapText(_ map: JSONValue?) -> String {
        guard let members = map?.object, !members.isEmpty else { return "map[string]string(nil)" }
        let pairs = members.sorted { $0.key < $1.key }
            .map { "\(GoText.quoted($0.key)):\(GoText.quoted($0.value.string ?? ""))" }
        return "map[string]string{\(pairs.joined(separator: ", "))}"
    }

    private static func workloadFaults(_ object: JSONValue) -> [Cause] {
        let spec = object["spec"] ?? [:]
        var causes: [Cause] = []
        if let replicas = spec["replicas"]?.integer, replicas < 0 {
            causes.append(.invalid("spec.replicas", .integer(replicas), "must be greater than or equal to 0"))
        }
        let template = spec["template"]?["metadata"]?["labels"]
        var isSelected = false
        if let selector = spec["selector"] {
            let isEmpty =
                (selector["matchLabels"]?.object ?? [:]).isEmpty
                && (selector["matchExpressions"]?.array ?? []).isEmpty
            if isEmpty {
                causes.append(
                    Cause(
                        reason: "FieldValueInvalid",
                        message: "Invalid value: \(selectorText(selector)): empty selector is invalid for deployment",
                        field: "spec.selector"
                    )
                )
            }
            do throws(APIStatus) {
                let parsed = try LabelSelector(object: selector)
                isSelected = !isEmpty && parsed.matches(template?.object ?? [:])
            } catch {
                causes.append(.invalid("spec.selector", selector, error.message))
            }
        } else {
            causes.append(.required("spec.selector"))
        }
        if !isSelected {
            causes.append(
                Cause(
                    reason: "FieldValueInvalid",
                    message: "Invalid value: \(mapText(template)): `selector` does not match template `labels`",
                    field: "spec.template.metadata.labels"
                )
            )
        }
        causes += PodRules.faults(spec["template"]?["spec"], "spec.template.spec")
        if let policy = spec["template"]?["spec"]?["restartPolicy"]?.string, policy == "OnFailure" || policy == "Never"
        {
            causes.append(
                .notSupported("spec.template.spec.restartPolicy", .string(policy), ["Always"])
            )
        }
        return causes
    }

    private static func jobFaults(_ object: JSONValue) -> [Cause] {
        let spec = object["spec"] ?? [:]
        var causes: [Cause] = []
        for field in ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit"] {
            if let value = spec[field]?.integer, value < 0 {
                causes.append(.invalid("spec.\(field)", .integer(value), "must be greater than or equal to 0"))
            }
        }
        causes += PodRules.faults(spec["template"]?["spec"], "spec.template.spec")
        let policy = spec["template"]?["spec"]?["restartPolicy"]?.string ?? ""
        if policy.isEmpty || policy == "Always" {
            causes.append(
                .required("spec.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"")
            )
        }
        return causes
    }

    private static func keyFaults(_ object: JSONValue, _ fields: [String]) -> [Cause] {
        var causes: [Cause] = []
        for field in fields {
            for key in (object[field]?.object ?? [:]).keys.sorted() {
                let isWord =
                    !key.isEmpty
                    && key.utf8.allSatisfy {
                        Names.isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
                    }
                if !isWord {
                    causes.append(
                        .invalid(
                            "\(field)[\(key)]",
                            .string(key),
                            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
                                + "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
                                + "'[-._a-zA-Z0-9]+')"
                        )
                    )
                }
            }
        }
        return causes
    }

    private static func secretFaults(_ object: JSONValue) -> [Cause] {
        let required =
            switch object["type"]?.string {
            case "kubernetes.io/tls": ["tls.crt", "tls.key"]
            case "kubernetes.io/dockerconfigjson": [".dockerconfigjson"]
            case "kubernetes.io/ssh-auth": ["ssh-privatekey"]
            default: [String]()
            }
        return required.filter { object["data"]?[$0] == nil }.map { .required("data[\($0)]") }
    }

    private static func eventFaults(_ object: JSONValue) -> [Cause] {
        let about = object["involvedObject"]?["namespace"]?.string ?? ""
        guard about != object.namespace, !(about.isEmpty && object.namespace == "default") else { return [] }
        return [.invalid("involvedObject.namespace", .string(about), "does not match event.namespace")]
    }

    private static func autoscalerFaults(_ object: JSONValue) -> [Cause] {
        let low = object["spec"]?["minReplicas"]?.integer ?? 1
        let high = object["spec"]?["maxReplicas"]?.integer ?? 0
        var causes: [Cause] = []
        if low < 1 { causes.append(.invalid("spec.minReplicas", .integer(low), "must be greater than or equal to 1")) }
        if high < 1 { causes.append(.invalid("spec.maxReplicas", .integer(high), "must be greater than 0")) }
        if high < low {
            causes.append(
                .invalid("spec.maxReplicas", .integer(high), "must be greater than or equal to `minReplicas`")
            )
        }
        return causes
    }

    private static func frozenFaults(_ object: JSONValue, old: JSONValue, _ type: ResourceType) -> [Cause] {
        var causes: [Cause] = []
        if type.plural == "secrets", object["type"] != old["type"] {
            causes.append(.invalid("type", object["type"], "field is immutable"))
        }
        guard old["immutable"]?.bool == true else { return causes }
        let detail = "field is immutable when `immutable` is set"
        if object["immutable"]?.bool != true { causes.append(.forbidden("immutable", detail)) }
        for field in ["data", "binaryData"] where object[field] != old[field] {
            causes.append(.forbidden(field, detail))
        }
        return causes
    }
}
