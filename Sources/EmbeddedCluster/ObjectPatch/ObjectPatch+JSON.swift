package import JSON

extension ObjectPatch {
    /// More operations than this are refused.
    private static let operationLimit = 10_000

    /// JSON patch: a list of operations, all of which succeed or none takes effect.
    ///
    /// As the API server does it, an index below zero counts from the end, and the whole document has no path.
    ///
    /// - Throws: ``PatchProblem`` when the patch is no list of operations, or one of them does not fit.
    /// - SeeAlso: RFC 6902.
    package static func json(_ operations: JSONValue, to target: JSONValue) throws(PatchProblem) -> JSONValue {
        guard case .array(let list) = operations else {
            let kind = operations.object == nil ? "\(operations.kind)" : "object"
            throw PatchProblem(.malformed, "json: cannot unmarshal \(kind) into Go value of type jsonpatch.Patch")
        }
        guard list.count <= operationLimit else {
            throw PatchProblem(
                .tooLarge,
                "The allowed maximum operations in a JSON patch is \(operationLimit), got \(list.count)"
            )
        }
        var result = target
        for operation in list {
            guard operation.object != nil else {
                throw PatchProblem(
                    .malformed,
                    "json: cannot unmarshal \(operation.kind) into Go value of type jsonpatch.Operation"
                )
            }
            try apply(operation, to: &result)
        }
        return result
    }

    private static func apply(_ operation: JSONValue, to target: inout JSONValue) throws(PatchProblem) {
        let path = try pointer(operation, "path")
        let kind = operation["op"]?.string ?? ""
        switch kind {
        case "add":
            try put(operation["value"] ?? .null, at: path[...], into: &target, replacing: false)
        case "replace":
            try put(operation["value"] ?? .null, at: path[...], into: &target, replacing: true)
        case "remove":
            try remove(at: path[...], from: &target)
        case "copy":
            try put(try value(at: try pointer(operation, "from"), in: target), at: path[...], into: &target)
        case "move":
            let source = try pointer(operation, "from")
            let moved = try value(at: source, in: target)
            try remove(at: source[...], from: &target)
            try put(moved, at: path[...], into: &target)
        case "test":
            // What is not there equals null, to the API server.
            let found = (try? value(at: path, in: target)) ?? .null  // absence is a value here
            guard SameValue.holds(found, operation["value"] ?? .null) else {
                throw .unfitting("testing value \(operation["path"]?.string ?? "") failed")
            }
        default:
            throw .unfitting("unexpected kind: \(kind)")
        }
    }

    private static func pointer(_ operation: JSONValue, _ member: String) throws(PatchProblem) -> [String] {
        guard let text = operation[member]?.string else { throw .unfitting("missing \(member)") }
        guard text.utf8.first == UInt8(ascii: "/") else { throw .unfitting("path \"\(text)\" leads nowhere") }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { token in
            token.utf8.contains(UInt8(ascii: "~")) ? unescaped(token) : String(token)
        }
    }

    private static func unescaped(_ token: Substring) -> String {
        var result = ""
        var rest = token
        while let mark = rest.firstIndex(of: "~") {
            result += rest[..<mark]
            rest = rest[rest.index(after: mark)...]
            switch rest.first {
            case "0": result += "~"
            case "1": result += "/"
            default:
                result += "~"
                continue
            }
            rest = rest.dropFirst()
        }
        return result + rest
    }

    private static func value(at path: [String], in target: JSONValue) throws(PatchProblem) -> JSONValue {
        var current = target
        for key in path {
            switch current {
            case .object(let members):
                guard let member = members[key] else { throw .unfitting("nothing at \"\(key)\"") }
                current = member
            case .array(let elements):
                current = elements[try place(key, among: elements.count)]
            default:
                throw .unfitting("nothing below a scalar at \"\(key)\"")
            }
        }
        return current
    }

    /// The place of an existing element.
    private static func place(_ key: String, among count: Int) throws(PatchProblem) -> Int {
        guard let index = Int(key) else { throw .unfitting("\"\(key)\" is no index") }
        let place = index < 0 ? index + count : index
        guard (0..<count).contains(place) else { throw .unfitting("index \(index) is out of bounds") }
        return place
    }

    /// Leads to what holds the last key of the path.
    private static func descend(
        _ path: ArraySlice<String>,
        in target: inout JSONValue,
        _ change: (inout JSONValue, String) throws(PatchProblem) -> Void
    ) throws(PatchProblem) {
        guard let first = path.first else { throw .unfitting("the path is empty") }
        let rest = path.dropFirst()
        if rest.isEmpty {
            try change(&target, first)
            return
        }
        switch target {
        case .object(var members):
            guard var member = members[first] else { throw .unfitting("doc is missing path at \"\(first)\"") }
            try descend(rest, in: &member, change)
            members.set(first, member)
            target = .object(members)
        case .array(var elements):
            let place = try place(first, among: elements.count)
            try descend(rest, in: &elements[place], change)
            target = .array(elements)
        default:
            throw .unfitting("doc is missing path at \"\(first)\"")
        }
    }

    private static func put(
        _ value: JSONValue,
        at path: ArraySlice<String>,
        into target: inout JSONValue,
        replacing: Bool = false
    ) throws(PatchProblem) {
        try descend(path, in: &target) { (holder, key) throws(PatchProblem) in
            switch holder {
            case .object(var members):
                if replacing, members[key] == nil { throw .unfitting("nothing to replace at \"\(key)\"") }
                members.set(key, value)
                holder = .object(members)
            case .array(var elements):
                if replacing {
                    elements[try place(key, among: elements.count)] = value
                } else if key == "-" {
                    elements.append(value)
                } else {
                    elements.insert(value, at: try place(key, among: elements.count + 1))
                }
                holder = .array(elements)
            default:
                throw .unfitting("a scalar has nothing at \"\(key)\"")
            }
        }
    }

    private static func remove(at path: ArraySlice<String>, from target: inout JSONValue) throws(PatchProblem) {
        try descend(path, in: &target) { (holder, key) throws(PatchProblem) in
            switch holder {
            case .object(var members):
                guard members.remove(key) != nil else { throw .unfitting("nothing to remove at \"\(key)\"") }
                holder = .object(members)
            case .array(var elements):
                elements.remove(at: try place(key, among: elements.count))
                holder = .array(elements)
            default:
                throw .unfitting("a scalar has nothing at \"\(key)\"")
            }
        }
    }
}
