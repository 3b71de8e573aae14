import EmbeddedAPI
import HTTPServing
import JSON
import OpenAPIDocuments
import YAML

extension APIFront {
    static func yaml(_ body: JSONValue) -> [UInt8] { Array(YAML.write(body).utf8) }

    /// `/openapi/…`; nil for paths that lead nowhere.
    func openAPI(_ request: ServerRequest, _ parts: [String]) throws(APIStatus) -> FrontAnswer? {
        switch (parts.count, parts.count > 1 ? parts[1] : "") {
        case (2, "v2"):
            let accepted = MediaType.list(request.header("Accept") ?? "").first?.name ?? ""
            guard accepted.hasPrefix("application/com.github.proto-openapi.spec.v2") else {
                return Self.encode(OpenAPIDocuments.v2(definitions), AnswerFormat())
            }
            return .bytes(
                OpenAPIDocuments.v2Protobuf(definitions),
                contentType: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
            )
        case (2, "v3"): return Self.encode(OpenAPIDocuments.v3Index(definitions), AnswerFormat())
        case (4, "v3") where parts[2] == "api": return v3("", parts[3])
        case (5, "v3") where parts[2] == "apis": return v3(parts[3], parts[4])
        default: return nil
        }
    }

    private func v3(_ group: String, _ version: String) -> FrontAnswer? {
        OpenAPIDocuments.v3(definitions, group: group, version: version).map { Self.encode($0, AnswerFormat()) }
    }
}
