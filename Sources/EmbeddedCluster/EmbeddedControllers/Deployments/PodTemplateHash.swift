import Engines
import JSON

/// A short name for a pod template, the label `pod-template-hash`.
///
/// The alphabet is Kubernetes': without vowels and look-alikes, so that no name reads as a word. The number itself differs
/// from the one a real cluster gives, which hashes the memory layout of Go's types.
enum PodTemplateHash {
    static let label = "pod-template-hash"
    private static let alphabet = Array("bcdfghjklmnpqrstvwxz2456789".utf8)

    /// - Parameter collisions: How many other templates had the name that this one would get.
    static func name(_ template: JSONValue, collisions: Int?) -> String {
        var hash = FNV1a()
        for byte in template.bytes(sorted: true) { hash.add(byte) }
        if let collisions { hash.add(UInt64(clamping: collisions)) }
        let folded = UInt32(truncatingIfNeeded: hash.value ^ hash.value >> 32)
        return String(decoding: String(folded).utf8.map { alphabet[Int($0) % alphabet.count] }, as: UTF8.self)
    }

    /// Whether two templates are the same but for the label.
    static func areEqual(_ a: JSONValue?, _ b: JSONValue?) -> Bool { stripped(a) == stripped(b) }

    private static func stripped(_ template: JSONValue?) -> JSONValue? {
        guard var template else { return nil }
        if template[path: ["metadata", "labels", label]] != nil {
            template[path: ["metadata", "labels", label]] = nil
        }
        // The API server writes this in some versions and leaves it out in others.
        if template[path: ["metadata", "creationTimestamp"]] != nil {
            template[path: ["metadata", "creationTimestamp"]] = nil
        }
        return template
    }
}
