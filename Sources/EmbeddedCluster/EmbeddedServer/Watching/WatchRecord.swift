import EmbeddedAPI
import JSON
import Kubernetes
import Synchronization

/// How the objects of a watch are written.
struct WatchFormat: Sendable, Hashable {
    /// The version that is served.
    var type: ResourceType
    var format: AnswerFormat
    var includeObject: TableMaker.IncludeObject
}

/// A change with the bytes that watchers are sent, each made once for all of them.
final class WatchRecord: Sendable {
    private struct Form: Hashable {
        var format: WatchFormat
        var isLast: Bool
    }

    let change: Change
    private let encoded = Mutex<[Form: [UInt8]]>([:])

    init(_ change: Change) { self.change = change }

    /// The object after the change.
    ///
    /// - Parameter isLast: The object before it instead, at the version of the change, for those who see it no more.
    func object(isLast: Bool, _ encoder: WatchEncoder) -> [UInt8] {
        let form = Form(format: encoder.format, isLast: isLast)
        if let known = encoded.withLock({ $0[form] }) { return known }
        // Made outside the lock: two watchers may both make it, which costs less than one waiting for the other.
        let bytes = encoder.bytes(stored: stored(isLast: isLast), hasHeader: false)
        encoded.withLock { $0[form] = bytes }
        return bytes
    }

    /// The object as it is stored; see ``object(isLast:_:)``.
    func stored(isLast: Bool) -> JSONValue {
        var object = (isLast ? change.old : change.new) ?? [:]
        if isLast { object[path: ["metadata", "resourceVersion"]] = .string(String(change.version)) }
        return object
    }
}

/// Writes objects as a watch has them.
struct WatchEncoder: Sendable {
    let definition: ResourceDefinition
    let format: WatchFormat
    private let now: @Sendable () -> Timestamp

    init(_ definition: ResourceDefinition, _ format: WatchFormat, now: @escaping @Sendable () -> Timestamp) {
        self.definition = definition
        self.format = format
        self.now = now
    }

    /// An object as it is stored.
    func bytes(stored object: JSONValue, hasHeader: Bool) -> [UInt8] {
        bytes(served: definition.fromStored(object), hasHeader: hasHeader)
    }

    /// An object in the version that is served.
    func bytes(served object: JSONValue, hasHeader: Bool) -> [UInt8] {
        var object = object
        object["apiVersion"] = .string(definition.type.apiVersion)
        object["kind"] = .string(definition.type.kind)
        switch format.format.shape {
        case .object: return object.bytes()
        case .partial: return TableMaker.partial(object, version: format.format.version).bytes()
        case .table: return table.table(object, hasHeader: hasHeader).bytes()
        }
    }

    /// What a bookmark holds.
    func bookmark(at version: Int, isInitialEventsEnd: Bool) -> [UInt8] {
        var metadata: JSONValue = ["resourceVersion": .string(String(version)), "creationTimestamp": nil]
        if isInitialEventsEnd { metadata["annotations"] = ["k8s.io/initial-events-end": "true"] }
        if format.format.shape == .table {
            return table.table(rows: [], metadata: metadata, hasHeader: false).bytes()
        }
        return bytes(served: ["metadata": metadata], hasHeader: false)
    }

    /// A whole line of the stream.
    static func event(_ type: String, _ object: [UInt8]) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(object.count + 40)
        line.append(contentsOf: "{\"type\":\"\(type)\",\"object\":".utf8)
        line.append(contentsOf: object)
        line.append(contentsOf: "}\n".utf8)
        return line
    }

    private var table: TableMaker {
        TableMaker(definition, version: format.format.version, includeObject: format.includeObject, now: now())
    }
}
