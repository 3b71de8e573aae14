import JSON
import Kubernetes

/// An object as the line of a table.
struct Row: Sendable {
    let object: JSONValue
    let now: Timestamp

    subscript(_ path: String...) -> JSONValue? { at(path) }

    private func at(_ path: [String]) -> JSONValue? {
        let value = path.reduce(Optional(object)) { $0?[$1] }
        return value.flatMap { $0.isNull ? nil : $0 }
    }

    /// A text that is not empty, or a number as text.
    func text(_ path: String...) -> String? {
        let value = at(path)
        let text = value?.string ?? value?.integer.map(String.init)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A number, or 0.
    func number(_ path: String...) -> Int { at(path)?.integer ?? 0 }

    func list(_ path: String...) -> [JSONValue] { at(path)?.array ?? [] }

    func texts(_ path: String...) -> [String] { (at(path)?.array ?? []).compactMap(\.string) }

    /// How many members or elements there are.
    func count(_ path: String...) -> Int {
        let value = at(path)
        return value?.object?.count ?? value?.array?.count ?? 0
    }

    func time(_ path: String...) -> Timestamp? { at(path)?.string.flatMap { Timestamp($0) } }

    var name: JSONValue { self["metadata", "name"] ?? "" }

    var age: JSONValue { .string(since(self["metadata", "creationTimestamp"])) }

    /// How long ago something was.
    func since(_ time: JSONValue?) -> String {
        guard let start = time?.string.flatMap({ Timestamp($0) }) else { return "<unknown>" }
        return Self.age(now - start)
    }

    /// The names and images of a template's containers, as two cells.
    var containers: [JSONValue] {
        let containers = list("spec", "template", "spec", "containers")
        return ["name", "image"].map { field in
            .string(containers.map { $0[field]?.string ?? "" }.joined(separator: ","))
        }
    }

    /// Addresses of load balancers.
    var balancers: [String] {
        list("status", "loadBalancer", "ingress").compactMap { entry in
            [entry["ip"]?.string, entry["hostname"]?.string].compactMap(\.self).first { !$0.isEmpty }
        }
    }

    /// A label selector in the form of a query.
    func selector(_ path: String...) -> JSONValue {
        let selector = at(path)
        var terms: [(key: String, text: String)] = []
        for (key, value) in selector?["matchLabels"]?.object ?? [:] {
            terms.append((key, "\(key)=\(value.string ?? "")"))
        }
        for term in selector?["matchExpressions"]?.array ?? [] {
            let key = term["key"]?.string ?? ""
            let values = (term["values"]?.array ?? []).compactMap(\.string).sorted().joined(separator: ",")
            switch term["operator"]?.string {
            case "In": terms.append((key, "\(key) in (\(values))"))
            case "NotIn": terms.append((key, "\(key) notin (\(values))"))
            case "Exists": terms.append((key, key))
            case "DoesNotExist": terms.append((key, "!\(key)"))
            default: return "<error>"
            }
        }
        guard !terms.isEmpty else { return "<none>" }
        return .string(terms.sorted { $0.key < $1.key }.map(\.text).joined(separator: ","))
    }

    // MARK: Forms

    /// A duration in at most two units, rounded down; longer ones coarser.
    static func age(_ duration: Duration) -> String {
        let seconds = Int(duration.components.seconds)
        func two(_ first: String, _ rest: Int, _ unit: String) -> String {
            rest == 0 ? first : "\(first)\(rest)\(unit)"
        }
        if seconds < -1 { return "<invalid>" }
        if seconds < 0 { return "0s" }
        if seconds < 120 { return "\(seconds)s" }
        let minutes = seconds / 60
        if minutes < 10 { return two("\(minutes)m", seconds % 60, "s") }
        if minutes < 180 { return "\(minutes)m" }
        let hours = minutes / 60
        if hours < 8 { return two("\(hours)h", minutes % 60, "m") }
        if hours < 48 { return "\(hours)h" }
        let days = hours / 24
        if days < 8 { return two("\(days)d", hours % 24, "h") }
        if days < 2 * 365 { return "\(days)d" }
        let years = days / 365
        return years < 8 ? two("\(years)y", days % 365, "d") : "\(years)y"
    }

    /// Labels as `a=b,c=d`, by their keys.
    static func labels(_ labels: JSONValue?) -> String {
        let pairs = (labels?.object ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.string ?? "")" }
        return pairs.isEmpty ? "<none>" : pairs.joined(separator: ",")
    }

    /// The first three, and how many more there are.
    static func listed(_ items: [String], none: String, limit: Int = 3) -> String {
        guard !items.isEmpty else { return none }
        let shown = items.prefix(limit).joined(separator: ",")
        return items.count > limit ? "\(shown) + \(items.count - limit) more..." : shown
    }

    /// An address as it stands before a colon and a port.
    static func host(_ address: String) -> String { address.contains(":") ? "[\(address)]" : address }

    /// Without white space at both ends.
    static func trimmed(_ text: String) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start[..<(start.lastIndex { !$0.isWhitespace }.map(start.index(after:)) ?? start.startIndex)])
    }
}
