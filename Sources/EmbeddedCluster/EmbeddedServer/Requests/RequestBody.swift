import EmbeddedAPI
import HTTPServing
import JSON
import Kubernetes
import ObjectSchema
import YAML

/// Reads the bodies of requests.
enum RequestBody {
    /// As kube-apiserver has it.
    static let limitBytes = 3 << 20
    private static let patchTypes = [
        APICall.PatchFormat.json, .merge, .strategic, .apply,
    ]

    /// The binary form, which clients with types of their own send for built-in kinds.
    private static let binary = "application/vnd.kubernetes.protobuf"

    /// The object in a body; nil when there is none.
    ///
    /// - Parameter resource: What is called: custom resources have no binary form.
    /// - Throws: ``APIStatus`` with 413, 415, or 400 when it cannot be read.
    static func object(_ request: ServerRequest, for resource: ResourceType) throws(APIStatus) -> JSONValue? {
        try check(request)
        guard !request.body.isEmpty else { return nil }
        let header = request.header("Content-Type") ?? ""
        let isBuiltIn = BuiltIn.packages[resource.apiVersion] != nil
        switch MediaType(header)?.name ?? (header.isEmpty ? "application/json" : header) {
        case "application/json", "*/*": return try json(request.body)
        case "application/yaml": return try yaml(request.body)
        case binary where isBuiltIn: return try fromBinary(request.body)
        default: throw .unsupportedMediaType(AnswerFormat.accepted + (isBuiltIn ? [binary] : []))
        }
    }

    /// The patch in a body, and its format.
    static func patch(_ request: ServerRequest) throws(APIStatus) -> (APICall.PatchFormat, JSONValue) {
        try check(request)
        let name = MediaType(request.header("Content-Type") ?? "")?.name ?? ""
        guard let format = APICall.PatchFormat(rawValue: name) else {
            throw .unsupportedMediaType(patchTypes.map(\.rawValue))
        }
        let value = format == .apply ? try yaml(request.body) : try json(request.body)
        return (format, value)
    }

    private static func check(_ request: ServerRequest) throws(APIStatus) {
        guard request.body.count > limitBytes else { return }
        throw APIStatus(
            code: 413,
            reason: "RequestEntityTooLarge",
            message: "Request entity too large: limit is \(limitBytes)"
        )
    }

    private static func json(_ bytes: [UInt8]) throws(APIStatus) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: bytes)
        } catch {
            throw .badRequest("the object provided is unrecognized (must be of JSON): json parse error: \(error)")
        }
    }

    private static func fromBinary(_ bytes: [UInt8]) throws(APIStatus) -> JSONValue {
        do throws(BinaryObjectError) {
            return try BinaryObject.json(bytes)
        } catch {
            throw .badRequest("the object provided is unrecognized: \(error)")
        }
    }

    private static func yaml(_ bytes: [UInt8]) throws(APIStatus) -> JSONValue {
        do throws(YAMLError) {
            return try YAML.parse(bytes)
        } catch {
            throw .badRequest("error decoding YAML: \(error)")
        }
    }
}
