import JSON
import Kubernetes

/// Who owns what of an object: the content of `metadata.managedFields`.
struct ManagedFields {
    struct Manager: Hashable {
        var name: String
        var isApplier: Bool
        /// Empty for those who apply: they are one manager in every version.
        var version: String
        var subresource: String

        init(name: String, isApplier: Bool, version: String, subresource: String) {
            self.name = name
            self.isApplier = isApplier
            self.version = isApplier ? "" : version
            self.subresource = subresource
        }

        /// As in messages.
        var description: String {
            var text = "\(JSONValue.string(name))"
            if !subresource.isEmpty { text += " with subresource \(JSONValue.string(subresource))" }
            return isApplier ? text : "\(text) using \(version)"
        }
    }

    struct Entry {
        var manager: Manager
        var version: String
        var time: Timestamp?
        var fields: FieldSet
    }

    private(set) var entries: [Entry] = []

    var isEmpty: Bool { entries.isEmpty }

    init() {}

    /// Reads the entries; nil when one is malformed.
    init?(_ value: JSONValue?) {
        guard let value, !value.isNull else { return }
        guard let list = value.array else { return nil }
        for item in list {
            guard let operation = item["operation"]?.string, operation == "Apply" || operation == "Update",
                let version = item["apiVersion"]?.string, !version.isEmpty,
                item["fieldsType"]?.string == "FieldsV1",
                let fields = FieldSet(fieldsV1: item["fieldsV1"] ?? [:])
            else { return nil }
            let manager = Manager(
                name: item["manager"]?.string ?? "",
                isApplier: operation == "Apply",
                version: version,
                subresource: item["subresource"]?.string ?? ""
            )
            self[manager] = Entry(
                manager: manager,
                version: version,
                time: item["time"]?.string.flatMap(Timestamp.init),
                fields: fields
            )
        }
    }

    /// The entry of a manager; one without fields is dropped.
    subscript(_ manager: Manager) -> Entry? {
        get { entries.first { $0.manager == manager } }
        set {
            let place = entries.firstIndex { $0.manager == manager }
            switch (place, newValue) {
            case (let place?, let entry?) where !entry.fields.isEmpty: entries[place] = entry
            case (let place?, _): entries.remove(at: place)
            case (nil, let entry?) where !entry.fields.isEmpty: entries.append(entry)
            case (nil, _): break
            }
        }
    }

    mutating func subtract(_ fields: FieldSet, from manager: Manager) {
        guard var entry = self[manager] else { return }
        entry.fields = entry.fields.subtracting(fields)
        self[manager] = entry
    }

    /// Those who apply first, then by time, name, version and subresource.
    var value: JSONValue {
        let sorted = entries.sorted { a, b in
            if a.manager.isApplier != b.manager.isApplier { return a.manager.isApplier }
            let (early, late) = (Self.seconds(a), Self.seconds(b))
            if early != late { return early < late }
            return (a.manager.name, a.version, a.manager.subresource)
                < (b.manager.name, b.version, b.manager.subresource)
        }
        return .array(
            sorted.map { entry in
                var item: JSONObject = [
                    "manager": .string(entry.manager.name),
                    "operation": entry.manager.isApplier ? "Apply" : "Update",
                    "apiVersion": .string(entry.version),
                ]
                if let time = entry.time { item.set("time", .string(time.description)) }
                item.set("fieldsType", "FieldsV1")
                item.set("fieldsV1", entry.fields.fieldsV1)
                if !entry.manager.subresource.isEmpty { item.set("subresource", .string(entry.manager.subresource)) }
                return .object(item)
            }
        )
    }

    private static func seconds(_ entry: Entry) -> Int { (entry.time?.microseconds ?? 0) / 1_000_000 }

    /// No more managers than this keep an entry for their updates.
    private static let updaterLimit = 10

    /// Merges the oldest updates of each version into `ancient-changes` until there are few enough.
    mutating func limitUpdaters() {
        let updaters = entries.filter { !$0.manager.isApplier }.sorted { a, b in
            (Self.seconds(a), a.manager.name, a.version) < (Self.seconds(b), b.manager.name, b.version)
        }
        var count = updaters.count
        var first: [String: Manager] = [:]
        for entry in updaters {
            guard count > Self.updaterLimit else { return }
            guard let former = first[entry.version] else {
                first[entry.version] = entry.manager
                continue
            }
            let bucket = Manager(name: "ancient-changes", isApplier: false, version: entry.version, subresource: "")
            if bucket == entry.manager { continue }
            var merged = self[bucket]?.fields ?? FieldSet()
            if self[bucket] == nil, let start = self[former] {
                merged = start.fields
                self[former] = nil
            }
            self[bucket] = Entry(
                manager: bucket,
                version: entry.version,
                time: entry.time,
                fields: merged.union(entry.fields)
            )
            self[entry.manager] = nil
            count -= 1
        }
    }
}
