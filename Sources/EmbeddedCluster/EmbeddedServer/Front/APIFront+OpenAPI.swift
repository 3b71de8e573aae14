import EmbeddedAPI
import HTTPServing
import JSON
import YAML

extension APIFront {
    static func yaml(_ body: JSONValue) -> [UInt8] { Array(YAML.write(body).utf8) }

    /// `/openapi/…`; nil for paths that lead nowhere.
    func openAPI(_ request: ServerRequest, _ parts: [String]) throws(APIStatus) -> FrontAnswer? {
        guard parts.count == 2, parts[1] == "v2" else { return nil }
        let accepted = MediaType.list(request.header("Accept") ?? "")
        if let type = accepted.first, type.name.hasPrefix("application/com.github.proto-openapi.spec.v2") {
            let info: [UInt8] = [0x0A, 10] + "Kubernetes".utf8 + [0x12, 7] + "v1.32.0".utf8
            let document = [0x0A, 3] + Array("2.0".utf8) + [0x12, UInt8(info.count)] + info
            return .bytes(document, contentType: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        }
        let document: JSONValue = [
            "swagger": "2.0", "info": ["title": "Kubernetes", "version": "v1.32.0"], "paths": [:], "definitions": [:],
        ]
        return Self.encode(document, AnswerFormat())
    }
}
