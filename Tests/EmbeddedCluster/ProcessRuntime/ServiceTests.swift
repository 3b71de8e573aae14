import HTTPServing
import HTTPTransport
import JSON
import Kubernetes
import Telemetry
import TestSupport
import Testing

@testable import ProcessRuntime

@Suite("Services of the node", .timeLimit(.minutes(1)))
struct ServiceTests {
    private static func address() -> String {
        "127.\(Int.random(in: 97...120)).\(Int.random(in: 0...255)).\(Int.random(in: 1...254))"
    }

    private func routes(_ address: String, _ ready: [(String, Int)]) -> ServiceRoutes {
        let service: JSONValue = [
            "metadata": ["name": "s", "namespace": "n"],
            "spec": ["clusterIP": .string(address), "ports": [["name": "http", "port": 8080]]],
        ]
        let subsets = ready.map { host, port -> JSONValue in
            [
                "addresses": [["ip": .string(host)]], "ports": [["name": "http", "port": .integer(port)]],
                "notReadyAddresses": [["ip": "127.0.0.9"]],
            ]
        }
        return ServiceRoutes(
            services: [service],
            endpoints: [["metadata": ["name": "s", "namespace": "n"], "subsets": .array(subsets)]],
            nodeAddress: "127.0.0.1"
        )
    }

    private func server(_ name: String, _ address: String) throws -> HTTPServer {
        try HTTPServer(HTTPServerConfiguration(address: address, port: 0)) { request in
            .text(name + String(decoding: request.body, as: UTF8.self))
        }
    }

    @Test("spread connections over ready endpoints in turn, pass by one that is gone, and refuse when there are none")
    func spreading() async throws {
        let forwarder = try ServiceForwarder(logger: .silent)
        let (a, b) = (try server("a", "127.0.0.1"), try server("b", "127.0.0.1"))
        let address = Self.address()
        let gone = 1
        forwarder.update(routes(address, [("127.0.0.1", a.port), ("127.0.0.1", b.port), ("127.0.0.1", gone)]))
        let client = try HTTPClient()
        func ask(_ body: [UInt8] = []) async throws -> String {
            let request = HTTPRequest(
                method: "POST",
                url: "http://\(address):8080/",
                headers: ["Connection": "close"],
                body: body
            )
            return String(decoding: try await client.send(request).body, as: UTF8.self)
        }
        // The routes are taken in by the forwarder's own thread.
        while (try? await ask()) == nil { await Task.yield() }
        var answers: [String: Int] = [:]
        for _ in 0..<6 { answers[try await ask(), default: 0] += 1 }
        #expect(Set(answers.keys) == ["a", "b"])
        let large = [UInt8](repeating: UInt8(ascii: "x"), count: 3 << 20)
        #expect(try await ask(large).utf8.count == large.count + 1)
        forwarder.update(routes(address, []))
        while (try? await ask()) != nil { await Task.yield() }
        let failure = await #expect(throws: HTTPFailure.self) { try await ask() }
        #expect(failure?.reason == .connect)
        client.shutdown()
        forwarder.stop()
        await a.stop()
        await b.stop()
    }

    @Test("lead a pod's ready address to the port of the same name") func routing() {
        let routes = routes("127.96.0.7", [("127.80.0.5", 9000)])
        #expect(
            routes.targets == [
                .init(address: "127.96.0.7", port: 8080): [.init(address: "127.80.0.5", port: 9000)]
            ]
        )
    }
}
