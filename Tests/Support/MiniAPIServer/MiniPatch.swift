import JSON
import Kubernetes

/// Why a patch cannot be carried out, as the API server would say it.
struct MiniRefusal: Error {
    var code: Int
    var reason: String
    var message: String
    var causes: [(reason: String, message: String, field: String)] = []
}

/// The forms of change that an API server takes.
enum MiniPatch {
    /// RFC 7386.
    static func merge(_ target: JSONValue?, _ patch: JSONValue) -> JSONValue {
        guard let members = patch.object else { return patch }
        var result = target?.object ?? JSONObject()
        for member in members {
            if member.value == .null {
                result.remove(member.key)
            } else {
                result.set(member.key, merge(result[member.key], member.value))
            }
        }
        return .object(result)
    }

    /// Kubernetes' own merge, with every list of named things merged by name.
    static func strategicMerge(_ target: JSONValue?, _ patch: JSONValue) -> JSONValue {
        if let elements = patch.array, let old = target?.array, elements.allSatisfy({ $0["name"] != nil }) {
            var result = old
            for element in elements {
                if let place = result.firstIndex(where: { $0["name"] == element["name"] }) {
                    result[place] = strategicMerge(result[place], element)
                } else {
                    result.append(element)
                }
            }
            return .array(result)
        }
        guard let members = patch.object else { return patch }
        var result = target?.object ?? JSONObject()
        for member in members {
            if member.value == .null {
                result.remove(member.key)
            } else {
                result.set(member.key, strategicMerge(result[member.key], member.value))
            }
        }
        return .object(result)
    }

    /// RFC 6902.
    static func json(_ target: JSONValue, _ operations: [JSONValue]) throws(MiniRefusal) -> JSONValue {
        var result = target
        for operation in operations {
            let path = pointer(operation["path"]?.string ?? "")
            switch operation["op"]?.string {
            case "add": result = try change(result, path[...]) { _ in operation["value"] ?? .null }
            case "replace":
                guard value(result, path) != nil else { throw invalid("there is nothing at \(operation)") }
                result = try change(result, path[...], replaces: true) { _ in operation["value"] ?? .null }
            case "remove":
                guard value(result, path) != nil else { throw invalid("there is nothing at \(operation)") }
                result = try change(result, path[...], replaces: true) { _ in nil }
            case "test":
                guard value(result, path) == operation["value"] else {
                    throw invalid("the test failed: \(operation)")
                }
            case "move", "copy":
                let from = pointer(operation["from"]?.string ?? "")
                guard let moved = value(result, from) else { throw invalid("there is nothing at \(operation)") }
                if operation["op"] == "move" { result = try change(result, from[...], replaces: true) { _ in nil } }
                result = try change(result, path[...]) { _ in moved }
            default: throw MiniRefusal(code: 400, reason: "BadRequest", message: "unknown operation \(operation)")
            }
        }
        return result
    }

    private static func invalid(_ message: String) -> MiniRefusal {
        MiniRefusal(code: 422, reason: "Invalid", message: "the server rejected our request: \(message)")
    }

    private static func pointer(_ text: String) -> [String] {
        text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            .map { String($0).replacing("~1", with: "/").replacing("~0", with: "~") }
    }

    private static func value(_ root: JSONValue, _ path: [String]) -> JSONValue? {
        path.reduce(Optional(root)) { value, key in
            value?.array != nil ? Int(key).flatMap { value?[$0] } : value?[key]
        }
    }

    private static func change(
        _ value: JSONValue,
        _ path: ArraySlice<String>,
        replaces: Bool = false,
        _ new: (JSONValue?) -> JSONValue?
    ) throws(MiniRefusal) -> JSONValue {
        guard let key = path.first else { return new(value) ?? .null }
        let rest = path.dropFirst()
        if var elements = value.array {
            let place = key == "-" ? elements.count : Int(key) ?? -1
            guard (0...elements.count).contains(place) else { throw invalid("no index \(key)") }
            if rest.isEmpty {
                let element = new(elements.indices.contains(place) ? elements[place] : nil)
                if replaces, elements.indices.contains(place) { elements.remove(at: place) }
                if let element { elements.insert(element, at: place) }
            } else {
                guard elements.indices.contains(place) else { throw invalid("no index \(key)") }
                elements[place] = try change(elements[place], rest, replaces: replaces, new)
            }
            return .array(elements)
        }
        guard var members = value.object else { throw invalid("no object at \(key)") }
        if rest.isEmpty {
            members[key] = new(members[key])
        } else {
            guard let child = members[key] else { throw invalid("there is nothing at \(key)") }
            members.set(key, try change(child, rest, replaces: replaces, new))
        }
        return .object(members)
    }
}

/// The fields that the managers of one object have applied.
///
/// A field is a path to a leaf; lists are leaves, as if they were all atomic.
struct MiniApply {
    private var owned: [String: Set<[String]>] = [:]

    /// Applies what a manager wants.
    ///
    /// - Throws: A conflict that names the manager and the fields, unless forced.
    mutating func apply(
        _ wanted: JSONValue,
        to target: JSONValue,
        manager: String,
        force: Bool
    ) throws(MiniRefusal) -> JSONValue {
        let new = Self.leaves(wanted)
        var result = target
        var conflicts: [(manager: String, path: [String])] = []
        for (other, paths) in owned where other != manager {
            for path in paths where new[path] != nil && target[path: path] != new[path] {
                conflicts.append((other, path))
            }
        }
        if let first = conflicts.min(by: { $0.path.lexicographicallyPrecedes($1.path) }) {
            guard force else {
                throw MiniRefusal(
                    code: 409,
                    reason: "Conflict",
                    message: "Apply failed with \(conflicts.count) conflict: conflict with \"\(first.manager)\": ."
                        + first.path.joined(separator: "."),
                    causes: conflicts.map {
                        (
                            "FieldManagerConflict", "conflict with \"\($0.manager)\"",
                            "." + $0.path.joined(separator: ".")
                        )
                    }
                )
            }
            for conflict in conflicts { owned[conflict.manager]?.remove(conflict.path) }
        }
        for path in owned[manager] ?? [] where new[path] == nil {
            let isShared = owned.contains { $0.key != manager && $0.value.contains(path) }
            if !isShared { result[path: path] = nil }
        }
        for (path, value) in new { result[path: path] = value }
        owned[manager] = Set(new.keys)
        return result
    }

    private static func leaves(_ value: JSONValue, _ path: [String] = []) -> [[String]: JSONValue] {
        guard let members = value.object, !members.isEmpty else { return [path: value] }
        var leaves: [[String]: JSONValue] = [:]
        for member in members {
            let here = path + [member.key]
            // What says which object it is belongs to nobody.
            if ["apiVersion", "kind", "metadata.name", "metadata.namespace"].contains(here.joined(separator: ".")) {
                continue
            }
            leaves.merge(self.leaves(member.value, here)) { $1 }
        }
        return leaves
    }
}
