package import EmbeddedAPI
package import JSON
import Kubernetes
import ObjectSchema

/// The OpenAPI documents of what is served: what kubectl explains and checks objects by.
///
/// They are made anew each time, in some milliseconds: keep them until the definitions change.
package enum OpenAPIDocuments {
    /// The document of version 2, `/openapi/v2`.
    package static func v2(_ definitions: [ResourceDefinition]) -> JSONValue {
        var models = ModelWriter(edition: .v2)
        let paths = PathWriter(edition: .v2).paths(of: definitions, &models)
        return [
            "swagger": "2.0", "info": info, "paths": .object(paths), "definitions": .object(models.documents()),
        ]
    }

    /// The document of version 2 as gnostic's message `openapi.v2.Document`, the only form that kubectl 1.20 reads.
    ///
    /// It is asked for as `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`. It must not be answered with
    /// that as its type, which clients in Go cannot read: with `application/octet-stream`.
    package static func v2Protobuf(_ definitions: [ResourceDefinition]) -> [UInt8] {
        GnosticDocument.bytes(v2(definitions))
    }

    /// What `/openapi/v3` answers: where the documents of the group versions are.
    ///
    /// The addresses change with the documents, so that clients may keep what they read.
    package static func v3Index(_ definitions: [ResourceDefinition]) -> JSONValue {
        var paths = JSONObject()
        for (group, version) in groupVersions(definitions) {
            let path = group.isEmpty ? "api/\(version)" : "apis/\(group)/\(version)"
            let hash = v3(definitions, group: group, version: version).map { fingerprint($0.bytes()) } ?? 0
            paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(String(hash, radix: 16))")]
        }
        return ["paths": .object(paths)]
    }

    /// The document of version 3 of one group version; nil when it is not served.
    package static func v3(_ definitions: [ResourceDefinition], group: String, version: String) -> JSONValue? {
        let ours = definitions.filter { $0.type.group == group && $0.type.version == version }
        guard !ours.isEmpty else { return nil }
        var models = ModelWriter(edition: .v3)
        let paths = PathWriter(edition: .v3).paths(of: ours, &models)
        return [
            "openapi": "3.0.0", "info": info, "paths": .object(paths),
            "components": ["schemas": .object(models.documents())],
        ]
    }

    private static let info: JSONValue = ["title": "Kubernetes", "version": "v1.20.2"]

    private static func groupVersions(_ definitions: [ResourceDefinition]) -> [(group: String, version: String)] {
        var seen: Set<String> = []
        return definitions.compactMap {
            seen.insert($0.type.apiVersion).inserted ? ($0.type.group, $0.type.version) : nil
        }
    }

    /// FNV-1a, 64 bits.
    private static func fingerprint(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

/// Which version of OpenAPI a document has.
enum Edition {
    case v2, v3

    /// Where models are.
    var root: String { self == .v2 ? "#/definitions/" : "#/components/schemas/" }
}
