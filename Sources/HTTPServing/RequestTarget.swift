/// The request target of a request line, taken apart (RFC 9112 section 3.2, RFC 3986).
struct RequestTarget {
    var rawPath: String
    var path: String
    var query: [(name: String, value: String)]

    init(_ target: String) {
        var rest = Self.withoutOrigin(target.utf8[...])
        if let fragment = rest.firstIndex(of: UInt8(ascii: "#")) { rest = rest[..<fragment] }
        let mark = rest.firstIndex(of: UInt8(ascii: "?"))
        let raw = rest[..<(mark ?? rest.endIndex)]
        rawPath = String(decoding: raw, as: UTF8.self)
        path = Self.decoded(raw, plusIsSpace: false)
        query = []
        guard let mark else { return }
        for pair in rest[rest.index(after: mark)...].split(separator: UInt8(ascii: "&")) {
            let sign = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            query.append(
                (
                    Self.decoded(pair[..<sign], plusIsSpace: true),
                    sign == pair.endIndex
                        ? "" : Self.decoded(pair[pair.index(after: sign)...], plusIsSpace: true)
                )
            )
        }
    }

    /// Drops `http://host` of the absolute form, which proxies' clients send.
    private static func withoutOrigin(_ target: Substring.UTF8View) -> Substring.UTF8View {
        guard target.first != UInt8(ascii: "/"), let colon = target.firstIndex(of: UInt8(ascii: ":")),
            target[colon...].starts(with: "://".utf8)
        else { return target }
        let authority = target[target.index(colon, offsetBy: 3)...]
        guard let slash = authority.firstIndex(of: UInt8(ascii: "/")) else { return "/".utf8[...] }
        return authority[slash...]
    }

    /// Decodes percent-escapes; a `%` that begins none stands for itself.
    private static func decoded(_ bytes: Substring.UTF8View, plusIsSpace: Bool) -> String {
        guard bytes.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return String(decoding: bytes, as: UTF8.self)
        }
        let source = Array(bytes)
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            let byte = source[index]
            if byte == UInt8(ascii: "%"), index + 2 < source.count, let high = hexDigit(source[index + 1]),
                let low = hexDigit(source[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
