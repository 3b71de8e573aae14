import Foundation
import Synchronization

/// A program that runs beside the tests until it is let go.
final class Program: Sendable {
    private struct State {
        var output = ""
        var isOver = false
        var waiters: [(text: String, continuation: CheckedContinuation<String?, Never>)] = []
    }

    private let process = Process()
    private let state = Mutex(State())

    /// Starts a program of the search path.
    init(_ arguments: [String], in folder: URL? = nil, environment: [String: String] = [:]) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        onThread { [weak self] in
            while true {
                let data = output.fileHandleForReading.availableData
                self?.take(data)
                if data.isEmpty { break }
            }
        }
    }

    deinit { process.terminate() }

    /// Runs a program to its end; nil if it is not there or fails.
    static func run(_ arguments: [String], in folder: URL, environment: [String: String] = [:]) async -> String? {
        guard let program = try? Program(arguments, in: folder, environment: environment) else { return nil }
        _ = await program.line(after: "\u{0}")
        program.process.waitUntilExit()
        return program.process.terminationStatus == 0 ? program.state.withLock { $0.output } : nil
    }

    /// The rest of the line in which the program wrote a text; nil when it ended without.
    func line(after text: String) async -> String? {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiters.append((text, continuation)) }
            answer()
        }
    }

    private func take(_ data: Data) {
        state.withLock { state in
            if data.isEmpty { state.isOver = true }
            state.output += String(decoding: data, as: UTF8.self)
        }
        answer()
    }

    private func answer() {
        let ready = state.withLock { state -> [(CheckedContinuation<String?, Never>, String?)] in
            var ready: [(CheckedContinuation<String?, Never>, String?)] = []
            state.waiters.removeAll { waiter in
                let lines = state.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
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
