import Glibc
import HTTPTransport
import Synchronization
import Testing

@Suite("HTTPClient.stream", .timeLimit(.minutes(1)))
struct HTTPBodyTests {
    private let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    private func request(_ server: ScriptedServer, idle: Duration? = nil, limit: Duration? = nil) -> HTTPRequest {
        HTTPRequest(url: server.url(), timeLimit: limit, idleLimit: idle)
    }

    @Test("returns with the head, before the body") func headFirst() async throws {
        let go = Latch()
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nX-A: b\r\n\r\n")
            go.waitOnThread()
            connection.write("body")
        }
        let stream = try await HTTPClient().stream(request(server))
        #expect(stream.status == 404)
        #expect(stream.headers["x-a"] == "b")
        go.open()
        #expect(text(try await stream.body.collect(limit: 4)) == "body")
    }

    @Test("puts a body together that comes byte by byte, and passes over trailers") func tinyParts() async throws {
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            let message = begin + "3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Trailer: 1\r\n\r\n"
            for byte in message.utf8 { connection.write([byte]) }
            connection.waitForClose()
        }
        let stream = try await HTTPClient().stream(request(server))
        #expect(text(try await stream.body.collect(limit: 100)) == "abcdefg")
    }

    @Test("gives each part out as soon as it is there") func partByPart() async throws {
        let next = Mutex([Latch(), Latch(), Latch()])
        let latches = next.withLock { $0 }
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(begin)
            for latch in latches {
                latch.waitOnThread()
                connection.write("2\r\nhi\r\n")
            }
            connection.write("0\r\n\r\n")
            connection.waitForClose()
        }
        var parts = try await HTTPClient().stream(request(server)).body.makeAsyncIterator()
        for latch in latches {
            latch.open()
            #expect(try await parts.next().map { text($0) } == "hi")
        }
        #expect(try await parts.next() == nil)
        #expect(try await parts.next() == nil)
    }

    @Test("a body that is cut gives out what came and then fails with closed") func cut() async throws {
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(begin + "5\r\nhello\r\n7\r\nwo")
        }
        var received: [UInt8] = []
        let stream = try await HTTPClient().stream(request(server))
        let failure = await failure { for try await part in stream.body { received += part } }
        #expect(failure?.reason == .closed)
        #expect(text(received) == "hellowo")
    }

    @Test("a body without a length ends with its connection") func closeDelimited() async throws {
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.0 200 OK\r\n\r\nall there is")
        }
        let stream = try await HTTPClient().stream(request(server))
        #expect(text(try await stream.body.collect(limit: 100)) == "all there is")
    }

    @Test("collect refuses more than its limit") func collectLimit() async throws {
        let server = ScriptedServer.answering { _ in answer("12345") }
        let client = try HTTPClient()
        #expect(try await client.stream(request(server)).body.collect(limit: 5).count == 5)
        let body = try await client.stream(request(server)).body
        #expect(await failure { _ = try await body.collect(limit: 4) }?.reason == .tooLarge)
    }

    @Test("a slow reader holds the server back, and loses nothing") func backPressure() async throws {
        let total = 100 << 20
        let sent = Mutex(0)
        let stalled = Latch()
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            let part = [UInt8](repeating: 7, count: 64 << 10)
            while sent.withLock({ $0 }) < total {
                // The kernel has taken all it can, and nobody reads: the client holds its end closed.
                if !connection.isWritable(withinMilliseconds: 1500) { stalled.open() }
                guard connection.write(part) else { return }
                sent.withLock { $0 += part.count }
            }
            connection.waitForClose()
        }
        // Time in which the reader is slow does not count against the server.
        let stream = try await HTTPClient().stream(request(server, idle: .seconds(1)))
        await stalled.wait()
        var received = 0
        var mostAhead = 0
        for try await part in stream.body {
            mostAhead = max(mostAhead, sent.withLock { $0 } - received)
            received += part.count
            #expect(part.count <= 2 << 20)
        }
        #expect(received == total)
        // 1 MiB here, one part, and the buffers of two sockets, which the kernel keeps under 4 + 6 MiB.
        #expect(mostAhead < 20 << 20)
    }

    @Test("cancelling the reader throws CancellationError and closes the transfer") func cancellation() async throws {
        let closed = Latch()
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(begin + "2\r\nhi\r\n")
            connection.waitForClose()
            closed.open()
        }
        let client = try HTTPClient()
        let reading = Latch()
        let request = request(server)
        let task = Task {
            for try await _ in try await client.stream(request).body { reading.open() }
        }
        await reading.wait()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await closed.wait()
    }

    @Test("letting the iterator or an unread stream go closes the transfer", arguments: [true, false])
    func letGo(isRead: Bool) async throws {
        let closed = Latch()
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(begin + "2\r\nhi\r\n")
            connection.waitForClose()
            closed.open()
        }
        let client = try HTTPClient()
        var stream: HTTPStream? = try await client.stream(request(server))
        if isRead, let body = stream?.body {
            for try await _ in body { break }
        } else {
            stream = nil
        }
        await closed.wait()
        _ = stream
    }

    @Test("a silent server fails with timeout after the idle limit", arguments: [true, false])
    func idle(hasHead: Bool) async throws {
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            if hasHead { connection.write(begin) }
            connection.waitForClose()
        }
        let client = try HTTPClient()
        let failure = await failure {
            let stream = try await client.stream(request(server, idle: .milliseconds(60)))
            #expect(hasHead)
            _ = try await stream.body.collect(limit: 1)
        }
        #expect(failure?.reason == .timeout)
        #expect(failure?.detail.hasPrefix("no byte came for 0.06 seconds") == true)
    }

    @Test("a time limit ends a stream that is still talking") func timeLimit() async throws {
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(begin)
            while connection.write("1\r\nx\r\n") { usleep(1000) }
        }
        let client = try HTTPClient()
        let failure = await failure {
            for try await _ in try await client.stream(request(server, limit: .milliseconds(60))).body {}
        }
        #expect(failure?.reason == .timeout)
    }

    @Test("a body keeps its client alive") func clientLetGo() async throws {
        let go = Latch()
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            go.waitOnThread()
            connection.write("ok")
        }
        var client: HTTPClient? = try HTTPClient()
        let stream = try #require(try await client?.stream(request(server)))
        client = nil
        go.open()
        #expect(text(try await stream.body.collect(limit: 2)) == "ok")
    }

    @Test("shutdown fails a reader that waits") func shutdown() async throws {
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(begin + "2\r\nhi\r\n")
            connection.waitForClose()
        }
        let client = try HTTPClient()
        let stream = try await client.stream(request(server))
        var received: [UInt8] = []
        let failure = await failure {
            for try await part in stream.body {
                received += part
                client.shutdown()
            }
        }
        #expect(failure?.reason == .cancelledByShutdown)
        #expect(text(received) == "hi")
    }

    @Test("a body can be made by a function") func function() async throws {
        let parts = Mutex<[[UInt8]]>([[1], [2, 3]])
        let body = HTTPBody { parts.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
        #expect(try await body.collect(limit: 3) == [1, 2, 3])
    }
}
