import Foundation
import Processes
import Synchronization
import TestSupport
import Testing

@testable import HTTPServing

@Suite(.timeLimit(.minutes(1)))
struct TLSTests {
    /// Certificates of one test, made by OpenSSL in a folder of their own.
    final class Certificates {
        let folder: String

        init() async throws {
            folder = NSTemporaryDirectory() + "certificates-" + UUID().uuidString
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try await authority("ca")
            try await authority("other")
            try await leaf("server", subject: "/CN=localhost", authority: "ca", use: "serverAuth")
            try await leaf("client", subject: "/O=system:masters/CN=ada", authority: "ca", use: "clientAuth")
            try await leaf("stranger", subject: "/CN=eve", authority: "other", use: "clientAuth")
        }

        deinit {
            // What is left in the temporary folder harms no one.
            try? FileManager.default.removeItem(atPath: folder)
        }

        func path(_ name: String) -> String { folder + "/" + name }
        func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

        private func authority(_ name: String) async throws {
            try await run(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=\(name)", "-days", "1", "-keyout", path("\(name).key"), "-out", path("\(name).pem"),
                ]
            )
        }

        private func leaf(_ name: String, subject: String, authority: String, use: String) async throws {
            let extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=\(use)\n"
            try extensions.write(toFile: path("\(name).ext"), atomically: true, encoding: .utf8)
            try await run(
                "/usr/bin/openssl",
                [
                    "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                    "-keyout", path("\(name).key"), "-out", path("\(name).csr"),
                ]
            )
            try await run(
                "/usr/bin/openssl",
                [
                    "x509", "-req", "-in", path("\(name).csr"), "-CA", path("\(authority).pem"), "-CAkey",
                    path("\(authority).key"), "-CAcreateserial", "-days", "1", "-extfile", path("\(name).ext"),
                    "-out", path("\(name).pem"),
                ]
            )
        }
    }

    struct Failed: Error { var status: Int32 }

    @discardableResult
    static func run(_ program: String, _ arguments: [String]) async throws -> String {
        let settings = ChildProcess.Settings(program, arguments, environment: ProcessInfo.processInfo.environment)
        let report = try await ChildProcess.run(settings, timeLimit: .seconds(50))
        guard report.exit.code == 0 else { throw Failed(status: report.exit.code) }
        return String(decoding: report.output, as: UTF8.self)
    }

    @Test("serves TLS and names only clients whose certificate it can verify")
    func clientCertificates() async throws {
        let certificates = try await Certificates()
        let server = try HTTPServer(
            HTTPServerConfiguration(
                tls: .init(
                    certificatePEM: certificates.text("server.pem"),
                    keyPEM: certificates.text("server.key"),
                    clientCAPEM: certificates.text("ca.pem")
                )
            )
        ) { request in
            .text("\(request.body.count) \(request.clientCertificateSubject ?? "nobody")")
        }
        let url = "https://localhost:\(server.port)/"
        let trust = ["-sS", "--max-time", "20", "--cacert", certificates.path("ca.pem"), url]
        func client(_ name: String) -> [String] {
            ["--cert", certificates.path("\(name).pem"), "--key", certificates.path("\(name).key")]
        }
        #expect(try await Self.run("/usr/bin/curl", trust) == "0 nobody")
        let known = try await Self.run("/usr/bin/curl", trust + client("client") + ["-d", "abc"])
        #expect(known == "3 CN=ada,O=system:masters")
        #expect(try await Self.run("/usr/bin/curl", trust + client("stranger")) == "0 nobody")
        // A server's certificate is not for clients, whoever signed it.
        #expect(try await Self.run("/usr/bin/curl", trust + client("server")) == "0 nobody")
        await server.stop()
    }

    @Test("streams over TLS and notices the client's leaving")
    func stream() async throws {
        let certificates = try await Certificates()
        let ended = Latch()
        let server = try HTTPServer(
            HTTPServerConfiguration(
                tls: .init(certificatePEM: certificates.text("server.pem"), keyPEM: certificates.text("server.key"))
            )
        ) { _ in
            .stream(contentType: "text/plain") { writer in
                defer { ended.signal() }
                try await writer.write(Array("first\n".utf8))
                await Latch().wait()
                try Task.checkCancellation()
            }
        }
        // curl gives up after a second and leaves.
        let output = try? await Self.run(
            "/bin/sh",
            [
                "-c",
                "/usr/bin/curl -sSN --max-time 1 --cacert '\(certificates.path("ca.pem"))' "
                    + "https://localhost:\(server.port)/; true",
            ]
        )
        #expect(output == "first\n")
        await ended.wait()
        await server.stop()
    }

    @Test("says that a certificate cannot be used")
    func badCertificate() async throws {
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(HTTPServerConfiguration(tls: .init(certificatePEM: "no", keyPEM: "no"))) { _ in .text("") }
        }
        #expect(error?.reason == .cannotStart)
        #expect(error?.description.contains("certificate") == true)
    }
}

extension TLSTests.Certificates {
    private func run(_ program: String, _ arguments: [String]) async throws {
        try await TLSTests.run(program, arguments)
    }
}
