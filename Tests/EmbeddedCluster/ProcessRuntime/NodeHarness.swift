import EmbeddedAPI
import EmbeddedControllers
import FoundationEssentials
import JSON
import Kubernetes
import Testing

#if canImport(Glibc)
import Glibc
#endif

@testable import ProcessRuntime

/// An API with one node that runs pods as real processes.
final class NodeHarness: Sendable {
    let core: APICore
    let runtime: ProcessRuntime
    let folder: String
    private let task: Task<Void, any Error>

    init(
        images: ImageTable = .standard(modelServer: nil),
        clock: any Clock<Duration> = ContinuousClock(),
        folder: String = NodeHarness.temporaryFolder(),
        core: APICore? = nil
    ) throws {
        let wall: @Sendable () -> Timestamp = { Timestamp(seconds: Date().timeIntervalSince1970) }
        let core = try core ?? APICore(wall: wall)
        self.core = core
        self.folder = folder
        var options = ProcessRuntime.Options(folder: folder, images: images)
        // Tests run side by side on one machine.
        options.podRange = "127.\(Int.random(in: 128...250)).\(Int.random(in: 0...255)).0/24"
        options.environment = ["PATH": "/usr/bin:/bin"]
        let runtime = try ProcessRuntime(Cluster(core: core), options, wall: wall, clock: clock)
        self.runtime = runtime
        task = Task { try await runtime.run() }
    }

    static func temporaryFolder() -> String { "/tmp/homeostat-node-\(UUID().uuidString)" }

    /// Ends the node and all of its processes.
    func stop(keepsFolder: Bool = false) async {
        task.cancel()
        _ = await task.result
        if !keepsFolder { Files.remove(folder) }
    }

    static func with(
        images: ImageTable = .standard(modelServer: nil),
        clock: any Clock<Duration> = ContinuousClock(),
        _ body: (NodeHarness) async throws -> Void
    ) async throws {
        let node = try NodeHarness(images: images, clock: clock)
        do { try await body(node) } catch {
            await node.stop()
            throw error
        }
        await node.stop()
    }

    @discardableResult
    func create(_ resource: ResourceType, _ object: JSONValue) throws -> JSONValue {
        var call = APICall(.create, resource, ObjectKey(namespace: "default", name: ""))
        call.body = object
        return try core.perform(call).body
    }

    /// A pod of one container on the node.
    func pod(
        _ name: String,
        image: String = "sh",
        args: [JSONValue] = [],
        container: JSONObject = [:],
        spec: JSONObject = [:]
    ) throws {
        var fields = container
        fields["name"] = "main"
        fields["image"] = .string(image)
        if !args.isEmpty { fields["args"] = .array(args) }
        var whole = spec
        whole["nodeName"] = "local"
        whole["containers"] = [.object(fields)]
        try create(.pod, ["metadata": ["name": .string(name)], "spec": .object(whole)])
    }

    func delete(_ resource: ResourceType, _ name: String, graceSeconds: Int? = nil) throws {
        var call = APICall(.delete, resource, ObjectKey(namespace: "default", name: name))
        call.gracePeriodSeconds = graceSeconds
        _ = try core.perform(call)
    }

    /// Waits until the API's objects answer a question.
    func until<Answer: Sendable>(_ ask: (APICore) -> Answer?) async throws -> Answer {
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = core.onChange { wake.yield() }
        defer { core.removeOnChange(id) }
        if let answer = ask(core) { return answer }
        for await _ in wakes { if let answer = ask(core) { return answer } }
        throw CancellationError()
    }

    /// The status of a pod once it answers a question with yes.
    @discardableResult
    func status(_ name: String, _ isReached: (JSONValue) -> Bool) async throws -> JSONValue {
        try await until { core -> JSONValue? in
            // A plain nil would be the value null.
            guard let pod = core.get(.pod, ObjectKey(namespace: "default", name: name)), isReached(pod.status) else {
                return .none
            }
            return pod.status
        }
    }

    func log(_ name: String, _ change: (inout LogRequest) -> Void = { _ in }) async throws -> String {
        var request = LogRequest(container: "main")
        change(&request)
        let write = try await runtime.log(ObjectKey(namespace: "default", name: name), request)
        let parts = Parts()
        try await write { await parts.add($0) }
        return await parts.text
    }

    func podFolder(_ name: String) -> String {
        let pod = core.get(.pod, ObjectKey(namespace: "default", name: name))
        return "\(folder)/pods/\(pod?.uid ?? "none")"
    }

    /// Makes an empty file.
    func touch(_ path: String) {
        do throws(FileFailure) { try Files.replace(path, []) } catch { Issue.record("\(error)") }
    }

    func events(_ name: String) -> [String] {
        core.list(ResourceType(version: "v1", kind: "Event", plural: "events"))
            .filter { $0[path: ["involvedObject", "name"]]?.string == name }
            .map { "\($0["reason"]?.string ?? "") \($0["message"]?.string ?? "")" }
    }
}

private actor Parts {
    private var bytes: [UInt8] = []
    func add(_ part: [UInt8]) { bytes += part }
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension JSONValue {
    /// The first container's entry of a pod's status.
    var main: JSONValue { self["containerStatuses"]?[0] ?? [:] }
    var isReadyPodStatus: Bool {
        (self["conditions"]?.array ?? []).contains { $0["type"] == "Ready" && $0["status"] == "True" }
    }
}
