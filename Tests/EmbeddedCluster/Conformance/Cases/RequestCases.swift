import HTTPTransport
import JSON
import Testing

/// What a request may look like.
enum RequestCases {
    private static let formats =
        "the body of the request was in an unknown format - accepted media types include: "

    static let all: [ConformanceCase] = [
        ConformanceCase("a body that is no JSON is a bad request") { api in
            try await api.send("POST", "v1/configmaps", "{").refuses(400, "BadRequest")
        },
        ConformanceCase("a field of a wrong type is a bad request") { api in
            let refused = try await api.post(
                "apps/v1/deployments",
                ["metadata": ["name": "a"], "spec": ["replicas": "x"]]
            )
            refused.refuses(400, "BadRequest")
            #expect(
                refused["message"]?.string?.hasPrefix(
                    "Deployment in version \"v1\" cannot be handled as a Deployment: "
                ) == true
            )
        },
        ConformanceCase("an object of another group is a bad request") { api in
            try await api.post("v1/configmaps", Sample.deployment("a")).refuses(400, "BadRequest")
        },
        ConformanceCase("an unknown kind is a bad request") { api in
            let refused = try await api.post("v1/configmaps", ["apiVersion": "v1", "kind": "Nothing"])
            refused.refuses(400, "BadRequest")
            #expect(
                refused["message"]?.string?.hasPrefix(
                    #"Nothing in version "v1" cannot be handled as a ConfigMap: no kind "Nothing" is registered for version "v1""#
                ) == true
            )
        },
        ConformanceCase("kind and version are taken from the address when the body has none") { api in
            let made = try await api.create("v1/configmaps", ["metadata": ["name": "a"]])
            made.has("kind", "ConfigMap")
        },
        ConformanceCase("a body may be YAML") { api in
            let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: \"1\"\n"
            let made = try await api.send(
                "POST",
                "v1/configmaps",
                text,
                headers: ["Content-Type": "application/yaml"]
            ).must(201)
            made.has("data.k", "1")
        },
        ConformanceCase("an answer may be YAML") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            let answer = try await api.get("v1/configmaps/a", headers: ["Accept": "application/yaml"]).must(200)
            #expect(answer.headers["Content-Type"] == "application/yaml")
            #expect(answer.text.contains("kind: ConfigMap\n"))
        },
        ConformanceCase("a body in an unknown format is not supported") { api in
            let headers: HTTPHeaders = ["Content-Type": "text/plain"]
            let refused = try await api.send("POST", "v1/configmaps", "a", headers: headers)
            refused.refuses(415, "UnsupportedMediaType")
            // Protobuf is among those of a real API server alone.
            #expect(refused["message"]?.string?.hasPrefix("\(formats)application/json, application/yaml") == true)
        },
        ConformanceCase("a list of acceptable formats takes the first that can be given") { api in
            let answer = try await api.get(
                "v1/configmaps",
                headers: ["Accept": "image/png, application/json;q=0.5, */*"]
            )
            answer.has("kind", "ConfigMapList")
            #expect(answer.headers["Content-Type"] == "application/json")
        },
        ConformanceCase("a method that a resource does not have is not allowed") { api in
            try await api.send("PUT", "v1/configmaps", "{}").refuses(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource"
            )
            try await api.send("POST", "v1/configmaps/a", "{}").refuses(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource"
            )
        },
        ConformanceCase("an unknown subresource is not found") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.get("v1/configmaps/a/nothing").refuses(
                404,
                "NotFound",
                "the server could not find the requested resource"
            )
        },
        ConformanceCase("a group that is not served is not found") { api in
            let answer = try await api.get("/apis/nothing.example.com/v1/things")
            #expect(answer.status == 404 && answer.text == "404 page not found\n")
        },
        ConformanceCase("a version that is not served is not found") { api in
            try await api.get("/apis/apps/v9/deployments").must(404)
        },
        ConformanceCase("a resource is looked for in its own scope") { api in
            try await api.get("/api/v1/namespaces/$NS/nodes").must(404)
        },
        ConformanceCase("an answer says that it is JSON") { api in
            let answer = try await api.get("v1/configmaps")
            #expect(answer.headers["Content-Type"] == "application/json")
            #expect(try await api.get("v1/configmaps/a").headers["Content-Type"] == "application/json")
        },
        ConformanceCase("annotations have a limit") { api in
            var object = Sample.configMap("a")
            object["metadata"]?["annotations"] = ["k": .string(String(repeating: "x", count: 262_144))]
            try await api.post("v1/configmaps", object).refuses(
                422,
                "Invalid",
                #"ConfigMap "a" is invalid: metadata.annotations: Too long: must have at most 262144 bytes"#
            )
        },
    ]
}
