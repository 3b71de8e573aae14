/// A point in time as the Kubernetes API writes it, with microseconds.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z.
    package var microseconds: Int

    package init(microseconds: Int) { self.microseconds = microseconds }

    /// - Parameter seconds: Seconds since 1970-01-01T00:00:00Z; must be within ± 10¹² or it is clamped.
    package init(seconds: Double) {
        microseconds = seconds.isFinite ? Int((Swift.min(Swift.max(seconds, -1e12), 1e12) * 1e6).rounded()) : 0
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    package var seconds: Double { Double(microseconds) / 1e6 }

    /// Parses RFC 3339, as `2026-11-20T17:28:00Z` or `2026-11-20T17:28:00.123456+01:00`; nil for anything else.
    package init?(_ text: String) {
        var text = text
        guard let value = text.withUTF8({ Self.parse($0) }) else { return nil }
        self = value
    }

    /// The time in the form of `metav1.Time`: UTC, whole seconds.
    package var description: String { format(fraction: false) }

    /// The time in the form of `metav1.MicroTime`: UTC, six digits after the point.
    package var microTime: String { format(fraction: true) }

    /// The same time with the fraction of its second cut off.
    package var wholeSeconds: Timestamp {
        Timestamp(microseconds: microseconds - Self.modulo(microseconds, 1_000_000))
    }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }
    /// A time after this one by a duration, to the microsecond.
    package static func + (time: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(microseconds: time.microseconds + duration.wholeMicroseconds)
    }
    /// The duration from `b` to `a`.
    package static func - (a: Timestamp, b: Timestamp) -> Duration { .microseconds(a.microseconds - b.microseconds) }
    /// A time before this one by a duration, to the microsecond.
    package static func - (time: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(microseconds: time.microseconds - duration.wholeMicroseconds)
    }

    // MARK: Calendar

    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Timestamp? {
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= text.count else { return nil }
            var value = 0
            for index in range {
                let digit = text[index] &- UInt8(ascii: "0")
                guard digit < 10 else { return nil }
                value = value * 10 + Int(digit)
            }
            return value
        }
        guard text.count >= 20, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] | 0x20 == UInt8(ascii: "t"), text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month),
            (1...days(in: month, of: year)).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var index = 19
        var fraction = 0
        if text[index] == UInt8(ascii: ".") {
            index += 1
            var scale = 100_000
            let start = index
            while index < text.count, case let digit = text[index] &- UInt8(ascii: "0"), digit < 10 {
                fraction += Int(digit) * scale
                scale /= 10
                index += 1
            }
            guard index > start, index < text.count else { return nil }
        }
        var offset = 0
        if text[index] | 0x20 == UInt8(ascii: "z") {
            index += 1
        } else {
            guard text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-"), index + 6 <= text.count,
                text[index + 3] == UInt8(ascii: ":"), let hours = number(index + 1..<index + 3),
                let minutes = number(index + 4..<index + 6), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (text[index] == UInt8(ascii: "-") ? -60 : 60)
            index += 6
        }
        guard index == text.count else { return nil }
        let time = ((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - offset
        return Timestamp(microseconds: time * 1_000_000 + fraction)
    }

    private func format(fraction: Bool) -> String {
        let micros = Self.modulo(microseconds, 1_000_000)
        let seconds = (microseconds - micros) / 1_000_000
        let time = Self.modulo(seconds, 86_400)
        let (year, month, day) = Self.date((seconds - time) / 86_400)
        func pad(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
        }
        let clock = "\(pad(time / 3600, 2)):\(pad(time / 60 % 60, 2)):\(pad(time % 60, 2))"
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(clock)\(fraction ? "." + pad(micros, 6) : "")Z"
    }

    private static func modulo(_ value: Int, _ modulus: Int) -> Int {
        let rest = value % modulus
        return rest < 0 ? rest + modulus : rest
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March.
    private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let dayOfEra = modulo(shifted, 146_097)
        let era = (shifted - dayOfEra) / 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * part + 2) / 5 + 1)
    }
}

extension Duration {
    /// The duration in microseconds, cut towards zero.
    package var wholeMicroseconds: Int {
        Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000)
    }
}
