package import JSON

/// Reads and writes YAML as Kubernetes' own tools do: as another spelling of JSON.
///
/// Plain scalars resolve as in `sigs.k8s.io/yaml` (what kubectl uses, a YAML 1.1 dialect), so that a manifest means here
/// what it means there: `y`, `yes`, `on` and their negatives are booleans, `0644` is octal, `1_000` is 1000, `1.0` is 1,
/// dates are strings. Quoted scalars are strings. Two things are stricter: a repeated key is refused, and so are tags
/// outside the core schema.
package enum YAML {
    /// How deep sequences and mappings may be nested, aliases expanded.
    package static let maximumDepth = 256
    /// How many values a text may stand for once its aliases are expanded.
    package static let maximumValues = 1_000_000

    /// Parses a text of at most one document; an empty text is null.
    package static func parse(_ text: String) throws(YAMLError) -> JSONValue { try parse(Array(text.utf8)) }

    /// Parses a text of at most one document; an empty text is null.
    package static func parse(_ bytes: [UInt8]) throws(YAMLError) -> JSONValue {
        let documents = try documents(bytes)
        guard documents.count <= 1 else {
            throw YAMLError(
                .documents,
                "a second document begins; one is expected",
                line: documents[1].line,
                column: 1
            )
        }
        return documents.first?.value ?? .null
    }

    /// Parses every document of a text; empty documents are left out, as kubectl does.
    package static func parseAll(_ text: String) throws(YAMLError) -> [JSONValue] {
        try parseAll(Array(text.utf8))
    }

    /// Parses every document of a text; empty documents are left out, as kubectl does.
    package static func parseAll(_ bytes: [UInt8]) throws(YAMLError) -> [JSONValue] {
        try documents(bytes).map(\.value).filter { !$0.isNull }
    }

    /// The value as a YAML document in block style, with a line break at its end.
    ///
    /// Members keep their order. Parsing the text gives an equal value, but for numbers with a zero fraction, which come
    /// back as whole numbers, and NaN and infinities, which JSON has not and which become null.
    package static func write(_ value: JSONValue) -> String {
        var writer = YAMLWriter()
        writer.document(value)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func documents(_ bytes: [UInt8]) throws(YAMLError) -> [(value: JSONValue, line: Int)] {
        let outcome = bytes.withUnsafeBufferPointer { buffer -> Result<[(value: JSONValue, line: Int)], YAMLError> in
            do throws(YAMLError) {
                var parser = try YAMLParser(buffer)
                return .success(try parser.documents())
            } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
