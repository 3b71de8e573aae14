import JSON
import Kubernetes
import Synchronization
import Testing

@testable import EmbeddedAPI

/// A core on a clock that a test moves, and short ways to call it.
final class CoreFixture: Sendable {
    let core: APICore
    private let clock: Clock

    final class Clock: Sendable {
        private let now = Mutex(Timestamp(seconds: 1_790_000_000))
        var time: Timestamp { now.withLock { $0 } }
        func advance(_ duration: Duration) { now.withLock { $0 = $0 + duration } }
    }

    init(
        seed: UInt64 = 1,
        historyLimit: Int = 1000,
        folder: String? = nil,
        options: APICore.Options = .init()
    ) throws {
        let clock = Clock()
        self.clock = clock
        core = try APICore(
            wall: { clock.time },
            seed: seed,
            historyLimit: historyLimit,
            folder: folder,
            options: options
        )
    }

    var now: Timestamp { clock.time }
    func advance(_ duration: Duration) { clock.advance(duration) }

    /// A resource that is served, by its plural.
    func type(_ plural: String, _ group: String = "") throws -> ResourceType {
        try #require(core.definitions.first { $0.type.plural == plural && $0.type.group == group }).type
    }

    @discardableResult
    func call(
        _ verb: APICall.Verb,
        _ type: ResourceType,
        _ name: String = "",
        namespace: String? = nil,
        body: JSONValue? = nil,
        _ change: (inout APICall) -> Void = { _ in }
    ) throws(APIStatus) -> JSONValue {
        var call = APICall(verb, type)
        call.namespace = namespace ?? (type.isNamespaced ? "default" : "")
        call.name = name
        call.body = body
        change(&call)
        return try core.perform(call).body
    }

    @discardableResult
    func create(
        _ type: ResourceType,
        _ name: String,
        namespace: String? = nil,
        labels: JSONValue? = nil,
        _ rest: JSONValue = [:]
    ) throws(APIStatus) -> JSONValue {
        var object: JSONValue = [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "metadata": ["name": .string(name)],
        ]
        if let labels { object[path: ["metadata", "labels"]] = labels }
        for (key, value) in rest.object ?? [:] {
            if key == "metadata" {
                for (field, value) in value.object ?? [:] { object.setMeta(field, value) }
            } else {
                object[key] = value
            }
        }
        return try call(.create, type, namespace: namespace, body: object)
    }

    func get(_ type: ResourceType, _ name: String, namespace: String? = nil) throws(APIStatus) -> JSONValue {
        try call(.get, type, name, namespace: namespace)
    }

    func update(_ type: ResourceType, _ object: JSONValue, subresource: String? = nil) throws(APIStatus) -> JSONValue {
        try call(.update, type, object.name, namespace: object.namespace, body: object) { $0.subresource = subresource }
    }

    @discardableResult
    func merge(
        _ type: ResourceType,
        _ name: String,
        _ patch: JSONValue,
        subresource: String? = nil
    )
        throws(APIStatus) -> JSONValue
    {
        try call(.patch, type, name, body: patch) {
            $0.patchFormat = .merge
            $0.subresource = subresource
        }
    }

    func names(_ list: JSONValue) -> [String] { list["items"]?.array?.map(\.name) ?? [] }
}

/// The refusal that a call meets.
func refusal(_ body: () throws(APIStatus) -> Void, location: SourceLocation = #_sourceLocation) -> APIStatus {
    do {
        try body()
    } catch {
        return error
    }
    Issue.record("it was not refused", sourceLocation: location)
    return APIStatus(code: 0, reason: "", message: "")
}
