/// An amount of a resource, as `250m` or `1Gi`, to a billionth.
package struct Quantity: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// In which form it is written.
    package enum Format: Sendable, Hashable {
        /// Powers of a thousand: `m`, `k`, `M` …
        case decimal
        /// Powers of 1024: `Ki`, `Mi` …
        case binary
        /// `e3`, `E6` …
        case exponent
    }

    /// Billionths.
    package var nanos: Int128
    package var format: Format

    package init(nanos: Int128, format: Format = .decimal) {
        self.nanos = nanos
        self.format = format
    }

    private static let decimalSuffixes: [(suffix: String, power: Int)] = [
        ("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18),
    ]
    private static let binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]

    /// Reads a quantity; nil for anything else, and for what is not below 2⁹³.
    ///
    /// What is finer than a billionth is rounded away from zero.
    package init?(_ text: String) {
        var rest = text.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        var mantissa: Int128 = 0
        var fractionDigits = 0
        var digits = 0
        var isFraction = false
        while let byte = rest.first {
            if byte == UInt8(ascii: "."), !isFraction {
                isFraction = true
            } else if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                let (product, overflows) = mantissa.multipliedReportingOverflow(by: 10)
                guard !overflows, product < Int128(1) << 93 else { return nil }
                mantissa = product + Int128(byte - UInt8(ascii: "0"))
                digits += 1
                if isFraction { fractionDigits += 1 }
            } else {
                break
            }
            rest = rest.dropFirst()
        }
        guard digits > 0, let suffix = String(rest) else { return nil }
        var power = -fractionDigits + 9
        if let binary = Self.binarySuffixes.firstIndex(of: suffix), binary > 0 {
            format = .binary
            guard let scaled = Self.scaled(mantissa, Int128(1) << (10 * binary)) else { return nil }
            mantissa = scaled
        } else if let decimal = Self.decimalSuffixes.first(where: { $0.suffix == suffix }) {
            format = .decimal
            power += decimal.power
        } else if suffix.hasPrefix("e") || suffix.hasPrefix("E"), let exponent = Int(suffix.dropFirst()),
            abs(exponent) < 100
        {
            format = .exponent
            power += exponent
        } else {
            return nil
        }
        while power > 0 {
            guard let scaled = Self.scaled(mantissa, 10) else { return nil }
            mantissa = scaled
            power -= 1
        }
        var isRounded = false
        while power < 0 {
            isRounded = isRounded || mantissa % 10 != 0
            mantissa /= 10
            power += 1
        }
        if isRounded { mantissa += 1 }
        nanos = isNegative ? -mantissa : mantissa
    }

    private static func scaled(_ value: Int128, _ factor: Int128) -> Int128? {
        let (product, overflows) = value.multipliedReportingOverflow(by: factor)
        return overflows || product >= Int128(1) << 123 ? nil : product
    }

    /// The form in which the API server writes it: the largest suffix that leaves no fraction.
    package var description: String {
        guard nanos != 0 else { return "0" }
        let billion: Int128 = 1_000_000_000
        if format == .binary, nanos % billion == 0, abs(nanos / billion) >= 1024 {
            var value = nanos / billion
            var index = 0
            while index < Self.binarySuffixes.count - 1, value % 1024 == 0 {
                value /= 1024
                index += 1
            }
            return "\(value)\(Self.binarySuffixes[index])"
        }
        var value = nanos
        var power = -9
        while power < 18, value % 1000 == 0 {
            value /= 1000
            power += 3
        }
        if format == .exponent { return power == 0 ? "\(value)" : "\(value)e\(power)" }
        let suffix = Self.decimalSuffixes.first { $0.power == power }?.suffix ?? ""
        return "\(value)\(suffix)"
    }

    package static func < (a: Quantity, b: Quantity) -> Bool { a.nanos < b.nanos }
}
