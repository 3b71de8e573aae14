import EmbeddedServer
import Foundation
import Glibc
import Processes
import Testing

/// Runs kubectl against a server, each test with a folder of its own.
final class Kubectl: Sendable {
    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// Where kubectl is, `HOMEOSTAT_KUBECTL` or the first on the search path; nil on machines without it.
    static let path: String? = {
        let environment = ProcessInfo.processInfo.environment
        let places = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/kubectl" }
        return ([environment["HOMEOSTAT_KUBECTL"]].compactMap(\.self) + places).first { access($0, X_OK) == 0 }
    }()

    private let folder: String

    init(_ server: EmbeddedServer, kubeconfig: String? = nil) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("kubectl-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try (kubeconfig ?? server.kubeconfig).write(toFile: folder + "/config", atomically: true, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Runs it to its end.
    func callAsFunction(_ arguments: String..., input: String = "") async throws -> Result {
        try await run(arguments, input: input)
    }

    /// Runs it and expects success.
    func succeed(
        _ arguments: String...,
        input: String = "",
        _ location: SourceLocation = #_sourceLocation
    )
        async throws -> String
    {
        let result = try await run(arguments, input: input)
        #expect(result.status == 0, "kubectl \(arguments): \(result.errors)", sourceLocation: location)
        return result.output
    }

    func run(_ arguments: [String], input: String = "") async throws -> Result {
        let file = "\(folder)/\(UUID().uuidString)"
        try input.write(toFile: file, atomically: false, encoding: .utf8)
        let report = try await ChildProcess.run(
            ChildProcess.Settings(
                Self.path ?? "kubectl",
                ["--kubeconfig", folder + "/config", "--cache-dir", folder + "/cache"] + arguments,
                environment: ["HOME": folder, "PATH": "/usr/bin:/bin", "KUBECTL_EXTERNAL_DIFF": "diff -u"],
                input: .file(file)
            ),
            timeLimit: .seconds(50)
        )
        return Result(
            status: report.exit.code,
            output: String(decoding: report.output, as: UTF8.self),
            errors: String(decoding: report.errors, as: UTF8.self)
        )
    }
}
