import EmbeddedAPI
import EmbeddedServer
import FoundationEssentials
import HTTPTransport
import JSON
import Kubernetes
import ProcessRuntime
import Testing

@testable import LocalCluster

@Suite("A cluster on this machine", .timeLimit(.minutes(1)))
struct LocalClusterTests {
    private static func options() -> LocalCluster.Options {
        var options = LocalCluster.Options(
            folder: "/tmp/homeostat-cluster-\(UUID().uuidString)",
            images: .standard(modelServer: nil)
        )
        // Tests run side by side on one machine.
        options.podRange = "127.\(Int.random(in: 128...250)).\(Int.random(in: 0...255)).0/24"
        options.environment = ["PATH": "/usr/bin:/bin"]
        return options
    }

    private static func wait(_ core: APICore, _ isReached: (APICore) -> Bool) async {
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = core.onChange { wake.yield() }
        defer { core.removeOnChange(id) }
        if isReached(core) { return }
        for await _ in wakes { if isReached(core) { return } }
    }

    private static func create(_ core: APICore, _ resource: ResourceType, _ object: JSONValue) throws {
        var call = APICall(.create, resource, ObjectKey(namespace: "default", name: ""))
        call.body = object
        _ = try core.perform(call)
    }

    @Test("brings a deployment's pods up as processes, shows their logs, and takes them down with it")
    func deployment() async throws {
        let options = Self.options()
        let cluster = try LocalCluster(options)
        let running = Task { try await cluster.run() }
        let core = cluster.core
        let pods: JSONValue = [
            "metadata": ["labels": ["app": "hello"]],
            "spec": [
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    ["name": "main", "image": "busybox:1.36", "args": ["-c", "echo hello; exec sleep 600"]]
                ],
            ],
        ]
        try Self.create(
            core,
            .deployment,
            [
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "hello"],
                "spec": ["replicas": 2, "selector": ["matchLabels": ["app": "hello"]], "template": pods],
            ]
        )
        let key = ObjectKey(namespace: "default", name: "hello")
        await Self.wait(core) { $0.get(.deployment, key)?[path: ["status", "availableReplicas"]] == 2 }
        let name = try #require(core.list(.pod, namespace: "default").first?[path: ["metadata", "name"]]?.string)
        let transport = cluster.server.transport()
        let url = "\(cluster.server.url)/api/v1/namespaces/default/pods/\(name)/log"
        // The container has said nothing yet when it is started.
        var text = ""
        while text.isEmpty {
            let answer = try await transport.send(HTTPRequest(url: url))
            #expect(answer.status == 200)
            text = String(decoding: answer.body, as: UTF8.self)
        }
        #expect(text == "hello\n")
        let client = try HTTPClient()
        let targets = try await client.send(HTTPRequest(url: "\(cluster.metricsURL)/targets"))
        #expect(try JSONValue(parsing: targets.body).array?.count == 2)
        client.shutdown()
        var call = APICall(.delete, .deployment, key)
        call.propagationPolicy = "Background"
        _ = try core.perform(call)
        await Self.wait(core) { $0.list(.pod, namespace: "default").isEmpty }
        running.cancel()
        _ = await running.result
        try? FileManager.default.removeItem(atPath: options.folder)
    }

    @Test("keeps its folder to itself") func lock() async throws {
        let options = Self.options()
        let first = try LocalCluster(options)
        let error = #expect(throws: (any Error).self) { try LocalCluster(options) }
        #expect("\(try #require(error))" == "cannot use \"\(options.folder)\": another cluster runs in it")
        let running = Task { try await first.run() }
        running.cancel()
        _ = await running.result
        try? FileManager.default.removeItem(atPath: options.folder)
    }

    @Test("tells Prometheus of pods with the labels of its own discovery") func targets() {
        let pod: JSONValue = [
            "metadata": [
                "name": "p", "namespace": "n", "labels": ["homeostat.dev/track": "canary"],
                "annotations": ["prometheus.io/port": "8080"],
            ],
            "spec": ["nodeName": "local"], "status": ["podIP": "127.80.0.1", "phase": "Running"],
        ]
        let target = ScrapeTargets.of([pod, ["metadata": ["name": "q"]]])[0]
        #expect(target?["targets"] == ["127.80.0.1"])
        #expect(target?["labels"]?["__meta_kubernetes_pod_label_homeostat_dev_track"] == "canary")
        #expect(target?["labels"]?["__meta_kubernetes_pod_annotation_prometheus_io_port"] == "8080")
        #expect(target?["labels"]?["__meta_kubernetes_pod_ip"] == "127.80.0.1")
    }
}
