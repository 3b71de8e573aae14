import EmbeddedAPI
import EmbeddedServer
import HTTPServing
import JSON
import Kubernetes
import TestSupport
import Testing

@Suite("Answers of the embedded server", .timeLimit(.minutes(1)))
struct AnswerTests {
    let fixture: ServerFixture
    static let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    init() throws { fixture = try ServerFixture(usesTLS: false) }

    @Test("answers an object as JSON, YAML, metadata alone, or a table") func formats() async throws {
        try fixture.create(.configMap, Sample.configMap("a", data: ["k": "v"]))
        let path = "/api/v1/namespaces/default/configmaps/a"
        let json = try await fixture.ask(path)
        #expect(json.header("Content-Type") == "application/json")
        #expect(json.json["data"] == ["k": "v"])
        let yaml = try await fixture.ask(path, headers: [("Accept", "application/yaml")])
        #expect(yaml.text.contains("kind: ConfigMap\n"))
        let partial = try await fixture.ask(
            path,
            headers: [("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")]
        )
        #expect(partial.json["kind"] == "PartialObjectMetadata")
        #expect(partial.json["data"] == nil)
        let table = try await fixture.ask(path, headers: [("Accept", Self.table)])
        #expect(table.json["kind"] == "Table")
        #expect(table.json["rows"]?[0]?["cells"]?[0] == "a")
        #expect(table.json["rows"]?[0]?[path: ["object", "kind"]] == "PartialObjectMetadata")
        let whole = try await fixture.ask(path + "?includeObject=Object", headers: [("Accept", Self.table)])
        #expect(whole.json["rows"]?[0]?[path: ["object", "data", "k"]] == "v")
        let none = try await fixture.ask(path, headers: [("Accept", "application/vnd.kubernetes.protobuf")])
        #expect(none.status == 406)
        #expect(none.json["reason"] == "NotAcceptable")
    }

    @Test("answers a list's pages with tokens, also as tables") func pages() async throws {
        for name in ["a", "b", "c"] { try fixture.create(.configMap, Sample.configMap(name)) }
        let first = try await fixture.ask(
            "/api/v1/namespaces/default/configmaps?limit=2",
            headers: [("Accept", Self.table)]
        )
        let token = try #require(first.json[path: ["metadata", "continue"]]?.string)
        let second = try await fixture.ask(
            "/api/v1/namespaces/default/configmaps?limit=2&continue=\(ResourceType.escape(token))"
        )
        #expect(second.json["kind"] == "ConfigMapList")
        #expect(second.json["items"]?.array?.count == 1)
    }

    @Test(
        "refuses bodies it cannot read",
        arguments: [
            ("application/json", "{", 400, "BadRequest"),
            ("application/vnd.kubernetes.protobuf", "k8s", 400, "BadRequest"),
            ("application/json", String(repeating: "[", count: 100_000), 400, "BadRequest"),
            ("application/json", "\"" + String(repeating: "x", count: 4 << 20) + "\"", 413, "RequestEntityTooLarge"),
            ("application/yaml", "a: [", 400, "BadRequest"),
        ]
    )
    func badBodies(_ type: String, _ text: String, _ code: Int, _ reason: String) async throws {
        let answer = await fixture.server.front.answer(
            .init(
                method: "POST",
                target: "/api/v1/namespaces/default/configmaps",
                headers: [("Content-Type", type)],
                body: Array(text.utf8)
            ),
            as: .admin
        )
        #expect(answer.status == code)
        guard case .bytes(let bytes) = answer.body else { return }
        #expect(try JSONValue(parsing: bytes)["reason"]?.string == reason)
    }

    @Test("takes objects in YAML") func yamlBody() async throws {
        let answer = await fixture.server.front.answer(
            .init(
                method: "POST",
                target: "/api/v1/namespaces/default/configmaps",
                headers: [("Content-Type", "application/yaml")],
                body: Array("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".utf8)
            ),
            as: .admin
        )
        #expect(answer.status == 201)
        #expect(fixture.core.get(.configMap, ObjectKey(namespace: "default", name: "a")) != nil)
    }

    @Test(
        "answers methods and paths that do not fit",
        arguments: [
            ("POST", "/api/v1/pods", 405), ("PUT", "/api/v1/namespaces/default/pods", 405),
            ("OPTIONS", "/api/v1/namespaces/default/pods", 405), ("GET", "/api/v1/namespaces/default/nodes", 404),
            ("GET", "/api/v1/pods/x", 404), ("GET", "/apis/none.io/v1/things", 404), ("GET", "/nothing", 404),
            ("GET", "/apis/none.io/v1", 404), ("DELETE", "/api/v1/namespaces", 405), ("POST", "/version", 405),
            ("PATCH", "/api/v1/namespaces/default/pods/x", 415),
        ]
    )
    func misfits(_ method: String, _ target: String, _ code: Int) async throws {
        let answer = try await fixture.ask(method, target)
        #expect(answer.status == code)
    }

    @Test(
        "answers queries that cannot be",
        arguments: [
            ("/api/v1/pods?limit=x", 400), ("/api/v1/pods?labelSelector=a%3D%3D%3Db", 400),
            ("/api/v1/pods?resourceVersionMatch=Exact", 422),
            ("/api/v1/pods?resourceVersion=1&resourceVersionMatch=Some", 422),
            ("/api/v1/pods?watch=1&resourceVersionMatch=Exact", 422),
            ("/api/v1/pods?watch=1&sendInitialEvents=true", 422), ("/api/v1/pods?watch=1&timeoutSeconds=x", 400),
        ]
    )
    func badQueries(_ target: String, _ code: Int) async throws {
        #expect(try await fixture.ask(target).status == code)
    }

    @Test("tells who may not do what, as kube-apiserver words it") func forbidden() async throws {
        let jane = APICall.User(name: "jane", groups: ["system:authenticated"])
        let one = try await fixture.ask("/apis/apps/v1/namespaces/a/deployments/x/scale", as: jane)
        #expect(one.status == 403)
        #expect(
            one.message
                == "deployments.apps \"x\" is forbidden: User \"jane\" cannot get resource \"deployments/scale\" in "
                + "API group \"apps\" in the namespace \"a\""
        )
        #expect(one.json["details"] == ["name": "x", "group": "apps", "kind": "deployments"])
        let path = try await fixture.ask("/metrics", as: jane)
        #expect(path.message == "forbidden: User \"jane\" cannot get path \"/metrics\"")
        let anonymous = try await fixture.ask("/api/v1/nodes", as: nil)
        #expect(
            anonymous.message
                == "nodes is forbidden: User \"system:anonymous\" cannot list resource \"nodes\" in API group "
                + "\"\" at the cluster scope"
        )
        #expect(try await fixture.ask("/version", as: nil).status == 200)
        let wrong = try await fixture.ask("/version", headers: [("Authorization", "Bearer x")], as: nil)
        #expect(wrong.status == 401)
        #expect(wrong.message == "Unauthorized")
    }

    @Test("lets a role's names and bindings decide") func roles() async throws {
        let role = ResourceType(group: "rbac.authorization.k8s.io", version: "v1", kind: "Role", plural: "roles")
        let binding = ResourceType(
            group: "rbac.authorization.k8s.io",
            version: "v1",
            kind: "RoleBinding",
            plural: "rolebindings"
        )
        try fixture.create(
            role,
            [
                "metadata": ["name": "reader"],
                "rules": [
                    [
                        "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "watch"],
                        "resourceNames": ["a"],
                    ]
                ],
            ]
        )
        try fixture.create(
            binding,
            [
                "metadata": ["name": "jane"], "roleRef": ["kind": "Role", "name": "reader"],
                "subjects": [["kind": "User", "name": "jane"]],
            ]
        )
        let jane = APICall.User(name: "jane", groups: ["system:authenticated"])
        let base = "/api/v1/namespaces/default/configmaps"
        #expect(try await fixture.ask("\(base)/a", as: jane).status == 404)
        #expect(try await fixture.ask("\(base)/b", as: jane).status == 403)
        #expect(try await fixture.ask(base, as: jane).status == 403)
        var lines = try await fixture.open("\(base)?watch=1&fieldSelector=metadata.name%3Da&timeoutSeconds=0", as: jane)
        #expect(lines.status == 200)
        #expect(try await lines.next() == nil)
        let review = try await fixture.ask(
            "POST",
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            [
                "spec": [
                    "user": "jane",
                    "resourceAttributes": [
                        "verb": "get", "resource": "configmaps", "name": "a", "namespace": "default",
                    ],
                ]
            ]
        )
        #expect(review.status == 201)
        #expect(review.json[path: ["status", "allowed"]] == true)
        #expect(
            review.json[path: ["status", "reason"]]?.string
                == "RBAC: allowed by RoleBinding \"jane/default\" of Role \"reader\" to User \"jane\""
        )
    }

    @Test("knows a service account by the tokens it hands out, until they end") func tokens() async throws {
        let wall = ManualWallClock()
        let fixture = try ServerFixture(usesTLS: false, wall: { wall.now })
        let accounts = ResourceType(version: "v1", kind: "ServiceAccount", plural: "serviceaccounts")
        try fixture.create(accounts, ["metadata": ["name": "robot"]])
        let made = try await fixture.ask(
            "POST",
            "/api/v1/namespaces/default/serviceaccounts/robot/token",
            ["spec": ["expirationSeconds": 600]]
        )
        #expect(made.status == 201)
        let token = try #require(made.json[path: ["status", "token"]]?.string)
        func review() async throws -> JSONValue? {
            try await fixture.ask(
                "POST",
                "/apis/authentication.k8s.io/v1/tokenreviews",
                ["spec": ["token": .string(token)]]
            ).json["status"]
        }
        #expect(try await review()?["authenticated"] == true)
        #expect(try await review()?[path: ["user", "username"]] == "system:serviceaccount:default:robot")
        wall.advance(by: .seconds(601))
        #expect(try await review()?["authenticated"] == nil)
        let short = try await fixture.ask(
            "POST",
            "/api/v1/namespaces/default/serviceaccounts/robot/token",
            ["spec": ["expirationSeconds": 1]]
        )
        #expect(short.status == 422)
    }

    @Test("forgets a token with its account") func deletedAccount() async throws {
        let accounts = ResourceType(version: "v1", kind: "ServiceAccount", plural: "serviceaccounts")
        let account = try fixture.create(accounts, ["metadata": ["name": "robot"]])
        try fixture.create(.secret, ["metadata": ["name": "robot-token"], "type": "Opaque"])
        let token = fixture.server.signer.secretToken(
            for: ObjectKey(namespace: "default", name: "robot"),
            uid: account[path: ["metadata", "uid"]]?.string ?? "",
            secret: "robot-token"
        )
        let headers = [(name: "Authorization", value: "Bearer \(token)")]
        #expect(try await fixture.ask("/version", headers: headers, as: nil).status == 200)
        try fixture.delete(.secret, "robot-token")
        #expect(try await fixture.ask("/version", headers: headers, as: nil).status == 401)
    }

    @Test("shows what is served, group by group and all at once") func discovery() async throws {
        let groups = try await fixture.ask("/apis").json["groups"]?.array ?? []
        #expect(groups.contains { $0["name"] == "apps" })
        let list = try await fixture.ask("/apis/apps/v1").json["resources"]?.array ?? []
        #expect(
            list.compactMap { $0["name"]?.string }.prefix(3) == [
                "deployments", "deployments/scale", "deployments/status",
            ]
        )
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
        let whole = try await fixture.ask("/apis", headers: [("Accept", accept)])
        #expect(whole.json["kind"] == "APIGroupDiscoveryList")
        let apps = try #require(whole.json["items"]?.array?.first { $0[path: ["metadata", "name"]] == "apps" })
        let deployments = try #require(
            apps["versions"]?[0]?["resources"]?.array?.first { $0["resource"] == "deployments" }
        )
        #expect(deployments["scope"] == "Namespaced")
        #expect(deployments["subresources"]?.array?.compactMap { $0["subresource"]?.string } == ["scale", "status"])
        #expect(try await fixture.ask("/api").json["versions"] == ["v1"])
    }

    @Test("counts its requests") func metrics() async throws {
        _ = try await fixture.ask("/api/v1/namespaces/default/pods/none")
        let text = try await fixture.ask("/metrics").text
        #expect(
            text.contains(
                #"apiserver_request_total{verb="GET",group="",version="v1",resource="pods",subresource="",code="404"} 1"#
            )
        )
    }
}
