import HTTPTransport
import JSON
import Testing

/// Who may do what.
enum AccessCases {
    private static let rbac = "rbac.authorization.k8s.io/v1"

    /// Lets a user of the case do something in its namespace.
    private static func allow(_ api: API, _ rules: JSONValue, _ subject: JSONValue) async throws {
        try await api.create("\(rbac)/roles", ["metadata": ["name": "r"], "rules": rules])
        try await api.create(
            "\(rbac)/rolebindings",
            [
                "metadata": ["name": "r"],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"],
                "subjects": [subject],
            ]
        )
        // An API server learns of roles a moment after they are stored.
        let review: JSONValue = [
            "spec": [
                "resourceAttributes": [
                    "namespace": .string(api.namespace), "verb": rules.at("0.verbs.0") ?? .null,
                    "group": rules.at("0.apiGroups.0") ?? .null, "resource": rules.at("0.resources.0") ?? .null,
                    "name": rules.at("0.resourceNames.0") ?? "",
                ],
                "user": subject["kind"] == "User" ? subject["name"] ?? .null : "somebody",
                "groups": subject["kind"] == "Group" ? [subject["name"] ?? .null] : [],
            ]
        ]
        while try await api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status.allowed"]
            != true
        { try await Task.sleep(for: .milliseconds(20)) }
    }

    private static let user: JSONValue = ["kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"]

    static let all: [ConformanceCase] = [
        ConformanceCase("nobody may do anything without a role") { api in
            let refused = try await api.acting(as: "jane").get("v1/configmaps")
            refused.refuses(
                403,
                "Forbidden",
                #"configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the "#
                    + #"namespace "$NS""#
            )
            refused.has("details", ["kind": "configmaps"])
        },
        ConformanceCase("a refusal names the object") { api in
            try await api.acting(as: "jane").get("apps/v1/deployments/a").refuses(
                403,
                "Forbidden",
                #"deployments.apps "a" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" "#
                    + #"in the namespace "$NS""#
            )
        },
        ConformanceCase("a refusal names the scope of the cluster") { api in
            try await api.acting(as: "jane").get("/api/v1/nodes").refuses(
                403,
                "Forbidden",
                #"nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope"#
            )
        },
        ConformanceCase("a refusal names the subresource") { api in
            try await api.acting(as: "jane").get("v1/pods/a/status").refuses(
                403,
                "Forbidden",
                #"pods "a" is forbidden: User "jane" cannot get resource "pods/status" in API group "" in the namespace "#
                    + #""$NS""#
            )
        },
        ConformanceCase("a refusal names the path of what is no resource") { api in
            try await api.acting(as: "jane").get("/metrics").refuses(
                403,
                "Forbidden",
                #"forbidden: User "jane" cannot get path "/metrics""#
            )
        },
        ConformanceCase("a watch is another right than a list") { api in
            try await allow(api, [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]]], user)
            let jane = api.acting(as: "jane")
            try await jane.get("v1/configmaps").must(200)
            try await jane.get("v1/configmaps?watch=true").refuses(
                403,
                "Forbidden",
                #"configmaps is forbidden: User "jane" cannot watch resource "configmaps" in API group "" in the "#
                    + #"namespace "$NS""#
            )
        },
        ConformanceCase("a role allows its verbs on its resources in its namespace") { api in
            try await allow(
                api,
                [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create"]]],
                user
            )
            let jane = api.acting(as: "jane")
            try await jane.create("v1/configmaps", Sample.configMap("a"))
            try await jane.get("v1/configmaps/a").must(200)
            try await jane.delete("v1/configmaps/a").refuses(403, "Forbidden")
            try await jane.get("v1/secrets/a").refuses(403, "Forbidden")
            try await jane.get("/api/v1/namespaces/default/configmaps/a").refuses(403, "Forbidden")
        },
        ConformanceCase("a role may allow single names") { api in
            try await allow(
                api,
                [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["a"]]],
                user
            )
            let jane = api.acting(as: "jane")
            try await jane.get("v1/configmaps/a").refuses(404, "NotFound")
            try await jane.get("v1/configmaps/b").refuses(403, "Forbidden")
        },
        ConformanceCase("a subresource is a right of its own") { api in
            try await allow(
                api,
                [["apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get"]]],
                [
                    "kind": "Group", "name": "scalers", "apiGroup": "rbac.authorization.k8s.io",
                ]
            )
            try await api.create("apps/v1/deployments", Sample.deployment("a"))
            let scaler = api.acting(as: "jim", groups: ["scalers"])
            try await scaler.get("apps/v1/deployments/a/scale").must(200)
            try await scaler.get("apps/v1/deployments/a").refuses(403, "Forbidden")
        },
        ConformanceCase("a service account has the rights of its bindings") { api in
            let name = "system:serviceaccount:\(api.namespace):default"
            try await api.create(
                "\(rbac)/rolebindings",
                [
                    "metadata": ["name": "r"],
                    "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"],
                    "subjects": [["kind": "ServiceAccount", "name": "default", "namespace": .string(api.namespace)]],
                ]
            )
            let account = api.acting(as: name)
            while try await account.get("v1/configmaps").status == 403 {
                try await Task.sleep(for: .milliseconds(20))
            }
            try await account.get("v1/configmaps").must(200)
            try await account.get("v1/secrets").refuses(403, "Forbidden")
            try await account.post("v1/configmaps", Sample.configMap("a")).refuses(
                403,
                "Forbidden",
                #"configmaps is forbidden: User "\#(name)" cannot create resource "configmaps" in API group "" in the "#
                    + #"namespace "$NS""#
            )
        },
        ConformanceCase("masters may do everything") { api in
            try await api.acting(as: "jane", groups: ["system:masters"]).get("v1/secrets").must(200)
        },
        ConformanceCase("a wrong token is unauthorized") { api in
            let client = api.acting(as: "")
            let refused = try await client.get("v1/configmaps", headers: ["Authorization": "Bearer nothing"])
            // With a certificate the token is not looked at.
            if api.target.token != nil { refused.refuses(401, "Unauthorized", "Unauthorized") }
        },
        ConformanceCase("one may ask what oneself may do") { api in
            try await allow(api, [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]]], user)
            func ask(_ verb: String) async throws -> JSONValue? {
                let attributes: JSONValue = [
                    "namespace": .string(api.namespace), "verb": .string(verb), "resource": "configmaps",
                ]
                return try await api.acting(as: "jane", groups: ["system:authenticated"]).post(
                    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                    ["spec": ["resourceAttributes": attributes]]
                ).must(201)["status.allowed"]
            }
            #expect(try await ask("get") == true)
            #expect(try await ask("delete") == false)
        },
        ConformanceCase("one may ask what somebody else may do") { api in
            let review: JSONValue = [
                "spec": [
                    "user": "jane",
                    "resourceAttributes": ["namespace": .string(api.namespace), "verb": "get", "resource": "pods"],
                ]
            ]
            let answer = try await api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review).must(201)
            answer.has("kind", "SubjectAccessReview")
            answer.has("status.allowed", false)
            var here = review
            here["metadata"] = ["namespace": .string(api.namespace)]
            let local = try await api.post("authorization.k8s.io/v1/localsubjectaccessreviews", here).must(201)
            local.has("status.allowed", false)
        },
        ConformanceCase("one may ask for all one's rules") { api in
            try await allow(api, [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]]], user)
            let answer = try await api.acting(as: "jane", groups: ["system:authenticated"]).post(
                "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                ["spec": ["namespace": .string(api.namespace)]]
            ).must(201)
            let rules = answer["status.resourceRules"]?.array ?? []
            #expect(rules.contains { $0["resources"] == ["configmaps"] && $0["verbs"] == ["get"] })
            answer.has("status.incomplete", false)
        },
        ConformanceCase("a token that is none is not authenticated") { api in
            let answer = try await api.post(
                "/apis/authentication.k8s.io/v1/tokenreviews",
                ["spec": ["token": "nothing"]]
            ).must(201)
            #expect(answer["status.authenticated"]?.bool != true)
            #expect(answer["status.error"]?.string?.isEmpty == false)
        },
        ConformanceCase("who may not act as others is told so") { api in
            try await api.acting(as: "jane").get("v1/configmaps", headers: ["Impersonate-User": "jim"]).must(403)
        },
    ]
}
