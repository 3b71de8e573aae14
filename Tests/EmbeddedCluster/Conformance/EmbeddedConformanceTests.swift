import ControllerRuntime
import EmbeddedAPI
import EmbeddedControllers
import EmbeddedServer
import HTTPTransport
import Kubernetes
import Testing

/// The suite against the embedded API server with its controllers, over sockets; each case has one of its own.
@Suite("Conformance of the embedded API server", .timeLimit(.minutes(1)))
struct EmbeddedConformanceTests {
    /// One for all: a cluster's secrets take a while to make.
    private static let identity = Result { try ClusterIdentity() }

    @Test("holds of the embedded API server", arguments: ConformanceCase.all)
    func conforms(_ item: ConformanceCase) async throws {
        let wall: @Sendable () -> Timestamp = { SystemWallClock().now }
        // What the roles of a new cluster fill is forgotten, so that a watch can come too late.
        let core = try APICore(wall: wall, historyLimit: 20)
        var options = EmbeddedServer.Options(identity: try Self.identity.get(), wall: wall)
        options.usesTLS = false
        let server = try EmbeddedServer(core, options)
        let controllers = StandardControllers.all(authority: server.authorityPEM ?? "") { _ in "token" }
        let loop = ControllerLoop(core: core, controllers: controllers, wall: wall)
        let client = try HTTPClient(HTTPClientConfiguration(userAgent: "conformance/1"))
        let run = Task { try await loop.run() }
        let result: Result<Void, any Error>
        do {
            try await item.run(on: Target(url: server.url, client: client, token: server.adminToken))
            result = .success(())
        } catch { result = .failure(error) }
        run.cancel()
        client.shutdown()
        await server.stop()
        try result.get()
    }
}
