package import JSON

/// A set of paths to fields: what one manager owns.
///
/// A path is in the set by itself: a map's being in it says nothing of its members.
package struct FieldSet: Sendable, Hashable {
    /// One step of a path, spelled as in `fieldsV1`: `f:<field>`, `k:<keys of a list's element as JSON>`,
    /// `v:<value of a set as JSON>`, or `i:<index>`.
    package struct Step: Sendable, Hashable {
        /// The spelling, canonical: members in the order of their names, no blanks.
        package let text: String

        private init(canonical text: String) { self.text = text }

        /// The step to a field or to a map's value.
        package static func field(_ name: String) -> Step { Step(canonical: "f:" + name) }

        /// The step to an element of a list that these members tell apart.
        package static func keys(_ keys: [(String, JSONValue)]) -> Step {
            Step(
                canonical: "k:"
                    + String(decoding: JSONValue.object(JSONObject(keys)).bytes(sorted: true), as: UTF8.self)
            )
        }

        /// The step to a scalar in a set.
        package static func value(_ value: JSONValue) -> Step {
            Step(canonical: "v:" + String(decoding: value.bytes(sorted: true), as: UTF8.self))
        }

        /// The step that a text spells, which need not be canonical; nil when it spells none.
        package init?(_ text: String) {
            let rest = text.dropFirst(2)
            guard text.utf8.count >= 2, text.utf8.dropFirst().first == UInt8(ascii: ":") else { return nil }
            switch text.utf8.first {
            case UInt8(ascii: "f"): self.init(canonical: text)
            case UInt8(ascii: "i"):
                guard Int(rest) != nil else { return nil }
                self.init(canonical: text)
            case UInt8(ascii: "v"):
                guard let value = try? JSONValue(parsing: String(rest)) else { return nil }  // nil says it
                self = .value(value)
            case UInt8(ascii: "k"):
                guard let keys = try? JSONValue(parsing: String(rest)).object else { return nil }  // nil says it
                self = .keys(keys.map { ($0.key, $0.value) })
            default: return nil
            }
        }

        /// The name of a field, if it is the step to one.
        package var fieldName: String? { text.utf8.first == UInt8(ascii: "f") ? String(text.dropFirst(2)) : nil }

        /// As messages of the API server have it: `.spec`, `[name="a"]`, `[="x"]`, `[0]`.
        package var description: String {
            let rest = text.dropFirst(2)
            switch text.utf8.first {
            case UInt8(ascii: "f"): return ".\(rest)"
            case UInt8(ascii: "v"): return "[=\(rest)]"
            case UInt8(ascii: "i"): return "[\(rest)]"
            default:
                let keys = (try? JSONValue(parsing: String(rest)).object) ?? JSONObject()  // parsed when it was made
                return "[" + keys.map { "\($0.key)=\($0.value)" }.joined(separator: ",") + "]"
            }
        }

        package static func == (a: Step, b: Step) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

        package func hash(into hasher: inout Hasher) { for byte in text.utf8 { hasher.combine(byte) } }

        static func isOrdered(_ a: Step, _ b: Step) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }
    }

    /// What lies below one step.
    struct Branch: Sendable, Hashable {
        var step: Step
        var below: FieldSet
    }

    /// Whether the path to here is in the set.
    var isMember = false
    /// In the order of their steps; none is empty.
    private(set) var branches: [Branch] = []

    /// The empty set.
    package init() {}

    /// The set of these paths of fields, as `["spec", "replicas"]`.
    package init(_ paths: [[String]]) {
        for path in paths {
            var set = FieldSet(isMember: true)
            for name in path.reversed() { set = FieldSet(branches: [Branch(step: .field(name), below: set)]) }
            self = union(set)
        }
    }

    init(isMember: Bool = false, branches: [Branch] = []) {
        self.isMember = isMember
        self.branches = branches
    }

    /// Takes branches in any order; of a repeated step all are united.
    init(isMember: Bool, unordered: [Branch]) {
        self.isMember = isMember
        branches = unordered.filter { !$0.below.isEmpty }
        guard branches.count > 1 else { return }
        var isSorted = true
        for place in 1..<branches.count where !Step.isOrdered(branches[place - 1].step, branches[place].step) {
            isSorted = false
        }
        if isSorted { return }
        branches.sort { Step.isOrdered($0.step, $1.step) }
        var unique: [Branch] = []
        unique.reserveCapacity(branches.count)
        for branch in branches {
            if let last = unique.indices.last, unique[last].step == branch.step {
                unique[last].below = unique[last].below.union(branch.below)
            } else {
                unique.append(branch)
            }
        }
        branches = unique
    }

    /// Whether there is no path.
    package var isEmpty: Bool { !isMember && branches.isEmpty }

    /// What lies below a step, empty when nothing does; linear in the number of steps.
    subscript(_ step: Step) -> FieldSet { branches.first { $0.step == step }?.below ?? FieldSet() }

    /// The paths in either.
    package func union(_ other: FieldSet) -> FieldSet {
        if other.isEmpty { return self }
        if isEmpty { return other }
        return combine(other, isMember: isMember || other.isMember, mine: true, its: true) { $0.union($1) }
    }

    /// The paths in both.
    package func intersection(_ other: FieldSet) -> FieldSet {
        combine(other, isMember: isMember && other.isMember, mine: false, its: false) { $0.intersection($1) }
    }

    /// The paths in this one only; what lies below a path of the other stays.
    package func subtracting(_ other: FieldSet) -> FieldSet {
        if other.isEmpty { return self }
        return combine(other, isMember: isMember && !other.isMember, mine: true, its: false) { $0.subtracting($1) }
    }

    /// The paths that are neither in the other set nor below one of its.
    package func subtractingBelow(_ other: FieldSet) -> FieldSet {
        if other.isMember { return FieldSet() }
        if other.isEmpty { return self }
        return combine(other, isMember: isMember, mine: true, its: false) { $0.subtractingBelow($1) }
    }

    private func combine(
        _ other: FieldSet,
        isMember: Bool,
        mine: Bool,
        its: Bool,
        _ both: (FieldSet, FieldSet) -> FieldSet
    ) -> FieldSet {
        var result: [Branch] = []
        result.reserveCapacity(branches.count)
        var (left, right) = (0, 0)
        while left < branches.count, right < other.branches.count {
            let (a, b) = (branches[left], other.branches[right])
            if a.step == b.step {
                let below = both(a.below, b.below)
                if !below.isEmpty { result.append(Branch(step: a.step, below: below)) }
                left += 1
                right += 1
            } else if Step.isOrdered(a.step, b.step) {
                if mine { result.append(a) }
                left += 1
            } else {
                if its { result.append(b) }
                right += 1
            }
        }
        if mine { result += branches[left...] }
        if its { result += other.branches[right...] }
        return FieldSet(isMember: isMember, branches: result)
    }

    /// The paths as messages have them, those of one level before those below it.
    package var paths: [String] {
        var result: [String] = []
        list(under: "", into: &result)
        return result
    }

    private func list(under prefix: String, into result: inout [String]) {
        for branch in branches where branch.below.isMember { result.append(prefix + branch.step.description) }
        for branch in branches { branch.below.list(under: prefix + branch.step.description, into: &result) }
    }
}

extension FieldSet {
    /// Reads `fieldsV1`; nil when it is malformed.
    package init?(fieldsV1 value: JSONValue) {
        guard case .object(let members) = value else { return nil }
        var branches: [Branch] = []
        branches.reserveCapacity(members.count)
        var isMember = false
        for (key, value) in members {
            if key == "." {
                isMember = true
                continue
            }
            guard let step = Step(key), case .object(let inner) = value else { return nil }
            guard !inner.isEmpty else {
                branches.append(Branch(step: step, below: FieldSet(isMember: true)))
                continue
            }
            guard let below = FieldSet(fieldsV1: value) else { return nil }
            branches.append(Branch(step: step, below: below))
        }
        self.init(isMember: isMember, unordered: branches)
    }

    /// The set as `fieldsV1` has it, steps in order.
    package var fieldsV1: JSONValue {
        guard !branches.isEmpty else { return .object([:]) }
        var members = JSONObject()
        if isMember { members.set(".", .object([:])) }
        for branch in branches { members.set(branch.step.text, branch.below.fieldsV1) }
        return .object(members)
    }
}
