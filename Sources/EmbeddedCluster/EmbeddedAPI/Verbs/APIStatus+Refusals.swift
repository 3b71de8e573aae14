package import JSON
package import Kubernetes

extension APIStatus {
    /// 400.
    package static func badRequest(_ message: String) -> APIStatus {
        APIStatus(code: 400, reason: "BadRequest", message: message)
    }

    /// 404 for a path that no resource has.
    package static let unknownResource = APIStatus(
        code: 404,
        reason: "NotFound",
        message: "the server could not find the requested resource"
    )

    /// 404 for an object.
    package static func notFound(_ type: ResourceType, _ name: String) -> APIStatus {
        about(type, name, 404, "NotFound", "\(type) \"\(name)\" not found")
    }

    /// 409 for a name that is taken.
    package static func alreadyExists(_ type: ResourceType, _ name: String) -> APIStatus {
        about(type, name, 409, "AlreadyExists", "\(type) \"\(name)\" already exists")
    }

    /// 409 for an object that is not as the client thinks.
    package static func conflict(_ type: ResourceType, _ name: String, _ detail: String) -> APIStatus {
        about(type, name, 409, "Conflict", "Operation cannot be fulfilled on \(type) \"\(name)\": \(detail)")
    }

    /// 409 for a write that is based on an older version.
    package static func modified(_ type: ResourceType, _ name: String) -> APIStatus {
        conflict(
            type,
            name,
            "the object has been modified; please apply your changes to the latest version and try again"
        )
    }

    /// 403.
    package static func forbidden(_ type: ResourceType, _ name: String, _ detail: String) -> APIStatus {
        about(
            type,
            name,
            403,
            "Forbidden",
            name.isEmpty ? "\(type) is forbidden: \(detail)" : "\(type) \"\(name)\" is forbidden: \(detail)"
        )
    }

    /// 405.
    package static let methodNotAllowed = APIStatus(
        code: 405,
        reason: "MethodNotAllowed",
        message: "the server does not allow this method on the requested resource"
    )

    /// 410 for a version that is forgotten.
    package static func expired(_ message: String) -> APIStatus {
        APIStatus(code: 410, reason: "Expired", message: message)
    }

    /// 500 without a reason for a resourceVersion that is no number, as 1.20 answers.
    package static func invalidVersion(_ text: String) -> APIStatus {
        APIStatus(
            code: 500,
            reason: "",
            message: "resourceVersion: Invalid value: \"\(text)\": strconv.ParseUint: parsing "
                + "\"\(text)\": invalid syntax"
        )
    }

    /// 415, with the formats that would do.
    package static func unsupportedMediaType(_ accepted: [String]) -> APIStatus {
        APIStatus(
            code: 415,
            reason: "UnsupportedMediaType",
            message: "the body of the request was in an unknown format - accepted media types include: "
                + accepted.joined(separator: ", ")
        )
    }

    /// 422 for an object whose fields are wrong.
    package static func invalid(_ type: ResourceType, _ name: String, _ causes: [Cause]) -> APIStatus {
        let kind = type.group.isEmpty ? type.kind : "\(type.kind).\(type.group)"
        var texts: [String] = []
        for cause in causes where !texts.contains(cause.text) { texts.append(cause.text) }
        let list = texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
        return APIStatus(
            code: 422,
            reason: "Invalid",
            message: "\(kind) \"\(name)\" is invalid: \(list)",
            name: name.isEmpty ? nil : name,
            group: type.group,
            kind: type.kind,
            causes: causes
        )
    }

    private static func about(
        _ type: ResourceType,
        _ name: String,
        _ code: Int,
        _ reason: String,
        _ message: String
    ) -> APIStatus {
        APIStatus(
            code: code,
            reason: reason,
            message: message,
            name: name.isEmpty ? nil : name,
            group: type.group,
            kind: type.plural
        )
    }
}

extension APIStatus.Cause {
    /// The field and what is wrong with it.
    package var text: String { field.isEmpty ? message : "\(field): \(message)" }

    /// A value that cannot be.
    package static func invalid(_ field: String, _ value: JSONValue?, _ detail: String) -> Self {
        Self(reason: "FieldValueInvalid", message: "Invalid value: \(shown(value)): \(detail)", field: field)
    }

    /// A field that is missing.
    package static func required(_ field: String, _ detail: String = "") -> Self {
        Self(
            reason: "FieldValueRequired",
            message: detail.isEmpty ? "Required value" : "Required value: \(detail)",
            field: field
        )
    }

    /// A field that must not be there, or not be changed.
    package static func forbidden(_ field: String, _ detail: String) -> Self {
        Self(reason: "FieldValueForbidden", message: "Forbidden: \(detail)", field: field)
    }

    /// A value that stands there twice.
    package static func duplicate(_ field: String, _ value: JSONValue?) -> Self {
        Self(reason: "FieldValueDuplicate", message: "Duplicate value: \(shown(value))", field: field)
    }

    /// A value that is none of those allowed.
    package static func notSupported(_ field: String, _ value: JSONValue?, _ allowed: [String]) -> Self {
        let list = allowed.map { "\"\($0)\"" }.joined(separator: ", ")
        return Self(
            reason: "FieldValueNotSupported",
            message: "Unsupported value: \(shown(value)): supported values: \(list)",
            field: field
        )
    }

    /// Text with quotes, numbers plain, trees as JSON.
    private static func shown(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null: return "null"
        case .bool(let value): return "\(value)"
        case .integer(let value): return "\(value)"
        case .double(let value): return "\(value)"
        case .string(let value):
            var writer = JSONWriter()
            writer.string(value)
            return String(decoding: writer.bytes, as: UTF8.self)
        case let value?:
            var writer = JSONWriter(sorted: true)
            writer.value(value)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }
}
