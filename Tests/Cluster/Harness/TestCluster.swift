import Foundation
import HTTPTransport
import JSON
import Kubernetes
import TestSupport
import Testing
import YAML

/// The Kubernetes that `Tests/Cluster/cluster` has up.
///
/// What tests look at is read over plain HTTP here, and what people do is done with kubectl, so that nothing is checked
/// with the operator's own client.
struct TestCluster: Sendable {
    private static let environment = ProcessInfo.processInfo.environment
    private static let kubeconfig = environment["HOMEOSTAT_TEST_KUBECONFIG"] ?? ""

    /// Whether there is one; without it the tests are skipped.
    static let isAvailable = !kubeconfig.isEmpty
    /// The address of a Prometheus that scrapes the pods; nil when there is none.
    static let prometheus = environment["HOMEOSTAT_TEST_PROMETHEUS"]
    /// The API server's audit log; nil when it keeps none.
    static let auditLog = environment["HOMEOSTAT_TEST_AUDIT_LOG"]
    /// The project's folder.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    /// The operator's program: the one that was built with the tests.
    static let program =
        environment["HOMEOSTAT_TEST_OPERATOR"]
        ?? URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "homeostat").path
    /// Where the operator's service account lives.
    static let systemNamespace = "homeostat-system"
    /// Who the operator is to the API server.
    static let operatorUser = "system:serviceaccount:\(systemNamespace):homeostat"

    private static let made = Task { try await make() }

    /// The cluster with CRDs and the operator's roles installed; without an operator.
    static func ready() async throws -> TestCluster { try await made.value }

    /// The API server's address.
    let server: String
    /// Trust and identity of the administrator.
    let tls: TLSConfiguration
    /// A bearer token of the operator's service account.
    let operatorToken: String
    /// What `kubectl kustomize` made of the manifests for a server of this age.
    let manifests: [JSONValue]
    private let client: HTTPClient

    private static func make() async throws -> TestCluster {
        let configuration = try ClientConfiguration.load(path: kubeconfig, environment: environment)
        func bytes(_ material: ClientConfiguration.Material?) throws -> [UInt8]? {
            switch material {
            case nil: nil
            case .data(let bytes): bytes
            case .file(let path): Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            }
        }
        let tls = TLSConfiguration(
            certificateAuthority: try bytes(configuration.certificateAuthority),
            clientCertificate: try bytes(configuration.clientCertificate),
            clientKey: try bytes(configuration.clientKey)
        )
        let client = try HTTPClient(HTTPClientConfiguration(tls: tls))
        let version = try JSONValue(
            parsing: try await client.send(HTTPRequest(url: configuration.server + "/version")).body
        )
        let minor = Int(version["minor"]?.string?.prefix { $0.isNumber } ?? "") ?? 0
        let crds = minor < 25 ? "CRDs/kubernetes-1.20" : "CRDs"
        let base = minor < 21 ? "Manifests/kubernetes-1.20" : "Manifests/base"
        try await kubectl(["apply", "--server-side", "-f", root.appending(path: crds).path])
        try await kubectl([
            "wait", "--for=condition=Established", "--timeout=20s", "crd/modeldeployments.homeostat.dev",
        ])
        let manifests = try YAML.parseAll(try await kubectl(["kustomize", root.appending(path: base).path]))
        let installed = manifests.filter { !["Deployment", "PodDisruptionBudget"].contains($0["kind"]?.string) }
        let list: JSONValue = ["apiVersion": "v1", "kind": "List", "items": .array(installed)]
        try await kubectl(["apply", "-f", "-"], input: "\(list)")
        let token = try await kubectl([
            "-n", systemNamespace, "create", "token", "homeostat", "--duration", "6h",
        ])
        return TestCluster(
            server: configuration.server,
            tls: tls,
            operatorToken: token.trimmingCharacters(in: .whitespacesAndNewlines),
            manifests: manifests,
            client: client
        )
    }

    /// Runs kubectl as the administrator.
    ///
    /// - Throws: ``HarnessError`` with what it said when it fails.
    @discardableResult
    static func kubectl(
        _ arguments: [String],
        input: String? = nil,
        limit: Duration = .seconds(60)
    ) async throws
        -> String
    {
        try await Command.run(["kubectl", "--kubeconfig", kubeconfig] + arguments, input: input, limit: limit)
    }

    /// Runs kubectl as the administrator, whatever its exit status.
    static func attempt(_ arguments: [String], input: String? = nil) async throws -> Command.Output {
        try await Command.attempt(["kubectl", "--kubeconfig", kubeconfig] + arguments, input: input)
    }

    /// An object or a list; nil when there is none.
    func get(_ path: String) async throws -> JSONValue? {
        let response = try await client.send(HTTPRequest(url: server + path))
        if response.status == 404 { return nil }
        guard response.status == 200 else {
            throw HarnessError("GET \(path): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
        }
        return try JSONValue(parsing: response.body)
    }

    /// The objects of a list; none when there is no such list.
    func items(_ path: String) async throws -> [JSONValue] { try await get(path)?["items"]?.array ?? [] }

    /// The body of a watch.
    func watch(_ path: String) async throws -> HTTPStream {
        try await client.stream(HTTPRequest(url: server + path, timeLimit: nil))
    }

    /// A proxy in front of the API server, which passes the operator's token on.
    func proxy() throws -> FaultProxy {
        try FaultProxy(
            upstream: server,
            tls: TLSConfiguration(certificateAuthority: tls.certificateAuthority)
        )
    }

    /// Writes a kubeconfig of the operator's service account.
    ///
    /// - Parameter server: Another address than the API server's, as that of a ``FaultProxy``.
    func writeOperatorKubeconfig(to file: URL, server other: String? = nil) throws {
        var cluster: JSONValue = ["server": .string(other ?? server)]
        if other == nil, let authority = tls.certificateAuthority {
            cluster["certificate-authority-data"] = .string(Data(authority).base64EncodedString())
        }
        let value: JSONValue = [
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [["name": "test", "cluster": cluster]],
            "users": [["name": "test", "user": ["token": .string(operatorToken)]]],
            "contexts": [["name": "test", "context": ["cluster": "test", "user": "test"]]],
        ]
        try Data(value.bytes()).write(to: file)
    }
}

/// Asks again and again until there is an answer.
///
/// - Parameters:
///   - what: What is waited for, told when the time is over.
///   - limit: How long.
///   - context: Told too when the time is over.
/// - Throws: ``HarnessError`` when the time is over; what the question throws, at once.
func eventually<Value>(
    _ what: String,
    within limit: Duration = .seconds(60),
    context: () async -> String = { "" },
    _ question: () async throws -> Value?
) async throws -> Value {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while true {
        if let value = try await question() { return value }
        guard clock.now < deadline else {
            throw HarnessError("waited \(limit) in vain for \(what)\n\(await context())")
        }
        try await clock.sleep(for: .milliseconds(100))
    }
}

/// The same for a yes.
func eventually(
    _ what: String,
    within limit: Duration = .seconds(60),
    context: () async -> String = { "" },
    isTrue question: () async throws -> Bool
) async throws {
    let _: Bool = try await eventually(what, within: limit, context: context) { try await question() ? true : nil }
}
