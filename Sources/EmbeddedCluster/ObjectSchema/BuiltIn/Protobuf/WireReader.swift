/// Reads the fields of a message in Protocol Buffers' encoding.
struct WireReader {
    /// What stands after a field's tag.
    enum Payload {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field; nil at the end.
    mutating func next() throws(BinaryObjectError) -> (number: Int, payload: Payload)? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        let number = Int(truncatingIfNeeded: tag >> 3)
        guard number > 0, number < 1 << 29 else { throw BinaryObjectError("proto: illegal tag \(number)") }
        switch tag & 7 {
        case 0: return (number, .varint(try varint()))
        case 1: return (number, .fixed64(try fixed(8)))
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else { throw .truncated }
            defer { rest = rest.dropFirst(Int(count)) }
            return (number, .bytes(rest.prefix(Int(count))))
        case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
        default: throw BinaryObjectError("proto: illegal wireType \(tag & 7)")
        }
    }

    private mutating func varint() throws(BinaryObjectError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw .truncated }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw BinaryObjectError("proto: integer overflow")
    }

    private mutating func fixed(_ count: Int) throws(BinaryObjectError) -> UInt64 {
        guard rest.count >= count else { throw .truncated }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension BinaryObjectError {
    fileprivate static let truncated = BinaryObjectError("unexpected EOF")
}
