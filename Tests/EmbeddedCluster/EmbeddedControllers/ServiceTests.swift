import EmbeddedAPI
import JSON
import Kubernetes
import Testing

@testable import EmbeddedControllers

@Suite("Endpoints and endpoint slices")
struct ServiceTests {
    private let controllers: [any ClusterController] = [
        EndpointsController(), EndpointSliceController(), GarbageCollector(),
    ]

    private func makePod(_ bench: Bench, _ name: String, ip: String, ready: Bool = true, port: Int = 8080) throws {
        try bench.create(
            .pod,
            [
                "metadata": ["name": .string(name), "labels": ["app": "web"]],
                "spec": [
                    "nodeName": "one",
                    "containers": [
                        [
                            "name": "main", "image": "web",
                            "ports": [["name": "http", "containerPort": .integer(port), "protocol": "TCP"]],
                        ]
                    ],
                ],
            ]
        )
        try setReady(bench, name, ready, ip: ip)
    }

    private func setReady(_ bench: Bench, _ name: String, _ ready: Bool, ip: String) throws {
        try bench.patch(
            .pod,
            name,
            subresource: "status",
            [
                "status": [
                    "phase": "Running", "podIP": .string(ip),
                    "conditions": [["type": "Ready", "status": ready ? "True" : "False"]],
                ]
            ]
        )
    }

    private func makeService(_ bench: Bench, _ more: JSONObject = [:]) throws {
        var spec: JSONValue = [
            "selector": ["app": "web"],
            "ports": [["name": "web", "port": 80, "targetPort": "http", "protocol": "TCP"]],
        ]
        for (key, value) in more { spec[key] = value }
        try bench.create(.service, ["metadata": ["name": "web"], "spec": spec])
    }

    private func addresses(_ bench: Bench, _ field: String) throws -> [String] {
        (try bench.get(.endpoints, "web")["subsets"]?.array ?? []).flatMap { $0[field]?.array ?? [] }
            .compactMap { $0["ip"]?.string }
    }

    @Test("pods stand with their addresses, ready and not, and follow their readiness")
    func readiness() throws {
        let bench = try Bench(controllers)
        try makeService(bench)
        try makePod(bench, "a", ip: "127.0.0.2")
        try makePod(bench, "b", ip: "127.0.0.3", ready: false)
        bench.run(for: .zero)
        #expect(try addresses(bench, "addresses") == ["127.0.0.2"])
        #expect(try addresses(bench, "notReadyAddresses") == ["127.0.0.3"])
        let endpoints = try bench.get(.endpoints, "web")
        #expect(endpoints["subsets"]?[0]?["ports"] == [["name": "web", "port": 8080, "protocol": "TCP"]])
        #expect(endpoints["subsets"]?[0]?["addresses"]?[0]?["nodeName"] == "one")
        #expect(endpoints["subsets"]?[0]?["addresses"]?[0]?["targetRef"]?["name"] == "a")
        try setReady(bench, "b", true, ip: "127.0.0.3")
        bench.run(for: .zero)
        #expect(try addresses(bench, "addresses") == ["127.0.0.2", "127.0.0.3"])
        let slice = try #require(bench.list(.endpointSlice).first)
        #expect(slice["endpoints"]?.array?.count == 2)
        #expect(slice["endpoints"]?[0]?["conditions"]?["ready"] == true)
        #expect(slice.labels["kubernetes.io/service-name"] == "web")
        #expect(bench.refusals == [])
    }

    @Test("named ports are looked up in each pod, and pods with other ports stand apart")
    func namedPorts() throws {
        let bench = try Bench(controllers)
        try makeService(bench)
        try makePod(bench, "a", ip: "127.0.0.2", port: 8080)
        try makePod(bench, "b", ip: "127.0.0.3", port: 9090)
        bench.run(for: .zero)
        let subsets = try #require(try bench.get(.endpoints, "web")["subsets"]?.array)
        #expect(subsets.map { $0["ports"]?[0]?["port"] } == [8080, 9090])
        #expect(bench.list(.endpointSlice).count == 2)
    }

    @Test("a service that publishes pods that are not ready lists them as ready")
    func publishNotReady() throws {
        let bench = try Bench(controllers)
        try makeService(bench, ["publishNotReadyAddresses": true, "clusterIP": "None"])
        try makePod(bench, "b", ip: "127.0.0.3", ready: false)
        bench.run(for: .zero)
        #expect(try addresses(bench, "addresses") == ["127.0.0.3"])
        #expect(try bench.get(.endpoints, "web").labels["service.kubernetes.io/headless"] == "")
        #expect(bench.list(.endpointSlice)[0]["endpoints"]?[0]?["conditions"]?["serving"] == false)
    }

    @Test("endpoints of a service without selector are left as somebody wrote them")
    func byHand() throws {
        let bench = try Bench(controllers)
        let subsets: JSONValue = [["addresses": [["ip": "10.0.0.1"]], "ports": [["port": 80, "protocol": "TCP"]]]]
        try bench.create(.endpoints, ["metadata": ["name": "db"], "subsets": subsets])
        try bench.create(.service, ["metadata": ["name": "db"], "spec": ["ports": [["port": 80, "protocol": "TCP"]]]])
        bench.run(for: .zero)
        #expect(try bench.get(.endpoints, "db")["subsets"] == subsets)
        #expect(bench.list(.endpointSlice).isEmpty)
    }

    @Test("endpoints go with their service")
    func deletion() throws {
        let bench = try Bench(controllers)
        try makeService(bench)
        bench.run(for: .zero)
        #expect(bench.list(.endpoints).count == 1)
        #expect(bench.list(.endpointSlice).count == 1)
        try bench.delete(.service, "web")
        bench.run(for: .zero)
        #expect(bench.list(.endpoints).isEmpty)
        #expect(bench.list(.endpointSlice).isEmpty)
    }

    @Test("slices hold a hundred pods each, and one pod's end changes one slice")
    func slices() throws {
        let bench = try Bench(controllers)
        try makeService(bench)
        for index in 0..<230 { try makePod(bench, "pod-\(index)", ip: "127.0.1.\(index)") }
        bench.run(for: .zero)
        #expect(bench.list(.endpointSlice).map { $0["endpoints"]?.array?.count ?? 0 }.sorted() == [30, 100, 100])
        let before = bench.core.version
        try setReady(bench, "pod-7", false, ip: "127.0.1.7")
        bench.run(for: .zero)
        let changes = try bench.core.changes(after: before).filter { $0.resource == .endpointSlice }
        #expect(changes.count == 1)
    }
}
