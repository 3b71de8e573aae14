import JSON
import Kubernetes
import ObjectPatch
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
    ///
    /// - Parameter schema: That of the object, when it is not the resource's own, as a `Scale`.
    static func patched(
        _ object: JSONValue,
        _ operation: Operation,
        schema: Schema? = nil
    ) throws(APIStatus) -> JSONValue {
        guard let patch = operation.call.body else { throw .badRequest("the patch is empty") }
        do throws(PatchProblem) {
            switch operation.call.patchFormat {
            case .json: return try ObjectPatch.json(patch, to: object)
            case .merge where patch.object != nil: return ObjectPatch.merge(patch, into: object)
            case .merge: throw PatchProblem(.malformed, "Invalid JSON document")
            case .strategic where !operation.definition.isCustom:
                return try ObjectPatch.strategic(patch, into: object, schema: schema ?? operation.definition.schema)
            default: break
            }
        } catch {
            throw APIStatus(code: error.code, reason: reason(of: error), message: error.message)
        }
        throw .unsupportedMediaType([APICall.PatchFormat.json, .merge, .apply].map(\.rawValue))
    }

    private static func reason(of problem: PatchProblem) -> String {
        switch problem.reason {
        case .malformed: "BadRequest"
        case .unfitting: "Invalid"
        case .unforeseen: ""
        case .tooLarge: "RequestEntityTooLarge"
        }
    }

    /// What a server-side apply makes of an object, or of nothing.
    static func applied(to live: JSONValue?, _ operation: Operation) throws(APIStatus) -> JSONValue {
        guard !operation.call.fieldManager.isEmpty else {
            let type = ResourceType(group: "meta.k8s.io", version: "v1", kind: "PatchOptions", plural: "patchoptions")
            throw .invalid(type, "", [.required("fieldManager", "is required for apply patch")])
        }
        var config = operation.call.body ?? .null
        guard config.object != nil else { throw .badRequest("the apply configuration must be an object") }
        if config.name.isEmpty { config.setMeta("name", .string(operation.call.name)) }
        if operation.type.isNamespaced, config.namespace.isEmpty {
            config.setMeta("namespace", .string(operation.call.namespace))
        }
        do throws(ApplyProblem) {
            return try FieldManagement.apply(
                config: config,
                to: live,
                schema: operation.definition.schema,
                manager: operation.call.fieldManager,
                version: operation.type.apiVersion,
                subresource: nil,
                force: operation.call.isForced,
                now: operation.now
            )
        } catch {
            var status = APIStatus(code: error.code, reason: error.reason, message: error.description)
            if case .conflicts(let conflicts) = error {
                status.causes = conflicts.map {
                    .init(reason: "FieldManagerConflict", message: $0.message, field: $0.field)
                }
            }
            throw status
        }
    }

    /// The object with its managedFields brought up to date, both in the stored version.
    ///
    /// As in 1.20, managers are not told apart by the subresource that they write.
    static func managed(_ object: JSONValue, old: JSONValue?, _ operation: Operation) -> JSONValue {
        let definition = operation.definition
        return definition.toStored(
            FieldManagement.update(
                definition.fromStored(object),
                old: old.map(definition.fromStored),
                schema: definition.schema,
                manager: operation.manager,
                version: definition.type.apiVersion,
                subresource: nil,
                now: operation.now
            )
        )
    }
}
