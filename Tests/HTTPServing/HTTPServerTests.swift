import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTPServing

@Suite(.timeLimit(.minutes(1)))
struct HTTPServerTests {
    /// Runs a body with a server and stops the server whatever happens.
    func withServer(
        _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        handler: @escaping @Sendable (ServerRequest) async -> ServerResponse,
        _ body: (HTTPServer) async throws -> Void
    ) async throws {
        let server = try HTTPServer(configuration, handler: handler)
        do {
            try await body(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    static let get = "GET / HTTP/1.1\r\nHost: test\r\n\r\n"

    @Test("hands the handler what the client sent and the client what the handler answered")
    func exchange() async throws {
        let seen = Mutex<ServerRequest?>(nil)
        try await withServer { request in
            seen.withLock { $0 = request }
            return ServerResponse(
                status: 201,
                headers: [("X-Kind", "made"), ("Content-Length", "999")],
                body: .bytes(Array("done".utf8))
            )
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send(
                "PUT /a%20b/c%2Fd?x=1&y=a+b%26c&flag HTTP/1.1\r\nHost: test\r\nX-Token: t1\r\nContent-Length: 3\r\n\r\nabc"
            )
            let response = try await client.response()
            #expect(response.status == 201)
            #expect(response.headers["x-kind"] == "made")
            #expect(response.headers["content-length"] == "4")
            #expect(response.text == "done")
            let request = try #require(seen.withLock { $0 })
            #expect(request.method == "PUT")
            #expect(request.path == "/a b/c/d")
            #expect(request.rawPath == "/a%20b/c%2Fd")
            #expect(request.query("x") == "1")
            #expect(request.query("y") == "a b&c")
            #expect(request.query("flag")?.isEmpty == true)
            #expect(request.query("none") == nil)
            #expect(request.header("x-TOKEN") == "t1")
            #expect(request.body == Array("abc".utf8))
            #expect(request.remoteAddress == "127.0.0.1")
            #expect(request.clientCertificateSubject == nil)
        }
    }

    @Test("serves many requests on one connection")
    func keepAlive() async throws {
        try await withServer {
            .text($0.path)
        } _: { server in
            let client = try RawConnection(port: server.port)
            for index in 0..<20 {
                try await client.send("GET /\(index) HTTP/1.1\r\nHost: test\r\n\r\n")
                #expect(try await client.response().text == "/\(index)")
            }
        }
    }

    @Test("answers pipelined requests with bodies in their order")
    func pipelined() async throws {
        try await withServer { request in
            ServerResponse(body: .bytes(request.body))
        } _: { server in
            let client = try RawConnection(port: server.port)
            let requests = (0..<10).map { "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\nbody-\($0)" }
            try await client.send(requests.joined())
            for index in 0..<10 { #expect(try await client.response().text == "body-\(index)") }
        }
    }

    @Test("joins the chunks of a request's body")
    func chunkedRequest() async throws {
        try await withServer {
            ServerResponse(body: .bytes($0.body))
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            try await client.send("4\r\ndefg\r\n0\r\n\r\n")
            #expect(try await client.response().text == "abcdefg")
        }
    }

    @Test("sends a HEAD response without a body and runs no stream for it")
    func head() async throws {
        let streams = Latch()
        try await withServer { request in
            request.path == "/stream"
                ? .stream(contentType: "text/plain") { _ in streams.signal() } : .text("four")
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
            let response = try await client.response(isHead: true)
            #expect(response.headers["content-length"] == "4")
            try await client.send("HEAD /stream HTTP/1.1\r\nHost: test\r\n\r\n")
            #expect(try await client.response(isHead: true).status == 200)
            #expect(try await client.receiveToEnd().isEmpty)
            #expect(streams.count == 0)
        }
    }

    @Test("delivers headers and each write of a stream without waiting for the next")
    func promptStream() async throws {
        let more = Latch()
        try await withServer { _ in
            .stream(contentType: "text/plain") { writer in
                for index in 1...3 {
                    await more.wait(for: index)
                    try await writer.write(Array("event \(index)\n".utf8))
                }
            }
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send(Self.get)
            let head = try await client.receive(through: "\r\n\r\n")
            #expect(head.lowercased().contains("transfer-encoding: chunked"))
            for index in 1...3 {
                more.signal()
                #expect(try await client.chunk() == Array("event \(index)\n".utf8))
            }
            #expect(try await client.chunk() == nil)
            try await client.send(Self.get)
            #expect(try await client.receive(through: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("cuts a stream that throws or aborts, after what was written", arguments: [true, false])
    func cutStream(aborts: Bool) async throws {
        struct Broken: Error {}
        try await withServer { _ in
            .stream(contentType: "text/plain") { writer in
                try await writer.write(Array("part".utf8))
                guard aborts else { throw Broken() }
                writer.abort()
                await #expect(throws: HTTPServerError.clientGone) { try await writer.write([1]) }
            }
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send(Self.get)
            _ = try await client.receive(through: "\r\n\r\n")
            #expect(try await client.chunk() == Array("part".utf8))
            #expect(try await client.receiveToEnd().isEmpty)
        }
    }

    @Test("closes without a byte when told to disconnect")
    func disconnect() async throws {
        try await withServer { _ in
            .disconnect
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send(Self.get)
            #expect(try await client.receiveToEnd().isEmpty)
        }
    }

    @Test("suspends the writer while the client does not read, and loses nothing")
    func backPressure() async throws {
        let writers = Mutex<ResponseWriter?>(nil)
        let written = Mutex(0)
        let total = 16 << 20
        try await withServer { request in
            guard request.path == "/large" else { return .text("small") }
            return .stream(contentType: "application/octet-stream") { writer in
                writers.withLock { $0 = writer }
                for index in 0..<(total >> 16) {
                    try await writer.write([UInt8](repeating: UInt8(index & 0xff), count: 1 << 16))
                    written.withLock { $0 += 1 << 16 }
                }
            }
        } _: { server in
            let client = try RawConnection(port: server.port, receiveBufferBytes: 4096)
            try await client.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n")
            while writers.withLock({ $0?.exchange.waitingWriters ?? 0 }) == 0 { await Task.yield() }
            #expect(written.withLock { $0 } < total)
            // Others are served meanwhile.
            let other = try RawConnection(port: server.port)
            try await other.send(Self.get)
            #expect(try await other.response().text == "small")

            let body = try await client.response().body
            #expect(body.count == total)
            #expect((0..<(total >> 16)).allSatisfy { body[$0 << 16] == UInt8($0 & 0xff) })
        }
    }

    @Test("cancels a handler whose client has gone", arguments: [false, true])
    func clientGone(streams: Bool) async throws {
        let inside = Latch()
        let cancelled = Latch()
        try await withServer { _ in
            if streams {
                return .stream(contentType: "text/plain") { _ in
                    inside.signal()
                    await Latch().wait()
                    if Task.isCancelled { cancelled.signal() }
                }
            }
            inside.signal()
            await Latch().wait()
            if Task.isCancelled { cancelled.signal() }
            return .text("late")
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send(Self.get)
            await inside.wait()
            client.close()
            await cancelled.wait()
            #expect(cancelled.count == 1)
        }
    }

    @Test("tells the writer of a stream that the client has gone")
    func writerLearns() async throws {
        let error = Mutex<(any Error)?>(nil)
        let ended = Latch()
        try await withServer { _ in
            .stream(contentType: "text/plain") { writer in
                defer { ended.signal() }
                do {
                    while true { try await writer.write([UInt8](repeating: 0, count: 1000)) }
                } catch let failure {
                    error.withLock { $0 = failure }
                    throw failure
                }
            }
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send(Self.get)
            _ = try await client.receive(through: "\r\n\r\n")
            client.close()
            await ended.wait()
            #expect(error.withLock { $0 as? HTTPServerError } == .clientGone)
        }
    }

    @Test("stops with 200 silent streams open, ending every one")
    func stopWithStreams() async throws {
        let inside = Latch()
        let ended = Latch()
        let server = try HTTPServer { request in
            guard request.path == "/watch" else { return .text("quick") }
            return .stream(contentType: "text/plain") { writer in
                try await writer.write([65])
                inside.signal()
                defer { ended.signal() }
                await Latch().wait()
                try Task.checkCancellation()
            }
        }
        let clients = try (0..<200).map { _ in try RawConnection(port: server.port) }
        for client in clients { try await client.send("GET /watch HTTP/1.1\r\nHost: test\r\n\r\n") }
        await inside.wait(for: 200)
        let other = try RawConnection(port: server.port)
        try await other.send(Self.get)
        #expect(try await other.response().text == "quick")
        await server.stop()
        #expect(ended.count == 200)
        for client in clients {
            // The cut is seen as an end or, where unread bytes were under way, as a reset.
            _ = try? await client.receiveToEnd()
        }
        #expect(throws: RawConnection.Failure.self) { try RawConnection(port: server.port) }
        await server.stop()
    }

    @Test("lets requests under way finish within the grace and refuses new connections meanwhile")
    func grace() async throws {
        let inside = Latch()
        let finish = Latch()
        let server = try HTTPServer { _ in
            inside.signal()
            await finish.wait()
            return .text(Task.isCancelled ? "cancelled" : "finished")
        }
        let client = try RawConnection(port: server.port)
        try await client.send(Self.get)
        await inside.wait()
        let stopping = Task { await server.stop(grace: .seconds(50)) }
        while (try? RawConnection(port: server.port)) != nil { await Task.yield() }
        finish.signal()
        let response = try await client.response()
        #expect(response.text == "finished")
        #expect(response.headers["connection"] == "close")
        await stopping.value
    }

    @Test("cuts the grace short when stopped again without one")
    func graceCutShort() async throws {
        let inside = Latch()
        let cancelled = Latch()
        let server = try HTTPServer { _ in
            inside.signal()
            await Latch().wait()
            cancelled.signal()
            return .text("")
        }
        let client = try RawConnection(port: server.port)
        try await client.send(Self.get)
        await inside.wait()
        let stopping = Task { await server.stop(grace: .seconds(3600)) }
        await server.stop()
        await stopping.value
        #expect(cancelled.count == 1)
    }

    @Test("refuses a body above the limit, whether announced or not, and takes one at the limit")
    func tooLarge() async throws {
        let calls = Latch()
        try await withServer(HTTPServerConfiguration(maxBodyBytes: 1000)) { _ in
            calls.signal()
            return .text("taken")
        } _: { server in
            let body = String(repeating: "x", count: 1001)
            let announced = try RawConnection(port: server.port)
            try await announced.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1001\r\n\r\n\(body)")
            #expect(try await announced.response().status == 413)
            let chunked = try RawConnection(port: server.port)
            try await chunked.send(
                "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n\(body)\r\n0\r\n\r\n"
            )
            #expect(try await chunked.response().status == 413)
            let asking = try RawConnection(port: server.port)
            try await asking.send(
                "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"
            )
            #expect(try await asking.response().status == 413)
            #expect(calls.count == 0)
            let fitting = try RawConnection(port: server.port)
            try await fitting.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n\(body.dropLast())")
            #expect(try await fitting.response().status == 200)
        }
    }

    @Test(
        "answers malformed requests with 400 and without the handler",
        arguments: [
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: abc\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ]
    )
    func malformed(request: String) async throws {
        let calls = Latch()
        try await withServer { _ in
            calls.signal()
            return .text("taken")
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send(request)
            #expect(try await client.response().status == 400)
            #expect(calls.count == 0)
        }
    }

    @Test("has 1,000 requests in their handlers at once")
    func thousand() async throws {
        // Both ends of a thousand connections are open in this process; the usual limit is 1,024 descriptors.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 8192))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let arrived = Latch()
        try await withServer { request in
            arrived.signal()
            await arrived.wait(for: 1000)
            return .text(request.path)
        } _: { server in
            let clients = try (0..<1000).map { _ in try RawConnection(port: server.port) }
            for (index, client) in clients.enumerated() {
                try await client.send("GET /\(index) HTTP/1.1\r\nHost: test\r\n\r\n")
            }
            for (index, client) in clients.enumerated() { #expect(try await client.response().text == "/\(index)") }
        }
    }

    @Test("carries large bodies both ways unchanged")
    func largeBodies() async throws {
        let body = (0..<(10 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try await withServer {
            ServerResponse(body: .bytes($0.body))
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.count)\r\n\r\n")
            try await client.send(body)
            #expect(try await client.response().body == body)
        }
    }

    @Test("closes a connection that stands still for longer than the idle limit")
    func idle() async throws {
        try await withServer(HTTPServerConfiguration(idleLimit: .seconds(1))) { _ in
            .text("")
        } _: { server in
            let unfinished = try RawConnection(port: server.port)
            try await unfinished.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nab")
            let between = try RawConnection(port: server.port)
            try await between.send(Self.get)
            #expect(try await between.response().status == 200)
            #expect(try await between.receiveToEnd().isEmpty)
            _ = try await unfinished.receiveToEnd()
        }
    }

    @Test("says why an address cannot be listened on")
    func cannotListen() async throws {
        try await withServer { _ in
            .text("")
        } _: { server in
            let error = #expect(throws: HTTPServerError.self) {
                try HTTPServer(HTTPServerConfiguration(port: server.port)) { _ in .text("") }
            }
            #expect(error?.reason == .cannotListen)
            #expect(
                error?.description == "cannot listen on \"127.0.0.1:\(server.port)\": Address already in use"
            )
        }
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(HTTPServerConfiguration(address: "localhost")) { _ in .text("") }
        }
        #expect(error?.reason == .invalidAddress)
    }

    @Test("serves IPv6 and IPv4 on ::")
    func dualStack() async throws {
        try await withServer(HTTPServerConfiguration(address: "::")) {
            .text($0.remoteAddress)
        } _: { server in
            let client = try RawConnection(port: server.port)
            try await client.send(Self.get)
            #expect(try await client.response().text == "::ffff:127.0.0.1")
        }
    }

    @Test("stops when it is forgotten")
    func forgotten() async throws {
        var server: HTTPServer? = try HTTPServer { _ in .text("here") }
        let port = try #require(server?.port)
        let client = try RawConnection(port: port)
        try await client.send(Self.get)
        #expect(try await client.response().text == "here")
        server = nil
        #expect(try await client.receiveToEnd().isEmpty)
    }
}
