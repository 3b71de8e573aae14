import ControllerRuntime
import EmbeddedAPI
import EmbeddedServer
import HTTPServing
import HTTPTransport
import JSON
import Kubernetes
import Synchronization
import Testing

/// A server with an API of its own, for one test.
struct ServerFixture {
    static let start = Timestamp(seconds: 1_800_000_000)

    /// One for all tests: a cluster's secrets take a while to make.
    static let identity = Result { try ClusterIdentity() }

    let core: APICore
    let server: EmbeddedServer

    init(
        seed: UInt64 = 1,
        historyLimit: Int = 10_000,
        usesTLS: Bool = true,
        wall: @escaping @Sendable () -> Timestamp = { SystemWallClock().now },
        options change: (inout EmbeddedServer.Options) -> Void = { _ in }
    ) throws {
        core = try APICore(wall: wall, seed: seed, historyLimit: historyLimit)
        var options = EmbeddedServer.Options(identity: try Self.identity.get(), wall: wall)
        options.usesTLS = usesTLS
        options.front.faults = FaultInjector(recordsRequests: true)
        change(&options)
        server = try EmbeddedServer(core, options)
    }

    var faults: FaultInjector { server.faults }

    /// Creates an object as the cluster's own parts do.
    @discardableResult
    func create(_ type: ResourceType, _ object: JSONValue) throws -> JSONValue {
        var call = APICall(.create, type)
        call.namespace = object[path: ["metadata", "namespace"]]?.string ?? (type.isNamespaced ? "default" : "")
        var object = object
        object["apiVersion"] = .string(type.apiVersion)
        object["kind"] = .string(type.kind)
        call.body = object
        return try core.perform(call).body
    }

    @discardableResult
    func delete(_ type: ResourceType, _ name: String) throws -> JSONValue {
        try core.perform(APICall(.delete, type, ObjectKey(namespace: type.isNamespaced ? "default" : "", name: name)))
            .body
    }

    func merge(_ type: ResourceType, _ name: String, _ patch: JSONValue) throws {
        var call = APICall(.patch, type, ObjectKey(namespace: type.isNamespaced ? "default" : "", name: name))
        call.patchFormat = .merge
        call.body = patch
        _ = try core.perform(call)
    }

    /// Asks the front without a socket.
    ///
    /// - Parameters:
    ///   - user: Whom the request comes from.
    ///   - headers: Added to those of an object in JSON.
    func ask(
        _ method: String,
        _ target: String,
        _ body: JSONValue? = nil,
        headers: [(name: String, value: String)] = [],
        as user: APICall.User? = .admin
    ) async throws -> Answer {
        var all = headers
        if body != nil, !headers.contains(where: { $0.name == "Content-Type" }) {
            all.append(("Content-Type", "application/json"))
        }
        let answer = await server.front.answer(
            ServerRequest(method: method, target: target, headers: all, body: body?.bytes() ?? []),
            as: user
        )
        guard case .bytes(let bytes) = answer.body else {
            Issue.record("\(method) \(target) has no whole body")
            return Answer(status: answer.status, headers: answer.headers, bytes: [])
        }
        return Answer(status: answer.status, headers: answer.headers, bytes: bytes)
    }

    /// Asks the front for something.
    func ask(
        _ target: String,
        headers: [(name: String, value: String)] = [],
        as user: APICall.User? = .admin
    ) async throws -> Answer { try await ask("GET", target, headers: headers, as: user) }

    struct Answer {
        var status: Int
        var headers: [(name: String, value: String)]
        var bytes: [UInt8]

        var text: String { String(decoding: bytes, as: UTF8.self) }
        var json: JSONValue { (try? JSONValue(parsing: bytes)) ?? .null }
        var message: String { json["message"]?.string ?? "" }
        func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
    }

    /// Opens a stream without a socket.
    func open(_ target: String, headers: HTTPHeaders = [:], as user: APICall.User = .admin) async throws -> Lines {
        let transport = server.transport(as: user)
        let request = HTTPRequest(url: "\(server.url)\(target)", headers: headers, timeLimit: nil)
        let stream = try await transport.stream(request)
        try #require(stream.status == 200)
        return Lines(status: stream.status, headers: stream.headers, body: stream.body.makeAsyncIterator())
    }

    /// Reads a streamed answer line by line.
    struct Lines {
        let status: Int
        let headers: HTTPHeaders
        var body: HTTPBody.AsyncIterator
        private var rest: [UInt8] = []

        init(status: Int, headers: HTTPHeaders, body: HTTPBody.AsyncIterator) {
            self.status = status
            self.headers = headers
            self.body = body
        }

        /// The next line as JSON; nil at a clean end.
        mutating func next() async throws -> JSONValue? {
            while true {
                if let end = rest.firstIndex(of: 0x0A) {
                    let line = Array(rest[..<end])
                    rest.removeSubrange(...end)
                    return try JSONValue(parsing: line)
                }
                guard let part = try await body.next() else { return nil }
                rest += part
            }
        }

        /// Type and name of the next event, as `ADDED web`.
        mutating func event() async throws -> String? {
            guard let line = try await next() else { return nil }
            let object = line["object"]
            let name = object?[path: ["metadata", "name"]]?.string ?? object?["reason"]?.string ?? ""
            return "\(line["type"]?.string ?? "") \(name)"
        }
    }
}

/// Objects for tests.
enum Sample {
    static func configMap(_ name: String, labels: JSONObject = [:], data: JSONObject = [:]) -> JSONValue {
        ["metadata": ["name": .string(name), "labels": .object(labels)], "data": .object(data)]
    }

    static func pod(_ name: String, containers: [String] = ["main"]) -> JSONValue {
        [
            "metadata": ["name": .string(name)],
            "spec": ["containers": .array(containers.map { ["name": .string($0), "image": "sh"] })],
        ]
    }

    static let widget = ResourceType(group: "example.com", version: "v1", kind: "Widget", plural: "widgets")

    static let widgetDefinition: JSONValue = [
        "metadata": ["name": "widgets.example.com"],
        "spec": [
            "group": "example.com", "scope": "Namespaced",
            "names": ["kind": "Widget", "plural": "widgets", "singular": "widget", "shortNames": ["wd"]],
            "versions": [
                [
                    "name": "v1", "served": true, "storage": true,
                    "schema": [
                        "openAPIV3Schema": [
                            "type": "object",
                            "properties": [
                                "spec": [
                                    "type": "object",
                                    "properties": ["size": ["type": "integer"], "colour": ["type": "string"]],
                                ]
                            ],
                        ]
                    ],
                    "additionalPrinterColumns": [
                        ["name": "Size", "type": "integer", "jsonPath": ".spec.size"],
                        ["name": "Colour", "type": "string", "jsonPath": ".spec.colour", "priority": 1],
                        ["name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"],
                    ],
                ]
            ],
        ],
    ]
}
