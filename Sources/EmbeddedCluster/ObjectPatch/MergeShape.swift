import JSON
import ObjectSchema

/// How a value is owned and merged: as one, by its members, or by its elements.
enum MergeShape {
    /// One value.
    case leaf
    case members
    /// Elements that these fields tell apart.
    case keyed([String])
    /// Scalars, each once.
    case set

    /// The shape of the values at a place where at least one is there; null takes the other's shape.
    ///
    /// Where nothing is known, objects are merged and lists are not.
    static func of(_ a: JSONValue?, _ b: JSONValue?, _ schema: Schema) -> MergeShape {
        let isObject = a?.object != nil || b?.object != nil
        let isArray = a?.array != nil || b?.array != nil
        switch schema.shape {
        case .object, .map: return schema.definition.isAtomic ? .leaf : .members
        case .any:
            guard isObject, !isArray, !schema.definition.isAtomic else { return .leaf }
            return isComposite(a) && isComposite(b) ? .members : .leaf
        case .list: return list(schema)
        default: return .leaf
        }
    }

    private static func isComposite(_ value: JSONValue?) -> Bool {
        switch value {
        case nil, .null, .object: true
        default: false
        }
    }

    private static func list(_ schema: Schema) -> MergeShape {
        switch schema.definition.listType {
        case .map(let keys): return .keyed(keys)
        case .set: return .set
        case .atomic:
            // Without a list type of their own, lists are owned as strategic merge merges them.
            if let key = schema.definition.patchMergeKey { return .keyed([key]) }
            return schema.definition.mergesScalars ? .set : .leaf
        }
    }

    /// The step to an element of a list of this shape; nil when the element lacks every key.
    func step(to element: JSONValue, _ schema: Schema) -> FieldSet.Step? {
        guard case .keyed(let names) = self else { return .value(element) }
        var keys: [(String, JSONValue)] = []
        keys.reserveCapacity(names.count)
        for name in names {
            if let value = element[name] ?? schema.element?.field(name)?.definition.defaultValue, !value.isNull {
                keys.append((name, value))
            }
        }
        return keys.isEmpty ? nil : .keys(keys)
    }
}

extension Schema {
    /// What is known of a member.
    func member(_ name: String) -> Schema {
        field(name) ?? (definition.preservesUnknownFields ? Self.whole : .any)
    }
    var elements: Schema { element ?? .any }

    /// What a structural schema lets in unseen is owned as one value, as the API server does it.
    private static let whole: Schema = {
        var definition = Definition(.any)
        definition.isAtomic = true
        return Schema(definition)
    }()
}

extension JSONValue {
    /// Whether it holds nothing: null, or an object or a list without content.
    fileprivate var isHollow: Bool {
        switch self {
        case .null: true
        case .object(let members): members.isEmpty
        case .array(let elements): elements.isEmpty
        default: false
        }
    }
}

/// The paths at which two objects differ.
struct FieldChanges {
    /// There now and not before, or with another value.
    var changed = FieldSet()
    /// There before and not now.
    var removed = FieldSet()

    var isEmpty: Bool { changed.isEmpty && removed.isEmpty }

    init() {}

    /// Compares two versions of a value, at least one of which is there.
    ///
    /// The order of a list's elements makes no difference where keys tell them apart.
    init(from old: JSONValue?, to new: JSONValue?, _ schema: Schema) {
        switch MergeShape.of(old, new, schema) {
        case .members where !((old?.isHollow ?? true) && (new?.isHollow ?? true)):
            compareMembers(old?.object, new?.object, schema)
            markEnds(old, new)
        case .keyed, .set:
            guard !((old?.isHollow ?? true) && (new?.isHollow ?? true)) else { fallthrough }
            compareElements(old?.array ?? [], new?.array ?? [], MergeShape.of(old, new, schema), schema)
            markEnds(old, new)
        default:
            markEnds(old, new)
            if let old, let new, !SameValue.holds(old, new) {
                changed.isMember = true
                // A scalar that turned into an object, or the other way.
                if schema.shape == .any, !schema.definition.isAtomic { compareKinds(old, new, schema) }
            }
        }
    }

    private mutating func markEnds(_ old: JSONValue?, _ new: JSONValue?) {
        if old == nil { changed.isMember = true }
        if new == nil { removed.isMember = true }
    }

    private mutating func compareKinds(_ old: JSONValue, _ new: JSONValue, _ schema: Schema) {
        if case .object(let members) = new, old.object == nil { compareMembers(nil, members, schema) }
        if case .object(let members) = old, new.object == nil { compareMembers(members, nil, schema) }
    }

    private mutating func compareMembers(_ old: JSONObject?, _ new: JSONObject?, _ schema: Schema) {
        var pairs: [(step: FieldSet.Step, changes: FieldChanges)] = []
        for (name, value) in new ?? JSONObject() {
            let before = old?[name]
            if Self.isQuicklySame(before, value) { continue }
            let changes = FieldChanges(from: before, to: value, schema.member(name))
            if !changes.isEmpty { pairs.append((.field(name), changes)) }
        }
        for (name, value) in old ?? JSONObject() where new?[name] == nil {
            pairs.append((.field(name), FieldChanges(from: value, to: nil, schema.member(name))))
        }
        take(pairs)
    }

    /// Most of an object does not change; scalars need no schema to be seen the same.
    private static func isQuicklySame(_ old: JSONValue?, _ new: JSONValue) -> Bool {
        switch (old, new) {
        case (.string(let a)?, .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.integer(let a)?, .integer(let b)): a == b
        case (.bool(let a)?, .bool(let b)): a == b
        default: false
        }
    }

    private mutating func compareElements(
        _ old: [JSONValue],
        _ new: [JSONValue],
        _ shape: MergeShape,
        _ schema: Schema
    ) {
        if old.count == new.count, zip(old, new).allSatisfy({ SameValue.holds($0, $1) }) { return }
        var before: [FieldSet.Step: JSONValue] = [:]
        for element in old {
            if let step = shape.step(to: element, schema), before[step] == nil { before[step] = element }
        }
        var pairs: [(step: FieldSet.Step, changes: FieldChanges)] = []
        var seen: Set<FieldSet.Step> = []
        for element in new {
            guard let step = shape.step(to: element, schema), seen.insert(step).inserted else { continue }
            let changes = FieldChanges(from: before[step], to: element, schema.elements)
            if !changes.isEmpty { pairs.append((step, changes)) }
        }
        for element in old {
            guard let step = shape.step(to: element, schema), seen.insert(step).inserted else { continue }
            pairs.append((step, FieldChanges(from: element, to: nil, schema.elements)))
        }
        take(pairs)
    }

    private mutating func take(_ pairs: [(step: FieldSet.Step, changes: FieldChanges)]) {
        guard !pairs.isEmpty else { return }
        changed = FieldSet(
            isMember: changed.isMember,
            unordered: pairs.map { FieldSet.Branch(step: $0.step, below: $0.changes.changed) }
        )
        removed = FieldSet(
            isMember: removed.isMember,
            unordered: pairs.map { FieldSet.Branch(step: $0.step, below: $0.changes.removed) }
        )
    }
}

extension FieldSet {
    /// What a configuration names: its leaves, elements of lists, keys of maps, and empty objects.
    init(of value: JSONValue, _ schema: Schema) {
        let shape = MergeShape.of(value, nil, schema)
        switch (shape, value) {
        case (.members, .object(let members)):
            var branches: [Branch] = []
            for (name, member) in members {
                var below = FieldSet(of: member, schema.member(name))
                let isHollow = member.isNull || member.object?.isEmpty == true
                if isHollow || !schema.names(name) { below.isMember = true }
                branches.append(Branch(step: .field(name), below: below))
            }
            self.init(isMember: false, unordered: branches)
        case (.members, _): self.init()
        case (.keyed, .array(let elements)), (.set, .array(let elements)):
            var branches: [Branch] = []
            for element in elements {
                guard let step = shape.step(to: element, schema) else { continue }
                var below = FieldSet(of: element, schema.elements)
                below.isMember = true
                branches.append(Branch(step: step, below: below))
            }
            self.init(isMember: false, unordered: branches)
        case (.keyed, _), (.set, _): self.init()
        default: self.init(isMember: true)
        }
    }

    /// The set with every named field that has something below it in the set as a member.
    ///
    /// Keys of maps and elements of lists are owned by themselves; fields of a structure are not.
    func withNamedFields(_ schema: Schema) -> FieldSet {
        FieldSet(
            isMember: isMember,
            branches: branches.map { branch in
                let name = branch.step.fieldName
                let inner = name.map(schema.member) ?? schema.elements
                var below = branch.below.withNamedFields(inner)
                if let name, schema.names(name) { below.isMember = true }
                return Branch(step: branch.step, below: below)
            }
        )
    }
}

/// Putting configurations into objects and taking fields out of them.
enum ConfigurationMerge {
    /// The live value with the configuration's over it; elements of lists keep their places, new ones come last.
    static func merge(_ config: JSONValue, over live: JSONValue?, _ schema: Schema) -> JSONValue {
        guard let live else { return config }
        let shape = MergeShape.of(live, config, schema)
        switch shape {
        case .leaf: return config
        case .members:
            guard case .object(var members) = live else { return config }
            guard case .object(let changes) = config else { return members.isEmpty ? config : live }
            for (name, value) in changes {
                members.set(name, merge(value, over: members[name], schema.member(name)))
            }
            return .object(members)
        case .keyed, .set:
            guard case .array(var elements) = live else { return config }
            guard case .array(let changes) = config else { return elements.isEmpty ? config : live }
            var places: [FieldSet.Step: Int] = [:]
            for (place, element) in elements.enumerated() {
                if let step = shape.step(to: element, schema), places[step] == nil { places[step] = place }
            }
            for change in changes {
                if let place = shape.step(to: change, schema).flatMap({ places[$0] }) {
                    elements[place] = merge(change, over: elements[place], schema.elements)
                } else {
                    elements.append(change)
                }
            }
            return .array(elements)
        }
    }

    /// The value without the paths of a set; nil when that leaves an object or list empty.
    static func remove(_ set: FieldSet, from value: JSONValue, _ schema: Schema) -> JSONValue? {
        let shape = MergeShape.of(value, nil, schema)
        switch (shape, value) {
        case (.members, .object(let members)):
            var result = JSONObject()
            for (name, member) in members {
                let below = set[.field(name)]
                if below.isMember { continue }
                let kept = below.isEmpty ? member : remove(below, from: member, schema.member(name))
                if let kept { result.set(name, kept) }
            }
            return result.isEmpty && !members.isEmpty ? nil : .object(result)
        case (.keyed, .array(let elements)), (.set, .array(let elements)):
            var result: [JSONValue] = []
            for element in elements {
                let below = shape.step(to: element, schema).map { set[$0] } ?? FieldSet()
                if below.isMember { continue }
                let kept = below.isEmpty ? element : remove(below, from: element, schema.elements)
                if let kept { result.append(kept) }
            }
            return result.isEmpty && !elements.isEmpty ? nil : .array(result)
        default: return value
        }
    }
}

/// What keeps a configuration from being applied, in the words of the API server.
enum ConfigurationCheck {
    static func problems(_ value: JSONValue, _ schema: Schema, _ path: String = "") -> [String] {
        if value.isNull { return [] }
        switch schema.shape {
        case .any: return []
        case .string: return value.string == nil ? [expected("string", value, path)] : []
        case .boolean: return value.bool == nil ? [expected("boolean", value, path)] : []
        case .integer, .number:
            return value.double == nil ? [expected("numeric (int or float)", value, path)] : []
        case .intOrString, .quantity:
            return value.string == nil && value.double == nil ? [expected("scalar", value, path)] : []
        case .object, .map: return members(value, schema, path)
        case .list: return elements(value, schema, path)
        }
    }

    private static func expected(_ kind: String, _ value: JSONValue, _ path: String) -> String {
        // The API server shows its own types here.
        let found =
            switch (kind, value) {
            case ("numeric (int or float)", _): "*value.valueUnstructured"
            case (_, .string): "&value.valueUnstructured{Value:\(value)}"
            default: "&value.valueUnstructured{Value:\(GoPrint.text(value))}"
            }
        return "\(path): expected \(kind), got \(found)"
    }

    private static func members(_ value: JSONValue, _ schema: Schema, _ path: String) -> [String] {
        guard let members = value.object else { return [expected("map", value, path)] }
        var problems: [String] = []
        for (name, member) in members {
            let inner = "\(path).\(name)"
            if let known = schema.field(name) {
                problems += self.problems(member, known, inner)
            } else if schema.shape == .object, !schema.definition.preservesUnknownFields,
                !schema.definition.fields.isEmpty
            {
                problems.append("\(inner): field not declared in schema")
            }
        }
        return problems
    }

    private static func elements(_ value: JSONValue, _ schema: Schema, _ path: String) -> [String] {
        guard let elements = value.array else { return [expected("list", value, path)] }
        let shape = MergeShape.of(value, nil, schema)
        if case .leaf = shape {
            return elements.enumerated().flatMap { problems($1, schema.elements, "\(path)[\($0)]") }
        }
        var found: [String] = []
        var seen: Set<FieldSet.Step> = []
        for (place, element) in elements.enumerated() {
            if case .keyed(let names) = shape {
                let missing = names.first { name in
                    element[name] == nil && schema.elements.field(name)?.definition.defaultValue == nil
                }
                if let missing {
                    found.append(
                        "\(path): element \(place): associative list with keys has an element that omits key field "
                            + "\"\(missing)\" (and doesn't have default value)"
                    )
                    continue
                }
            }
            guard let step = shape.step(to: element, schema) else { continue }
            if !seen.insert(step).inserted {
                found.append("\(path): duplicate entries for key \(step.description)")
            }
            found += problems(element, schema.elements, path + step.description)
        }
        return found
    }
}
