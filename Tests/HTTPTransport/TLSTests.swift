import HTTPTransport
import Testing

@Suite("TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    /// `openssl s_server`, which answers every request with a page about the connection.
    private struct Server {
        let program: Program
        let url: String

        init?(_ authority: TestAuthority, _ options: [String] = []) async throws {
            program = try Program(
                [
                    "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", "server.pem", "-key",
                    "server.key",
                ] + options,
                in: authority.folder
            )
            guard let port = await program.line(after: "ACCEPT 127.0.0.1:") else { return nil }
            url = "https://127.0.0.1:\(port)/"
        }
    }

    private func client(_ tls: TLSConfiguration) throws -> HTTPClient {
        try HTTPClient(HTTPClientConfiguration(tls: tls))
    }

    @Test("refuses a server of another authority, and says so") func unknownAuthority() async throws {
        guard let authority = try await TestAuthority(), let server = try await Server(authority) else { return }
        let client = try client(
            TLSConfiguration(certificateAuthority: try authority.bytes("other.pem"), serverName: "model.test")
        )
        let failure = await failure { _ = try await client.send(HTTPRequest(url: server.url)) }
        #expect(failure?.reason == .tls)
        #expect(failure?.mayHaveReachedServer == false)
        #expect(failure?.isRetryable == false)
        #expect(failure?.detail.contains("unable to get local issuer certificate") == true)
    }

    @Test("refuses a server whose certificate has another name") func otherName() async throws {
        guard let authority = try await TestAuthority(), let server = try await Server(authority) else { return }
        let client = try client(TLSConfiguration(certificateAuthority: try authority.bytes("ca.pem")))
        let failure = await failure { _ = try await client.send(HTTPRequest(url: server.url)) }
        #expect(failure?.reason == .tls)
        #expect(failure?.detail.contains("127.0.0.1") == true)
    }

    @Test("verifies against the server name when one is given") func serverName() async throws {
        guard let authority = try await TestAuthority(), let server = try await Server(authority) else { return }
        let client = try client(
            TLSConfiguration(
                certificateAuthority: try authority.bytes("ca.pem"),
                serverName: TestAuthority.serverName
            )
        )
        #expect(try await client.send(HTTPRequest(url: server.url)).status == 200)
    }

    @Test("accepts anything when verification is off") func insecure() async throws {
        guard let authority = try await TestAuthority(), let server = try await Server(authority) else { return }
        let client = try client(TLSConfiguration(insecureSkipVerify: true))
        #expect(try await client.send(HTTPRequest(url: server.url)).status == 200)
    }

    @Test("shows its certificate, and fails with tls where one is missing") func clientCertificate() async throws {
        guard let authority = try await TestAuthority(),
            let server = try await Server(authority, ["-Verify", "1", "-verify_return_error", "-CAfile", "ca.pem"])
        else { return }
        var tls = TLSConfiguration(
            certificateAuthority: try authority.bytes("ca.pem"),
            serverName: TestAuthority.serverName
        )
        let nobody = try client(tls)
        let failure = await failure { _ = try await nobody.send(HTTPRequest(url: server.url)) }
        #expect(failure?.reason == .tls, "\(String(describing: failure))")

        tls.clientCertificate = try authority.bytes("client.pem")
        tls.clientKey = try authority.bytes("client.key")
        let somebody = try client(tls)
        let response = try await somebody.send(HTTPRequest(url: server.url))
        #expect(text(response.body).contains("a client"))
    }

    @Test("uses new certificates for the next request") func update() async throws {
        guard let authority = try await TestAuthority(), let server = try await Server(authority) else { return }
        var tls = TLSConfiguration(
            certificateAuthority: try authority.bytes("other.pem"),
            serverName: TestAuthority.serverName
        )
        let client = try client(tls)
        let failure = await failure { _ = try await client.send(HTTPRequest(url: server.url)) }
        #expect(failure?.reason == .tls)
        tls.certificateAuthority = try authority.bytes("ca.pem")
        client.update(tls: tls)
        #expect(try await client.send(HTTPRequest(url: server.url)).status == 200)
    }

    @Test("fails with tls when the client's key is no key") func badKey() async throws {
        guard let authority = try await TestAuthority(), let server = try await Server(authority) else { return }
        let client = try client(
            TLSConfiguration(
                clientCertificate: try authority.bytes("client.pem"),
                clientKey: Array("nonsense".utf8),
                insecureSkipVerify: true
            )
        )
        let failure = await failure { _ = try await client.send(HTTPRequest(url: server.url)) }
        #expect(failure?.reason == .tls)
    }

    @Test("refuses a certificate without its key") func halfAnIdentity() {
        #expect(throws: HTTPFailure.self) { try client(TLSConfiguration(clientCertificate: [1])) }
    }
}
