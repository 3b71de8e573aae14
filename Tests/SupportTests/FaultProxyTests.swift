import HTTPServing
import HTTPTransport
import JSON
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct FaultProxyTests {
    /// A proxy before a small server, and a client of the proxy.
    private struct Setup {
        let backend: HTTPServer
        let proxy: FaultProxy
        let client: HTTPClient
        /// What the server has seen.
        let seen: Seen

        func send(_ method: String = "GET", _ target: String, body: String? = nil) async throws -> HTTPResponse {
            try await client.send(
                HTTPRequest(method: method, url: proxy.url + target, body: body.map { Array($0.utf8) })
            )
        }
    }

    private final class Seen: Sendable {
        let requests = Mutex<[ServerRequest]>([])
        /// Ends the server's watches.
        let end = Latch()
        var count: Int { requests.withLock { $0.count } }
        var last: ServerRequest? { requests.withLock { $0.last } }
    }

    private func withProxy(_ body: (Setup) async throws -> Void) async throws {
        let seen = Seen()
        let backend = try HTTPServer { request in
            seen.requests.withLock { $0.append(request) }
            guard request.query("watch") == nil else {
                return .stream(contentType: "application/json") { writer in
                    for line in 1...3 { try await writer.write(Array("{\"event\":\(line)}\n".utf8)) }
                    await seen.end.wait()
                }
            }
            return ServerResponse(
                status: request.method == "POST" ? 201 : 200,
                headers: [("Audit-Id", "7")],
                body: .bytes(Array("answer".utf8))
            )
        }
        let proxy = try FaultProxy(upstream: "http://127.0.0.1:\(backend.port)")
        let client = try HTTPClient()
        let setup = Setup(backend: backend, proxy: proxy, client: client, seen: seen)
        let result: Result<Void, any Error>
        do { result = .success(try await body(setup)) } catch { result = .failure(error) }
        seen.end.signal()
        client.shutdown()
        await proxy.stop()
        await backend.stop()
        try result.get()
    }

    private static let deployments = "/apis/apps/v1/namespaces/models/deployments"

    @Test("passes requests and answers on as they are") func pass() async throws {
        try await withProxy { setup in
            let answer = try await setup.client.send(
                HTTPRequest(
                    method: "PATCH",
                    url: setup.proxy.url + Self.deployments + "/a%2Fb?fieldManager=a%20b%26c&force=true",
                    headers: ["Content-Type": "application/apply-patch+yaml", "Authorization": "Bearer t"],
                    body: Array("{}".utf8)
                )
            )
            #expect(answer.status == 200 && answer.body == Array("answer".utf8) && answer.headers["Audit-Id"] == "7")
            let request = try #require(setup.seen.last)
            #expect(request.method == "PATCH" && request.rawPath == Self.deployments + "/a%2Fb")
            #expect(request.query("fieldManager") == "a b&c" && request.query("force") == "true")
            #expect(request.header("Content-Type") == "application/apply-patch+yaml")
            #expect(request.header("Authorization") == "Bearer t" && request.body == Array("{}".utf8))
        }
    }

    @Test("counts writes by method and resource, and reads the names from paths") func counts() async throws {
        try await withProxy { setup in
            _ = try await setup.send("POST", Self.deployments, body: "{\"a\":1}")
            _ = try await setup.send("PATCH", Self.deployments + "/churn/status", body: "{}")
            _ = try await setup.send("GET", "/api/v1/namespaces/models/services")
            _ = try await setup.send("DELETE", "/api/v1/namespaces/models")
            let calls = setup.proxy.calls
            #expect(calls.map(\.writeNumber) == [1, 2, 0, 3] && calls.map(\.number) == [1, 2, 3, 4])
            #expect(calls.map(\.resource) == ["deployments", "deployments", "services", "namespaces"])
            #expect(calls.map(\.name) == ["", "churn", "", "models"])
            #expect(calls.map(\.namespace) == ["models", "models", "models", ""])
            #expect(calls[1].subresource == "status" && calls[0].json == ["a": 1] && calls[0].status == 201)
            #expect(setup.proxy.count("POST", "deployments") == 1 && setup.proxy.count(nil, "deployments") == 2)
            #expect(setup.proxy.count(answered: 200..<300) == 4 && setup.proxy.count(answered: 400..<600) == 0)
        }
    }

    @Test("answers in the server's place, which sees nothing", arguments: [409, 410, 429, 500, 503])
    func answers(status: Int) async throws {
        try await withProxy { setup in
            setup.proxy.use { $0.isWrite ? .answer(status, retryAfter: 3) : .pass }
            let answer = try await setup.send("POST", Self.deployments, body: "{}")
            #expect(answer.status == status && answer.headers["Retry-After"] == "3")
            #expect(String(decoding: answer.body, as: UTF8.self).contains("\"code\":\(status)"))
            #expect(setup.seen.count == 0)
            let later = try await setup.send("GET", Self.deployments)
            #expect(later.status == 200)
        }
    }

    @Test("loses an answer after the server has acted, and refuses before it") func lost() async throws {
        try await withProxy { setup in
            setup.proxy.use { $0.path == "/lost" ? .loseAnswer : .refuse }
            await #expect(throws: HTTPFailure.self) { _ = try await setup.send("POST", "/lost", body: "{}") }
            #expect(setup.seen.count == 1)
            await #expect(throws: HTTPFailure.self) { _ = try await setup.send("POST", "/refused", body: "{}") }
            #expect(setup.seen.count == 1)
        }
    }

    @Test("runs a hook once the server has acted, before or after the answer is passed on") func hooks() async throws {
        try await withProxy { setup in
            let counts = Mutex<[Int]>([])
            let ran = Latch()
            setup.proxy.use { call in
                let hook: @Sendable () async -> Void = {
                    counts.withLock { $0.append(setup.seen.count) }
                    ran.signal()
                }
                return call.writeNumber == 2 ? .beforeAnswer(hook) : call.writeNumber == 3 ? .afterAnswer(hook) : .pass
            }
            for _ in 1...3 {
                let answer = try await setup.send("POST", "/a", body: "{}")
                #expect(answer.body == Array("answer".utf8))
            }
            await ran.wait(for: 2)
            #expect(counts.withLock { $0 } == [2, 3])
        }
    }

    @Test("delays a request and still passes it on") func delay() async throws {
        try await withProxy { setup in
            setup.proxy.use { _ in .delay(.milliseconds(50)) }
            let start = ContinuousClock.now
            let answer = try await setup.send("GET", "/")
            #expect(answer.status == 200)
            #expect(start.duration(to: .now) >= .milliseconds(50))
        }
    }

    @Test("swallows a request until the client gives up") func blackHole() async throws {
        try await withProxy { setup in
            setup.proxy.use { _ in .blackHole }
            let request = HTTPRequest(url: setup.proxy.url + "/", timeLimit: .milliseconds(100))
            let failure = await #expect(throws: HTTPFailure.self) { _ = try await setup.client.send(request) }
            #expect(failure?.reason == .timeout && setup.seen.count == 0)
        }
    }

    @Test("streams a watch as it comes, and cuts it when told to") func watch() async throws {
        try await withProxy { setup in
            let request = HTTPRequest(url: setup.proxy.url + Self.deployments + "?watch=1", timeLimit: nil)
            let stream = try await setup.client.stream(request)
            var text = ""
            var isCut = false
            do {
                for try await part in stream.body {
                    text += String(decoding: part, as: UTF8.self)
                    // The server is still at it: what came so far came through an open answer.
                    if text.contains("3}\n") { setup.proxy.cutWatches() }
                }
            } catch let failure as HTTPFailure {
                isCut = failure.reason == .closed
            }
            #expect(isCut && text == "{\"event\":1}\n{\"event\":2}\n{\"event\":3}\n")
            #expect(setup.proxy.calls.first?.isWatch == true)
        }
    }

    @Test("cuts a watch in the middle of a line", arguments: [0, 1, 2]) func cut(lines: Int) async throws {
        try await withProxy { setup in
            setup.proxy.use { _ in .cut(afterLines: lines) }
            let request = HTTPRequest(url: setup.proxy.url + Self.deployments + "?watch=true", timeLimit: nil)
            let stream = try await setup.client.stream(request)
            var text = ""
            let failure = await #expect(throws: HTTPFailure.self) {
                for try await part in stream.body { text += String(decoding: part, as: UTF8.self) }
            }
            #expect(failure?.reason == .closed)
            #expect(text.count { $0 == "\n" } == lines)
            #expect(text.hasSuffix("{\"eve"), "\(text)")
        }
    }
}
