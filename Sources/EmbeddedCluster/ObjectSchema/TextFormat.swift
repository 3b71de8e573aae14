import GoText

/// A `format` of strings that is checked; others say nothing, as in the API server.
///
/// Those of payment cards and of books, which the API server checks too, are not.
struct TextFormat: Sendable {
    private let check: @Sendable (String) -> Bool

    /// Nil when the format is not one that is checked.
    init?(named name: String) {
        let name = name.filter { $0 != "-" }
        if let check = Self.checks[name] {
            self.check = check
        } else if case .success(let pattern)? = Self.patterns[name] {
            check = { pattern.matches($0) }
        } else {
            return nil
        }
    }

    func accepts(_ text: String) -> Bool { check(text) }

    private static let checks: [String: @Sendable (String) -> Bool] = [
        "password": { _ in true },
        "date": { isDate($0) },
        "datetime": { isDateTime($0) },
        "duration": { isDuration($0) },
        "hostname": { isHostname($0) },
        "ipv4": { isIPv4($0) },
        "ipv6": { isIPv6($0) },
        "cidr": { isCIDR($0) },
        "uri": { isURI($0) },
        "email": { isEmail($0) },
        "byte": { isBase64($0) },
    ]

    private static let patterns: [String: Result<Pattern, PatternError>] = [
        "uuid": "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$",
        "uuid3": "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$",
        "uuid4": "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$",
        "uuid5": "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$",
        "mac": "^([0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5,7}|[0-9a-fA-F]{4}([.][0-9a-fA-F]{4}){2,3})$",
        "hexcolor": "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$",
        "rgbcolor":
            "^rgb\\( *(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)( *, *(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)){2} *\\)$",
        "ssn": "^\\d{3}[- ]?\\d{2}[- ]?\\d{4}$",
        "bsonobjectid": "^[0-9a-fA-F]{24}$",
    ].mapValues { text in Result { () throws(PatternError) in try Pattern(text) } }

    private static func isDate(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2], parts.allSatisfy({ $0.utf8.allSatisfy(isDigit) }),
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]), (1...12).contains(month)
        else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...days[month - 1]).contains(day)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private static func isDateTime(_ text: String) -> Bool {
        guard let separator = text.firstIndex(where: { $0 == "T" || $0 == "t" || $0 == " " }) else { return false }
        guard isDate(String(text[..<separator])) else { return false }
        var clock = text[text.index(after: separator)...]
        if clock.last == "Z" || clock.last == "z" {
            clock.removeLast()
        } else if let sign = clock.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            guard isClock(clock[clock.index(after: sign)...] + ":00") else { return false }
            clock = clock[..<sign]
        }
        let parts = clock.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, isClock(first) else { return false }
        return parts.count == 1 || (!parts[1].isEmpty && parts[1].utf8.allSatisfy(isDigit))
    }

    private static func isClock(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [2, 2, 2], parts.allSatisfy({ $0.utf8.allSatisfy(isDigit) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), let second = Int(parts[2])
        else { return false }
        return hour < 24 && minute < 60 && second <= 60
    }

    /// As Go writes it, or a number and a unit as Scala does: `3 days`.
    private static func isDuration(_ text: String) -> Bool {
        if GoDuration.nanoseconds(text) != nil { return true }
        guard case .success(let pattern) = scalaDuration else { return false }
        return pattern.matches(text)
    }

    private static let scalaDuration = Result { () throws(PatternError) in
        try Pattern(
            "^(\\d+\\s*(ns|nanos?|us|µs|micros?|ms|millis?|s|secs?|m|mins?|h|hrs?|hours?|d|days?|w|wks?|weeks?)\\s*)+$"
        )
    }

    private static func isHostname(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return !text.isEmpty && text.utf8.count <= 255
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.allSatisfy { $0.isLetter || $0.isNumber || $0.isSymbol || $0 == "-" }
            }
    }

    private static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy {
                (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy(isDigit) && (Int($0) ?? 256) < 256
            }
    }

    private static func isIPv6(_ text: String) -> Bool {
        guard text.contains(":") else { return false }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        var count = 0
        for (index, half) in halves.enumerated() where !half.isEmpty {
            let groups = half.split(separator: ":", omittingEmptySubsequences: false)
            for (place, group) in groups.enumerated() {
                if group.contains("."), index == halves.count - 1, place == groups.count - 1, isIPv4(String(group)) {
                    count += 2
                } else if (1...4).contains(group.utf8.count), group.allSatisfy(\.isHexDigit) {
                    count += 1
                } else {
                    return false
                }
            }
        }
        return halves.count == 2 ? count < 8 : count == 8
    }

    private static func isCIDR(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts[1].utf8.allSatisfy(isDigit), let bits = Int(parts[1]) else { return false }
        return isIPv4(parts[0]) && bits <= 32 || isIPv6(parts[0]) && bits <= 128
    }

    private static func isURI(_ text: String) -> Bool {
        if text.hasPrefix("/") { return !text.contains { $0.isWhitespace } }
        guard let colon = text.firstIndex(of: ":"), let first = text.first, first.isASCII, first.isLetter else {
            return false
        }
        let scheme = text[..<colon]
        return scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
            && !text.utf8.contains { $0 <= 0x20 || $0 == 0x7F } && text.index(after: colon) < text.endIndex
    }

    private static func isEmail(_ text: String) -> Bool {
        let address =
            text.hasSuffix(">") ? text.split(separator: "<").last.map { String($0.dropLast()) } ?? "" : text
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                !part.isEmpty && !part.hasPrefix(".") && !part.hasSuffix(".")
                    && !part.contains { $0.isWhitespace || "()<>,;:[]\\\"".contains($0) }
            }
    }

    private static func isBase64(_ text: String) -> Bool {
        let digits = text.filter { $0 != "\n" && $0 != "\r" }
        let body = digits.utf8.reversed().drop { $0 == UInt8(ascii: "=") }
        return digits.utf8.count % 4 == 0 && digits.utf8.count - body.count <= 2
            && body.allSatisfy { byte in
                let scalar = Character(Unicode.Scalar(byte))
                return scalar.isASCII && (scalar.isLetter || scalar.isNumber || scalar == "+" || scalar == "/")
            }
    }
}
