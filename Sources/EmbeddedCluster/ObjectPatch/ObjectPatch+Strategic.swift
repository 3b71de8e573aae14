package import JSON
package import ObjectSchema

extension ObjectPatch {
    /// Strategic merge patch: lists are merged by the keys that the schema names, and directives say what else to do.
    ///
    /// The directives are `$patch` (merge, replace, delete), `$retainKeys`, `$setElementOrder/<field>` and
    /// `$deleteFromPrimitiveList/<field>`. Lists without a merge key are replaced.
    ///
    /// - Throws: ``PatchProblem`` when a directive is unknown or contradicts the patch, or an element has no merge key.
    /// - SeeAlso: sig-api-machinery's `strategic-merge-patch.md` in kubernetes/community.
    package static func strategic(
        _ patch: JSONValue,
        into target: JSONValue,
        schema: Schema
    ) throws(PatchProblem) -> JSONValue {
        guard case .object(let changes) = patch else { throw .format("Invalid JSON document") }
        return .object(try StrategicMerge.merge(changes, into: target.object ?? JSONObject(), schema) ?? JSONObject())
    }
}

extension PatchProblem {
    fileprivate static func format(_ message: String) -> PatchProblem { PatchProblem(.malformed, message) }
}

private enum StrategicMerge {
    static let directive = "$patch"
    static let retain = "$retainKeys"
    static let order = "$setElementOrder/"
    static let deletion = "$deleteFromPrimitiveList/"

    /// The merged members; nil when the patch deletes the object.
    static func merge(
        _ patch: JSONObject,
        into target: JSONObject,
        _ schema: Schema
    ) throws(PatchProblem) -> JSONObject? {
        var patch = patch
        var result = target
        if let verb = patch.remove(directive) {
            switch verb.string {
            case "replace": return withoutDirectives(patch)
            case "delete": return JSONObject()
            case "merge": break
            default: throw unknown(verb, in: patch)
            }
        }
        try keepOnly(patch.remove(retain), of: &result, patch)
        let deletions = try lists(deletion, takenFrom: &patch)
        let orders = try lists(order, takenFrom: &patch)
        for (key, values) in deletions {
            guard let present = result[key]?.array else { continue }
            result.set(key, .array(present.filter { value in !values.contains { SameValue.holds($0, value) } }))
        }
        for (key, order) in orders {
            try place(patch.remove(key), in: &result, at: key, order, schema.field(key) ?? .any)
        }
        for (key, change) in patch {
            if change.isNull {
                result.remove(key)
                continue
            }
            guard let merged = try merged(change, into: result[key], schema.field(key) ?? .any) else {
                result.remove(key)
                continue
            }
            result.set(key, merged)
        }
        return result
    }

    private static func merged(
        _ change: JSONValue,
        into present: JSONValue?,
        _ schema: Schema
    ) throws(PatchProblem) -> JSONValue? {
        switch (change, present) {
        case (.object(let change), .object(let present)):
            return try merge(change, into: present, schema).map(JSONValue.object)
        case (.array(let change), .array(let present)) where isMerged(schema):
            return .array(try merge(change, into: present, schema))
        case (.array(let change), nil) where isMerged(schema):
            return .array(try merge(change, into: [], schema))
        default:
            return withoutDirectives(change)
        }
    }

    private static func isMerged(_ schema: Schema) -> Bool {
        schema.definition.patchMergeKey != nil || schema.definition.mergesScalars
    }

    // MARK: Directives

    private static func unknown(_ verb: JSONValue, in members: JSONObject) -> PatchProblem {
        var members = members
        members.set(directive, verb)
        let type = GoPrint.text(verb)
        return PatchProblem(.unforeseen, "unknown patch type: \(type) in map: \(GoPrint.text(.object(members)))")
    }

    private static func keepOnly(
        _ kept: JSONValue?,
        of result: inout JSONObject,
        _ patch: JSONObject
    ) throws(PatchProblem) {
        guard let kept else { return }
        guard let names = kept.array?.compactMap(\.string), names.count == kept.array?.count else {
            throw .format("invalid patch format of retainKeys")
        }
        let allowed = Set(names)
        for (key, value) in patch where !value.isNull && !key.utf8.starts(with: "$".utf8) {
            guard allowed.contains(key) else { throw .format("invalid patch format of retainKeys") }
        }
        for key in result.keys where !allowed.contains(key) { result.remove(key) }
    }

    private static func lists(
        _ prefix: String,
        takenFrom patch: inout JSONObject
    ) throws(PatchProblem) -> [(key: String, values: [JSONValue])] {
        var found: [(key: String, values: [JSONValue])] = []
        for key in patch.keys where key.utf8.starts(with: prefix.utf8) {
            guard let values = patch.remove(key)?.array else {
                throw .format(
                    prefix == order
                        ? "invalid patch format of setElementOrder list" : "invalid patch format of primitive list"
                )
            }
            found.append((String(key.dropFirst(prefix.count)), values))
        }
        return found
    }

    /// Directives mean nothing where there is nothing to merge into, and must not be stored; nor must nulls.
    private static func withoutDirectives(_ value: JSONValue) -> JSONValue? {
        switch value {
        case .object(let members):
            if members[directive]?.string == "delete" { return nil }
            return .object(withoutDirectives(members))
        case .array(let elements):
            return .array(elements.compactMap(withoutDirectives))
        default:
            return value
        }
    }

    private static func withoutDirectives(_ members: JSONObject) -> JSONObject {
        var result = JSONObject()
        for (key, value) in members where !value.isNull && !isDirective(key) {
            if let kept = withoutDirectives(value) { result.set(key, kept) }
        }
        return result
    }

    private static func isDirective(_ key: String) -> Bool {
        key == directive || key == retain || key.utf8.starts(with: order.utf8)
            || key.utf8.starts(with: deletion.utf8)
    }

    // MARK: Lists

    /// Merges a list whose order the patch tells.
    private static func place(
        _ change: JSONValue?,
        in result: inout JSONObject,
        at key: String,
        _ order: [JSONValue],
        _ schema: Schema
    ) throws(PatchProblem) {
        let present = result[key]?.array
        if let change, change.isNull {
            result.remove(key)
            return
        }
        let changes = change?.array
        guard present != nil || changes != nil else { return }
        let mergeKey = schema.definition.patchMergeKey
        if let changes {
            try check(changes, against: order, mergeKey)
        }
        var merged = present ?? []
        if let changes { merged = try merge(changes, into: merged, schema) }
        let arranged = arrange(merged, by: order, before: present ?? [], mergeKey)
        result.set(key, .array(arranged))
    }

    /// The elements of a patch must come in the order that the patch tells.
    private static func check(
        _ changes: [JSONValue],
        against order: [JSONValue],
        _ mergeKey: String?
    ) throws(PatchProblem) {
        var next = 0
        for change in changes where change[directive] == nil {
            let place = order.indices.dropFirst(next).first { isSame(order[$0], change, mergeKey) }
            guard let place else {
                throw PatchProblem(
                    .unforeseen,
                    "The order in patch list:\n\(GoPrint.text(changes))\n doesn't match $setElementOrder list:\n"
                        + "\(GoPrint.text(order))\n"
                )
            }
            next = place + 1
        }
    }

    private static func merge(
        _ changes: [JSONValue],
        into present: [JSONValue],
        _ schema: Schema
    ) throws(PatchProblem) -> [JSONValue] {
        guard let mergeKey = schema.definition.patchMergeKey else {
            return addScalars(changes, to: present)
        }
        if changes.contains(where: { $0[directive]?.string == "replace" }) {
            return changes.compactMap { $0[directive]?.string == "replace" ? nil : withoutDirectives($0) }
        }
        var result = present
        var kept: [JSONValue] = []
        for change in changes {
            guard let members = change.object else { throw .format("Invalid JSON document") }
            if let verb = members[directive], verb.string != "merge" {
                guard verb.string == "delete" else {
                    throw unknown(verb, in: members)
                }
                try requireKey(mergeKey, members)
                result.removeAll { isSame($0, change, mergeKey) }
                continue
            }
            try requireKey(mergeKey, members)
            kept.append(change)
        }
        for change in kept {
            if let place = result.firstIndex(where: { isSame($0, change, mergeKey) }) {
                guard case .object(let old) = result[place], case .object(let new) = change else { continue }
                result[place] = .object(try merge(new, into: old, schema.element ?? .any) ?? JSONObject())
            } else if let added = withoutDirectives(change) {
                result.append(added)
            }
        }
        return arrange(result, by: kept, before: present, mergeKey)
    }

    private static func requireKey(_ mergeKey: String, _ members: JSONObject) throws(PatchProblem) {
        guard members[mergeKey] == nil else { return }
        throw PatchProblem(
            .unforeseen,
            "map: \(GoPrint.text(.object(members))) does not contain declared merge key: \(mergeKey)"
        )
    }

    private static func addScalars(_ changes: [JSONValue], to present: [JSONValue]) -> [JSONValue] {
        var result: [JSONValue] = []
        for value in present + changes where !result.contains(where: { SameValue.holds($0, value) }) {
            result.append(value)
        }
        return arrange(result, by: changes, before: present, nil)
    }

    /// The elements that the patch names come in its order, the others in the order they had.
    ///
    /// Where one of either could come next, the one of the patch does, unless both were there before and the other
    /// stood in front.
    private static func arrange(
        _ elements: [JSONValue],
        by order: [JSONValue],
        before: [JSONValue],
        _ mergeKey: String?
    ) -> [JSONValue] {
        let named = elements.compactMap { element in
            order.firstIndex { isSame($0, element, mergeKey) }.map { (element: element, place: $0) }
        }.sorted { $0.place < $1.place }.map(\.element)
        let others = elements.filter { element in !order.contains { isSame($0, element, mergeKey) } }
        let formerPlaces = (
            others.map { other in before.firstIndex { isSame($0, other, mergeKey) } },
            named.map { name in before.firstIndex { isSame($0, name, mergeKey) } }
        )
        var result: [JSONValue] = []
        var (left, right) = (0, 0)
        while left < others.count || right < named.count {
            let takesOther: Bool
            if left == others.count {
                takesOther = false
            } else if right == named.count {
                takesOther = true
            } else if let mine = formerPlaces.0[left], let its = formerPlaces.1[right] {
                takesOther = mine < its
            } else {
                takesOther = false
            }
            if takesOther {
                result.append(others[left])
                left += 1
            } else {
                result.append(named[right])
                right += 1
            }
        }
        return result
    }

    private static func isSame(_ a: JSONValue, _ b: JSONValue, _ mergeKey: String?) -> Bool {
        guard let mergeKey else { return SameValue.holds(a, b) }
        guard let key = a[mergeKey] else { return false }
        return SameValue.holds(key, b[mergeKey])
    }
}

/// Values as Go prints them, which shows in messages of the API server.
enum GoPrint {
    static func text(_ values: [JSONValue]) -> String { "[" + values.map(text).joined(separator: " ") + "]" }

    static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: return "<nil>"
        case .string(let text): return text
        case .array(let elements): return text(elements)
        case .object(let members):
            let pairs = members.sorted { $0.key < $1.key }.map { "\($0.key):\(text($0.value))" }
            return "map[" + pairs.joined(separator: " ") + "]"
        default: return "\(value)"
        }
    }
}
