import HTTPTransport
import Synchronization
import Testing

func answer(_ body: String, status: String = "200 OK", fields: String = "") -> String {
    "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The failure that a call ends with.
func failure(of call: () async throws -> Void) async -> HTTPFailure? {
    do {
        try await call()
        Issue.record("nothing was thrown")
    } catch let failure as HTTPFailure {
        return failure
    } catch {
        Issue.record("\(error) is not an HTTPFailure")
    }
    return nil
}

@Suite("HTTPClient.send", .timeLimit(.minutes(1)))
struct HTTPClientTests {
    @Test("sends method, path, fields and body, and gives back status, fields and body") func exchange() async throws {
        let server = ScriptedServer.answering { request in
            answer(
                "\(request.line)|\(request.fields("X-Sent"))|\(text(request.body))",
                status: "201 Created",
                fields: "X-Got: yes\r\nx-twice: a\r\nX-Twice:  b \r\n"
            )
        }
        let client = try HTTPClient()
        let response = try await client.send(
            HTTPRequest(
                method: "POST",
                url: server.url("/a/../b?c=d"),
                headers: ["X-Sent": "1", "x-sent": ""],
                body: Array("hello".utf8)
            )
        )
        #expect(response.status == 201)
        #expect(response.headers["x-got"] == "yes")
        #expect(response.headers.all("X-TWICE") == ["a", "b"])
        #expect(text(response.body) == #"POST /a/../b?c=d HTTP/1.1|["1", ""]|hello"#)
    }

    @Test("asks with each method as it is", arguments: ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "POST"])
    func methods(method: String) async throws {
        let server = ScriptedServer.answering { request in
            let facts = request.line + " " + request.fields("Content-Length").joined()
            return method == "HEAD"
                ? "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-Line: \(facts)\r\n\r\n" : answer(facts)
        }
        let client = try HTTPClient()
        for _ in 0..<2 {
            let response = try await client.send(HTTPRequest(method: method, url: server.url()))
            let facts = method == "HEAD" ? response.headers["X-Line"] : text(response.body)
            let hasLength = ["PUT", "PATCH", "POST"].contains(method)
            #expect(facts?.hasPrefix("\(method) / HTTP/1.1" + (hasLength ? " 0" : "")) == true)
        }
        #expect(server.connections == 1)
    }

    @Test("a handle that sent a body sends none the next time") func noBodyLeftOver() async throws {
        let server = ScriptedServer.answering { answer("\($0.line) \($0.body.count) \($0.fields("Content-Type"))") }
        let client = try HTTPClient()
        let put = HTTPRequest(method: "PUT", url: server.url(), headers: ["Content-Type": "a/b"], body: [1, 2, 3])
        #expect(text(try await client.send(put).body) == #"PUT / HTTP/1.1 3 ["a/b"]"#)
        #expect(text(try await client.send(HTTPRequest(url: server.url())).body) == "GET / HTTP/1.1 0 []")
        let delete = HTTPRequest(method: "DELETE", url: server.url(), body: [1])
        #expect(text(try await client.send(delete).body) == "DELETE / HTTP/1.1 1 []")
    }

    @Test("leaves 1xx answers out") func informational() async throws {
        let server = ScriptedServer.answering { _ in
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                + answer("end", fields: "A: b\r\n")
        }
        let response = try await HTTPClient().send(HTTPRequest(url: server.url()))
        #expect(response.status == 200)
        #expect(response.headers == ["A": "b", "content-length": "3"])
        #expect(text(response.body) == "end")
    }

    @Test("gives a redirect back and does not follow it") func redirect() async throws {
        let server = ScriptedServer.answering { _ in answer("", status: "302 Found", fields: "Location: /else\r\n") }
        let response = try await HTTPClient().send(HTTPRequest(url: server.url()))
        #expect(response.status == 302)
        #expect(response.headers["location"] == "/else")
    }

    @Test("a time limit fails with timeout and says what had come") func timeLimit() async throws {
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.waitForClose()
        }
        let client = try HTTPClient()
        let failure = await failure {
            _ = try await client.send(HTTPRequest(url: server.url("/x"), timeLimit: .milliseconds(50)))
        }
        #expect(failure?.reason == .timeout)
        #expect(failure?.mayHaveReachedServer == true)
        #expect(
            failure?.description
                == "cannot GET \"\(server.url("/x"))\": not complete within 0.05 seconds; no answer had come"
        )
    }

    @Test("a closed port fails with connect, and nothing was sent") func refused() async throws {
        let port = ScriptedServer { _ in }.port  // let go at once, so the port is closed again
        let client = try HTTPClient()
        // The listener's thread closes the port on its own time: until then a connection ends without an answer.
        while true {
            let failure = await failure { _ = try await client.send(HTTPRequest(url: "http://127.0.0.1:\(port)/")) }
            guard failure?.reason != .closed else { continue }
            #expect(failure?.reason == .connect)
            #expect(failure?.isRetryable == true)
            #expect(failure?.mayHaveReachedServer == false)
            break
        }
    }

    @Test("an unknown host fails with resolve") func unknownHost() async throws {
        let client = try HTTPClient()
        let failure = await failure { _ = try await client.send(HTTPRequest(url: "http://nowhere.invalid/")) }
        #expect(failure?.reason == .resolve)
    }

    @Test(
        "an answer that is cut or no HTTP fails for what it is",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", HTTPFailure.Reason.closed),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", .closed),
            ("HTTP/1.1 200 OK\r\nContent-Le", .closed),
            ("", .closed),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n", .protocolError),
            ("220 mail.example ESMTP\r\n", .protocolError),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", .protocolError),
        ]
    )
    func broken(answer: String, reason: HTTPFailure.Reason) async throws {
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(answer)
            connection.finishWriting()
            connection.waitForClose()
        }
        let client = try HTTPClient(HTTPClientConfiguration(compression: true))
        let failure = await failure { _ = try await client.send(HTTPRequest(url: server.url())) }
        #expect(failure?.reason == reason, "\(String(describing: failure))")
        #expect(failure?.mayHaveReachedServer == true)
    }

    @Test("refuses an answer above the limit, told beforehand or not", arguments: [true, false])
    func tooLarge(isTold: Bool) async throws {
        let server = ScriptedServer { connection in
            while connection.readRequest() != nil {
                connection.write("HTTP/1.1 200 OK\r\n" + (isTold ? "Content-Length: 2000\r\n" : "") + "\r\n")
                connection.write([UInt8](repeating: 65, count: 2000))
                if !isTold { return }
            }
        }
        let client = try HTTPClient(HTTPClientConfiguration(maxResponseBytes: 1000))
        let failure = await failure { _ = try await client.send(HTTPRequest(url: server.url())) }
        #expect(failure?.reason == .tooLarge)
        #expect(failure?.detail.contains("limit is 1000") == true)
        let fitting = try HTTPClient(HTTPClientConfiguration(maxResponseBytes: 2000))
        #expect(try await fitting.send(HTTPRequest(url: server.url())).body.count == 2000)
    }

    @Test(
        "refuses what cannot be sent, before it connects",
        arguments: [
            (HTTPRequest(url: "ftp://host/"), HTTPFailure.Reason.invalidURL), (HTTPRequest(url: ""), .invalidURL),
            (HTTPRequest(url: "http://host/a b"), .invalidURL), (HTTPRequest(url: "http://"), .invalidURL),
            (HTTPRequest(url: "http://host:99999999/"), .invalidURL),
            (HTTPRequest(method: "GET /\r\nX: y", url: "http://127.0.0.1/"), .invalidRequest),
            (HTTPRequest(url: "http://127.0.0.1/", headers: ["a b": "c"]), .invalidRequest),
        ]
    )
    func invalid(request: HTTPRequest, reason: HTTPFailure.Reason) async throws {
        let client = try HTTPClient()
        let failure = await failure { _ = try await client.send(request) }
        #expect(failure?.reason == reason, "\(String(describing: failure))")
        #expect(failure?.mayHaveReachedServer == false)
    }

    @Test("a line end in a value cannot smuggle in a field") func injection() async throws {
        let server = ScriptedServer.answering { answer("\($0.fields("A"))\($0.fields("B"))") }
        let response = try await HTTPClient().send(HTTPRequest(url: server.url(), headers: ["A": "x\r\nB: y"]))
        #expect(text(response.body) == #"["x  B: y"][]"#)
    }

    @Test("cancelling answers with CancellationError and closes the transfer") func cancellation() async throws {
        let (arrived, closed) = (Latch(), Latch())
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            arrived.open()
            connection.waitForClose()
            closed.open()
        }
        let client = try HTTPClient()
        let task = Task { try await client.send(HTTPRequest(url: server.url(), timeLimit: nil)) }
        await arrived.wait()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await closed.wait()
    }

    @Test("a task cancelled before sends nothing") func cancelledBefore() async throws {
        let server = ScriptedServer.answering { _ in answer("") }
        let client = try HTTPClient()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await client.send(HTTPRequest(url: server.url()))
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(server.connections == 0)
    }

    @Test("a thousand at once share the connections allowed, and each gets its own answer") func thousand() async throws
    {
        let server = ScriptedServer.answering { request in
            answer(String(request.line.split(separator: " ")[1].dropFirst()))
        }
        let client = try HTTPClient(HTTPClientConfiguration(maxConnectionsPerHost: 16))
        let right = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<1000 {
                group.addTask {
                    let response = try await client.send(HTTPRequest(url: server.url("/\(number)")))
                    return text(response.body) == "\(number)"
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(right == 1000)
        #expect(server.connections <= 16)
    }

    @Test("cancelling and sending at random resumes everybody once") func stress() async throws {
        let server = ScriptedServer.answering { _ in answer("fine") }
        let client = try HTTPClient(HTTPClientConfiguration(maxConnectionsPerHost: 8))
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<400 {
                group.addTask {
                    let task = Task { try await client.send(HTTPRequest(url: server.url())) }
                    if number % 3 == 0 { task.cancel() }
                    if number % 3 == 1 { Task { task.cancel() } }
                    return switch await task.result {
                    case .success(let response): response.status == 200
                    case .failure(let error): error is CancellationError
                    }
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(outcomes == 400)
    }

    @Test("shutdown fails all that is in flight, once each, and all that comes later") func shutdown() async throws {
        let arrived = Latch()
        let count = Mutex(0)
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            if count.withLock({
                $0 += 1; return $0
            }) == 60 {
                arrived.open()
            }
            connection.waitForClose()
        }
        let client = try HTTPClient(HTTPClientConfiguration(maxConnectionsPerHost: 30))
        let outcomes = await withTaskGroup(of: HTTPFailure.Reason?.self) { group in
            for number in 0..<130 {
                // 30 streams and 30 requests get connections, 70 requests wait for one.
                group.addTask {
                    let request = HTTPRequest(url: server.url(), timeLimit: nil)
                    return await failure {
                        if number < 30 {
                            _ = try await client.stream(request)
                        } else {
                            _ = try await client.send(request)
                        }
                    }?.reason
                }
            }
            await arrived.wait()
            client.shutdown()
            client.shutdown()
            return await group.reduce(into: 0) { $0 += $1 == .cancelledByShutdown ? 1 : 0 }
        }
        #expect(outcomes == 130)
        let later = await failure { _ = try await client.send(HTTPRequest(url: server.url())) }
        #expect(later?.reason == .cancelledByShutdown)
    }

    @Test("shutdown in the middle of a rush resumes everybody once") func shutdownRace() async throws {
        let server = ScriptedServer.answering { _ in answer("fine") }
        for _ in 0..<20 {
            let client = try HTTPClient()
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        if number == 25 { client.shutdown() }
                        do {
                            return try await client.send(HTTPRequest(url: server.url())).status == 200
                        } catch {
                            return (error as? HTTPFailure)?.reason == .cancelledByShutdown
                        }
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(outcomes == 50)
        }
    }

    @Test("letting the client go closes its connections") func letGo() async throws {
        let closed = Latch()
        let server = ScriptedServer { connection in
            _ = connection.readRequest()
            connection.write(answer(""))
            connection.waitForClose()
            closed.open()
        }
        var client: HTTPClient? = try HTTPClient()
        #expect(try await client?.send(HTTPRequest(url: server.url())).status == 200)
        client = nil
        await closed.wait()
    }

    @Test("new certificates close the idle connections of the old ones") func updateClosesIdle() async throws {
        let closed = Latch()
        let server = ScriptedServer { connection in
            while connection.readRequest() != nil { connection.write(answer("")) }
            closed.open()
        }
        let client = try HTTPClient()
        #expect(try await client.send(HTTPRequest(url: server.url())).status == 200)
        client.update(tls: TLSConfiguration())
        #expect(try await client.send(HTTPRequest(url: server.url())).status == 200)
        #expect(server.connections == 1, "equal certificates change nothing")
        client.update(tls: TLSConfiguration(insecureSkipVerify: true))
        await closed.wait()
        #expect(try await client.send(HTTPRequest(url: server.url())).status == 200)
        #expect(server.connections == 2)
    }

    @Test(
        "a kept connection that dies has only requests sent again that may be",
        arguments: [("GET", 3), ("PUT", 3), ("POST", 2), ("PATCH", 2)]
    )
    func repeating(method: String, requests: Int) async throws {
        let count = Mutex(0)
        let server = ScriptedServer { connection in
            // The first answers and dies with the second request in its hands.
            while connection.readRequest() != nil {
                guard
                    count.withLock({
                        $0 += 1; return $0
                    }) != 2
                else { return }
                connection.write(answer(""))
            }
        }
        let client = try HTTPClient()
        _ = try await client.send(HTTPRequest(url: server.url()))
        let request = HTTPRequest(method: method, url: server.url(), body: method == "GET" ? nil : [1, 2])
        if requests == 3 {
            #expect(try await client.send(request).status == 200)
        } else {
            let failure = await failure { _ = try await client.send(request) }
            #expect(failure?.reason == .closed)
            #expect(failure?.mayHaveReachedServer == true)
        }
        #expect(count.withLock { $0 } == requests)
    }

    @Test("asks for gzip when told to, and decompresses") func gzip() async throws {
        let packed: [UInt8] = [
            0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0x48,
            0xce, 0xcf, 0x2d, 0x28, 0x4a, 0x2d, 0x2e, 0x4e, 0x4d, 0x51, 0x28, 0xcf, 0x2f, 0xca, 0x49, 0x01, 0x00, 0x08,
            0x9e, 0x34, 0x35, 0x17, 0x00, 0x00, 0x00,
        ]
        let server = ScriptedServer { connection in
            while let request = connection.readRequest() {
                let isAsked = request.fields("Accept-Encoding") == ["gzip"]
                connection.write(
                    "HTTP/1.1 200 OK\r\n\(isAsked ? "Content-Encoding: gzip\r\n" : "")"
                        + "Content-Length: \(packed.count)\r\n\r\n"
                )
                connection.write(packed)
            }
        }
        let request = HTTPRequest(url: server.url())
        let unpacking = try HTTPClient(HTTPClientConfiguration(compression: true))
        #expect(text(try await unpacking.send(request).body) == "hello, compressed world")
        #expect(try await HTTPClient().send(request).body == packed)
    }

    @Test("sends through a proxy, and refuses one it does not know") func proxy() async throws {
        let proxy = ScriptedServer.answering { answer($0.line) }
        let client = try HTTPClient(HTTPClientConfiguration(proxy: proxy.url()))
        let response = try await client.send(HTTPRequest(url: "http://model.invalid/a"))
        #expect(text(response.body) == "GET http://model.invalid/a HTTP/1.1")
        #expect(throws: HTTPFailure.self) { try HTTPClient(HTTPClientConfiguration(proxy: "quic://host")) }
    }

    @Test("a request without an answer holds no other one up") func slowFirst() async throws {
        let (arrived, done) = (Latch(), Latch())
        let server = ScriptedServer { connection in
            while let request = connection.readRequest() {
                if request.line.contains("/slow") {
                    arrived.open()
                    done.waitOnThread()
                }
                connection.write(answer("done"))
            }
        }
        let client = try HTTPClient()
        async let slow = client.send(HTTPRequest(url: server.url("/slow")))
        await arrived.wait()
        #expect(try await client.send(HTTPRequest(url: server.url(), timeLimit: .seconds(20))).status == 200)
        done.open()
        #expect(try await slow.status == 200)
    }

    @Test("streams leave requests their connections") func streamsOnTop() async throws {
        let server = ScriptedServer { connection in
            while let request = connection.readRequest() {
                if request.line.contains("/watch") {
                    connection.write("HTTP/1.1 200 OK\r\n\r\nbegun")
                    return connection.waitForClose()
                }
                connection.write(answer("done"))
            }
        }
        let client = try HTTPClient(HTTPClientConfiguration(maxConnectionsPerHost: 1))
        var streams: [HTTPStream] = []
        for _ in 0..<20 {
            streams.append(try await client.stream(HTTPRequest(url: server.url("/watch"), timeLimit: nil)))
            #expect(try await client.send(HTTPRequest(url: server.url())).status == 200)
        }
        #expect(server.connections == 21)
        #expect(streams.count == 20)
    }
}
