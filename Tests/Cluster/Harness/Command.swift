import Foundation
import Glibc
import Processes

extension ChildProcess {
    /// Starts a program with the environment of the tests.
    ///
    /// - Parameters:
    ///   - arguments: The program, found along the search path unless it is a path, and its arguments.
    ///   - output: The file that standard output and standard error are appended to.
    convenience init(_ arguments: [String], output: URL) throws {
        try self.init(Command.settings(arguments, output: .file(output.path)))
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
        let file = folder.appending(path: "in")
        if let input { try Data(input.utf8).write(to: file) }
        let settings = settings(arguments, input: input == nil ? .null : .file(file.path))
        let report = try await ChildProcess.run(settings, timeLimit: limit, limitBytes: 256 << 20)
        return Output(
            status: report.exit.code,
            text: String(decoding: report.output, as: UTF8.self),
            errors: String(decoding: report.errors, as: UTF8.self)
        )
    }

    /// A program with the environment of the tests.
    static func settings(
        _ arguments: [String],
        input: ChildProcess.Input = .null,
        output: ChildProcess.Output = .null
    ) -> ChildProcess.Settings {
        .init(
            arguments[0],
            Array(arguments.dropFirst()),
            environment: ProcessInfo.processInfo.environment,
            input: input,
            output: output
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
