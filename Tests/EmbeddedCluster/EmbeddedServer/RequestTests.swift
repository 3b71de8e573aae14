import EmbeddedAPI
import HTTPServing
import JSON
import Kubernetes
import Testing

@testable import EmbeddedServer

@Suite("Requests of the embedded server")
struct RequestTests {
    @Test(
        "reads what a path means",
        arguments: [
            ("GET", "/api/v1/namespaces/a/pods/b/log", "get v1 pods a b log"),
            ("GET", "/api/v1/pods", "list v1 pods   "),
            ("GET", "/api/v1/pods?watch=1", "watch v1 pods   "),
            ("GET", "/api/v1/pods?watch=false", "list v1 pods   "),
            ("GET", "/api/v1/namespaces/a", "get v1 namespaces a a "),
            ("PUT", "/api/v1/namespaces/a/finalize", "update v1 namespaces a a finalize"),
            ("PATCH", "/apis/apps/v1/namespaces/a/deployments/b", "patch apps/v1 deployments a b "),
            ("DELETE", "/apis/apps/v1/namespaces/a/deployments", "deletecollection apps/v1 deployments a  "),
            ("POST", "/apis/x.io/v1/things", "create x.io/v1 things   "),
            ("GET", "/api/v1/namespaces/a/configmaps/b%2Fc", "get v1 configmaps a b/c "),
            ("GET", "/api/v1", "path get /api/v1"),
            ("GET", "/apis/apps/v1", "path get /apis/apps/v1"),
        ]
    )
    func paths(_ method: String, _ target: String, _ expected: String) {
        let info = RequestInfo(ServerRequest(method: method, target: target))
        let version = info.group.isEmpty ? info.version : "\(info.group)/\(info.version)"
        #expect(
            (info.isResource
                ? "\(info.verb) \(version) \(info.plural) \(info.namespace) \(info.name) \(info.subresource ?? "")"
                : "path \(info.verb) \(info.path)") == expected
        )
    }

    @Test(
        "picks the first format of an Accept header that it has",
        arguments: [
            ("", "json object"), ("*/*", "json object"), ("application/yaml", "yaml object"),
            ("application/vnd.kubernetes.protobuf, application/json", "json object"),
            ("application/vnd.kubernetes.protobuf", "none"),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "json table v1"),
            ("application/json;as=Table;v=v2;g=meta.k8s.io,application/json", "json object"),
            ("application/json;as=Table;v=v2;g=meta.k8s.io", "none"),
            ("application/json;q=0.5, application/yaml", "yaml object"),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1", "json partial v1beta1"),
        ]
    )
    func accept(_ header: String, _ expected: String) {
        let found = AnswerFormat(accepting: header).map { format in
            "\(format.encoding) \(format.shape)" + (format.shape == .object ? "" : " \(format.version)")
        }
        #expect(found ?? "none" == expected)
    }

    @Test(
        "ranks versions as Kubernetes does"
    )
    func versions() {
        let shuffled = ["foo1", "v1beta2", "v2alpha1", "v10", "v1", "v11beta2", "v2", "foo10", "v1beta1"]
        #expect(
            shuffled.sorted { VersionPriority($0) > VersionPriority($1) } == [
                "v10", "v2", "v1", "v11beta2", "v1beta2", "v1beta1", "v2alpha1", "foo1", "foo10",
            ]
        )
    }

    @Test(
        "writes ages as kubectl does",
        arguments: [
            (0, "0s"), (119, "119s"), (120, "2m"), (200, "3m20s"), (600, "10m"), (10_799, "179m"), (10_800, "3h"),
            (20_000, "5h33m"), (172_799, "47h"), (172_800, "2d"), (200_000, "2d7h"), (700_000, "8d"),
            (63_072_000, "2y"), (70_000_000, "2y80d"), (300_000_000, "9y"), (-5, "<invalid>"),
        ]
    )
    func ages(_ seconds: Int, _ expected: String) { #expect(HumanDuration.text(seconds: seconds) == expected) }

    @Test(
        "follows the paths of printer columns",
        arguments: [
            (".spec.replicas", "3"), ("{.spec.replicas}", "3"),
            (".status.conditions[?(@.type==\"Ready\")].status", "True"),
            (".status.conditions[0].type", "Old"), (".status.conditions[-1].type", "Ready"),
            (".status.conditions[*].type", "Old Ready"), (".metadata.labels.a\\.b/c", "x"),
            (".metadata.labels['a.b/c']", "x"), ("..status", "- False True"), (".spec.absent", ""),
        ]
    )
    func jsonPath(_ text: String, _ expected: String) throws {
        let object: JSONValue = [
            "metadata": ["labels": ["a.b/c": "x"]], "spec": ["replicas": 3],
            "status": [
                "conditions": [["type": "Old", "status": "False"], ["type": "Ready", "status": "True"]]
            ],
        ]
        let values = try #require(JSONPath(text)).values(in: object)
        #expect(
            values.map { $0.string ?? ($0.object == nil ? $0.description : "-") }.joined(separator: " ") == expected
        )
    }

    @Test("takes the user and groups from a certificate's subject") func subjects() {
        let user = DistinguishedName(#"CN=jane\, doe,O=team-a,O=team\2Bb,L=x"#).user
        #expect(user?.name == "jane, doe")
        #expect(user?.groups == ["team-a", "team+b", "system:authenticated"])
        #expect(DistinguishedName("O=nobody").user == nil)
    }

    @Test("tells its own tokens from others'") func tokens() throws {
        let signer = TokenSigner(key: Array(0..<32))
        let account = ObjectKey(namespace: "a", name: "robot")
        let token = signer.secretToken(for: account, uid: "u", secret: "s")
        #expect(signer.claims(of: token)?["sub"] == "system:serviceaccount:a:robot")
        #expect(TokenSigner(key: Array(1..<33)).claims(of: token) == nil)
        let parts = token.split(separator: ".")
        #expect(signer.claims(of: "\(parts[0]).\(parts[1]).") == nil)
        #expect(signer.claims(of: "x") == nil)
    }

    @Test("reads base64 of both alphabets", arguments: [[], [0], [0, 255], [251, 255, 191], Array("any text".utf8)])
    func base64(_ bytes: [UInt8]) {
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        #expect(Base64.decode(Base64.encodeForURL(bytes)) == bytes)
    }
}
