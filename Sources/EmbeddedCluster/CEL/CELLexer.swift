/// A word of an expression and where it stands.
struct CELToken {
    enum Kind: Equatable {
        case identifier(String)
        case int(Int)
        /// 2⁶³, which is an int only behind a minus.
        case intLimit
        case uint(UInt)
        case double(Double)
        case string(String)
        case bytes([UInt8])
        /// An operator or a bracket.
        case symbol(String)
        case end
    }

    var kind: Kind
    var offset: Int
}

/// Cuts an expression into words.
struct CELLexer {
    private let scalars: [Unicode.Scalar]
    private var place = 0

    init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    private static let symbols = [
        "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[",
        "]",
        "{", "}",
    ].map { Array($0.unicodeScalars) }

    /// All words, and the end.
    mutating func tokens() throws(CELError) -> [CELToken] {
        var tokens: [CELToken] = []
        while true {
            skipSpace()
            let token = try next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private func scalar(_ ahead: Int = 0) -> Unicode.Scalar? {
        place + ahead < scalars.count ? scalars[place + ahead] : nil
    }

    private func failure(_ message: String, at offset: Int) -> CELError {
        .compilation("Syntax error: \(message)", at: offset, in: scalars)
    }

    private mutating func skipSpace() {
        while let next = scalar() {
            if next == "/", scalar(1) == "/" {
                while let next = scalar(), next != "\n" {
                    place += 1
                    if next == "\r" { continue }
                }
            } else if next == " " || next == "\t" || next == "\n" || next == "\r" || next == "\u{C}" {
                place += 1
            } else {
                return
            }
        }
    }

    private mutating func next() throws(CELError) -> CELToken {
        let start = place
        guard let first = scalar() else { return CELToken(kind: .end, offset: place) }
        if first.isDigit || (first == "." && scalar(1)?.isDigit == true) {
            return CELToken(kind: try number(), offset: start)
        }
        if let literal = try quoted() { return CELToken(kind: literal, offset: start) }
        if first.isWordStart {
            var word = String.UnicodeScalarView()
            while let next = scalar(), next.isWordStart || next.isDigit {
                word.append(next)
                place += 1
            }
            return CELToken(kind: .identifier(String(word)), offset: start)
        }
        for symbol in Self.symbols where scalars[place...].starts(with: symbol) {
            place += symbol.count
            return CELToken(kind: .symbol(String(String.UnicodeScalarView(symbol))), offset: start)
        }
        throw failure("token recognition error at: '\(first)'", at: start)
    }

    private mutating func number() throws(CELError) -> CELToken.Kind {
        let start = place
        if scalar() == "0", scalar(1) == "x" || scalar(1) == "X" {
            place += 2
            let digits = take { $0.properties.isASCIIHexDigit }
            return try whole(digits, radix: 16, from: start)
        }
        var text = take { $0.isDigit }
        var isFraction = false
        if scalar() == ".", scalar(1)?.isDigit == true {
            place += 1
            text += "." + take { $0.isDigit }
            isFraction = true
        }
        let sign = scalar(1) == "+" || scalar(1) == "-" ? 1 : 0
        if scalar() == "e" || scalar() == "E", scalar(1 + sign)?.isDigit == true {
            text += "e" + (sign == 1 ? String(scalars[place + 1]) : "")
            place += 1 + sign
            text += take { $0.isDigit }
            isFraction = true
        }
        guard isFraction else { return try whole(text, radix: 10, from: start) }
        guard let value = Double(text.hasPrefix(".") ? "0" + text : text), value.isFinite else {
            throw failure("invalid double literal", at: start)
        }
        return .double(value)
    }

    private mutating func whole(_ digits: String, radix: Int, from start: Int) throws(CELError) -> CELToken.Kind {
        if scalar() == "u" || scalar() == "U" {
            place += 1
            guard let value = UInt(digits, radix: radix) else { throw failure("invalid uint literal", at: start) }
            return .uint(value)
        }
        if let value = Int(digits, radix: radix) { return .int(value) }
        guard UInt(digits, radix: radix) == 1 << 63 else { throw failure("invalid int literal", at: start) }
        return .intLimit
    }

    private mutating func take(while condition: (Unicode.Scalar) -> Bool) -> String {
        var text = String.UnicodeScalarView()
        while let next = scalar(), condition(next) {
            text.append(next)
            place += 1
        }
        return String(text)
    }

    /// A string or bytes, with their prefixes; nil when there is neither.
    private mutating func quoted() throws(CELError) -> CELToken.Kind? {
        let start = place
        var isRaw = false
        var isBytes = false
        while let next = scalar(), "rRbB".unicodeScalars.contains(next), place - start < 2 {
            if next == "r" || next == "R" { isRaw = true } else { isBytes = true }
            place += 1
        }
        guard let quote = scalar(), quote == "\"" || quote == "'" else {
            place = start
            return nil
        }
        let isLong = scalar(1) == quote && scalar(2) == quote
        place += isLong ? 3 : 1
        var text = String.UnicodeScalarView()
        var bytes: [UInt8] = []
        while true {
            guard let next = scalar(), isLong || next != "\n" else {
                throw failure("token recognition error at: unterminated string", at: start)
            }
            if next == quote, !isLong || (scalar(1) == quote && scalar(2) == quote) { break }
            place += 1
            if next == "\\", !isRaw {
                let value = try escape(isBytes)
                if isBytes, value.isByte {
                    bytes.append(UInt8(truncatingIfNeeded: value.scalar.value))
                } else {
                    bytes += Array(String(value.scalar).utf8)
                }
                text.append(value.scalar)
            } else {
                text.append(next)
                bytes += Array(String(next).utf8)
            }
        }
        place += isLong ? 3 : 1
        return isBytes ? .bytes(bytes) : .string(String(text))
    }

    private mutating func escape(_ isBytes: Bool) throws(CELError) -> (scalar: Unicode.Scalar, isByte: Bool) {
        let start = place - 1
        guard let next = scalar() else { throw failure("unterminated escape sequence", at: start) }
        place += 1
        func digits(_ count: Int, radix: Int) -> Unicode.Scalar? {
            guard place + count <= scalars.count else { return nil }
            let text = String(String.UnicodeScalarView(scalars[place..<place + count]))
            guard text.utf8.allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "+") }) else { return nil }
            return UInt32(text, radix: radix).flatMap(Unicode.Scalar.init)
        }
        var found: Unicode.Scalar?
        var length = 0
        var isByte = false
        switch next {
        case "a": found = "\u{7}"
        case "b": found = "\u{8}"
        case "f": found = "\u{C}"
        case "n": found = "\n"
        case "r": found = "\r"
        case "t": found = "\t"
        case "v": found = "\u{B}"
        case "\\", "'", "\"", "`", "?": found = next
        case "x", "X": (found, length, isByte) = (digits(2, radix: 16), 2, true)
        case "u" where !isBytes: (found, length) = (digits(4, radix: 16), 4)
        case "U" where !isBytes: (found, length) = (digits(8, radix: 16), 8)
        case "0"..."3":
            place -= 1
            (found, length, isByte) = (digits(3, radix: 8), 3, true)
        default: break
        }
        guard let found else { throw failure("unable to unescape string", at: start) }
        place += length
        return (found, isByte)
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { self >= "0" && self <= "9" }
    fileprivate var isWordStart: Bool {
        self == "_" || (self >= "a" && self <= "z") || (self >= "A" && self <= "Z")
    }
}
