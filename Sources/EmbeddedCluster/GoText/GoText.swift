/// Values as Go programs print them; clients see these forms in the API server's messages.
package enum GoText {
    /// A string in quotes as `strconv.Quote` and `%q` write it.
    package static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars { out += escaped(scalar) }
        return out + "\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\u{7}": "\\a"
        case "\u{8}": "\\b"
        case "\u{C}": "\\f"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case "\u{B}": "\\v"
        case "\u{0}"..."\u{1F}", "\u{7F}": "\\x" + hexadecimal(scalar.value, digits: 2)
        case " "..."~": String(scalar)
        default:
            if isPrintable(scalar) {
                String(scalar)
            } else if scalar.value < 0x10000 {
                "\\u" + hexadecimal(scalar.value, digits: 4)
            } else {
                "\\U" + hexadecimal(scalar.value, digits: 8)
            }
        }
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator,
            .paragraphSeparator:
            false
        default: true
        }
    }

    private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// A number as `%v` writes it: the shortest digits that read back as the same number, with an exponent below 1e-04
    /// and from 1e+06 on.
    package static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == 0 { return value.sign == .minus ? "-0" : "0" }
        let (digits, point) = shortestDigits(value.magnitude)
        let sign = value < 0 ? "-" : ""
        let exponent = point - 1
        if exponent < -4 || exponent >= 6 { return sign + scientific(digits, exponent) }
        return sign + plain(digits, point)
    }

    /// A number without exponent, however long.
    package static func plainNumber(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return number(value) }
        let (digits, point) = shortestDigits(value.magnitude)
        return (value < 0 ? "-" : "") + plain(digits, point)
    }

    private static func scientific(_ digits: [Character], _ exponent: Int) -> String {
        let fraction = digits.dropFirst()
        let size = String(exponent.magnitude)
        return String(digits.prefix(1)) + (fraction.isEmpty ? "" : "." + String(fraction))
            + (exponent < 0 ? "e-" : "e+") + (size.count < 2 ? "0" : "") + size
    }

    private static func plain(_ digits: [Character], _ point: Int) -> String {
        if point <= 0 { return "0." + String(repeating: "0", count: -point) + String(digits) }
        if point >= digits.count { return String(digits) + String(repeating: "0", count: point - digits.count) }
        return String(digits[..<point]) + "." + String(digits[point...])
    }

    /// The digits of a positive number without zeros at either end, and how many of them stand before the point.
    private static func shortestDigits(_ value: Double) -> (digits: [Character], point: Int) {
        let parts = value.description.split(separator: "e")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let fraction = mantissa.count > 1 ? mantissa[1] : ""
        var digits = Array(mantissa[0] + fraction)
        var point = mantissa[0].count + exponent
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        while digits.count > 1, digits.first == "0" {
            digits.removeFirst()
            point -= 1
        }
        return (digits, point)
    }
}
