import JSON
import Kubernetes

/// How objects of one version of a built-in kind become those of another.
struct Conversion: Sendable {
    var there: @Sendable (JSONValue) -> JSONValue = { $0 }
    var back: @Sendable (JSONValue) -> JSONValue = { $0 }

    /// Between a version that is served and the one that is kept.
    static func between(_ type: ResourceType, _ stored: ResourceType) -> Conversion {
        guard type != stored else { return Conversion() }
        var there: @Sendable (inout JSONValue) -> Void = { _ in }
        var back: @Sendable (inout JSONValue) -> Void = { _ in }
        switch (type.kind, type.version) {
        case ("Event", _): (there, back) = (eventToCore, eventFromCore)
        case ("HorizontalPodAutoscaler", "v1"): (there, back) = (AutoscalerConversion.toV2, AutoscalerConversion.toV1)
        case ("EndpointSlice", "v1beta1"): (there, back) = (sliceToV1, sliceToBeta)
        case ("PodDisruptionBudget", "v1beta1"): (there, back) = (budgetToV1, budgetToBeta)
        default: break
        }
        return Conversion(
            there: { [there] in changed($0, to: stored, there) },
            back: { [back] in changed($0, to: type, back) }
        )
    }

    private static func changed(
        _ object: JSONValue,
        to type: ResourceType,
        _ change: (inout JSONValue) -> Void
    ) -> JSONValue {
        var object = object
        change(&object)
        object["apiVersion"] = .string(type.apiVersion)
        return object
    }

    // MARK: Events

    private static let eventNames = [
        ("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"), ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"), ("reportingComponent", "reportingController"),
    ]

    @Sendable private static func eventToCore(_ event: inout JSONValue) {
        event.renameMembers(Dictionary(uniqueKeysWithValues: eventNames.map { ($0.1, $0.0) }))
    }

    @Sendable private static func eventFromCore(_ event: inout JSONValue) {
        event.renameMembers(Dictionary(uniqueKeysWithValues: eventNames))
    }

    // MARK: Endpoint slices

    private static let zoneLabel = "topology.kubernetes.io/zone"
    private static let hostLabel = "kubernetes.io/hostname"

    @Sendable private static func sliceToV1(_ slice: inout JSONValue) {
        slice.changeElements("endpoints") { endpoint in
            guard var topology = endpoint["topology"]?.object else { return }
            endpoint["topology"] = nil
            if let zone = topology.remove(zoneLabel) { endpoint["zone"] = zone }
            if let host = topology.remove(hostLabel), endpoint["nodeName"] == nil { endpoint["nodeName"] = host }
            if !topology.isEmpty { endpoint["deprecatedTopology"] = .object(topology) }
        }
    }

    @Sendable private static func sliceToBeta(_ slice: inout JSONValue) {
        slice.changeElements("endpoints") { endpoint in
            var topology = endpoint["deprecatedTopology"]?.object ?? [:]
            if let zone = endpoint["zone"] { topology[zoneLabel] = zone }
            for name in ["deprecatedTopology", "zone", "hints"] { endpoint[name] = nil }
            if !topology.isEmpty { endpoint["topology"] = .object(topology) }
        }
    }

    // MARK: Budgets

    /// An empty selector chose no pods in v1beta1 and chooses all in v1; this requirement keeps its meaning.
    private static let emptySelector: JSONValue = [
        "matchExpressions": [
            ["key": "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match", "operator": "Exists"]
        ]
    ]

    @Sendable private static func budgetToV1(_ budget: inout JSONValue) {
        if budget["spec"]?["selector"]?.object?.isEmpty == true { budget["spec"]?["selector"] = emptySelector }
    }

    @Sendable private static func budgetToBeta(_ budget: inout JSONValue) {
        if budget["spec"]?["selector"] == emptySelector { budget["spec"]?["selector"] = [:] }
    }
}

/// Between autoscaling/v1, which knows the processor's share only, and v2.
///
/// What v1 has no field for travels in annotations, under the names that the API server has for it and in v2's form.
enum AutoscalerConversion {
    private static let prefix = "autoscaling.alpha.kubernetes.io/"

    @Sendable static func toV2(_ object: inout JSONValue) {
        let annotations = object["metadata"]?["annotations"]
        func kept(_ name: String) -> JSONValue? {
            // Unreadable annotations are the writer's; they count as absent.
            (annotations?[prefix + name]?.string).flatMap { try? JSONValue(parsing: $0) }
        }
        let target = object["spec"]?["targetCPUUtilizationPercentage"]
        object["spec"]?["targetCPUUtilizationPercentage"] = nil
        var metrics = kept("metrics")?.array ?? []
        if let target, !target.isNull {
            metrics.append(cpu(["target": ["type": "Utilization", "averageUtilization": target]]))
        }
        if !metrics.isEmpty { object["spec"]?["metrics"] = .array(metrics) }
        if let behavior = kept("behavior") { object["spec"]?["behavior"] = behavior }
        if object["status"] != nil {
            let current = object["status"]?["currentCPUUtilizationPercentage"]
            object["status"]?["currentCPUUtilizationPercentage"] = nil
            var measures = kept("current-metrics")?.array ?? []
            if let current, !current.isNull { measures.append(cpu(["current": ["averageUtilization": current]])) }
            object["status"]?["currentMetrics"] = measures.isEmpty ? .null : .array(measures)
            if let conditions = kept("conditions") { object["status"]?["conditions"] = conditions }
        }
        guard var rest = annotations?.object else { return }
        for name in ["metrics", "current-metrics", "conditions", "behavior"] { rest.remove(prefix + name) }
        object["metadata"]?["annotations"] = rest.isEmpty ? nil : .object(rest)
    }

    @Sendable static func toV1(_ object: inout JSONValue) {
        var notes: [(String, JSONValue)] = []
        var others: [JSONValue] = []
        for metric in object["spec"]?["metrics"]?.array ?? [] {
            if let share = cpuShare(metric, "target") {
                object["spec"]?["targetCPUUtilizationPercentage"] = share
            } else {
                others.append(metric)
            }
        }
        if !others.isEmpty { notes.append(("metrics", .array(others))) }
        if let behavior = object["spec"]?["behavior"] { notes.append(("behavior", behavior)) }
        object["spec"]?["metrics"] = nil
        object["spec"]?["behavior"] = nil
        if object["status"] != nil {
            var measures: [JSONValue] = []
            for measure in object["status"]?["currentMetrics"]?.array ?? [] {
                if let share = cpuShare(measure, "current") {
                    object["status"]?["currentCPUUtilizationPercentage"] = share
                } else {
                    measures.append(measure)
                }
            }
            if !measures.isEmpty { notes.append(("current-metrics", .array(measures))) }
            if let conditions = object["status"]?["conditions"], !conditions.isNull {
                notes.append(("conditions", conditions))
            }
            object["status"]?["currentMetrics"] = nil
            object["status"]?["conditions"] = nil
        }
        guard !notes.isEmpty else { return }
        var annotations = object["metadata"]?["annotations"]?.object ?? [:]
        for (name, value) in notes { annotations[prefix + name] = .string(value.description) }
        object["metadata"]?["annotations"] = .object(annotations)
    }

    private static func cpu(_ fields: JSONValue) -> JSONValue {
        var resource = fields
        resource["name"] = "cpu"
        return ["type": "Resource", "resource": resource]
    }

    private static func cpuShare(_ metric: JSONValue, _ place: String) -> JSONValue? {
        guard metric["type"]?.string == "Resource", metric["resource"]?["name"]?.string == "cpu" else { return nil }
        return metric["resource"]?[place]?["averageUtilization"]
    }
}

extension JSONValue {
    /// Gives members other names, in their places.
    fileprivate mutating func renameMembers(_ names: [String: String]) {
        guard let members = object else { return }
        self = .object(JSONObject(members.map { (names[$0.key] ?? $0.key, $0.value) }))
    }

    /// Changes each element of a list that is a member.
    fileprivate mutating func changeElements(_ name: String, _ change: (inout JSONValue) -> Void) {
        guard let elements = self[name]?.array else { return }
        self[name] = .array(
            elements.map { element in
                var element = element
                change(&element)
                return element
            }
        )
    }
}
