import JSON

/// Makes schemas of types that are written down in short.
struct ModelSchemas {
    static let core = "io.k8s.api.core.v1"
    static let meta = "io.k8s.apimachinery.pkg.apis.meta.v1"

    /// By their whole names.
    private(set) var schemas: [String: Schema] = [:]
    private var models: [String: Notation.Model] = [:]
    /// Types that are being made: one that holds itself is not described further in.
    private var open: Set<String> = []

    init(_ texts: [String]) throws(NotationError) {
        var names: [String] = []
        for text in texts {
            for model in try Notation(text).models {
                guard models.updateValue(model, forKey: model.fullName) == nil else {
                    throw NotationError(place: model.fullName, detail: "it is there twice")
                }
                names.append(model.fullName)
            }
        }
        for name in names { _ = try schema(of: name) }
    }

    private mutating func schema(of name: String) throws(NotationError) -> Schema {
        if let schema = schemas[name] { return schema }
        guard let model = models[name] else { throw NotationError(place: name, detail: "it is not defined") }
        guard open.insert(name).inserted else {
            var definition = Schema.Definition(.any)
            definition.modelName = name
            definition.description = model.description
            return Schema(definition)
        }
        defer { open.remove(name) }
        var definition = Schema.Definition(.object)
        definition.modelName = name
        definition.description = model.description
        definition.isAtomic = model.isAtomic
        if model.isKind { definition.fields = Self.kindFields }
        for field in model.fields {
            definition.fields.append((field.name, try schema(of: field, in: model)))
            if field.isRequired { definition.required.append(field.name) }
        }
        let schema = Schema(definition)
        // Types hold themselves, never one another: nothing was cut short here but this one's own repetition.
        schemas[name] = schema
        return schema
    }

    private static let kindFields: [(name: String, schema: Schema)] = {
        var version = Schema.Definition(.string)
        version.description = "The group and version of this description of the object."
        var kind = Schema.Definition(.string)
        kind.description = "What kind of object this is."
        return [("apiVersion", Schema(version)), ("kind", Schema(kind))]
    }()

    private mutating func schema(
        of field: Notation.Field,
        in model: Notation.Model
    ) throws(NotationError) -> Schema {
        var definition = try definition(of: field.type[...], in: model)
        if !field.description.isEmpty { definition.description = field.description }
        definition.limits.enumeration = field.enumeration.map(JSONValue.string)
        definition.patchMergeKey = field.mergeKey
        definition.mergesScalars = field.merges && field.mergeKey == nil
        definition.retainsKeys = field.retainsKeys
        if let keys = field.listKeys {
            definition.listType = .map(keys: keys)
        } else if field.isSet {
            definition.listType = .set
        } else if field.merges, !field.isAtomic {
            definition.listType = field.mergeKey.map { .map(keys: [$0]) } ?? .set
        }
        if field.isWritten || field.isRequired && !field.isDemanded {
            definition.whenEmpty = .written
        } else if !field.isPointer, definition.shape != .object, definition.shape != .any {
            definition.whenEmpty = definition.isPointerByNature ? .kept : .dropped
        }
        // The zero value of these is null.
        if definition.whenEmpty == .written {
            definition.isNullable = definition.shape == .list || definition.shape == .map || definition.isTime
        }
        if let text = field.defaultText {
            definition.defaultValue = Self.standard(text, definition.shape)
            guard definition.defaultValue != nil else {
                throw NotationError(place: "\(model.fullName).\(field.name)", detail: "default \"\(text)\" is no value")
            }
        }
        return Schema(definition)
    }

    private static func standard(_ text: String, _ shape: Schema.Shape) -> JSONValue? {
        // Words stand for themselves; everything else is JSON.
        if shape == .string, !text.hasPrefix("\"") { return .string(text) }
        return try? JSONValue(parsing: text)
    }

    private mutating func definition(
        of type: Substring,
        in model: Notation.Model
    ) throws(NotationError) -> Schema.Definition {
        if type.hasPrefix("[") || type.hasPrefix("{") {
            var definition = Schema.Definition(type.hasPrefix("[") ? .list : .map)
            let inner = type.dropFirst().dropLast()
            definition.element = Schema(try self.definition(of: inner, in: model))
            return definition
        }
        if let scalar = Self.scalar(type) { return scalar }
        for name in ["\(model.package).\(type)", "\(Self.core).\(type)", "\(Self.meta).\(type)", String(type)]
        where models[name] != nil {
            return try schema(of: name).definition
        }
        throw NotationError(place: "\(model.fullName)", detail: "type \"\(type)\" is not defined")
    }

    private static func scalar(_ name: Substring) -> Schema.Definition? {
        func of(_ shape: Schema.Shape, format: String? = nil, model: String = "") -> Schema.Definition {
            var definition = Schema.Definition(shape)
            definition.limits.format = format
            definition.modelName = model
            return definition
        }
        let extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
        switch name {
        case "string": return of(.string)
        case "bytes": return of(.string, format: "byte")
        case "time": return of(.string, format: "date-time", model: "\(meta).Time")
        case "microTime": return of(.string, format: "date-time", model: "\(meta).MicroTime")
        case "int32", "int64": return of(.integer, format: String(name))
        case "double": return of(.number, format: "double")
        case "bool": return of(.boolean)
        case "quantity": return of(.quantity, model: "io.k8s.apimachinery.pkg.api.resource.Quantity")
        case "intOrString":
            return of(.intOrString, format: "int-or-string", model: "io.k8s.apimachinery.pkg.util.intstr.IntOrString")
        case "raw": return of(.any, model: "io.k8s.apimachinery.pkg.runtime.RawExtension")
        case "FieldsV1":
            var definition = of(.any, model: "\(meta).FieldsV1")
            definition.isAtomic = true
            return definition
        case "JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray":
            return of(.any, model: "\(extensions).\(name)")
        case "CustomResourceSubresourceStatus":
            var definition = of(.object, model: "\(extensions).\(name)")
            definition.preservesUnknownFields = true
            return definition
        default: return nil
        }
    }
}

extension Schema.Definition {
    /// Whether it is a point in time.
    var isTime: Bool { shape == .string && limits.format == "date-time" }

    /// Whether absence and presence differ although no `?` says so.
    fileprivate var isPointerByNature: Bool { isTime || shape == .quantity || shape == .intOrString }
}
