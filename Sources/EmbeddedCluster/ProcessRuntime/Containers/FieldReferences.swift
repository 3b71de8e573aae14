import JSON
import ObjectSchema

/// What `fieldRef` and `resourceFieldRef` stand for.
enum FieldReferences {
    /// A field of the pod; nil when there is no such field.
    static func field(_ path: String, of pod: JSONValue) -> String? {
        if let open = path.firstIndex(of: "["), path.hasSuffix("']"), path[open...].hasPrefix("['") {
            let field = String(path[..<open])
            guard field == "metadata.labels" || field == "metadata.annotations" else { return nil }
            let key = String(path[path.index(open, offsetBy: 2)...].dropLast(2))
            return pod[path: field.split(separator: ".").map(String.init) + [key]]?.string ?? ""
        }
        switch path {
        case "metadata.labels", "metadata.annotations":
            let members = pod[path: path.split(separator: ".").map(String.init)]?.object ?? [:]
            return members.sorted { $0.key < $1.key }
                .map { "\($0.key)=\(JSONValue.string($0.value.string ?? ""))" }.joined(separator: "\n")
        case "status.podIPs":
            return (pod.status["podIPs"]?.array ?? []).compactMap { $0["ip"]?.string }.joined(separator: ",")
        case "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
            "status.hostIP", "status.podIP":
            return pod[path: path.split(separator: ".").map(String.init)]?.string ?? ""
        default: return nil
        }
    }

    /// A limit or request of a container in units of the divisor, rounded up; the node's amount where no limit is set.
    ///
    /// - Returns: Nil when there is no such resource.
    static func resource(_ reference: JSONValue, of container: JSONValue, allocatable: JSONValue) -> String? {
        let parts = (reference["resource"]?.string ?? "").split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0] == "limits" || parts[0] == "requests" else { return nil }
        let limit = container[path: ["resources", parts[0], parts[1]]]
        guard ["cpu", "memory", "ephemeral-storage"].contains(parts[1]) || limit != nil else { return nil }
        let value = limit ?? (parts[0] == "limits" ? allocatable[parts[1]] : nil)
        func quantity(_ value: JSONValue?) -> Quantity? {
            switch value {
            case .string(let text): Quantity(text)
            case .integer(let number): Quantity("\(number)")
            default: nil
            }
        }
        guard let amount = quantity(value ?? "0") else { return nil }
        let divisor = quantity(reference["divisor"]).map(\.nanos).flatMap { $0 > 0 ? $0 : nil } ?? 1_000_000_000
        let (count, rest) = amount.nanos.quotientAndRemainder(dividingBy: divisor)
        return "\(rest > 0 ? count + 1 : count)"
    }
}
