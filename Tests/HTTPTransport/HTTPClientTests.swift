import Glibc
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
}
