import Foundation
import HTTPTransport
import Testing

/// An HTTP/2 server: Go's, which is the one of the Kubernetes API server.
final class HTTP2Server: Sendable {
    let url: String
    let configuration: HTTPClientConfiguration
    private let program: Program
    private let authority: TestAuthority

    /// Nil when `openssl` or `go` is missing.
    init?() async throws {
        guard let authority = try await TestAuthority() else { return nil }
        try Data(Self.source.utf8).write(to: authority.folder.appendingPathComponent("server.go"))
        let build = ["go", "build", "-o", "server", "server.go"]
        guard await Program.run(build, in: authority.folder, environment: ["GO111MODULE": "off"]) != nil else {
            print("skipped: no go toolchain to build an HTTP/2 server with")
            return nil
        }
        let program = try Program(["./server"], in: authority.folder)
        guard let port = await program.line(after: "port ") else {
            print("skipped: the HTTP/2 server does not start")
            return nil
        }
        url = "https://127.0.0.1:\(port)"
        self.program = program
        self.authority = authority
        configuration = HTTPClientConfiguration(
            tls: TLSConfiguration(
                certificateAuthority: try authority.bytes("ca.pem"),
                serverName: TestAuthority.serverName
            )
        )
    }

    private static let source = """
        package main

        import (
            "fmt"
            "net"
            "net/http"
            "strconv"
            "sync/atomic"
        )

        var sent, active int64

        func main() {
            http.HandleFunc("/where", func(w http.ResponseWriter, r *http.Request) {
                fmt.Fprint(w, r.Proto, " ", r.RemoteAddr, " ", r.Host, " ", r.TLS.ServerName)
            })
            http.HandleFunc("/flood", func(w http.ResponseWriter, r *http.Request) {
                count, _ := strconv.Atoi(r.URL.Query().Get("bytes"))
                part := make([]byte, 16384)
                for count > 0 {
                    n, err := w.Write(part[:min(count, len(part))])
                    if err != nil {
                        return
                    }
                    count -= n
                    atomic.AddInt64(&sent, int64(n))
                }
            })
            http.HandleFunc("/sent", func(w http.ResponseWriter, r *http.Request) {
                fmt.Fprint(w, atomic.LoadInt64(&sent))
            })
            http.HandleFunc("/watch", func(w http.ResponseWriter, r *http.Request) {
                fmt.Fprint(w, r.RemoteAddr)
                w.(http.Flusher).Flush()
                atomic.AddInt64(&active, 1)
                <-r.Context().Done()
                atomic.AddInt64(&active, -1)
            })
            http.HandleFunc("/active", func(w http.ResponseWriter, r *http.Request) {
                fmt.Fprint(w, atomic.LoadInt64(&active))
            })
            http.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) {
                w.Write([]byte("begun"))
                w.(http.Flusher).Flush()
                panic(http.ErrAbortHandler)
            })
            listener, _ := net.Listen("tcp", "127.0.0.1:0")
            fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
            panic(http.ServeTLS(listener, nil, "server.pem", "server.key"))
        }

        func min(a, b int) int {
            if a < b {
                return a
            }
            return b
        }
        """

    /// Waits until a number the server tells is what is expected.
    func wait(for path: String, _ client: HTTPClient, until isReached: (Int) -> Bool) async throws -> Int {
        while true {
            let response = try await client.send(HTTPRequest(url: url + path))
            if let number = Int(text(response.body)), isReached(number) { return number }
        }
    }
}

@Suite("HTTP/2", .timeLimit(.minutes(3)), .serialized)
struct HTTP2Tests {
    @Test("many requests and streams share one connection") func multiplexing() async throws {
        guard let server = try await HTTP2Server() else { return }
        let client = try HTTPClient(server.configuration)
        let places = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    text(try await client.send(HTTPRequest(url: server.url + "/where")).body)
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(places.count == 1)
        let facts = try #require(places.first).split(separator: " ")
        #expect(facts[0] == "HTTP/2.0")
        #expect("https://\(facts[2])" == server.url, "the Host field is the address's")
        #expect(facts[3] == TestAuthority.serverName)

        var watches: [HTTPBody.AsyncIterator] = []
        for _ in 0..<150 {
            let stream = try await client.stream(HTTPRequest(url: server.url + "/watch", timeLimit: nil))
            var parts = stream.body.makeAsyncIterator()
            #expect(try await parts.next().map { text($0) } == String(facts[1]))
            watches.append(parts)
        }
        #expect(try await server.wait(for: "/active", client) { $0 == 150 } == 150)
        watches = []
        #expect(try await server.wait(for: "/active", client) { $0 == 0 } == 0)
        let place = text(try await client.send(HTTPRequest(url: server.url + "/where")).body)
        #expect(places.contains(place), "letting streams go keeps the connection")
    }

    @Test("a stream that nobody reads holds no other one up") func stalledReader() async throws {
        guard let server = try await HTTP2Server() else { return }
        let client = try HTTPClient(server.configuration)
        let total = 100 << 20
        let flood = try await client.stream(HTTPRequest(url: server.url + "/flood?bytes=\(total)", timeLimit: nil))
        var parts = flood.body.makeAsyncIterator()
        var received = try #require(try await parts.next()).count
        for _ in 0..<200 {
            let response = try await client.send(HTTPRequest(url: server.url + "/where", timeLimit: .seconds(5)))
            #expect(response.status == 200)
        }
        let sent = try await server.wait(for: "/sent", client) { _ in true }
        #expect(sent < total - received, "the server is held back")
        while let part = try await parts.next() { received += part.count }
        #expect(received == total)
    }

    @Test("a stream the server aborts fails with closed, and the connection lives on") func aborted() async throws {
        guard let server = try await HTTP2Server() else { return }
        let client = try HTTPClient(server.configuration)
        let before = text(try await client.send(HTTPRequest(url: server.url + "/where")).body)
        let stream = try await client.stream(HTTPRequest(url: server.url + "/abort"))
        var parts = stream.body.makeAsyncIterator()
        #expect(try await parts.next().map { text($0) } == "begun")
        let failure = await failure { _ = try await parts.next() }
        #expect(failure?.reason == .closed)
        #expect(text(try await client.send(HTTPRequest(url: server.url + "/where")).body) == before)
    }
}
