import JSON
import Kubernetes

/// Decides which events are written, counted or dropped: the correlation that Kubernetes' recorders do.
struct EventLog {
    /// Something that happened to an object.
    struct Note {
        var resource: ResourceType
        var object: JSONValue
        var isWarning: Bool
        var reason: String
        var message: String
        var component: String
    }

    enum Write {
        case create(JSONValue)
        /// A merge patch for an event that is there.
        case count(ObjectKey, JSONValue)
    }

    private struct Subject: Hashable {
        var component: String
        var uid: String
        var key: ObjectKey
        var kind: String
    }

    private struct Group: Hashable {
        var subject: Subject
        var isWarning: Bool
        var reason: String
    }

    private struct Series: Hashable {
        var group: Group
        var message: String
    }

    private struct Known {
        var key: ObjectKey
        var count: Int
    }

    private struct Similar {
        var messages: Set<String> = []
        var last: Timestamp
    }

    private struct Budget {
        var tokens: Double
        var filled: Timestamp
    }

    /// Different messages of one kind within ten minutes before they are put together.
    private static let similarLimit = 10
    private static let similarTime: Duration = .seconds(600)
    /// Events about one object at once, and the time until there may be one more.
    private static let burst = 25.0
    private static let timePerEvent: Duration = .seconds(300)
    private static let capacity = 4096

    private var known: [Series: Known] = [:]
    private var similar: [Group: Similar] = [:]
    private var budgets: [Subject: Budget] = [:]
    private var made = 0

    /// What to write; nil when there have been too many about this object.
    mutating func record(_ note: Note, now: Timestamp) -> Write? {
        makeRoom()
        let group = Self.group(of: note)
        var message = String(note.message.unicodeScalars.prefix(1024))
        var past = similar[group] ?? Similar(last: now)
        if now - past.last > Self.similarTime { past = Similar(last: now) }
        past.messages.insert(message)
        past.last = now
        similar[group] = past
        var series = Series(group: group, message: message)
        if past.messages.count >= Self.similarLimit {
            message = String("(combined from similar events): \(message)".unicodeScalars.prefix(1024))
            series.message = ""  // all of them are one series, which shows the latest message
        }
        guard spend(on: group.subject, now) else { return nil }
        if var seen = known[series] {
            seen.count += 1
            known[series] = seen
            return .count(
                seen.key,
                [
                    "count": .integer(seen.count), "lastTimestamp": .string(now.description),
                    "message": .string(message),
                ]
            )
        }
        made += 1
        let event = Self.event(note, message, number: made, now)
        known[series] = Known(key: event.key, count: 1)
        return .create(event)
    }

    /// Forgets an event that could not be written.
    mutating func forget(_ note: Note) {
        let group = Self.group(of: note)
        known[Series(group: group, message: String(note.message.unicodeScalars.prefix(1024)))] = nil
        known[Series(group: group, message: "")] = nil
    }

    private static func group(of note: Note) -> Group {
        let subject = Subject(
            component: note.component,
            uid: note.object.uid,
            key: note.object.key,
            kind: note.resource.kind
        )
        return Group(subject: subject, isWarning: note.isWarning, reason: note.reason)
    }

    private mutating func spend(on subject: Subject, _ now: Timestamp) -> Bool {
        var budget = budgets[subject] ?? Budget(tokens: Self.burst, filled: now)
        if now > budget.filled {
            let fill = (now - budget.filled) / Self.timePerEvent
            budget = Budget(tokens: min(Self.burst, budget.tokens + fill), filled: now)
        }
        defer { budgets[subject] = budget }
        guard budget.tokens >= 1 else { return false }
        budget.tokens -= 1
        return true
    }

    /// A bound on memory: everything is forgotten at once, and what comes again is written as new.
    private mutating func makeRoom() {
        if known.count >= Self.capacity { known.removeAll() }
        if similar.count >= Self.capacity { similar.removeAll() }
        if budgets.count >= Self.capacity { budgets.removeAll() }
    }

    private static func event(_ note: Note, _ message: String, number: Int, _ now: Timestamp) -> JSONValue {
        let object = note.object
        var involved: JSONValue = ["kind": .string(note.resource.kind)]
        if !object.namespace.isEmpty { involved["namespace"] = .string(object.namespace) }
        involved["name"] = .string(object.name)
        involved["uid"] = .string(object.uid)
        involved["apiVersion"] = .string(note.resource.apiVersion)
        involved["resourceVersion"] = .string(object.resourceVersion)
        let nanoseconds = String(now.microseconds * 1000 + number % 1000, radix: 16)
        return [
            "apiVersion": "v1", "kind": "Event",
            "metadata": [
                "name": .string("\(object.name.prefix(230)).\(nanoseconds)"),
                "namespace": .string(object.namespace.isEmpty ? "default" : object.namespace),
            ],
            "involvedObject": involved, "reason": .string(note.reason), "message": .string(message),
            "source": ["component": .string(note.component)], "firstTimestamp": .string(now.description),
            "lastTimestamp": .string(now.description), "count": 1, "type": note.isWarning ? "Warning" : "Normal",
        ]
    }
}
