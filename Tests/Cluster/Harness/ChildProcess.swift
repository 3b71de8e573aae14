import Foundation
import Glibc
import TestSupport

/// A program that runs beside the tests, with its output in a file; it is killed when it is let go.
final class ChildProcess: Sendable {
    private let process = Process()
    private let ended = Latch()

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - arguments: The program, found along the search path unless it is a path, and its arguments.
    ///   - environment: Added to that of the tests.
    ///   - input: The file that it reads from; none when nil.
    ///   - output: The file that standard output is appended to.
    ///   - errors: The same for standard error.
    init(
        _ arguments: [String],
        environment: [String: String] = [:],
        input: URL? = nil,
        output: URL,
        errors: URL
    ) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = try input.map(FileHandle.init(forReadingFrom:)) ?? FileHandle.nullDevice
        process.standardOutput = try Self.appending(to: output)
        process.standardError = try Self.appending(to: errors)
        process.terminationHandler = { [ended] _ in ended.signal() }
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Whether it still runs.
    var isRunning: Bool { process.isRunning }

    /// Sends a signal.
    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for its end; what the status means is `waitpid`'s business, 0 is success.
    func exit() async -> Int32 {
        // Foundation now and then misses the end of one of many processes; the kernel does not.
        let watch = Task { [ended, identifier = process.processIdentifier] in
            while ended.count == 0, Self.isAlive(identifier) { try await Task.sleep(for: .milliseconds(200)) }
            try await Task.sleep(for: .seconds(1))
            ended.signal()
        }
        await ended.wait()
        watch.cancel()
        return process.isRunning ? -1 : process.terminationStatus
    }

    /// Whether a process is there and has not ended; one that has ended stays as a zombie until it is asked about.
    private static func isAlive(_ identifier: Int32) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
            let state = text[(text.lastIndex(of: ")") ?? text.startIndex)...].dropFirst(2).first
        else { return false }
        return state != "Z" && state != "X"
    }

    private static func appending(to file: URL) throws -> FileHandle {
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw HarnessError("cannot write \"\(file.path)\": error \(errno)") }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
}

/// What went wrong in the harness, or what was waited for in vain.
struct HarnessError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A program that is run to its end.
enum Command {
    /// What a program said.
    struct Output: Sendable {
        var status: Int32
        var text: String
        var errors: String
    }

    /// Runs a program and returns what it printed.
    ///
    /// - Parameters:
    ///   - input: What it reads from standard input.
    ///   - limit: How long it may take; then it is killed.
    /// - Throws: ``HarnessError`` when it fails, with its errors.
    @discardableResult
    static func run(_ arguments: [String], input: String? = nil, limit: Duration = .seconds(30)) async throws -> String
    {
        let output = try await attempt(arguments, input: input, limit: limit)
        guard output.status == 0 else {
            throw HarnessError("\(arguments.joined(separator: " ")) failed (\(output.status)): \(output.errors)")
        }
        return output.text
    }

    /// Runs a program, whatever its exit status.
    static func attempt(
        _ arguments: [String],
        input: String? = nil,
        limit: Duration = .seconds(30)
    ) async throws
        -> Output
    {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let files = (folder.appending(path: "out"), folder.appending(path: "errors"), folder.appending(path: "in"))
        if let input { try Data(input.utf8).write(to: files.2) }
        let child = try ChildProcess(
            arguments,
            input: input == nil ? nil : files.2,
            output: files.0,
            errors: files.1
        )
        let watchdog = Task {
            try await Task.sleep(for: limit)
            child.send(SIGKILL)
        }
        let status = await child.exit()
        watchdog.cancel()
        return Output(
            status: status,
            text: String(decoding: try Data(contentsOf: files.0), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: files.1), as: UTF8.self)
        )
    }

    /// A new folder of this test run alone.
    static func temporaryFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "homeostat-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Removes a folder; one that stays behind in the system's temporary folder is no failure of the test.
    static func remove(_ folder: URL) { try? FileManager.default.removeItem(at: folder) }
}
