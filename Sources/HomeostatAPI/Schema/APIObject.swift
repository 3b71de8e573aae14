package import JSON

/// An object of a resource, described once by its fields: from them it is read, written, checked and documented.
package protocol APIObject: APIValue {
    /// An object whose fields have their defaults.
    init()
    static var fields: [Field<Self>] { get }
    /// What the fields must fulfil together.
    static var rules: [Rule] { get }
    /// Whether the API server fills in what ``init()`` sets.
    static var publishesDefaults: Bool { get }
    /// Members that no field describes or whose value did not fit its field; written back as they came.
    var unknown: JSONObject { get set }
}

/// An object that only the operator writes: nothing in it is filled in by the API server.
package protocol StatusObject: APIObject {}

extension StatusObject {
    package static var publishesDefaults: Bool { false }
}

extension APIObject {
    package static var rules: [Rule] { [] }
    package static var publishesDefaults: Bool { true }

    package static var schema: Schema { objectSchema }

    /// The schema that the fields make.
    package static var objectSchema: Schema {
        var schema = Schema(.object)
        schema.properties = fields.map { Schema.Property($0.name, $0.schema, isRequired: $0.isRequired) }
        schema.rules = rules
        return schema
    }

    package init?(json: JSONValue) {
        guard let members = json.object else { return nil }
        self.init()
        var unknown = members
        for field in Self.fields {
            // A default is that of the whole object: where one is given, what it leaves out is absent.
            field.clear(&self)
            // As for the API server, null is as good as absent.
            guard let value = members[field.name], !value.isNull else { continue }
            if field.set(&self, value) { unknown.remove(field.name) }
        }
        for member in members where member.value.isNull && Self.fields.contains(where: { $0.name == member.key }) {
            unknown.remove(member.key)
        }
        self.unknown = unknown
    }

    package var json: JSONValue {
        var members = JSONObject()
        for field in Self.fields {
            if let value = field.get(self) { members.set(field.name, value) }
        }
        for member in unknown {
            // A value that did not fit gives way to one that was set since.
            if let field = Self.fields.first(where: { $0.name == member.key }), field.get(self) != field.get(Self()) {
                continue
            }
            members.set(member.key, member.value)
        }
        return .object(members)
    }
}

/// A member of an object of a resource: its name, what it means, its limits, and where it is kept.
///
/// Its default is what the object's `init()` sets.
package struct Field<Root: APIObject>: Sendable {
    package let name: String
    package let schema: Schema
    package let isRequired: Bool
    /// Reads a value into the object; false when it is of another shape.
    let set: @Sendable (inout Root, JSONValue) -> Bool
    /// Makes the value absent, if it may be.
    let clear: @Sendable (inout Root) -> Void
    /// The value; nil when it is left out.
    let get: @Sendable (Root) -> JSONValue?

    /// A field that always has a value; the default is what `Root()` has.
    ///
    /// Empty texts, arrays and maps are left out when writing.
    package init<Value: APIValue>(
        _ name: String,
        _ path: any WritableKeyPath<Root, Value> & Sendable,
        _ description: String,
        _ limits: Limit...
    ) {
        var schema = Value.schema.with(description, limits)
        let initial = Root()[keyPath: path].json
        if Root.publishesDefaults, !Self.isEmpty(initial), schema.assumption.isEmpty { schema.defaultValue = initial }
        self.init(name, path, schema, isRequired: false)
    }

    /// A field that may be absent.
    package init<Value: APIValue>(
        _ name: String,
        _ path: any WritableKeyPath<Root, Value?> & Sendable,
        _ description: String,
        _ limits: Limit...
    ) {
        self.name = name
        schema = Value.schema.with(description, limits)
        isRequired = false
        set = { root, json in
            guard let value = Value(json: json) else { return false }
            root[keyPath: path] = value
            return true
        }
        clear = { root in root[keyPath: path] = nil }
        get = { root in root[keyPath: path]?.json }
    }

    /// A field that must be given.
    package static func required<Value: APIValue>(
        _ name: String,
        _ path: any WritableKeyPath<Root, Value> & Sendable,
        _ description: String,
        _ limits: Limit...
    ) -> Field {
        Field(name, path, Value.schema.with(description, limits), isRequired: true)
    }

    private init<Value: APIValue>(
        _ name: String,
        _ path: any WritableKeyPath<Root, Value> & Sendable,
        _ schema: Schema,
        isRequired: Bool
    ) {
        self.name = name
        self.schema = schema
        self.isRequired = isRequired
        set = { root, json in
            guard let value = Value(json: json) else { return false }
            root[keyPath: path] = value
            return true
        }
        clear = { _ in }
        get = { root in
            let value = root[keyPath: path].json
            // Not "? nil : value": beside a JSONValue, nil is read as JSON's null.
            if Self.isEmpty(value) { return nil }
            return value
        }
    }

    private static func isEmpty(_ value: JSONValue) -> Bool {
        switch value {
        case .null, "", []: true
        default: false
        }
    }
}
