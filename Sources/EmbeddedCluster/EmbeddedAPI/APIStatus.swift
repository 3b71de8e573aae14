package import JSON

/// A refusal as the API server words it: the `Status` object that clients read.
package struct APIStatus: Error, Sendable, CustomStringConvertible {
    /// One thing that is wrong with the object that was sent.
    package struct Cause: Sendable, Hashable {
        /// As `FieldValueInvalid`.
        package var reason: String
        package var message: String
        /// The path of the field, as `spec.replicas`.
        package var field: String

        package init(reason: String, message: String, field: String) {
            self.reason = reason
            self.message = message
            self.field = field
        }
    }

    /// The HTTP status.
    package var code: Int
    /// As `NotFound`.
    package var reason: String
    package var message: String
    package var name: String?
    package var group: String?
    /// The plural for what is not found, the kind for what is invalid, as the API server has it.
    package var kind: String?
    package var uid: String?
    package var causes: [Cause]
    package var retryAfterSeconds: Int?
    /// Where a list may go on although its version is forgotten; `metadata.continue`.
    package var continueToken: String?

    package init(
        code: Int,
        reason: String,
        message: String,
        name: String? = nil,
        group: String? = nil,
        kind: String? = nil,
        uid: String? = nil,
        causes: [Cause] = [],
        retryAfterSeconds: Int? = nil
    ) {
        self.code = code
        self.reason = reason
        self.message = message
        self.name = name
        self.group = group
        self.kind = kind
        self.uid = uid
        self.causes = causes
        self.retryAfterSeconds = retryAfterSeconds
    }

    package var description: String { message }

    /// The object that is sent.
    package var object: JSONValue {
        var details = JSONObject()
        if let name { details["name"] = .string(name) }
        if let group, !group.isEmpty { details["group"] = .string(group) }
        if let kind { details["kind"] = .string(kind) }
        if let uid { details["uid"] = .string(uid) }
        if !causes.isEmpty {
            details["causes"] = .array(
                causes.map { cause in
                    var members = JSONObject()
                    if !cause.reason.isEmpty { members["reason"] = .string(cause.reason) }
                    members["message"] = .string(cause.message)
                    if !cause.field.isEmpty { members["field"] = .string(cause.field) }
                    return .object(members)
                }
            )
        }
        if let retryAfterSeconds { details["retryAfterSeconds"] = .integer(retryAfterSeconds) }
        var status: JSONValue = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
        ]
        if !reason.isEmpty { status["reason"] = .string(reason) }
        if let continueToken { status["metadata"] = ["continue": .string(continueToken)] }
        if !details.isEmpty { status["details"] = .object(details) }
        status["code"] = .integer(code)
        return status
    }
}
