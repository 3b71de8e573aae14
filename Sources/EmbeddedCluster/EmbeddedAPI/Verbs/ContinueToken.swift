import JSON

/// Where a list in pieces goes on: the version it is of and the key that comes next.
///
/// Clients must not look into it, but it is written as kube-apiserver writes it.
struct ContinueToken: Sendable, Equatable {
    /// Nil to go on with the newest state.
    var version: Int?
    var start: String

    init(version: Int?, start: String) {
        self.version = version
        self.start = start
    }

    init(parsing text: String) throws(APIStatus) {
        guard let bytes = Base64.decoded(text) else {
            throw .badRequest("invalid continue token: continue key is not valid: illegal base64 data")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw .badRequest("invalid continue token: continue key is not valid: \(error)")
        }
        guard value["v"] == "meta.k8s.io/v1", let start = value["start"]?.string, !start.isEmpty,
            let version = value["rv"]?.integer, version == -1 || version > 0
        else {
            throw .badRequest(
                "invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)"
            )
        }
        self.init(version: version == -1 ? nil : version, start: start)
    }

    var text: String {
        var writer = JSONWriter()
        writer.value(["v": "meta.k8s.io/v1", "rv": .integer(version ?? -1), "start": .string(start)])
        return Base64.text(writer.bytes)
    }
}

/// Base64 for URLs without padding, RFC 4648 section 5.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = (0..<3).reduce(UInt32(0)) { sum, offset in
                sum << 8 | (start + offset < bytes.count ? UInt32(bytes[start + offset]) : 0)
            }
            let digits = min(4, bytes.count - start + 1)
            for digit in 0..<digits { out.append(alphabet[Int(group >> UInt32(18 - 6 * digit) & 63)]) }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The standard alphabet with padding, as the data of secrets.
    static func padded(_ bytes: [UInt8]) -> String {
        let plain = text(bytes).replacing("-", with: "+").replacing("_", with: "/")
        return plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
    }

    static func decoded(_ text: String) -> [UInt8]? {
        var bits: UInt32 = 0
        var count = 0
        var out: [UInt8] = []
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            let standard =
                byte == UInt8(ascii: "+") ? UInt8(ascii: "-") : byte == UInt8(ascii: "/") ? UInt8(ascii: "_") : byte
            guard let digit = alphabet.firstIndex(of: standard) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                out.append(UInt8(bits >> UInt32(count) & 255))
                bits &= (1 << UInt32(count)) - 1
            }
        }
        return out
    }
}
