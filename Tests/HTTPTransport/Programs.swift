import Foundation
import Processes
import Synchronization

/// A program that runs beside the tests until it is let go.
final class Program: Sendable {
    private let process: ChildProcess
    private let said: Said

    /// Starts a program of the search path.
    init(_ arguments: [String], in folder: URL? = nil, environment: [String: String] = [:]) throws {
        let said = Said()
        var settings = Self.settings(arguments, in: folder, environment: environment)
        settings.output = .parts { said.take($0) }
        self.said = said
        process = try ChildProcess(settings)
    }

    /// Runs a program to its end; nil if it is not there or fails.
    static func run(_ arguments: [String], in folder: URL, environment: [String: String] = [:]) async -> String? {
        let settings = settings(arguments, in: folder, environment: environment)
        guard let report = try? await ChildProcess.run(settings, timeLimit: .seconds(50)), report.exit.code == 0 else {
            return nil
        }
        return String(decoding: report.output, as: UTF8.self)
    }

    /// The rest of the line in which the program wrote a text; nil when it ended without.
    func line(after text: String) async -> String? { await said.line(after: text) }

    private static func settings(
        _ arguments: [String],
        in folder: URL?,
        environment: [String: String]
    ) -> ChildProcess.Settings {
        .init(
            arguments[0],
            Array(arguments.dropFirst()),
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            folder: folder?.path
        )
    }
}

/// What a program has said so far.
private final class Said: Sendable {
    private struct State {
        var output: [UInt8] = []
        var isOver = false
        var waiters: [(text: String, continuation: CheckedContinuation<String?, Never>)] = []
    }

    private let state = Mutex(State())

    func line(after text: String) async -> String? {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiters.append((text, continuation)) }
            answer()
        }
    }

    /// Takes a part; an empty one is the end.
    func take(_ part: [UInt8]) {
        state.withLock { state in
            if part.isEmpty { state.isOver = true }
            state.output += part
        }
        answer()
    }

    private func answer() {
        let ready = state.withLock { state -> [(CheckedContinuation<String?, Never>, String?)] in
            var ready: [(CheckedContinuation<String?, Never>, String?)] = []
            let text = String(decoding: state.output, as: UTF8.self)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            state.waiters.removeAll { waiter in
                if let line = lines.first(where: { $0.contains(waiter.text) }) {
                    ready.append((waiter.continuation, line.components(separatedBy: waiter.text).last))
                } else if state.isOver {
                    ready.append((waiter.continuation, nil))
                } else {
                    return false
                }
                return true
            }
            return ready
        }
        for (continuation, line) in ready { continuation.resume(returning: line) }
    }
}

/// An authority with a server's and a client's certificate, made by `openssl` for one test.
final class TestAuthority: Sendable {
    let folder: URL

    /// The name in the server's certificate.
    static let serverName = "model.test"

    /// Nil when there is no `openssl`.
    init?() async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("http-transport-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        let request = ["openssl", "req", "-x509"] + key
        let leaf = request + ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        let commands = [
            request + ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority"],
            request + ["-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=Another authority"],
            leaf + [
                "-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=\(Self.serverName)", "-addext",
                "subjectAltName=DNS:\(Self.serverName)",
            ],
            leaf + ["-keyout", "client.key", "-out", "client.pem", "-subj", "/CN=a client"],
        ]
        for command in commands {
            guard await Program.run(command, in: folder) != nil else {
                print("skipped: openssl cannot make certificates here")
                return nil
            }
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }  // a left folder harms nobody

    func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appendingPathComponent(name))) }
}
