import Foundation
import Processes
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import ModelServing

@Suite(.timeLimit(.minutes(1)))
struct ModelServerProgramTests {
    struct StopLatch: StopSource {
        let latch = Latch()
        func wait() async { await latch.wait() }
    }

    /// A model file in a folder of its own, and what is said to it.
    final class Fixture: Sendable {
        let path = NSTemporaryDirectory() + "model-\(UUID().uuidString).json"
        static let infer: String = {
            let body = #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[0]}]}"#
            return
                "POST /v2/models/churn/infer HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }()

        init() throws {
            let text = """
                {"format": "homeostat.dev/model/v1", "kind": "logistic", "name": "churn", "version": "1.0.0-1",
                 "features": ["x"], "classes": ["stay", "leave"], "coefficients": [[1]], "intercepts": [0]}
                """
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }

        deinit {
            // What is left in the temporary folder harms no one.
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    /// Lines of a log, awaited by their message.
    final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        private let arrivals = Latch()

        func append(_ line: String) {
            lines.withLock { $0.append(line) }
            arrivals.signal()
        }

        func line(_ message: String) async -> String {
            var seen = 0
            while true {
                let all = lines.withLock { $0 }
                if let line = all.first(where: { $0.contains("\"message\":\"\(message)\"") }) { return line }
                seen = all.count
                await arrivals.wait(for: seen + 1)
            }
        }
    }

    func status(_ port: Int, _ request: String) async throws -> Int {
        let client = try RawConnection(port: port)
        try await client.send(request)
        return try await client.response().status
    }

    static let ready = "GET /v2/health/ready HTTP/1.1\r\nHost: test\r\n\r\n"

    @Test("loads late, drains while it serves on, and finishes what is under way")
    func life() async throws {
        let fixture = try Fixture()
        let clock = ManualClock()
        let stop = StopLatch()
        let log = Log()
        let port = Mutex(0)
        var options = ModelServerOptions()
        options.modelFile = fixture.path
        options.modelName = "renamed"
        options.address = "127.0.0.1"
        options.port = 0
        options.faults.loadDelay = .seconds(20)
        options.faults.extraLatency = .seconds(60)
        let infer = Fixture.infer.replacingOccurrences(of: "churn", with: "renamed")
        let run = Task { [options] in
            try await ModelServerProgram.run(
                options,
                logger: Logger(sink: .init { log.append(String(decoding: $0, as: UTF8.self)) }),
                clock: clock,
                stop: stop,
                started: { value in port.withLock { $0 = value } }
            )
        }
        #expect(await log.line("listening").contains("\"model.name\":\"renamed\""))
        let server = port.withLock { $0 }
        #expect(try await status(server, Self.ready) == 503)
        await clock.sleepers(atLeast: 1)
        clock.advance(by: .seconds(20))
        _ = await log.line("model loaded")
        #expect(try await status(server, Self.ready) == 200)

        let client = try RawConnection(port: server)
        try await client.send(infer)
        await clock.sleepers(atLeast: 1)
        stop.latch.signal()
        _ = await log.line("draining")
        #expect(try await status(server, Self.ready) == 503)
        let late = try RawConnection(port: server)
        try await late.send(infer)
        // The two requests and the drain.
        await clock.sleepers(atLeast: 3)
        clock.advance(by: .seconds(5))
        while (try? RawConnection(port: server)) != nil { await Task.yield() }
        clock.advance(by: .seconds(60))
        #expect(try await client.response().status == 200)
        #expect(try await late.response().status == 200)
        try await run.value
        _ = await log.line("stopped")
    }

    @Test("names the file and the field when the model cannot be loaded")
    func badModel() async throws {
        let fixture = try Fixture()
        var options = ModelServerOptions()
        options.modelFile = fixture.path
        try "{\"format\": \"homeostat.dev/model/v1\", \"kind\": \"tree\"}"
            .write(toFile: fixture.path, atomically: true, encoding: .utf8)
        let wrong = await failure(options)
        #expect(wrong is ModelFileError)
        #expect(
            String(describing: wrong)
                == "cannot load the model \"\(fixture.path)\": kind: \"tree\" is not known; use linear or logistic"
        )
        options.modelFile = "/nowhere/model.json"
        let absent = await failure(options)
        #expect(absent is FileError)
        #expect(
            String(describing: absent) == "cannot read the model \"/nowhere/model.json\": No such file or directory"
        )
    }

    /// What a run that cannot start throws.
    func failure(_ options: ModelServerOptions) async -> any Error {
        struct NoFailure: Error {}
        do {
            try await ModelServerProgram.run(options, logger: .silent, clock: ManualClock(), stop: StopLatch())
            return NoFailure()
        } catch { return error }
    }

    // MARK: The program itself

    /// A running `model-server`.
    final class Program: Sendable {
        let log: Log
        private let process: ChildProcess

        init(_ arguments: [String]) throws {
            // Built beside the tests.
            let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            let program = tests.deletingLastPathComponent().appendingPathComponent("model-server")
            let log = Log()
            self.log = log
            process = try ChildProcess(.init(program.path, arguments, output: .lines { log.append($0) }))
        }

        func signal() { process.send(SIGTERM) }

        func status() async throws -> Int32 { try await process.exit().code }

        func port() async throws -> Int {
            let line = await log.line("listening")
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return try #require(object["port"] as? Int)
        }
    }

    @Test("on SIGTERM says not ready, serves on, and exits with 0")
    func terminates() async throws {
        let fixture = try Fixture()
        let program = try Program(
            ["--model-file", fixture.path, "--address", "127.0.0.1", "--port", "0", "--drain", "10s"])
        let port = try await program.port()
        _ = await program.log.line("model loaded")
        #expect(try await status(port, Self.ready) == 200)
        program.signal()
        _ = await program.log.line("draining")
        #expect(try await status(port, Self.ready) == 503)
        #expect(try await status(port, Fixture.infer) == 200)
        #expect(try await program.status() == 0)
        _ = await program.log.line("stopped")
    }

    @Test("a second SIGTERM ends it at once")
    func terminatesAtOnce() async throws {
        let fixture = try Fixture()
        let program = try Program(
            ["--model-file", fixture.path, "--address", "127.0.0.1", "--port", "0", "--drain", "1h"])
        _ = try await program.port()
        program.signal()
        _ = await program.log.line("draining")
        program.signal()
        #expect(try await program.status() == 128 + SIGTERM)
    }

    @Test("exits with 2 for a wrong command line, 1 for a model that is not there, 0 for help")
    func exits() async throws {
        #expect(try await Program(["--nonsense"]).status() == 2)
        #expect(try await Program(["--model-file", "/nowhere"]).status() == 1)
        #expect(try await Program(["--help"]).status() == 0)
    }
}
