/// Lengths of time as Go writes and reads them, `1h15m30.5s`.
package enum GoDuration {
    /// Reads a length of time; a sign, then numbers with the units h, m, s, ms, us, ns.
    ///
    /// - Returns: Nanoseconds; nil when the text is no duration or does not fit in 64 bits, about 292 years.
    package static func nanoseconds(_ text: String) -> Int? {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if let sign = rest.first, sign == "-" || sign == "+" { rest.removeFirst() }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { return nil }
        var total = 0
        while !rest.isEmpty {
            guard let part = part(&rest) else { return nil }
            let (sum, overflows) = total.addingReportingOverflow(part)
            guard !overflows else { return nil }
            total = sum
        }
        return isNegative ? -total : total
    }

    private static func part(_ rest: inout Substring) -> Int? {
        let whole = digits(&rest)
        var fraction: Substring = ""
        if rest.first == "." {
            rest.removeFirst()
            fraction = digits(&rest)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        let name = rest.prefix { $0 != "." && !$0.isASCIIDigit }
        rest.removeFirst(name.count)
        guard let unit = unit(name), let count = whole.isEmpty ? 0 : Int(whole) else { return nil }
        let (nanoseconds, overflows) = count.multipliedReportingOverflow(by: unit)
        guard !overflows else { return nil }
        // Digits beyond a nanosecond are cut off; fifteen keep the product exact for hours.
        var scale = 1.0
        var parts = 0.0
        for digit in fraction.prefix(15) {
            scale *= 10
            parts = parts * 10 + Double(digit.wholeNumberValue ?? 0)
        }
        let (sum, tooLong) = nanoseconds.addingReportingOverflow(Int(parts * (Double(unit) / scale)))
        return tooLong ? nil : sum
    }

    private static func digits(_ rest: inout Substring) -> Substring {
        let digits = rest.prefix(while: \.isASCIIDigit)
        rest.removeFirst(digits.count)
        return digits
    }

    private static func unit(_ name: Substring) -> Int? {
        switch name {
        case "ns": 1
        case "us", "\u{B5}s", "\u{3BC}s": 1000
        case "ms": 1_000_000
        case "s": 1_000_000_000
        case "m": 60_000_000_000
        case "h": 3_600_000_000_000
        default: nil
        }
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { self >= "0" && self <= "9" }
}
