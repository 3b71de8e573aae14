import JSON

/// What a plain scalar means, following `sigs.k8s.io/yaml`.
enum YAMLScalar: Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string
    /// `.inf` and `.nan`, which JSON has not.
    case notFinite

    init(plain text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": self = .bool(true)
        case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": self = .bool(false)
        case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
            self = .notFinite
        default: self = Self.number(text)
        }
    }

    private static func number(_ text: String) -> YAMLScalar {
        guard let first = text.utf8.first else { return .null }
        let isDigit = first &- UInt8(ascii: "0") < 10
        switch first {
        case UInt8(ascii: "."): return float(text)
        case _ where isDigit, UInt8(ascii: "+"), UInt8(ascii: "-"):
            let plain = text.utf8.contains(UInt8(ascii: "_")) ? String(text.filter { $0 != "_" }) : text
            return integer(plain) ?? float(plain)
        default: return .string
        }
    }

    /// Go's `strconv.ParseInt` with base 0: `0x`, `0o`, `0b`, and a leading zero for octal.
    private static func integer(_ text: String) -> YAMLScalar? {
        var digits = Substring(text)
        var isNegative = false
        if let sign = digits.first, sign == "-" || sign == "+" {
            isNegative = sign == "-"
            digits.removeFirst()
        }
        var radix = 10
        if digits.first == "0", digits.count > 1 {
            digits.removeFirst()
            switch digits.first {
            case "x", "X": radix = 16
            case "o", "O": radix = 8
            case "b", "B": radix = 2
            default:
                radix = 8
                digits = "0" + digits
            }
            digits.removeFirst()
        }
        // `Int(_:radix:)` takes signs of its own, which have no place behind ours.
        guard let first = digits.first, first != "-", first != "+" else { return nil }
        if let value = Int((isNegative ? "-" : "") + digits, radix: radix) { return .integer(value) }
        // Larger than 64 bits: nearest double, as the JSON reader does.
        guard radix == 10, digits.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }), let value = Double(text) else {
            return nil
        }
        return .double(value)
    }

    private static func float(_ text: String) -> YAMLScalar {
        guard hasFloatForm(text.utf8), let value = Double(text), value.isFinite else { return .string }
        // Go writes a whole float64 without its fraction, and thus `1.0` reaches the API server as 1.
        if let whole = Int(exactly: value), abs(value) < 1e15 { return .integer(whole) }
        return .double(value)
    }

    /// Whether the text is a decimal number: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
    private static func hasFloatForm(_ text: String.UTF8View) -> Bool {
        var rest = text[...]
        func sign() {
            if let first = rest.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") { rest.removeFirst() }
        }
        func digits() -> Int {
            let start = rest.count
            while let first = rest.first, first &- UInt8(ascii: "0") < 10 { rest.removeFirst() }
            return start - rest.count
        }
        sign()
        let whole = digits()
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = digits()
        }
        guard whole + fraction > 0 else { return false }
        if let first = rest.first, first | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            sign()
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }
}
