import HTTPServing
import JSON
import TestSupport
import Testing

@testable import Kubernetes

@Suite("Discovery", .timeLimit(.minutes(1))) struct DiscoveryTests {
    private let server: ScriptedServer

    init() throws { server = try ScriptedServer() }

    private func client(_ clock: ManualClock = ManualClock()) throws -> KubernetesClient {
        try KubernetesClient(configuration: ClientConfiguration(server: server.url), clock: clock)
    }

    private func failure(_ body: () async throws -> Void) async -> APIFailure? {
        do { try await body() } catch { return error as? APIFailure }
        return nil
    }

    private func legacy(_ groupVersion: String, _ resources: [JSONValue]) -> ScriptedServer.Answer {
        .json(["kind": "APIResourceList", "groupVersion": .string(groupVersion), "resources": .array(resources)])
    }

    private func scriptLegacy() {
        server.on("GET", "/api", .json(["kind": "APIVersions", "versions": ["v1"]]))
        server.on("GET", "/api/v1", legacy("v1", [["name": "pods", "kind": "Pod", "namespaced": true]]))
        let versions: JSONValue = [["groupVersion": "apps/v1beta1"], ["groupVersion": "apps/v1"]]
        server.on(
            "GET",
            "/apis",
            .json([
                "kind": "APIGroupList",
                "groups": [
                    ["name": "apps", "preferredVersion": ["groupVersion": "apps/v1"], "versions": versions],
                    ["name": "metrics.k8s.io", "versions": [["groupVersion": "metrics.k8s.io/v1beta1"]]],
                ],
            ])
        )
        let deployments: JSONValue = [
            "name": "deployments", "singularName": "deployment", "kind": "Deployment", "namespaced": true,
            "shortNames": ["deploy"], "verbs": ["get"],
        ]
        let scale: JSONValue = [
            "name": "deployments/scale", "kind": "Scale", "group": "autoscaling", "version": "v1",
        ]
        server.on("GET", "/apis/apps/v1", legacy("apps/v1", [deployments, scale]))
        server.on("GET", "/apis/apps/v1beta1", legacy("apps/v1beta1", [deployments]))
        server.on("GET", "/apis/metrics.k8s.io/v1beta1", .status(404, reason: "NotFound"))
    }

    @Test("a server without aggregated discovery is asked group by group; one that is down hides no other")
    func groups() async throws {
        scriptLegacy()
        let discovery = try client().discovery
        #expect(try await discovery.find("deploy") == .deployment)
        #expect(try await discovery.find("deployments.v1beta1.apps").version == "v1beta1")
        #expect(try await discovery.find("pod") == .pod)
        let resource = try await discovery.resource(apiVersion: "apps/v1", kind: "Deployment")
        #expect(resource.subresources == [.init(name: "scale", group: "autoscaling", version: "v1", kind: "Scale")])
        #expect(server.requests.count == 6)
    }

    @Test("one kind costs one small request, and then none") func single() async throws {
        scriptLegacy()
        let discovery = try client().discovery
        for _ in 0..<3 { #expect(try await discovery.find(apiVersion: "apps/v1", kind: "Deployment") == .deployment) }
        #expect(server.requests.map(\.path) == ["/apis/apps/v1"])
    }

    @Test("aggregated discovery costs two requests for everything") func aggregated() async throws {
        func group(_ name: String, _ version: String, _ resource: JSONValue) -> ScriptedServer.Answer {
            .json([
                "kind": "APIGroupDiscoveryList",
                "items": [
                    [
                        "metadata": ["name": .string(name)],
                        "versions": [["version": .string(version), "resources": [resource]]],
                    ]
                ],
            ])
        }
        server.on(
            "GET",
            "/api",
            group("", "v1", ["resource": "nodes", "responseKind": ["kind": "Node"], "scope": "Cluster"])
        )
        server.on(
            "GET",
            "/apis",
            group(
                "apps",
                "v1",
                [
                    "resource": "deployments", "responseKind": ["kind": "Deployment"], "scope": "Namespaced",
                    "shortNames": ["deploy"],
                    "subresources": [
                        [
                            "subresource": "scale",
                            "responseKind": ["group": "autoscaling", "version": "v1", "kind": "Scale"],
                        ]
                    ],
                ]
            )
        )
        let discovery = try client().discovery
        #expect(try await discovery.find("deploy") == .deployment)
        #expect(try await discovery.find("Node") == .node)
        #expect(try await discovery.find(apiVersion: "apps/v1", kind: "Deployment") == .deployment)
        #expect(server.requests.count == 2)
        #expect(server.requests.allSatisfy { $0.header("Accept")?.contains("APIGroupDiscoveryList") == true })
    }

    @Test("what is not found is looked for again, but not at once") func misses() async throws {
        let clock = ManualClock()
        server.on(
            "GET",
            "/apis/x.io/v1",
            .status(404, reason: "NotFound"),
            legacy("x.io/v1", [["name": "things", "kind": "Thing", "namespaced": true]])
        )
        let discovery = try client(clock).discovery
        for _ in 0..<5 {
            #expect(
                await failure { _ = try await discovery.find(apiVersion: "x.io/v1", kind: "Thing") }?.reason
                    == .notFound
            )
        }
        #expect(server.requests.count == 1)
        clock.advance(by: .seconds(10))
        #expect(try await discovery.find(apiVersion: "x.io/v1", kind: "Thing").plural == "things")
    }
}
