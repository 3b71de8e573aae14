import Foundation
import HTTPTransport
import Processes
import Testing

/// Packets that vanish without a word, as behind a firewall that forgot the connection.
///
/// They need a packet filter, so they run with the tests of the cluster, as root.
@Suite(
    "A connection that is a black hole",
    .enabled(if: ProcessInfo.processInfo.environment["HOMEOSTAT_TEST_KUBECONFIG"] != nil && geteuid() == 0),
    .timeLimit(.minutes(2))
)
struct BlackHoleTests {
    /// Drops or lets through what goes to and from a local port.
    private func filter(_ operation: String, port: Int) async throws {
        for side in ["--dport", "--sport"] {
            let rule = ["-w", operation, "INPUT", "-i", "lo", "-p", "tcp", side, String(port), "-j", "DROP"]
            let filter = ChildProcess.Settings("/usr/sbin/iptables", rule)
            try #require(try await ChildProcess.run(filter, timeLimit: .seconds(20)).exit.code == 0)
        }
    }

    @Test("7.41 a watch on it fails inside 45 seconds, and a new one works")
    func detected() async throws {
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n")
            connection.waitForClose()
        }
        let client = try HTTPClient()
        var body = try await client.stream(HTTPRequest(url: server.url(), timeLimit: nil)).body.makeAsyncIterator()
        _ = try await body.next()
        let clock = ContinuousClock()
        let began = clock.now
        try await filter("-I", port: server.port)
        let failure: HTTPFailure?
        do {
            _ = try await body.next()
            failure = nil
        } catch { failure = error as? HTTPFailure }
        try await filter("-D", port: server.port)
        #expect(failure?.isRetryable == true, "\(String(describing: failure))")
        #expect(clock.now - began < .seconds(45))
        let again = try await client.stream(HTTPRequest(url: server.url(), timeLimit: .seconds(5)))
        #expect(again.status == 200)
    }
}
