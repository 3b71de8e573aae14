import EmbeddedAPI
import Glibc
import JSON
import Kubernetes

/// Writes to a core with a data folder until it is killed, and says what it begins and what was acknowledged.
///
///     state-writer FOLDER SEED LOG-LIMIT-BYTES
///
/// Lines: `ready VERSION`; `do WRITER put|delete PLURAL NAME MARK` before a write; `did WRITER VERSION` after it, with 0
/// for the version of a removal. Each writer has objects of its own, so that it knows what its write leads to. What an
/// object holds follows from its mark, see ``content(_:)``.
@main
struct StateWriter {
    private static let writers = 4
    private static let objects = 6

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let seed = UInt64(arguments[2]), let limit = Int(arguments[3]) else { exit(2) }
        var options = APICore.Options()
        options.logLimitBytes = limit
        let core = try APICore(wall: { Timestamp(seconds: 1_790_000_000) }, folder: arguments[1], options: options)
        say("ready \(core.version)")
        for writer in 0..<writers { Writer(core, writer, seed).start() }
        while true { pause() }
    }

    /// One line is one `write(2)`, so that lines neither mix nor wait in a buffer.
    static func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        if write(STDOUT_FILENO, bytes, bytes.count) != bytes.count { exit(1) }
    }

    /// One thread's part.
    private final class Writer: Sendable {
        private let core: APICore
        private let number: Int
        private let seed: UInt64

        init(_ core: APICore, _ number: Int, _ seed: UInt64) {
            self.core = core
            self.number = number
            self.seed = seed
        }

        /// Outside of `main`, whose closures belong to the main thread.
        func start() {
            var thread = pthread_t()
            let error = pthread_create(
                &thread,
                nil,
                { raw in
                    if let raw { Unmanaged<Writer>.fromOpaque(raw).takeRetainedValue().run() }
                    return nil
                },
                Unmanaged.passRetained(self).toOpaque()
            )
            if error != 0 { exit(1) }
        }

        private func run() {
            // The multiplier and increment of D. Knuth's MMIX; its high bits are chance enough.
            var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(number)
            func draw(_ bound: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % bound
            }
            let type =
                number == 0
                ? ResourceType(group: "x.io", version: "v1", kind: "Apple", plural: "apples") : .configMap
            do throws(APIStatus) {
                while true {
                    try step(type, name: "w\(number)-\(draw(objects))", choice: draw(4), mark: draw(1_000_000))
                }
            } catch {
                say("refused \(number) \(error.message)")
                exit(1)
            }
        }

        private func step(_ type: ResourceType, name: String, choice: Int, mark: Int) throws(APIStatus) {
            let key = ObjectKey(namespace: "default", name: name)
            let there = core.get(type, key)
            let isThere = there != nil
            var call = APICall(.delete, type, key)
            if isThere && choice == 0 {
                say("do \(number) delete \(type.plural) \(name) \(mark)")
                _ = try core.perform(call)
                say("did \(number) 0")
                return
            }
            call.verb = !isThere ? .create : choice == 1 ? .patch : .update
            if call.verb == .patch { call.patchFormat = .merge }
            if call.verb == .create { call.name = "" }
            call.body = [
                "apiVersion": .string(type.apiVersion), "kind": .string(type.kind),
                "metadata": ["name": .string(name)], "data": content(mark),
            ]
            // Custom resources are updated at a version only.
            if call.verb == .update {
                call.body?[path: ["metadata", "resourceVersion"]] = there?[path: ["metadata", "resourceVersion"]]
            }
            say("do \(number) put \(type.plural) \(name) \(mark)")
            let object = try core.perform(call).body
            say("did \(number) \(object["metadata"]?["resourceVersion"]?.string ?? "")")
        }
    }

    /// A mark, and text of up to 4,000 bytes that follows from it.
    private static func content(_ mark: Int) -> JSONValue {
        ["mark": .string("\(mark)"), "fill": .string(String(repeating: "\(mark % 10)", count: mark % 4001))]
    }
}
