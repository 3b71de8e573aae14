import FoundationEssentials
import Processes
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#endif

@testable import ProcessRuntime

@Suite("Processes that nobody looks after", .timeLimit(.minutes(1)))
struct OrphanTests {
    @Test("are killed at the next start when their record still fits them, and only then") func stale() async throws {
        let folder = NodeHarness.temporaryFolder()
        defer { Files.remove(folder) }
        try Files.makeFolder(folder)
        let stale = try ChildProcess(.init("sleep", ["600"]))
        let other = try ChildProcess(.init("sleep", ["600"]))
        let identity = try #require(ProcessTable.identity(stale.id))
        try Files.replace("\(folder)/\(stale.id)", Array(identity.utf8))
        try Files.replace("\(folder)/\(other.id)", Array("another machine/1".utf8))
        _ = try ProcessKeeper(records: folder)
        #expect(try await stale.exit().status == .signalled(SIGKILL))
        #expect(other.isRunning)
        #expect(Files.names(in: folder).isEmpty)
    }

    @Test("are killed with all that they started when this program ends in whatever way") func guardian() async throws {
        let folder = NodeHarness.temporaryFolder()
        defer { Files.remove(folder) }
        let said = Box<String>()
        let keeper = try ProcessKeeper(records: folder)
        let child = try keeper.start(
            .init(
                "/bin/sh",
                ["-c", "sleep 600 & echo up; wait"],
                environment: ["PATH": "/usr/bin:/bin"],
                output: .lines { said.add($0) }
            )
        )
        await said.wait(for: 1)
        #expect(said.values == ["up"])
        // As the kernel does when the program is killed.
        keeper.abandon()
        #expect(try await child.exit().status == .signalled(SIGKILL))
        withExtendedLifetime(keeper) {}
    }
}
