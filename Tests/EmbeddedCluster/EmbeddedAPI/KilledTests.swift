import Foundation
import JSON
import Kubernetes
import Processes
import Testing

@testable import EmbeddedAPI

/// A program that writes is killed again and again, always over the same folder.
@Suite("The state on disk after SIGKILL", .timeLimit(.minutes(2)))
final class KilledTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/state-\(UUID().uuidString)"
    private static let apple = ResourceType(group: "x.io", version: "v1", kind: "Apple", plural: "apples")

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// What is known of an object.
    private struct Known: Equatable {
        var mark: String
        var version: Int
    }

    private typealias Objects = [String: Known]

    /// What the killed program had said.
    private struct Told {
        /// What must be there: everything acknowledged, over what was there before.
        var objects: Objects
        /// By object, what a write that was under way leads to; a nil mark for a removal.
        var pending: [String: String?] = [:]
        var versions: [Int] = []
        var acknowledged = 0
        var start: Int?

        private var begun: [Substring: (object: String, mark: String?)] = [:]

        init(_ objects: Objects) { self.objects = objects }

        mutating func take(_ line: String) throws {
            let words = line.split(separator: " ")
            switch words.first {
            case "ready":
                start = Int(words[1])
            case "do":
                let object = "\(words[3])/\(words[4])"
                let mark = words[2] == "put" ? String(words[5]) : nil
                begun[words[1]] = (object, mark)
                pending.updateValue(mark, forKey: object)
            case "did":
                let write = begun.removeValue(forKey: words[1])
                let (object, mark) = try #require(write)
                let version = try #require(Int(words[2]))
                objects[object] = mark.map { Known(mark: $0, version: version) }
                pending.removeValue(forKey: object)
                if mark != nil { versions.append(version) }
                acknowledged += 1
            default:
                Issue.record("the program says \(line)")
            }
        }
    }

    @Test(
        "every acknowledged write is there with its version, and nothing is half there",
        arguments: [1, 2, 3, 4] as [UInt64]
    )
    func killed(seed: UInt64) async throws {
        var chance = Chance(seed: seed)
        try define()
        var (objects, version) = try reopen().objects()
        var acknowledged = 0
        var pending = 0
        for round in 0..<25 {
            let told = try await write(objects, seed: seed &* 1000 &+ UInt64(round), &chance)
            let found = try reopen()
            let now = try found.objects()
            let note: Comment = "seed \(seed), round \(round)"
            if let start = told.start { #expect(start == version, note) }
            #expect(told.versions.allSatisfy { version < $0 && $0 <= now.version }, note)
            #expect(Set(told.versions).count == told.versions.count, note)
            for object in Set(told.objects.keys).union(now.objects.keys) {
                let there = now.objects[object]
                guard there != told.objects[object] else { continue }
                // Only a write that nobody has heard of may make the difference, and only as a whole.
                guard let mark = told.pending[object] else {
                    Issue.record("\(object) is lost or changed: \(note)")
                    continue
                }
                #expect(there?.mark == mark && there?.version ?? .max > version, note)
                pending += 1
            }
            try checkChanges(found.core, from: objects, after: version, to: now.objects, note)
            (objects, version) = now
            acknowledged += told.acknowledged
        }
        // It did write, and it was killed at it.
        #expect(acknowledged > 100)
        #expect(pending > 0)
    }

    /// Has the program write until it is killed, after so many acknowledgements as chance says and a bit.
    private func write(_ objects: Objects, seed: UInt64, _ chance: inout Chance) async throws -> Told {
        let goal = Int.random(in: 0..<30, using: &chance)
        // The moment is what varies here: nothing is waited for.
        let moment = Duration.microseconds(Int.random(in: 0..<(goal == 0 ? 60_000 : 4000), using: &chance))
        let (lines, feed) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .unbounded)
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let program = try ChildProcess(
            .init(
                tests.deletingLastPathComponent().appendingPathComponent("state-writer").path,
                // A snapshot every dozen writes, so that many are killed at it.
                [folder, "\(seed)", "30000"],
                output: .lines { feed.yield($0) }
            )
        )
        let end = Task {
            defer { feed.finish() }
            return try await program.exit()
        }
        var told = Told(objects)
        var isKilled = false
        if goal == 0 {
            try await Task.sleep(for: moment)
            isKilled = program.send(SIGKILL)
        }
        for await line in lines {
            try told.take(line)
            guard told.acknowledged == goal, !isKilled else { continue }
            try await Task.sleep(for: moment)
            isKilled = program.send(SIGKILL)
        }
        #expect(try await end.value.status == .signalled(SIGKILL))
        return told
    }

    /// The changes since the kill before lead from what was there then to what is there now, or are refused with 410.
    private func checkChanges(
        _ core: APICore,
        from before: Objects,
        after version: Int,
        to now: Objects,
        _ note: Comment
    ) throws {
        let changes: [Change]
        do throws(APIStatus) { changes = try core.changes(after: version, limit: 100_000) } catch {
            #expect(error.code == 410 && core.oldestVersion > version, note)
            return
        }
        #expect(changes.map(\.version) == Array(version..<core.version).map { $0 + 1 }, note)
        var objects = before
        for change in changes {
            let object = "\(change.resource.plural)/\(change.key.name)"
            #expect(change.old?["data"]?["mark"]?.string == objects[object]?.mark, note)
            objects[object] = try change.new.map { try Self.known($0) }
        }
        #expect(objects == now, note)
    }

    private struct Reopened {
        var core: APICore

        func objects() throws -> (objects: Objects, version: Int) {
            var objects: Objects = [:]
            for type in [ResourceType.configMap, KilledTests.apple] {
                for object in core.list(type) {
                    objects["\(type.plural)/\(object.name)"] = try KilledTests.known(object)
                }
            }
            return (objects, core.version)
        }
    }

    /// - Throws: When an object is not whole.
    private static func known(_ object: JSONValue) throws -> Known {
        let mark = try #require(object["data"]?["mark"]?.string)
        let number = try #require(Int(mark))
        #expect(object["data"]?["fill"]?.string == String(repeating: "\(number % 10)", count: number % 4001))
        return Known(mark: mark, version: try #require(Int(object.resourceVersion)))
    }

    private func reopen() throws -> Reopened {
        Reopened(core: try APICore(wall: { Timestamp(seconds: 1_790_000_000) }, folder: folder))
    }

    /// Custom resources that a snapshot holds before their definition.
    private func define() throws {
        var definition = CustomResourceTests.definition("apples", kind: "Apple")
        definition[path: ["spec", "versions"]] = [
            [
                "name": "v1", "served": true, "storage": true,
                "schema": ["openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
            ]
        ]
        var call = APICall(.create, .customResourceDefinition)
        call.body = definition
        _ = try reopen().core.perform(call)
    }
}
