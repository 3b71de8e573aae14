import Foundation
import JSON
import Kubernetes
import Testing

@testable import EmbeddedAPI

@Suite("The state on disk")
final class PersistenceTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/state-\(UUID().uuidString)"

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func log() throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("log-") }
        return try folder + "/" + #require(names.max())
    }

    @Test("a restart goes on with the objects, the versions and the changes that were there")
    func restart() throws {
        var uids: [String] = []
        var version = 0
        do {
            let cluster = try CoreFixture(folder: folder)
            uids.append(try cluster.create(.configMap, "a", ["data": ["k": "v"]]).uid)
            try cluster.create(.configMap, "b")
            try cluster.call(.delete, .configMap, "b")
            try cluster.create(.service, "s", ["spec": ["clusterIP": "127.96.0.9", "ports": [["port": 1]]]])
            try cluster.call(.create, .customResourceDefinition, body: CustomResourceTests.definition())
            version = cluster.core.version
        }
        let cluster = try CoreFixture(folder: folder)
        #expect(cluster.core.version == version)
        #expect(try cluster.get(.configMap, "a")["data"] == ["k": "v"])
        #expect(cluster.core.definition(group: "x.io", version: "v1", plural: "foos") != nil)
        let changes = try cluster.core.changes(after: version - 3)
        #expect(changes.map(\.key.name) == ["b", "s", "foos.x.io"])
        #expect(changes[0].old?.name == "b" && changes[0].new == nil)
        let taken = refusal { () throws(APIStatus) in
            try cluster.create(.service, "t", ["spec": ["clusterIP": "127.96.0.9", "ports": [["port": 1]]]])
        }
        #expect(taken.message.hasSuffix("provided IP is already allocated"))
        uids.append(try cluster.create(.configMap, "c").uid)
        #expect(Set(uids).count == 2)
        #expect(cluster.core.version == version + 1)
    }

    @Test("a torn end is cut off, and what stands before it stays")
    func torn() throws {
        do {
            let cluster = try CoreFixture(folder: folder)
            try cluster.create(.configMap, "a")
            try cluster.create(.configMap, "b")
        }
        let path = try log()
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for cut in [1, 5, 40] {
            try whole.dropLast(cut).write(to: URL(fileURLWithPath: path))
            let cluster = try CoreFixture(folder: folder)
            #expect(cluster.names(try cluster.call(.list, .configMap)) == ["a"])
            try cluster.create(.configMap, "c\(cut)")
            try cluster.call(.delete, .configMap, "c\(cut)")
        }
        var changed = whole
        changed[changed.count - 3] ^= 1
        try changed.write(to: URL(fileURLWithPath: path))
        let cluster = try CoreFixture(folder: folder)
        #expect(cluster.names(try cluster.call(.list, .configMap)) == ["a"])
    }

    @Test("snapshots take the place of logs, and versions go on")
    func snapshots() throws {
        var options = APICore.Options()
        options.logLimitBytes = 4000
        var version = 0
        do {
            let cluster = try CoreFixture(folder: folder, options: options)
            for index in 0..<40 { try cluster.create(.configMap, "c\(index)", ["data": ["k": .string("\(index)")]]) }
            for index in 0..<10 { try cluster.call(.delete, .configMap, "c\(index)") }
            version = cluster.core.version
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(files.contains("snapshot"))
        #expect(files.count { $0.hasPrefix("log-") } == 1)
        let cluster = try CoreFixture(folder: folder, options: options)
        #expect(cluster.core.version == version)
        #expect(try cluster.call(.list, .configMap)["items"]?.array?.count == 30)
        #expect(try cluster.get(.configMap, "c11")["data"] == ["k": "11"])
        let status = refusal { () throws(APIStatus) in _ = try cluster.core.changes(after: 1) }
        #expect(status.code == 410)
    }

    @Test("a snapshot that was not finished leaves the one before it in force")
    func unfinished() throws {
        do {
            let cluster = try CoreFixture(folder: folder)
            try cluster.create(.configMap, "a")
        }
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder + "/snapshot.new"))
        let cluster = try CoreFixture(folder: folder)
        #expect(cluster.names(try cluster.call(.list, .configMap)) == ["a"])
    }

    @Test("a folder that is in use is refused")
    func inUse() throws {
        let cluster = try CoreFixture(folder: folder)
        #expect(throws: StorageFailure.self) { _ = try CoreFixture(folder: self.folder) }
        #expect(cluster.core.version > 0)
    }

    @Test("writers side by side are all kept, each with a version of its own")
    func parallel() async throws {
        do {
            let cluster = try CoreFixture(folder: folder)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    group.addTask { try cluster.create(.configMap, "c\(index)") }
                }
                try await group.waitForAll()
            }
        }
        let cluster = try CoreFixture(folder: folder)
        let versions = cluster.core.list(.configMap).map(\.resourceVersion)
        #expect(Set(versions).count == 20)
    }

    @Test("others write on while a snapshot is written, and nobody once it could not be", .timeLimit(.minutes(1)))
    func stalledSnapshot() async throws {
        var options = APICore.Options()
        options.logLimitBytes = 20_000
        let cluster = try CoreFixture(folder: folder, options: options)
        // A pipe blocks who opens it until somebody reads, and can then not be cut to a length.
        let path = folder + "/snapshot.new"
        #expect(mkfifo(path, 0o600) == 0)
        let before = cluster.core.version
        let (refused, answer) = AsyncStream.makeStream(of: Int?.self, bufferingPolicy: .unbounded)
        let saving = Thread {
            do throws(APIStatus) {
                try cluster.create(.configMap, "long", ["data": ["k": .string(String(repeating: "v", count: 20_000))]])
                answer.yield(nil)
            } catch { answer.yield(error.code) }
            answer.finish()
        }
        saving.start()
        while cluster.core.version == before { await Task.yield() }
        for index in 0..<20 { try cluster.create(.configMap, "c\(index)") }
        #expect(cluster.core.version == before + 21)

        let pipe = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(pipe) }
        for await code in refused { #expect(code == 500) }
        let status = refusal { () throws(APIStatus) in try cluster.create(.configMap, "d") }
        #expect(status.code == 500 && status.message.contains("snapshot.new"))
        #expect(cluster.names(try cluster.call(.list, .configMap)).count == 21)
    }

    @Test("a log whose changes do not follow on those before it is refused, not forgotten")
    func gap() throws {
        do {
            let cluster = try CoreFixture(folder: folder)
            try cluster.create(.configMap, "a")
            try Data().write(to: URL(fileURLWithPath: folder + "/log-\(cluster.core.version)"))
        }
        _ = try CoreFixture(folder: folder)
        let first = folder + "/log-0"
        try Data(contentsOf: URL(fileURLWithPath: first)).dropLast(1).write(to: URL(fileURLWithPath: first))
        #expect(throws: StorageFailure.self) { _ = try CoreFixture(folder: self.folder) }
    }

    @Test("zeros at the end of a log are cut off as a torn record is")
    func zeros() throws {
        do { try CoreFixture(folder: folder).create(.configMap, "a") }
        let path = try log()
        try (Data(contentsOf: URL(fileURLWithPath: path)) + Data(count: 4096)).write(to: URL(fileURLWithPath: path))
        let cluster = try CoreFixture(folder: folder)
        #expect(cluster.names(try cluster.call(.list, .configMap)) == ["a"])
    }
}
