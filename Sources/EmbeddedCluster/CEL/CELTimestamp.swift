/// A point in time between the years 1 and 9999, in UTC.
package struct CELTimestamp: Sendable, Hashable, Comparable {
    /// Since 1970.
    package var seconds: Int
    /// 0 up to, not including, 1,000,000,000.
    package var nanoseconds: Int

    private static let earliest = -62_135_596_800
    private static let latest = 253_402_300_799

    /// Nil when it is out of range.
    package init?(seconds: Int, nanoseconds: Int = 0) {
        let carry = nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds - 999_999_999) / 1_000_000_000
        let (sum, overflows) = seconds.addingReportingOverflow(carry)
        guard !overflows, (Self.earliest...Self.latest).contains(sum) else { return nil }
        self.seconds = sum
        self.nanoseconds = nanoseconds - carry * 1_000_000_000
    }

    package static func < (a: CELTimestamp, b: CELTimestamp) -> Bool {
        (a.seconds, a.nanoseconds) < (b.seconds, b.nanoseconds)
    }

    /// Reads RFC 3339, or a date alone.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            return bytes[range].reduce(Int?.some(0)) { sum, byte in
                guard let sum, (0x30...0x39).contains(byte) else { return nil }
                return sum * 10 + Int(byte) - 0x30
            }
        }
        func has(_ character: Character, _ place: Int) -> Bool {
            bytes.count > place && bytes[place] == character.asciiValue
        }
        guard let year = number(0..<4), has("-", 4), let month = number(5..<7), has("-", 7), let day = number(8..<10),
            (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year)
        else { return nil }
        let midnight = Self.day(year, month, day) * 86_400
        if bytes.count == 10 {
            self.init(seconds: midnight)
            return
        }
        guard has("T", 10) || has("t", 10), let hour = number(11..<13), has(":", 13), let minute = number(14..<16),
            has(":", 16), let second = number(17..<19), hour < 24, minute < 60, second < 60
        else { return nil }
        var place = 19
        var fraction = 0
        if has(".", place) {
            let digits = bytes[(place + 1)...].prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty else { return nil }
            for index in 0..<9 {
                let digit = index < digits.count ? Int(digits[digits.startIndex + index]) - 0x30 : 0
                fraction = fraction * 10 + digit
            }
            place += 1 + digits.count
        }
        guard let offset = Self.offset(String(decoding: bytes[place...], as: UTF8.self)) else { return nil }
        self.init(seconds: midnight + hour * 3600 + minute * 60 + second - offset, nanoseconds: fraction)
    }

    /// Seconds east of UTC, from `Z`, `UTC` or `+01:00`.
    static func offset(_ zone: String) -> Int? {
        if ["Z", "z", "UTC", ""].contains(zone) { return zone.isEmpty ? nil : 0 }
        let isSigned = zone.hasPrefix("+") || zone.hasPrefix("-")
        let parts = zone.drop { $0 == "+" || $0 == "-" }.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let hours = Int(parts[0]),
            let minutes = Int(parts[1]), (0..<24).contains(hours), (0..<60).contains(minutes),
            isSigned || parts[0].first?.isNumber == true
        else { return nil }
        return (zone.hasPrefix("-") ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    /// RFC 3339 with as many digits of a second as there are.
    package var text: String {
        let date = fields()
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
        let year = String(repeating: "0", count: max(0, 4 - String(date.year).count)) + String(date.year)
        var fraction = ""
        if nanoseconds > 0 {
            let digits = String(nanoseconds)
            fraction = "." + String(repeating: "0", count: 9 - digits.count) + digits
            while fraction.hasSuffix("0") { fraction.removeLast() }
        }
        return "\(year)-\(two(date.month))-\(two(date.day))T\(two(date.hour)):\(two(date.minute)):"
            + "\(two(date.second))\(fraction)Z"
    }

    /// The calendar's fields, so many seconds east of UTC; month and day from 1, the weekday from Sunday as 0, the
    /// day of the year from 0.
    func fields(
        offset: Int = 0
    ) -> (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, weekday: Int, yearday: Int) {
        let local = seconds + offset
        let days = Int((Double(local) / 86_400).rounded(.down))
        let rest = local - days * 86_400
        // Years begin in March, so that a leap day ends one; eras have 400 years.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let weekday = ((days + 4) % 7 + 7) % 7
        return (
            year, month, day, rest / 3600, rest / 60 % 60, rest % 60, weekday, days - Self.day(year, 1, 1)
        )
    }

    /// Days since 1970 of a date in the proleptic Gregorian calendar.
    private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func days(in month: Int, of year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }
}
