import JSON
import HTTPServing
import HTTPTransport
import Synchronization
import TestSupport
import Testing

@testable import Evidence

@Suite("Prometheus client", .timeLimit(.minutes(1))) struct PrometheusClientTests {
    @Test("sends a query of any length as a form, with time, limit and credentials") func sends() async throws {
        let server = try ScriptedPrometheus { _, _ in .result("vector", "[]") }
        let client = try server.client(authorization: { .basic(user: "me", password: "pä&s\n") })
        let query = #"sum(a{b="ü &=+%"}) or "# + String(repeating: "x or ", count: 20_000) + "y"
        _ = try await client.query(query, at: SampleTime(milliseconds: 1_500))
        let seen = try #require(server.queries.first)
        #expect(seen.path == "/api/v1/query")
        #expect(seen.query == query)
        #expect(seen.form["time"] == "1.500")
        #expect(try #require(Double(seen.form["timeout"] ?? "")) <= 30)
        #expect(seen.authorization == "Basic bWU6cMOkJnM=")
        await server.stop()
    }

    @Test("reads vectors, matrices and scalars with NaN, infinities and null") func decodes() async throws {
        let server = try ScriptedPrometheus { query, _ in
            switch query.query {
            case "v":
                .result(
                    "vector",
                    #"""
                    [{"metric":{"__name__":"a","x":"\"1\""},"value":[1.5,"NaN"]},{"metric":{},"value":[2,"+Inf"]},
                     {"metric":{"x":"2"},"value":[2,null]},{"metric":{"x":"3"},"histogram":[2,{"count":"1"}]}]
                    """#
                )
            case "m": .result("matrix", #"[{"metric":{"x":"1"},"values":[[1.001,"1e+06"],[2,"-Inf"]]}]"#)
            case "s":
                .json(
                    Array(
                        #"{"data":{"result":[3,"4.5"],"resultType":"scalar"},"warnings":["part"],"status":"success"}"#
                            .utf8
                    )
                )
            default: .result("string", #"[3,"x"]"#)
            }
        }
        let client = try server.client()
        let vector = try #require(try await client.query("v").value)
        #expect(vector.kind == .vector)
        #expect(vector.series.map(\.labels) == [["__name__": "a", "x": "\"1\""], [:], ["x": "2"]])
        #expect(vector.series[0].samples[0].time.milliseconds == 1_500)
        #expect(vector.series[0].samples[0].value.isNaN)
        #expect(vector.series[1].samples[0].value == .infinity)
        #expect(vector.series[2].samples[0].value.isNaN)
        let matrix = try #require(
            try await client.queryRange(
                "m",
                from: SampleTime(milliseconds: 0),
                to: SampleTime(milliseconds: 2_000),
                step: .milliseconds(500)
            ).value
        )
        #expect(
            matrix.series == [
                Series(
                    labels: ["x": "1"],
                    samples: [
                        Sample(SampleTime(milliseconds: 1_001), 1e6),
                        Sample(SampleTime(milliseconds: 2_000), -.infinity),
                    ]
                )
            ]
        )
        let range = try #require(server.queries.last)
        #expect(range.path == "/api/v1/query_range")
        #expect([range.form["start"], range.form["end"], range.form["step"]] == ["0.000", "2.000", "0.500"])
        let scalar = try #require(try await client.query("s").value)
        #expect(
            scalar
                == QueryResult(
                    kind: .scalar,
                    series: [Series(labels: [:], samples: [Sample(SampleTime(milliseconds: 3_000), 4.5)])],
                    warnings: ["part"]
                )
        )
        guard case .invalid(let fault) = try await client.query("text") else {
            Issue.record("a string was taken for numbers")
            return
        }
        #expect(fault.reason == .wrongType)
        await server.stop()
    }

    @Test(
        "takes an empty vector, NaN, infinity and null for insufficient",
        arguments: [
            ("[]", Insufficiency.Reason.noSeries), (#"[{"metric":{},"value":[1,"NaN"]}]"#, .notANumber),
            (#"[{"metric":{},"value":[1,"+Inf"]}]"#, .notANumber), (#"[{"metric":{},"value":[1,null]}]"#, .notANumber),
            ("null", .noSeries),
        ]
    )
    func insufficient(result: String, reason: Insufficiency.Reason) async throws {
        let server = try ScriptedPrometheus { _, _ in .result("vector", result) }
        guard case .insufficient(let why) = try await server.client().number("q") else {
            Issue.record("no measurement became one")
            return
        }
        #expect(why.reason == reason)
        await server.stop()
    }

    @Test("refuses several series where one number is needed") func several() async throws {
        let server = try ScriptedPrometheus { _, _ in
            .result("vector", #"[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"2"},"value":[1,"2"]}]"#)
        }
        let reading = try await server.client().number("q")
        guard case .invalid(let fault) = reading else {
            Issue.record("\(reading)")
            return
        }
        #expect(fault.reason == .severalSeries)
        await server.stop()
    }

    @Test("names the query that Prometheus refuses and does not ask again") func badQuery() async throws {
        let server = try ScriptedPrometheus { _, _ in .failure("bad_data", "parse error", status: 400) }
        let reading = try await server.client().query("sum(")
        #expect(reading == .invalid(QueryFault(.badQuery, query: "sum(", "parse error")))
        #expect(server.queries.count == 1)
        await server.stop()
    }

    @Test(
        "takes every failure of the source for an outage, and tries again only what may pass at once",
        arguments: [
            ("execution", 422, Outage.Reason.execution, 1), ("timeout", 503, .timeout, 1),
            ("canceled", 503, .timeout, 1), ("internal", 500, .overloaded, 3), ("unavailable", 503, .overloaded, 3),
            ("", 503, .overloaded, 3), ("", 429, .overloaded, 3), ("", 502, .overloaded, 3),
            ("", 401, .unauthorized, 1), ("", 403, .unauthorized, 1), ("", 404, .unexpectedAnswer, 1),
            ("", 200, .unexpectedAnswer, 1), ("", 302, .unexpectedAnswer, 1), ("not_found", 404, .unexpectedAnswer, 1),
        ]
    )
    func outages(type: String, status: Int, reason: Outage.Reason, tries: Int) async throws {
        let server = try ScriptedPrometheus { _, _ in
            type.isEmpty ? .text("<html>busy</html>", status: status) : .failure(type, "so", status: status)
        }
        let reading = try await server.client(tryLimit: 3).query("q")
        guard case .unavailable(let outage) = reading else {
            Issue.record("\(reading)")
            return
        }
        #expect(outage.reason == reason)
        #expect(server.queries.count == tries)
        await server.stop()
    }

    @Test("goes on after failures that pass, and tells how long an outage lasts") func recovers() async throws {
        let answers = Mutex<[ServerResponse]>([
            .disconnect, .text("", status: 503), .result("vector", "[]"),
            .text("", status: 503), .text("", status: 503), .text("", status: 503),
            .text("", status: 401), .result("vector", "[]"), .text("", status: 401),
        ])
        let server = try ScriptedPrometheus { _, _ in answers.withLock { $0.removeFirst() } }
        let time = Mutex(0)
        let client = try server.client(
            tryLimit: 3,
            now: {
                time.withLock {
                    $0 += 1
                    return SampleTime(milliseconds: $0)
                }
            }
        )
        #expect(try await client.query("q").value != nil)
        var since: [Int?] = []
        for _ in 0..<4 {
            if case .unavailable(let outage) = try await client.query("q") {
                since.append(outage.since?.milliseconds)
            } else {
                since.append(nil)
            }
        }
        #expect(since == [1, 1, nil, 3])
        await server.stop()
    }

    @Test("tells an address nobody listens on from a bad query") func nobody() async throws {
        let server = try ScriptedPrometheus { _, _ in .result("vector", "[]") }
        let client = try server.client()
        await server.stop()
        guard case .unavailable(let outage) = try await client.query("q") else {
            Issue.record("nobody answered, and it was taken for an answer")
            return
        }
        #expect(outage.reason == .unreachable)
        #expect(outage.since != nil)
    }

    @Test("gives up at its time limit, on waits and on a silent server") func timeLimit() async throws {
        let patient = try ScriptedPrometheus { _, _ in
            ServerResponse(status: 503, headers: [("Retry-After", "60")])
        }
        guard case .unavailable(let first) = try await patient.client().query("q") else {
            Issue.record("no outage")
            return
        }
        #expect(first.reason == .overloaded)
        #expect(patient.queries.count == 1)
        await patient.stop()

        let release = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let silent = try ScriptedPrometheus { _, _ in
            for await _ in release.stream {}
            return .result("vector", "[]")
        }
        let reading = try await silent.client(timeLimit: .milliseconds(50), tryLimit: 1).query("q")
        guard case .unavailable(let second) = reading else {
            Issue.record("\(reading)")
            return
        }
        #expect(second.reason == .timeout)
        release.continuation.finish()
        await silent.stop()
    }

    @Test("waits longer from try to try, by its clock") func backoff() async throws {
        let server = try ScriptedPrometheus { _, _ in .text("", status: 503) }
        let clock = ManualClock()
        let client = try server.client(tryLimit: 3, clock: clock)
        async let reading = client.query("q")
        for (wait, tries) in [(Duration.milliseconds(1), 1), (.milliseconds(2), 2)] {
            await clock.sleepers(atLeast: 1)
            #expect(server.queries.count == tries)
            clock.advance(by: wait)
        }
        guard case .unavailable = try await reading else {
            Issue.record("no outage")
            return
        }
        #expect(server.queries.count == 3)
        await server.stop()
    }

    @Test("lets a cancellation pass, while asking and while waiting") func cancels() async throws {
        let asked = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let server = try ScriptedPrometheus { query, _ in
            if query.query == "wait" { return .text("", status: 503) }
            asked.continuation.yield()
            for await _ in AsyncStream<Void>(bufferingPolicy: .bufferingNewest(1), { _ in }) {}
            return .disconnect
        }
        let clock = ManualClock()
        let client = try server.client(clock: clock)
        let asking = Task { try await client.query("ask") }
        for await _ in asked.stream { break }
        asking.cancel()
        await #expect(throws: CancellationError.self) { try await asking.value }
        let waiting = Task { try await client.query("wait") }
        await clock.sleepers(atLeast: 1)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        await server.stop()
    }

    @Test("goes on by itself once its credentials exist, and never shows them") func credentials() async throws {
        struct Missing: Error, CustomStringConvertible { var description: String { "the Secret prom is missing" } }
        let server = try ScriptedPrometheus { query, _ in
            query.authorization == "Bearer s3cret" ? .result("vector", "[]") : .text("", status: 401)
        }
        let token = Mutex<String?>(nil)
        let client = try server.client(authorization: {
            guard let token = token.withLock({ $0 }) else { throw Missing() }
            return .bearer(token: token)
        })
        guard case .unavailable(let missing) = try await client.query("q") else {
            Issue.record("no outage")
            return
        }
        #expect(missing.reason == .credentials)
        #expect(missing.detail.contains("the Secret prom is missing"))
        token.withLock { $0 = "s3c\nret" }
        guard case .unavailable(let broken) = try await client.query("q") else {
            Issue.record("no outage")
            return
        }
        #expect(!broken.detail.contains("s3c"))
        token.withLock { $0 = "s3cret\n" }
        #expect(try await client.query("q").value != nil)
        await server.stop()
    }

    @Test(
        "refuses an address it could not use",
        arguments: ["", "prometheus:9090", "http://", "ftp://x", "http://a b", "http://x?y", "http://u:p@x"]
    )
    func addresses(text: String) {
        let error = #expect(throws: FieldError.self) { try PrometheusConfiguration(address: text, field: "spec.a") }
        #expect(error?.description.contains("u:p") == false)
    }
}
