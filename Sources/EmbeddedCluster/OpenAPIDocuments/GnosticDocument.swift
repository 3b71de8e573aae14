import JSON

/// An OpenAPI document of version 2 as a protocol buffer.
///
/// The messages and their field numbers are those of `OpenAPIv2.proto` of github.com/googleapis/gnostic.
enum GnosticDocument {
    static func bytes(_ document: JSONValue) -> [UInt8] {
        var message = ProtobufWriter()
        message.text(1, document["swagger"])
        message.message(2) { info in
            info.text(1, document["info"]?["title"])
            info.text(2, document["info"]?["version"])
        }
        message.message(8) { paths in
            named(document["paths"], 2, &paths, pathItem)
        }
        message.message(9) { definitions in
            named(document["definitions"], 1, &definitions, schema)
        }
        extensions(document, 16, &message)
        return message.bytes
    }

    /// A repeated message of a name and a value.
    private static func named(
        _ members: JSONValue?,
        _ field: Int,
        _ out: inout ProtobufWriter,
        _ write: (JSONValue, inout ProtobufWriter) -> Void
    ) {
        for (name, value) in members?.object ?? [:] {
            out.message(field) { pair in
                pair.text(1, .string(name))
                pair.message(2) { write(value, &$0) }
            }
        }
    }

    /// Extensions keep any value, as YAML; JSON is YAML.
    private static func extensions(_ object: JSONValue, _ field: Int, _ out: inout ProtobufWriter) {
        for (name, value) in object.object ?? [:] where name.hasPrefix("x-") {
            out.message(field) { pair in
                pair.text(1, .string(name))
                pair.message(2) { any(value, &$0) }
            }
        }
    }

    private static func any(_ value: JSONValue, _ out: inout ProtobufWriter) { out.text(2, .string(value.description)) }

    private static func pathItem(_ item: JSONValue, _ out: inout ProtobufWriter) {
        for (method, field) in [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)] {
            guard let operation = item[method] else { continue }
            out.message(field) { write(operation: operation, &$0) }
        }
        for parameter in item["parameters"]?.array ?? [] { out.message(9) { write(parameter: parameter, &$0) } }
    }

    private static func write(operation: JSONValue, _ out: inout ProtobufWriter) {
        out.texts(1, operation["tags"])
        out.text(5, operation["operationId"])
        out.texts(6, operation["produces"])
        out.texts(7, operation["consumes"])
        for parameter in operation["parameters"]?.array ?? [] { out.message(8) { write(parameter: parameter, &$0) } }
        out.message(9) { responses in
            named(operation["responses"], 1, &responses) { response, value in
                value.message(1) { inner in
                    inner.text(1, response["description"])
                    guard let body = response["schema"] else { return }
                    inner.message(2) { item in item.message(1) { schema(body, &$0) } }
                }
            }
        }
        extensions(operation, 13, &out)
    }

    /// A parameter in a body, a query or a path, each a message in a message.
    private static func write(parameter: JSONValue, _ out: inout ProtobufWriter) {
        out.message(1) { choice in
            switch parameter["in"]?.string {
            case "body":
                choice.message(1) { body in
                    body.text(2, parameter["name"])
                    body.text(3, parameter["in"])
                    body.flag(4, parameter["required"])
                    if let value = parameter["schema"] { body.message(5) { schema(value, &$0) } }
                }
            case "path":
                choice.message(2) { other in
                    other.message(4) { path in
                        path.flag(1, parameter["required"])
                        path.text(2, parameter["in"])
                        path.text(4, parameter["name"])
                        path.text(5, parameter["type"])
                        path.flag(19, parameter["uniqueItems"])
                    }
                }
            default:
                choice.message(2) { other in
                    other.message(3) { query in
                        query.text(2, parameter["in"])
                        query.text(4, parameter["name"])
                        query.text(6, parameter["type"])
                        query.flag(20, parameter["uniqueItems"])
                    }
                }
            }
        }
    }

    private static func schema(_ schema: JSONValue, _ out: inout ProtobufWriter) {
        out.text(1, schema["$ref"])
        out.text(2, schema["format"])
        out.text(4, schema["description"])
        if let standard = schema["default"] { out.message(5) { any(standard, &$0) } }
        out.double(6, schema["multipleOf"])
        out.double(7, schema["maximum"])
        out.flag(8, schema["exclusiveMaximum"])
        out.double(9, schema["minimum"])
        out.flag(10, schema["exclusiveMinimum"])
        out.integer(11, schema["maxLength"])
        out.integer(12, schema["minLength"])
        out.text(13, schema["pattern"])
        out.integer(14, schema["maxItems"])
        out.integer(15, schema["minItems"])
        out.flag(16, schema["uniqueItems"])
        out.integer(17, schema["maxProperties"])
        out.integer(18, schema["minProperties"])
        out.texts(19, schema["required"])
        for choice in schema["enum"]?.array ?? [] { out.message(20) { any(choice, &$0) } }
        switch schema["additionalProperties"] {
        case .bool(let value)?: out.message(21) { $0.flag(2, .bool(value)) }
        case let value?: out.message(21) { item in item.message(1) { self.schema(value, &$0) } }
        case nil: break
        }
        if let type = schema["type"] { out.message(22) { $0.text(1, type) } }
        if let items = schema["items"] { out.message(23) { list in list.message(1) { self.schema(items, &$0) } } }
        if let properties = schema["properties"] {
            out.message(25) { named(properties, 1, &$0) { self.schema($0, &$1) } }
        }
        extensions(schema, 31, &out)
    }
}

/// Writes the wire format of protocol buffers; values that are absent or zero are left out.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func tag(_ field: Int, _ wireType: UInt64) { varint(UInt64(field) << 3 | wireType) }

    private mutating func chunk(_ field: Int, _ content: some Collection<UInt8>) {
        tag(field, 2)
        varint(UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    mutating func text(_ field: Int, _ value: JSONValue?) {
        guard let text = value?.string, !text.isEmpty else { return }
        chunk(field, Array(text.utf8))
    }

    mutating func texts(_ field: Int, _ values: JSONValue?) {
        for text in (values?.array ?? []).compactMap(\.string) { chunk(field, Array(text.utf8)) }
    }

    mutating func flag(_ field: Int, _ value: JSONValue?) {
        guard value?.bool == true else { return }
        tag(field, 0)
        bytes.append(1)
    }

    mutating func integer(_ field: Int, _ value: JSONValue?) {
        guard let number = value?.integer, number != 0 else { return }
        tag(field, 0)
        varint(UInt64(bitPattern: Int64(number)))
    }

    mutating func double(_ field: Int, _ value: JSONValue?) {
        guard let number = value?.double, number != 0 else { return }
        tag(field, 1)
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number.bitPattern >> shift))
        }
    }

    /// A message within, also when it is empty.
    mutating func message(_ field: Int, _ write: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        write(&inner)
        chunk(field, inner.bytes)
    }
}
