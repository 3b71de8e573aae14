/// An amount of a resource as Kubernetes writes it, `100m`, `1.5Gi`, `2e3`; exact down to 10⁻⁹.
package struct CELQuantity: Sendable, Hashable, Comparable {
    /// In units of 10⁻⁹.
    let billionths: Int128

    init(billionths: Int128) { self.billionths = billionths }

    /// Nil when the text is no quantity or out of range, which is about 10²⁹ here.
    package init?(_ text: String) {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        let whole = rest.prefix { $0.isASCII && $0.isNumber }
        rest.removeFirst(whole.count)
        var fraction: Substring = ""
        if rest.first == "." {
            rest.removeFirst()
            fraction = rest.prefix { $0.isASCII && $0.isNumber }
            rest.removeFirst(fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty, let mantissa = Int128(whole + fraction),
            let (factor, exponent) = Self.scale(rest)
        else { return nil }
        let (product, overflows) = mantissa.multipliedReportingOverflow(by: factor)
        guard !overflows, let scaled = Self.shift(product, by: exponent + 9 - fraction.count) else { return nil }
        billionths = isNegative ? -scaled : scaled
    }

    private static func scale(_ suffix: Substring) -> (factor: Int128, exponent: Int)? {
        let binary = ["Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60]
        let decimal = ["": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18]
        if let bits = binary[String(suffix)] { return (1 << Int128(bits), 0) }
        if let exponent = decimal[String(suffix)] { return (1, exponent) }
        guard suffix.first == "e" || suffix.first == "E", let exponent = Int(suffix.dropFirst()),
            abs(exponent) <= 40
        else { return nil }
        return (1, exponent)
    }

    /// Times a power of ten; what is finer than the unit is rounded up, away from zero.
    private static func shift(_ value: Int128, by exponent: Int) -> Int128? {
        var value = value
        for _ in 0..<max(0, exponent) {
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            guard !overflows else { return nil }
            value = product
        }
        for _ in 0..<max(0, -exponent) { value = value / 10 + (value % 10 == 0 ? 0 : 1) }
        return value
    }

    package static func < (a: CELQuantity, b: CELQuantity) -> Bool { a.billionths < b.billionths }

    /// The whole number, if it is one that fits.
    var integer: Int? { billionths % 1_000_000_000 == 0 ? Int(exactly: billionths / 1_000_000_000) : nil }
    var double: Double { Double(billionths) / 1e9 }
    var sign: Int { Int(billionths.signum()) }

    func adding(_ other: CELQuantity) throws(CELError) -> CELQuantity {
        let (sum, overflows) = billionths.addingReportingOverflow(other.billionths)
        guard !overflows else { throw .evaluation("quantity overflow") }
        return CELQuantity(billionths: sum)
    }

    func subtracting(_ other: CELQuantity) throws(CELError) -> CELQuantity {
        try adding(CELQuantity(billionths: -other.billionths))
    }
}
