import HTTPTransport
import JSON
import Testing

/// What an API server says of itself.
enum DiscoveryCases {
    static let all: [ConformanceCase] = [
        ConformanceCase("the core group has its versions") { api in
            let answer = try await api.get("/api").must(200)
            answer.has("kind", "APIVersions")
            answer.has("versions", ["v1"])
            #expect(answer["serverAddressByClientCIDRs.0.serverAddress"]?.string?.isEmpty == false)
        },
        ConformanceCase("the groups are listed with their preferred versions") { api in
            let answer = try await api.get("/apis").must(200)
            answer.has("kind", "APIGroupList")
            answer.has("apiVersion", "v1")
            let groups = answer["groups"]?.array ?? []
            let names = Set(groups.compactMap { $0["name"]?.string })
            #expect(
                names.isSuperset(of: [
                    "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io",
                    "coordination.k8s.io", "apiextensions.k8s.io", "authentication.k8s.io", "authorization.k8s.io",
                    "events.k8s.io", "discovery.k8s.io",
                ])
            )
            let apps = groups.first { $0["name"] == "apps" }
            #expect(apps?.at("preferredVersion") == ["groupVersion": "apps/v1", "version": "v1"])
        },
        ConformanceCase("a group is read alone") { api in
            let answer = try await api.get("/apis/apps").must(200)
            answer.has("kind", "APIGroup")
            answer.has("name", "apps")
            answer.has("preferredVersion.groupVersion", "apps/v1")
        },
        ConformanceCase("resources are listed with what can be done to them") { api in
            let answer = try await api.get("/api/v1").must(200)
            answer.has("kind", "APIResourceList")
            answer.has("groupVersion", "v1")
            let resources = answer["resources"]?.array ?? []
            let pods = try #require(resources.first { $0["name"] == "pods" })
            #expect(pods["kind"] == "Pod" && pods["namespaced"] == true && pods["shortNames"] == ["po"])
            #expect(pods["categories"] == ["all"])
            #expect(
                Set((pods["verbs"]?.array ?? []).compactMap(\.string)) == [
                    "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
                ]
            )
            let names = Set(resources.compactMap { $0["name"]?.string })
            #expect(
                names.isSuperset(of: [
                    "pods/status", "pods/eviction", "pods/binding", "pods/log", "namespaces/finalize",
                ])
            )
            #expect(resources.first { $0["name"] == "namespaces" }?["namespaced"] == false)
            let eviction = resources.first { $0["name"] == "pods/eviction" }
            #expect(eviction?["kind"] == "Eviction" && eviction?["group"] == "policy")
        },
        ConformanceCase("scale subresources say of which group they are") { api in
            let answer = try await api.get("/apis/apps/v1").must(200)
            let scale = (answer["resources"]?.array ?? []).first { $0["name"] == "deployments/scale" }
            #expect(scale?["kind"] == "Scale" && scale?["group"] == "autoscaling" && scale?["version"] == "v1")
            let deployment = (answer["resources"]?.array ?? []).first { $0["name"] == "deployments" }
            #expect(deployment?["shortNames"] == ["deploy"])
        },
        ConformanceCase("a defined kind is discovered") { api in
            try await api.define(Sample.definition(api, version: ["subresources": ["status": [:]]]))
            let answer = try await api.get("/apis/$NS.example.com/v1").must(200)
            let widget = (answer["resources"]?.array ?? []).first { $0["name"] == "widgets" }
            #expect(
                widget?["kind"] == "Widget" && widget?["shortNames"] == ["wd"] && widget?["singularName"] == "widget"
            )
            #expect((answer["resources"]?.array ?? []).contains { $0["name"] == "widgets/status" })
            let group = try await api.get("/apis/$NS.example.com").must(200)
            group.has("versions.0.version", "v1")
        },
        ConformanceCase("a version is told") { api in
            let answer = try await api.get("/version").must(200)
            #expect(answer["gitVersion"]?.string?.hasPrefix("v1.") == true && answer["platform"] != nil)
        },
        ConformanceCase("health is told in a word") { api in
            for path in ["/healthz", "/livez", "/readyz"] {
                let answer = try await api.get(path, headers: ["Accept": "*/*"]).must(200)
                #expect(answer.text == "ok")
            }
        },
        ConformanceCase("the models are documented") { api in
            let answer = try await api.get("/openapi/v2").must(200)
            answer.has("swagger", "2.0")
            let model = answer["definitions.[io.k8s.api.apps.v1.Deployment]"]
            #expect(model?.at("properties.spec.$ref") == "#/definitions/io.k8s.api.apps.v1.DeploymentSpec")
            let kinds = model?.at("x-kubernetes-group-version-kind")
            #expect(kinds == [["group": "apps", "kind": "Deployment", "version": "v1"]])
            let pod = answer["definitions.[io.k8s.api.core.v1.PodSpec].properties.containers"]
            #expect(pod?["x-kubernetes-patch-merge-key"] == "name" && pod?["x-kubernetes-patch-strategy"] == "merge")
        },
    ]
}
