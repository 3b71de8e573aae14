import JSON
import Kubernetes
import ObjectSchema

/// The one place where objects meet what their schema and their patches say.
enum ObjectWork {
    /// Brings what a client sent into the form that is kept: no unknown fields, and defaults filled in.
    static func normalised(_ object: JSONValue, _ definition: ResourceDefinition) throws(APIStatus) -> JSONValue {
        let schema = definition.schema
        guard !definition.isCustom else { return schema.defaulted(schema.pruned(object)) }
        do throws(ReadingProblem) {
            var typed = try schema.typed(object)
            KindAdmission.prepare(&typed, definition.type)
            return schema.defaulted(typed)
        } catch {
            let type = definition.type
            throw .badRequest(
                "\(type.kind) in version \"\(type.version)\" cannot be handled as a \(type.kind): \(error.detail)"
            )
        }
    }

    /// What the schema finds wrong with an object.
    ///
    /// Built-in kinds have rules of their own for most of it; of their schemas only closed sets count.
    static func faults(_ object: JSONValue, old: JSONValue?, _ definition: ResourceDefinition) -> [APIStatus.Cause] {
        let problems = definition.schema.validate(object, old: old)
        return problems.filter { definition.isCustom || $0.kind == .unsupported }
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
}
