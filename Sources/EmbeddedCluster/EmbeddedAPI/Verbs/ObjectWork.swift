import JSON
import Kubernetes
import ObjectSchema

/// The one place where objects meet what their schema and their patches say.
enum ObjectWork {
    /// Brings what a client sent into the form that is kept: no unknown fields, no nulls, defaults filled in.
    static func normalised(_ object: JSONValue, _ definition: ResourceDefinition) -> JSONValue {
        let schema = definition.schema
        if definition.isCustom { return schema.defaulted(schema.pruned(object)) }
        var tidy = schema.shape == .any ? object : schema.pruned(object)
        tidy = tidied(tidy, schema) ?? .object([:])
        // What the schema does not know stays where the server itself needs it.
        for field in ["apiVersion", "kind", "metadata"] where tidy[field] == nil { tidy[field] = object[field] }
        return schema.shape == .any ? tidy : schema.defaulted(tidy)
    }

    /// What the schema finds wrong with an object.
    ///
    /// Built-in kinds have rules of their own for most of it; of their schemas only types and closed sets count.
    static func faults(_ object: JSONValue, old: JSONValue?, _ definition: ResourceDefinition) -> [APIStatus.Cause] {
        guard definition.schema.shape != .any else { return [] }
        let problems = definition.schema.validate(object, old: old)
        return problems.filter { definition.isCustom || $0.kind == .unsupported || $0.kind == .typeInvalid }
            .map { APIStatus.Cause(reason: $0.reason, message: $0.body, field: $0.field) }
    }

    /// Applies a patch to an object, both in the version of the call.
    static func patched(
        _ object: JSONValue,
        _ operation: Operation,
        schema: Schema? = nil
    ) throws(APIStatus) -> JSONValue {
        guard let patch = operation.call.body else { throw .badRequest("the patch is empty") }
        switch operation.call.patchFormat {
        case .merge:
            guard patch.object != nil else { throw .badRequest("a merge patch must be an object") }
            return merged(patch, into: object)
        case .strategic where !operation.definition.isCustom: return merged(patch, into: object)
        default:
            throw .unsupportedMediaType(
                [APICall.PatchFormat.json, .merge, .apply].map(\.rawValue)
            )
        }
    }

    /// What a server-side apply makes of an object, or of nothing.
    static func applied(to live: JSONValue?, _ operation: Operation) throws(APIStatus) -> JSONValue {
        throw .unsupportedMediaType([APICall.PatchFormat.json, .merge].map(\.rawValue))
    }

    /// The object with its managedFields brought up to date, both in the stored version.
    static func managed(_ object: JSONValue, old: JSONValue?, _ operation: Operation) -> JSONValue { object }

    private static func merged(_ patch: JSONValue, into object: JSONValue) -> JSONValue {
        guard case .object(let members) = patch else { return patch }
        var merged = object.object ?? JSONObject()
        for (key, value) in members {
            merged[key] = value.isNull ? nil : self.merged(value, into: merged[key] ?? .null)
        }
        return .object(merged)
    }

    /// Without nulls, and without the empty maps and lists that Kubernetes leaves out when it writes an object.
    private static func tidied(_ value: JSONValue, _ schema: Schema?) -> JSONValue? {
        switch value {
        case .null: return nil
        case .object(let members):
            if schema?.shape == .map, members.isEmpty { return nil }
            guard members.contains(where: { isUntidy($0.value, schema?.field($0.key)) }) else { return value }
            var tidy = JSONObject()
            for (key, value) in members {
                if let value = tidied(value, schema?.field(key)) { tidy.set(key, value) }
            }
            return .object(tidy)
        case .array(let elements):
            if schema?.shape == .list, elements.isEmpty { return nil }
            return .array(elements.map { tidied($0, schema?.element) ?? $0 })
        default: return value
        }
    }

    private static func isUntidy(_ value: JSONValue, _ schema: Schema?) -> Bool {
        switch value {
        case .null: true
        case .object(let members):
            (schema?.shape == .map && members.isEmpty)
                || members.contains { isUntidy($0.value, schema?.field($0.key)) }
        case .array(let elements):
            (schema?.shape == .list && elements.isEmpty) || elements.contains { isUntidy($0, schema?.element) }
        default: false
        }
    }
}
