import FoundationEssentials
import JSON

/// The text of a log line.
enum LogLine {
    /// Last parts of keys whose values are never written, whoever passes them.
    private static let secretKeys: Set<Substring> = ["authorization", "credential", "password", "secret", "token"]

    static func bytes(time: Date, level: Logger.Level, message: StaticString, fields: Logger.Fields) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("time", timestamp(time))
            writer.member("level", level.description)
            writer.member("message", message.description)
            for (key, value) in fields.members {
                writer.key(key)
                let last =
                    key.utf8.lastIndex(of: UInt8(ascii: ".")).map { key[key.utf8.index(after: $0)...] } ?? key[...]
                if secretKeys.contains(last) { writer.string("[redacted]") } else { writer.value(value) }
            }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    /// RFC 3339 in UTC to the millisecond.
    static func timestamp(_ time: Date) -> String {
        // Clamped to years 0000...9999, which the format has digits for.
        let milliseconds = Int(min(max(time.timeIntervalSince1970 * 1000, -62_167_219_200_000), 253_402_300_799_999))
        let (days, inDay) = floorDivide(milliseconds, by: 86_400_000)
        let (year, month, day) = civil(daysSinceEpoch: days)
        var text: [UInt8] = []
        text.reserveCapacity(24)
        func append(_ value: Int, digits: Int, then separator: Unicode.Scalar) {
            var divisor = 1
            for _ in 1..<digits { divisor *= 10 }
            while divisor > 0 {
                text.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
                divisor /= 10
            }
            text.append(UInt8(ascii: separator))
        }
        append(year, digits: 4, then: "-")
        append(month, digits: 2, then: "-")
        append(day, digits: 2, then: "T")
        append(inDay / 3_600_000, digits: 2, then: ":")
        append(inDay / 60_000 % 60, digits: 2, then: ":")
        append(inDay / 1000 % 60, digits: 2, then: ".")
        append(inDay % 1000, digits: 3, then: "Z")
        return String(decoding: text, as: UTF8.self)
    }

    /// The date of a day of the proleptic Gregorian calendar.
    ///
    /// - SeeAlso: E. Richards in the Explanatory Supplement to the Astronomical Almanac, 3rd edition, section 15.11.
    private static func civil(daysSinceEpoch days: Int) -> (year: Int, month: Int, day: Int) {
        let f = days + 2_440_588 + 1401 + ((4 * (days + 2_440_588) + 274_277) / 146_097) * 3 / 4 - 38
        let e = 4 * f + 3
        let g = e % 1461 / 4
        let h = 5 * g + 2
        let day = h % 153 / 5 + 1
        let month = (h / 153 + 2) % 12 + 1
        return (e / 1461 - 4716 + (14 - month) / 12, month, day)
    }

    private static func floorDivide(_ value: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
