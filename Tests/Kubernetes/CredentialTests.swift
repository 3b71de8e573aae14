import Foundation
import HTTPServing
import JSON
import Synchronization
import TestSupport
import Testing

@testable import Kubernetes

@Suite("Credentials", .timeLimit(.minutes(1))) struct CredentialTests {
    private let folder: Folder

    init() throws { folder = try Folder() }

    private func authorization(_ request: ServerRequest) -> String { request.header("Authorization") ?? "" }

    private func failure(_ body: () async throws -> Void) async -> APIFailure? {
        do { try await body() } catch { return error as? APIFailure }
        return nil
    }

    @Test("a rotated token file counts from the next request on") func rotation() async throws {
        let server = try ScriptedServer()
        server.on("GET", "/version", .json([:]))
        var configuration = ClientConfiguration(server: server.url)
        configuration.credentials = .tokenFile(try folder.write("token", "one\n"))
        let client = try KubernetesClient(configuration: configuration)
        _ = try await client.raw(path: "/version")
        try folder.write("token", "two\n")
        _ = try await client.raw(path: "/version")
        try await folder.shell("rm token")  // in between two versions: the last one is the best there is
        _ = try await client.raw(path: "/version")
        #expect(server.requests.map(authorization) == ["Bearer one", "Bearer two", "Bearer two"])
    }

    @Test("401 is told without a second request when there is no other token") func unauthorized() async throws {
        let server = try ScriptedServer()
        server.on("GET", "*", .status(401, reason: "Unauthorized"))
        var configuration = ClientConfiguration(server: server.url)
        configuration.credentials = .tokenFile(try folder.write("token", "one"))
        let client = try KubernetesClient(configuration: configuration)
        #expect(await failure { _ = try await client.raw(path: "/version") }?.reason == .unauthorized)
        #expect(server.requests.count == 1)
    }

    @Test("whom to act as goes into headers") func impersonation() async throws {
        let server = try ScriptedServer()
        server.on("GET", "*", .json([:]))
        var configuration = ClientConfiguration(server: server.url)
        configuration.credentials = .basic(user: "a", password: "b")
        configuration.impersonation = .init(
            user: "me",
            groups: ["g1", "g2"],
            uid: "u",
            extra: ["example.com/scope": ["x"]]
        )
        _ = try await KubernetesClient(configuration: configuration).raw(path: "/version")
        let request = try #require(server.requests.first)
        #expect(authorization(request) == "Basic YTpi" && request.header("Impersonate-User") == "me")
        #expect(request.headers.filter { $0.name == "Impersonate-Group" }.map(\.value) == ["g1", "g2"])
        #expect(request.header("Impersonate-Uid") == "u")
        #expect(request.header("Impersonate-Extra-example.com%2Fscope") == "x")
    }

    // MARK: Certificates

    @Test("new connections use a replaced client certificate, once its key fits") func certificates() async throws {
        try await folder.certificates(clients: ["alice", "bob"])
        let server = try ScriptedServer(
            tls: .init(
                certificatePEM: folder.read("server.pem"),
                keyPEM: folder.read("server.key"),
                clientCAPEM: folder.read("ca.pem")
            )
        )
        server.on("GET", "*", .json([:]))
        try folder.copy("alice.pem", to: "client.pem")
        try folder.copy("alice.key", to: "client.key")
        var configuration = ClientConfiguration(server: server.url)
        configuration.certificateAuthority = .file(folder.path + "/ca.pem")
        configuration.clientCertificate = .file(folder.path + "/client.pem")
        configuration.clientKey = .file(folder.path + "/client.key")
        let client = try KubernetesClient(configuration: configuration)
        _ = try await client.raw(path: "/version")
        try folder.copy("bob.pem", to: "client.pem")
        _ = try await client.raw(path: "/version")
        try folder.copy("bob.key", to: "client.key")
        _ = try await client.raw(path: "/version")
        let names = server.requests.map { $0.clientCertificateSubject ?? "" }
        #expect(names.map { $0.contains("alice") } == [true, true, false] && names.last?.contains("bob") == true)
    }

    @Test("the server's name in the configuration is what is verified") func serverName() async throws {
        try await folder.certificates(clients: [])
        let server = try ScriptedServer(
            tls: .init(certificatePEM: folder.read("server.pem"), keyPEM: folder.read("server.key"))
        )
        server.on("GET", "*", .json([:]))
        var configuration = ClientConfiguration(server: server.url)
        configuration.certificateAuthority = .file(folder.path + "/ca.pem")
        configuration.tlsServerName = "api.example.com"
        _ = try await KubernetesClient(configuration: configuration).raw(path: "/version")
        configuration.tlsServerName = "other.example.com"
        let wrong = await failure {
            _ = try await KubernetesClient(configuration: configuration).raw(path: "/version")
        }
        #expect(wrong?.reason == .transport)
        configuration.certificateAuthority = nil
        configuration.insecureSkipTLSVerify = true
        _ = try await KubernetesClient(configuration: configuration).raw(path: "/version")
    }

    @Test("a key that does not belong to its certificate is refused at the start") func mismatch() async throws {
        try await folder.certificates(clients: ["alice", "bob"])
        var configuration = ClientConfiguration(server: "https://127.0.0.1:1")
        configuration.clientCertificate = .file(folder.path + "/alice.pem")
        configuration.clientKey = .file(folder.path + "/bob.key")
        #expect(throws: ConfigurationError.self) { _ = try KubernetesClient(configuration: configuration) }
    }

    // MARK: Plugins

    private func plugin(_ script: String, timeLimit: Duration = .seconds(20)) throws -> CredentialPlugin {
        CredentialPlugin(
            command: try folder.write("plugin", "#!/bin/sh\n" + script, executable: true),
            environment: ["FOLDER": folder.path],
            installHint: "install it",
            timeLimit: timeLimit
        )
    }

    private func credential(_ token: String, expires: String = "") -> String {
        let expiry = expires.isEmpty ? "" : #","expirationTimestamp":"\#(expires)""#
        return #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","#
            + #""status":{"token":"\#(token)"\#(expiry)}}"#
    }

    @Test("a plugin runs once for many requests and hears what it must") func pluginRuns() async throws {
        let server = try ScriptedServer()
        server.on("GET", "*", .json([:]))
        var configuration = ClientConfiguration(server: server.url)
        var plugin = try plugin(
            """
            echo run >> $FOLDER/runs
            printf '%s' "$KUBERNETES_EXEC_INFO" > $FOLDER/info
            echo '\(credential("t"))'
            """
        )
        plugin.cluster = ["server": "https://c"]
        configuration.credentials = .plugin(plugin)
        let client = try KubernetesClient(configuration: configuration)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { _ = try await client.raw(path: "/version") } }
            try await group.waitForAll()
        }
        #expect(try folder.read("runs") == "run\n")
        #expect(server.requests.allSatisfy { authorization($0) == "Bearer t" } && server.requests.count == 10)
        let info = try JSONValue(parsing: try folder.read("info"))
        #expect(
            info == [
                "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
                "spec": ["interactive": false, "cluster": ["server": "https://c"]],
            ]
        )
    }

    @Test("a plugin's answer is kept until it expires") func expiry() async throws {
        let now = Mutex(Timestamp(seconds: 0))
        let plugin = try plugin(
            "echo run >> $FOLDER/runs\necho '\(credential("t", expires: "1970-01-01T00:10:00Z"))'"
        )
        let source = PluginCredentials(plugin, now: { now.withLock { $0 } })
        _ = try await source.current()
        now.withLock { $0 = Timestamp(seconds: 599) }
        _ = try await source.current()
        #expect(try folder.read("runs") == "run\n")
        now.withLock { $0 = Timestamp(seconds: 600) }
        _ = try await source.current()
        #expect(try folder.read("runs") == "run\nrun\n")
    }

    @Test("401 runs the plugin again, once a request") func rejected() async throws {
        let server = try ScriptedServer()
        server.on("GET", "*", .status(401, reason: "Unauthorized"), .json([:]), .status(401, reason: "Unauthorized"))
        var configuration = ClientConfiguration(server: server.url)
        configuration.credentials = .plugin(
            try plugin(
                """
                echo run >> $FOLDER/runs
                n=$(wc -l < $FOLDER/runs)
                echo '\(credential("t"))' | sed "s/\\"t\\"/\\"t$n\\"/"
                """
            )
        )
        let client = try KubernetesClient(configuration: configuration)
        _ = try await client.raw(path: "/version")
        #expect(server.requests.map(authorization) == ["Bearer t1", "Bearer t2"])
        #expect(await failure { _ = try await client.raw(path: "/version") }?.reason == .unauthorized)
        #expect(server.requests.map(authorization).suffix(2) == ["Bearer t2", "Bearer t3"])
    }

    @Test(
        "a plugin that fails is told clearly, and never what it printed",
        arguments: [
            ("echo secret; echo no luck >&2; exit 3", "failed with status 3, saying \"no luck\""),
            ("echo secret", "7 bytes that are not JSON"),
            (#"echo '{"kind":"Other","secret":1}'"#, "instead of an ExecCredential"),
            (
                #"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}}'"#,
                "neither a token nor a certificate"
            ),
            ("kill -9 $$", "failed with status 137"),
            ("yes secret", "printed too much"),
        ]
    )
    func pluginFails(script: String, words: String) async throws {
        var configuration = ClientConfiguration(server: "http://127.0.0.1:1")
        configuration.credentials = .plugin(try plugin(script))
        let client = try KubernetesClient(configuration: configuration)
        let told = await failure { _ = try await client.raw(path: "/version") }
        #expect(told?.reason == .unauthorized && told?.detail.contains(words) == true, "\(told as Any)")
        #expect(told?.detail.contains("secret") == false)
    }

    @Test("a plugin that does not end is killed with its children after its time") func slow() async throws {
        let plugin = try plugin("sleep 1000 & echo $! > $FOLDER/child\nsleep 1000", timeLimit: .milliseconds(300))
        var configuration = ClientConfiguration(server: "http://127.0.0.1:1")
        configuration.credentials = .plugin(plugin)
        let client = try KubernetesClient(configuration: configuration)
        let told = await failure { _ = try await client.raw(path: "/version") }
        #expect(told?.detail.contains("was killed") == true, "\(told as Any)")
        let child = try #require(Int32(try folder.read("child").trimmingCharacters(in: .whitespacesAndNewlines)))
        // The signal is on its way; a process that is not there any more, or waits to be reaped, has ended.
        while let state = try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8), !state.contains(") Z") {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    @Test("a plugin that is not there is told with the hint how to install it") func missing() async throws {
        var configuration = ClientConfiguration(server: "http://127.0.0.1:1")
        configuration.credentials = .plugin(
            CredentialPlugin(command: "no-such-program-anywhere", installHint: "apt install it")
        )
        let client = try KubernetesClient(configuration: configuration)
        let told = await failure { _ = try await client.raw(path: "/version") }
        #expect(told?.detail.contains("is not there; apt install it") == true)
    }

    @Test("a certificate that a plugin prints is used") func pluginCertificate() async throws {
        try await folder.certificates(clients: ["carol"])
        let server = try ScriptedServer(
            tls: .init(
                certificatePEM: folder.read("server.pem"),
                keyPEM: folder.read("server.key"),
                clientCAPEM: folder.read("ca.pem")
            )
        )
        server.on("GET", "*", .json([:]))
        let credential: JSONValue = [
            "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
            "status": [
                "clientCertificateData": .string(try folder.read("carol.pem")),
                "clientKeyData": .string(try folder.read("carol.key")),
            ],
        ]
        try folder.write("answer", credential.description)
        var configuration = ClientConfiguration(server: server.url)
        configuration.certificateAuthority = .file(folder.path + "/ca.pem")
        configuration.credentials = .plugin(try plugin("cat $FOLDER/answer"))
        _ = try await KubernetesClient(configuration: configuration).raw(path: "/version")
        #expect(server.requests.first?.clientCertificateSubject?.contains("carol") == true)
    }
}
