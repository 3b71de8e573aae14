/// One entry of an `Accept` or `Content-Type` header, RFC 9110 section 8.3.
struct MediaType: Sendable, Hashable {
    /// Type and subtype in lower case, as `application/json`.
    var name: String
    var parameters: [String: String] = [:]
    /// From 0 to 1.
    var quality = 1.0

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { Self.trimmed($0) }
        name = parts[0].lowercased()
        guard name.contains("/") else { return nil }
        for part in parts.dropFirst() {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2 else { continue }
            let key = Self.trimmed(sides[0]).lowercased()
            let value = Self.trimmed(sides[1]).filter { $0 != "\"" }
            if key == "q" { quality = Double(value) ?? 0 } else { parameters[key] = value }
        }
    }

    /// The entries of an `Accept` header, best first; an empty header accepts everything.
    static func list(_ header: String) -> [MediaType] {
        let entries = header.split(separator: ",").compactMap { MediaType($0) }.filter { $0.quality > 0 }
        // Sorting keeps the order of equals by their place.
        return entries.enumerated().sorted {
            $0.element.quality == $1.element.quality
                ? $0.offset < $1.offset : $0.element.quality > $1.element.quality
        }.map(\.element)
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}

/// How an answer is to look.
struct AnswerFormat: Sendable, Hashable {
    enum Encoding: Sendable, Hashable {
        case json, yaml

        var contentType: String { self == .json ? "application/json" : "application/yaml" }
    }

    enum Shape: Sendable, Hashable {
        /// The object or list as it is.
        case object
        /// The metadata alone.
        case partial
        /// Cells for people.
        case table
    }

    var encoding = Encoding.json
    var shape = Shape.object
    /// `v1` or `v1beta1` of `meta.k8s.io`, for shapes other than the object's.
    var version = "v1"

    static let accepted = ["application/json", "application/yaml"]

    /// The first entry of an `Accept` header that can be served; nil when there is none.
    ///
    /// - Parameter reshapes: Whether tables and partial objects are offered for what is asked.
    init?(accepting header: String, reshapes: Bool = true) {
        if header.utf8.allSatisfy({ $0 == UInt8(ascii: " ") }) { return }
        for type in MediaType.list(header) {
            switch type.name {
            case "application/json", "*/*", "application/*": encoding = .json
            case "application/yaml": encoding = .yaml
            default: continue
            }
            guard let kind = type.parameters["as"] else {
                shape = .object
                return
            }
            let version = type.parameters["v"] ?? ""
            guard reshapes, type.parameters["g"] == "meta.k8s.io", version == "v1" || version == "v1beta1" else {
                continue
            }
            switch kind {
            case "Table": shape = .table
            case "PartialObjectMetadata", "PartialObjectMetadataList": shape = .partial
            default: continue
            }
            self.version = version
            return
        }
        return nil
    }

    init() {}

    /// As the answer's header names it.
    var contentType: String { encoding.contentType }
}
