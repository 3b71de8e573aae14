package import JSON
import Kubernetes

/// Why bytes are no object.
package struct BinaryObjectError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    init(_ description: String) { self.description = description }
}

/// Objects of built-in kinds in the binary form, `application/vnd.kubernetes.protobuf`: four bytes that tell the form,
/// then a message with the group version, the kind and the object's own message.
package enum BinaryObject {
    private static let mark: [UInt8] = [0x6b, 0x38, 0x73, 0x00]

    /// Reads an object; fields that are not known are left out, as the API server does with those of newer clients.
    package static func json(_ bytes: [UInt8]) throws(BinaryObjectError) -> JSONValue {
        guard bytes.starts(with: mark) else {
            throw BinaryObjectError(
                "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
            )
        }
        var apiVersion = ""
        var kind = ""
        var content: ArraySlice<UInt8> = []
        try eachField(bytes.dropFirst(mark.count)) { number, payload throws(BinaryObjectError) in
            guard case .bytes(let bytes) = payload else { return }
            switch number {
            case 1:
                try eachField(bytes) { number, payload throws(BinaryObjectError) in
                    guard case .bytes(let bytes) = payload else { return }
                    let text = String(decoding: bytes, as: UTF8.self)
                    if number == 1 { apiVersion = text }
                    if number == 2 { kind = text }
                }
            case 2: content = bytes
            default: break
            }
        }
        guard let model = model(apiVersion, kind) else {
            throw BinaryObjectError("no kind \"\(kind)\" is registered for version \"\(apiVersion)\"")
        }
        var object: JSONObject = ["kind": .string(kind), "apiVersion": .string(apiVersion)]
        try read(content, model, into: &object)
        return .object(object)
    }

    private static func model(_ apiVersion: String, _ kind: String) -> WireModel? {
        // Options are of every group version, and the same in each.
        if kind.hasSuffix("Options") { return WireModel.all["\(WireModel.meta)/\(kind)"] }
        return BuiltIn.packages[apiVersion].flatMap { WireModel.all["\($0)/\(kind)"] }
    }

    private static func eachField(
        _ bytes: ArraySlice<UInt8>,
        _ body: (Int, WireReader.Payload) throws(BinaryObjectError) -> Void
    ) throws(BinaryObjectError) {
        var reader = WireReader(bytes)
        while let (number, payload) = try reader.next() { try body(number, payload) }
    }

    private static func read(
        _ bytes: ArraySlice<UInt8>,
        _ model: WireModel,
        into object: inout JSONObject
    ) throws(BinaryObjectError) {
        var reader = WireReader(bytes)
        while let (number, payload) = try reader.next() {
            guard let field = model.fields[number] else { continue }
            switch field.shape {
            case .message(let name) where field.name.isEmpty:
                guard case .bytes(let bytes) = payload, let inner = WireModel.all[name] else { throw .wrongType(name) }
                try read(bytes, inner, into: &object)
            case .list(let shape):
                guard let value = try value(payload, shape) else { continue }
                object.set(field.name, .array((object[field.name]?.array ?? []) + [value]))
            case .map(let shape):
                guard case .bytes(let bytes) = payload else { throw .wrongType(field.name) }
                var map = object[field.name]?.object ?? [:]
                let (key, value) = try entry(bytes, shape)
                map.set(key, value)
                object.set(field.name, .object(map))
            default:
                guard let value = try value(payload, field.shape), field.keepsZero || !isZero(value) else { continue }
                object.set(field.name, value)
            }
        }
    }

    /// A key and its value; either may be left out when it is empty.
    private static func entry(
        _ bytes: ArraySlice<UInt8>,
        _ shape: WireModel.Shape
    ) throws(BinaryObjectError) -> (String, JSONValue) {
        var key = ""
        var result: JSONValue?
        try eachField(bytes) { number, payload throws(BinaryObjectError) in
            if number == 1 { key = try value(payload, .string)?.string ?? "" }
            if number == 2 { result = try value(payload, shape) }
        }
        if let result { return (key, result) }
        return (key, try value(.bytes([]), shape) ?? .null)
    }

    /// The value of a field; nil for a time that is not set.
    private static func value(
        _ payload: WireReader.Payload,
        _ shape: WireModel.Shape
    ) throws(BinaryObjectError) -> JSONValue? {
        switch (shape, payload) {
        case (.integer, .varint(let number)): return .integer(Int(truncatingIfNeeded: number))
        case (.bool, .varint(let number)): return .bool(number != 0)
        case (.double, .fixed64(let bits)): return .double(Double(bitPattern: bits))
        case (.string, .bytes(let bytes)): return .string(String(decoding: bytes, as: UTF8.self))
        case (.bytes, .bytes(let bytes)): return .string(base64(bytes))
        case (.time, .bytes(let bytes)): return try time(bytes).map { .string($0.wholeSeconds.description) }
        case (.microTime, .bytes(let bytes)): return try time(bytes).map { .string($0.microTime) }
        case (.quantity, .bytes(let bytes)): return try first(of: bytes).map { .string($0) } ?? "0"
        case (.intOrString, .bytes(let bytes)): return try intOrString(bytes)
        case (.raw, .bytes(let bytes)):
            guard let text = try first(of: bytes), !text.isEmpty else { return nil }
            do throws(JSONError) {
                return try JSONValue(parsing: text)
            } catch {
                throw BinaryObjectError("\(error)")
            }
        case (.items, .bytes(let bytes)):
            var texts: [JSONValue] = []
            try eachField(bytes) { number, payload throws(BinaryObjectError) in
                if number == 1, let text = try value(payload, .string) { texts.append(text) }
            }
            return .array(texts)
        case (.message(let name), .bytes(let bytes)):
            guard let model = WireModel.all[name] else { throw .wrongType(name) }
            var object = JSONObject()
            try read(bytes, model, into: &object)
            return .object(object)
        default: throw .wrongType("\(shape)")
        }
    }

    private static func isZero(_ value: JSONValue) -> Bool {
        switch value {
        case .string(let text): text.isEmpty
        case .integer(let number): number == 0
        case .double(let number): number == 0
        case .bool(let flag): !flag
        default: false
        }
    }

    /// The text in the first field.
    private static func first(of bytes: ArraySlice<UInt8>) throws(BinaryObjectError) -> String? {
        var text: String?
        try eachField(bytes) { number, payload throws(BinaryObjectError) in
            if number == 1 { text = try value(payload, .string)?.string }
        }
        return text
    }

    /// Seconds since 1970 and nanoseconds; nothing at all for a time that is not set.
    private static func time(_ bytes: ArraySlice<UInt8>) throws(BinaryObjectError) -> Timestamp? {
        guard !bytes.isEmpty else { return nil }
        var seconds = 0
        var nanoseconds = 0
        try eachField(bytes) { number, payload throws(BinaryObjectError) in
            if number == 1 { seconds = try value(payload, .integer)?.integer ?? 0 }
            if number == 2 { nanoseconds = try value(payload, .integer)?.integer ?? 0 }
        }
        // The years from 1 to 9999, which are all that an object's times can tell.
        guard (-62_135_596_800..<253_402_300_800).contains(seconds) else {
            throw BinaryObjectError("time \(seconds) is out of range")
        }
        return Timestamp(microseconds: seconds * 1_000_000 + nanoseconds / 1000)
    }

    private static func intOrString(_ bytes: ArraySlice<UInt8>) throws(BinaryObjectError) -> JSONValue {
        var isText = false
        var number = 0
        var text = ""
        try eachField(bytes) { field, payload throws(BinaryObjectError) in
            switch field {
            case 1: isText = try value(payload, .integer)?.integer == 1
            case 2: number = try value(payload, .integer)?.integer ?? 0
            case 3: text = try value(payload, .string)?.string ?? ""
            default: break
            }
        }
        return isText ? .string(text) : .integer(number)
    }

    /// RFC 4648 with padding.
    private static func base64(_ bytes: ArraySlice<UInt8>) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var rest = bytes
        while !rest.isEmpty {
            let group = Array(rest.prefix(3))
            rest = rest.dropFirst(3)
            let bits = (0..<3).reduce(0) { $0 << 8 | Int($1 < group.count ? group[$1] : 0) }
            for place in 0..<4 {
                text.append(place <= group.count ? alphabet[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension BinaryObjectError {
    fileprivate static func wrongType(_ name: String) -> BinaryObjectError {
        BinaryObjectError("proto: wrong wireType for field \(name)")
    }
}
