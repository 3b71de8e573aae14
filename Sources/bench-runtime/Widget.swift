import ControllerRuntime
import JSON
import Kubernetes

/// The object of the benchmark, `widgets.bench.local/v1`, held as fields instead of a tree.
///
/// Its schema is closed, so that there are no other fields to keep.
struct Widget: TypedObject {
    static let resource = ResourceType(group: "bench.local", version: "v1", kind: "Widget", plural: "widgets")

    var metadata = ObjectMeta()
    var value = ""
    var note = ""
    /// The ``value`` that the status speaks of.
    var observed = ""
    var conditions: [Condition] = []

    /// Whether the status speaks of the specification as it is.
    var isSettled: Bool { observed == value }
}

extension Widget {
    init(from reader: inout JSONReader) throws(JSONError) {
        var widget = Widget()
        try reader.object { (key, reader) throws(JSONError) in
            if key.matches("metadata") {
                widget.metadata = try ObjectMeta(from: &reader)
            } else if key.matches("spec") {
                try widget.readSpec(from: &reader)
            } else if key.matches("status") {
                try widget.readStatus(from: &reader)
            } else {
                try reader.skip()
            }
        }
        self = widget
    }

    private mutating func readSpec(from reader: inout JSONReader) throws(JSONError) {
        try reader.object { (key, reader) throws(JSONError) in
            if key.matches("value") {
                value = try reader.string()
            } else if key.matches("note") {
                note = try reader.string()
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func readStatus(from reader: inout JSONReader) throws(JSONError) {
        try reader.object { (key, reader) throws(JSONError) in
            if key.matches("observed") {
                observed = try reader.string()
            } else if key.matches("conditions") {
                try reader.array { (reader) throws(JSONError) in conditions.append(try Condition(from: &reader)) }
            } else {
                try reader.skip()
            }
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("apiVersion", Self.resource.apiVersion)
            writer.member("kind", Self.resource.kind)
            writer.key("metadata")
            metadata.write(to: &writer)
            writer.member("spec", ["value": .string(value), "note": .string(note)])
            writer.member(
                "status",
                ["observed": .string(observed), "conditions": .array(conditions.map(\.value))]
            )
        }
    }
}

extension Condition {
    fileprivate init(from reader: inout JSONReader) throws(JSONError) {
        var condition = Condition("", .unknown, reason: "", observedGeneration: 0, at: Timestamp(microseconds: 0))
        try reader.object { (key, reader) throws(JSONError) in
            if key.matches("type") {
                condition.type = try reader.string()
            } else if key.matches("status") {
                condition.status = Status(rawValue: try reader.string()) ?? .unknown
            } else if key.matches("reason") {
                condition.reason = try reader.string()
            } else if key.matches("message") {
                condition.message = try reader.string()
            } else if key.matches("observedGeneration") {
                condition.observedGeneration = try reader.integer()
            } else if key.matches("lastTransitionTime") {
                condition.lastTransitionTime = try reader.timestamp()
            } else {
                try reader.skip()
            }
        }
        self = condition
    }
}
