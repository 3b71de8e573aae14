import FoundationEssentials
import JSON

/// What a config map or a secret holds, as bytes.
struct DataEntries {
    private let entries: [String: [UInt8]]

    init(_ object: JSONValue) {
        var entries: [String: [UInt8]] = [:]
        let isSecret = object["kind"] == "Secret"
        for (key, value) in object["data"]?.object ?? [:] {
            guard let text = value.string else { continue }
            entries[key] = isSecret ? Data(base64Encoded: text).map { Array($0) } : Array(text.utf8)
        }
        for (key, value) in object["binaryData"]?.object ?? [:] {
            entries[key] = value.string.flatMap { Data(base64Encoded: $0) }.map { Array($0) }
        }
        self.entries = entries
    }

    subscript(_ key: String) -> [UInt8]? { entries[key] }

    var sorted: [(key: String, bytes: [UInt8])] { entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
}
