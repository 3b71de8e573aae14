/// Chance that a seed determines.
///
/// SplitMix64, from G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", 2014.
struct Chance: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A UUID of version 4, as of RFC 9562.
    mutating func uid() -> String {
        var digits = Self.hexadecimal(next()) + Self.hexadecimal(next())
        digits[12] = UInt8(ascii: "4")
        digits[16] = [UInt8](("89ab" as String).utf8)[Int(next() & 3)]
        for (place, index) in [8, 12, 16, 20].enumerated() { digits.insert(UInt8(ascii: "-"), at: index + place) }
        return String(decoding: digits, as: UTF8.self)
    }

    /// Letters and digits that cannot be mistaken for one another and form no words, as generated names end.
    mutating func suffix() -> String {
        let alphabet = Array("bcdfghjklmnpqrstvwxz2456789".utf8)
        return String(decoding: (0..<5).map { _ in alphabet[Int(next() % 27)] }, as: UTF8.self)
    }

    private static func hexadecimal(_ word: UInt64) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return stride(from: 60, through: 0, by: -4).map { digits[Int(word >> $0 & 15)] }
    }
}
