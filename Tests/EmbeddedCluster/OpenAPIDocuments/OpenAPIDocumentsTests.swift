import EmbeddedAPI
import JSON
import Kubernetes
import ObjectSchema
import OpenAPIDocuments
import Testing

@Suite("OpenAPI documents")
struct OpenAPIDocumentsTests {
    private static func custom() -> ResourceDefinition {
        var replicas = Schema.Definition(.integer)
        replicas.limits.minimum = 1
        var port = Schema.Definition(.intOrString)
        port.description = "Where."
        var spec = Schema.Definition(.object)
        spec.fields = [("replicas", Schema(replicas)), ("port", Schema(port))]
        spec.required = ["replicas"]
        var open = Schema.Definition(.object)
        open.preservesUnknownFields = true
        var whole = Schema.Definition(.object)
        whole.fields = [("spec", Schema(spec)), ("extra", Schema(open))]
        whole.description = "A tab."
        return ResourceDefinition(
            type: ResourceType(group: "stable.example.com", version: "v1", kind: "CronTab", plural: "crontabs"),
            schema: Schema(whole),
            isCustom: true
        )
    }

    /// All texts after `$ref` in a document.
    private func references(_ value: JSONValue) -> [String] {
        switch value {
        case .object(let members):
            // A field may be called $ref: then it is no text.
            members.flatMap { $0.key == "$ref" ? $0.value.string.map { [$0] } ?? [] : references($0.value) }
        case .array(let elements): elements.flatMap(references)
        case .null, .bool, .integer, .double, .string: []
        }
    }

    @Test("every reference of the whole document leads to a model") func references() throws {
        let document = OpenAPIDocuments.v2(BuiltInResources.all + [Self.custom()])
        let models = Set(try #require(document["definitions"]?.object).keys)
        for reference in Set(references(document)) {
            #expect(models.contains(String(reference.dropFirst("#/definitions/".count))), "\(reference)")
        }
        #expect(models.count > 200)
    }

    @Test("every reference of a group version's document leads to a model, and every group version has one")
    func groupVersions() throws {
        let definitions = BuiltInResources.all + [Self.custom()]
        let index = try #require(OpenAPIDocuments.v3Index(definitions)["paths"]?.object)
        #expect(index["apis/stable.example.com/v1"] != nil)
        #expect(index["api/v1"]?["serverRelativeURL"]?.string?.hasPrefix("/openapi/v3/api/v1?hash=") == true)
        for definition in definitions {
            let type = definition.type
            let document = try #require(OpenAPIDocuments.v3(definitions, group: type.group, version: type.version))
            let models = Set(try #require(document["components"]?["schemas"]?.object).keys)
            for reference in Set(references(document)) {
                #expect(models.contains(String(reference.dropFirst("#/components/schemas/".count))), "\(reference)")
            }
        }
        #expect(OpenAPIDocuments.v3(definitions, group: "nowhere", version: "v1") == nil)
    }

    @Test("a model says what merges its lists and which kind it is") func models() throws {
        let models = try #require(OpenAPIDocuments.v2(BuiltInResources.all)["definitions"])
        let containers = models["io.k8s.api.core.v1.PodSpec"]?["properties"]?["containers"]
        #expect(containers?["x-kubernetes-patch-merge-key"] == "name")
        #expect(containers?["x-kubernetes-patch-strategy"] == "merge")
        #expect(containers?["items"]?["$ref"] == "#/definitions/io.k8s.api.core.v1.Container")
        let deployment = models["io.k8s.api.apps.v1.Deployment"]
        #expect(
            deployment?["x-kubernetes-group-version-kind"]
                == [["group": "apps", "version": "v1", "kind": "Deployment"]]
        )
        let strategy = models["io.k8s.api.apps.v1.DeploymentSpec"]?["properties"]?["strategy"]
        #expect(strategy?["x-kubernetes-patch-strategy"] == "retainKeys")
    }

    @Test("only built-in resources take strategic merge patches") func patches() {
        let paths = OpenAPIDocuments.v2(BuiltInResources.all + [Self.custom()])["paths"]?.object ?? [:]
        for (path, item) in paths {
            guard let consumes = item[path: ["patch", "consumes"]]?.array else { continue }
            let takesStrategic = consumes.contains("application/strategic-merge-patch+json")
            #expect(takesStrategic != path.hasPrefix("/apis/\(Self.custom().type.group)/"), "\(path)")
        }
    }

    @Test("a custom resource has its fields, metadata and a name made of its group") func custom() throws {
        let document = OpenAPIDocuments.v2([Self.custom()])
        let model = try #require(document["definitions"]?["com.example.stable.v1.CronTab"])
        #expect(model["properties"]?["spec"]?["properties"]?["replicas"]?["minimum"] == 1)
        #expect(model["properties"]?["spec"]?["required"] == ["replicas"])
        #expect(
            model["properties"]?["metadata"]?["$ref"]
                == "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
        )
        #expect(model["properties"]?["extra"]?["type"] == nil)
        let path = "/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}"
        let patch = document["paths"]?[path]?["patch"]
        #expect(patch?["parameters"]?.array?.contains { $0["name"] == "dryRun" } == true)
    }

    @Test("the protocol buffer has the document's models in its fields") func protobuf() throws {
        let definitions = [Self.custom()]
        func text(_ field: WireReader.Field?) -> String? {
            field.map { String(decoding: $0.bytes, as: UTF8.self) }
        }
        let fields = try #require(WireReader.fields(OpenAPIDocuments.v2Protobuf(definitions)[...]))
        #expect(text(fields.first { $0.number == 1 }) == "2.0")
        let models = try #require(fields.first { $0.number == 9 })
        let names = try #require(WireReader.fields(models.bytes)).map { model in
            text(WireReader.fields(model.bytes)?.first { $0.number == 1 })
        }
        let expected = try #require(OpenAPIDocuments.v2(definitions)["definitions"]?.object).keys
        #expect(names == expected)
    }
}

/// Reads the fields of one message; nil when the bytes are none.
private struct WireReader {
    typealias Field = (number: Int, bytes: ArraySlice<UInt8>)

    private var rest: ArraySlice<UInt8>

    static func fields(_ bytes: ArraySlice<UInt8>) -> [Field]? {
        var reader = WireReader(rest: bytes)
        return reader.fields()
    }

    private mutating func fields() -> [Field]? {
        var fields: [Field] = []
        while !rest.isEmpty {
            guard let tag = varint() else { return nil }
            switch tag & 7 {
            case 0:
                guard varint() != nil else { return nil }
                fields.append((tag >> 3, []))
            case 1:
                guard rest.count >= 8 else { return nil }
                fields.append((tag >> 3, rest.prefix(8)))
                rest = rest.dropFirst(8)
            case 2:
                guard let count = varint(), count <= rest.count else { return nil }
                fields.append((tag >> 3, rest.prefix(count)))
                rest = rest.dropFirst(count)
            default: return nil
            }
        }
        return fields
    }

    private mutating func varint() -> Int? {
        var value = 0
        var shift = 0
        while let byte = rest.popFirst() {
            value |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 56 { return nil }
        }
        return nil
    }
}
