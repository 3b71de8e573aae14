/// A forward-only, strict reader of one JSON text in borrowed memory.
///
/// It reads typed values in one pass without building a tree, and skips what nobody asks for at the speed of a scan.
/// Grammar is that of RFC 8259; the text must be UTF-8 (checked once, by ``read(_:_:)-([UInt8],_)``). Input never traps.
package struct JSONReader: ~Copyable {
    /// The kinds of JSON value.
    package enum Kind: String, Sendable {
        case null, boolean, number, string, array, object
    }

    /// How deep arrays and objects may be nested.
    package static let maximumDepth = 256

    @usableFromInline let base: UnsafePointer<UInt8>
    @usableFromInline let count: Int
    @usableFromInline var position = 0
    @usableFromInline var depth = 0

    @usableFromInline
    init(base: UnsafePointer<UInt8>, count: Int) {
        self.base = base
        self.count = count
    }

    /// Reads a whole text: one value and nothing after it but white space.
    ///
    /// - Throws: ``JSONError`` for a text that is not UTF-8 or not JSON, and whatever `body` throws.
    package static func read<Result>(
        _ bytes: [UInt8],
        _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        try read(bytes[...], body)
    }

    /// Reads a whole text that lies inside a larger buffer, without copying it.
    package static func read<Result>(
        _ bytes: ArraySlice<UInt8>,
        _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let outcome = bytes.withUnsafeBufferPointer { buffer -> Swift.Result<Result, JSONError> in
            do throws(JSONError) { return .success(try read(buffer, body)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    /// Reads a whole text in borrowed memory.
    package static func read<Result>(
        _ buffer: UnsafeBufferPointer<UInt8>,
        _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        guard let base = buffer.baseAddress, !buffer.isEmpty else { throw JSONError(.truncated, "the text is empty") }
        do { _ = try UTF8Span(validating: Span(_unsafeElements: buffer)) } catch {
            throw JSONError(.encoding, "the text is not UTF-8")
        }
        var reader = JSONReader(base: base, count: buffer.count)
        let result = try body(&reader)
        try reader.end()
        return result
    }

    /// Checks that nothing but white space is left.
    package mutating func end() throws(JSONError) {
        skipSpace()
        guard position == count else { throw unexpected("the end of the text") }
    }

    /// The offset in bytes of what is read next.
    package var offset: Int { position }

    // MARK: Values

    /// The kind of the next value, which is not consumed.
    @inlinable
    package mutating func kind() throws(JSONError) -> Kind {
        switch try peek() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw unexpected("a value")
        }
    }

    /// Consumes the next value if it is `null`.
    @inlinable
    package mutating func null() throws(JSONError) -> Bool {
        guard try peek() == UInt8(ascii: "n") else { return false }
        try literal("null")
        return true
    }

    /// Reads a string.
    @inlinable
    package mutating func string() throws(JSONError) -> String {
        let raw = try rawString()
        let bytes = UnsafeBufferPointer(start: base + raw.start, count: raw.count)
        return raw.escaped ? try unescape(bytes, at: raw.start) : String(decoding: bytes, as: UTF8.self)
    }

    /// Reads a Boolean.
    @inlinable
    package mutating func bool() throws(JSONError) -> Bool {
        switch try peek() {
        case UInt8(ascii: "t"):
            try literal("true")
            return true
        case UInt8(ascii: "f"):
            try literal("false")
            return false
        default: throw mismatch("a boolean")
        }
    }

    /// Reads a whole number.
    ///
    /// `1.0` and `1e3` are not whole numbers here.
    @inlinable
    package mutating func integer() throws(JSONError) -> Int {
        let next = try kind()
        guard next == .number else { throw mismatch("a whole number") }
        let number = try scanNumber()
        guard number.isInteger else { throw JSONError(.wrongType, "expected a whole number", offset: number.start) }
        guard let value = number.integer else {
            throw JSONError(.numberOutOfRange, "the number does not fit in 64 bits", offset: number.start)
        }
        return value
    }

    /// Reads any number.
    package mutating func double() throws(JSONError) -> Double {
        let number = try scanNumber()
        if let value = number.integer { return Double(value) }
        return try float(number)
    }

    /// Reads an object; `body` must consume the value of every key it is given.
    @inlinable
    package mutating func object(
        _ body: (borrowing JSONKey, inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        try open(UInt8(ascii: "{"), "an object")
        if try peek() == UInt8(ascii: "}") { return close() }
        while true {
            let raw = try rawString()
            try expect(UInt8(ascii: ":"))
            let key = JSONKey(base: base + raw.start, count: raw.count, escaped: raw.escaped)
            try body(key, &self)
            switch try peek() {
            case UInt8(ascii: "}"): return close()
            case UInt8(ascii: ","): position += 1
            default: throw unexpected("\",\" or \"}\"")
            }
        }
    }

    /// Reads an array; `body` must consume one element.
    @inlinable
    package mutating func array(_ body: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
        try open(UInt8(ascii: "["), "an array")
        if try peek() == UInt8(ascii: "]") { return close() }
        while true {
            try body(&self)
            switch try peek() {
            case UInt8(ascii: "]"): return close()
            case UInt8(ascii: ","): position += 1
            default: throw unexpected("\",\" or \"]\"")
            }
        }
    }

    /// Skips one value of any kind, checking its grammar.
    package mutating func skip() throws(JSONError) {
        switch try kind() {
        case .object: try object { (_, reader) throws(JSONError) in try reader.skip() }
        case .array: try array { (reader) throws(JSONError) in try reader.skip() }
        case .string: try checkEscapes(try rawString())
        case .boolean: _ = try bool()
        case .null: _ = try null()
        case .number: _ = try scanNumber()
        }
    }

    /// Skips one value and returns its text.
    package mutating func raw() throws(JSONError) -> [UInt8] {
        skipSpace()
        let start = position
        try skip()
        return Array(UnsafeBufferPointer(start: base + start, count: position - start))
    }

    /// Reads one value of any kind as a tree.
    package mutating func value() throws(JSONError) -> JSONValue {
        switch try kind() {
        case .null:
            _ = try null()
            return .null
        case .boolean: return .bool(try bool())
        case .string: return .string(try string())
        case .number:
            let number = try scanNumber()
            if let integer = number.integer { return .integer(integer) }
            return .double(try float(number))
        case .array:
            var elements: [JSONValue] = []
            try array { (reader) throws(JSONError) in elements.append(try reader.value()) }
            return .array(elements)
        case .object:
            return .object(try objectValue())
        }
    }

    /// Reads one object as a tree that keeps the order of its members; of a repeated key the last one counts.
    package mutating func objectValue() throws(JSONError) -> JSONObject {
        var members = JSONObject()
        try object { (key, reader) throws(JSONError) in members.set(try key.string(), try reader.value()) }
        return members
    }

    // MARK: Scanning

    @inlinable @inline(__always)
    mutating func skipSpace() {
        while position < count {
            switch base[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    @inlinable @inline(__always)
    mutating func peek() throws(JSONError) -> UInt8 {
        skipSpace()
        guard position < count else { throw JSONError(.truncated, "the text ends inside a value", offset: position) }
        return base[position]
    }

    @inlinable @inline(__always)
    mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try peek() == byte else { throw unexpected("\"\(Character(Unicode.Scalar(byte)))\"") }
        position += 1
    }

    @inlinable
    mutating func open(_ byte: UInt8, _ what: String) throws(JSONError) {
        guard try peek() == byte else { throw mismatch(what) }
        guard depth < Self.maximumDepth else {
            throw JSONError(.tooDeep, "nested deeper than \(Self.maximumDepth) levels", offset: position)
        }
        position += 1
        depth += 1
    }

    @inlinable
    mutating func close() {
        position += 1
        depth -= 1
    }

    @usableFromInline struct RawString {
        @usableFromInline let start: Int
        @usableFromInline let count: Int
        @usableFromInline let escaped: Bool

        @inlinable init(start: Int, count: Int, escaped: Bool) {
            self.start = start
            self.count = count
            self.escaped = escaped
        }
    }

    /// Finds the end of a string: bytes between the quotes, escapes not yet looked at.
    @inlinable
    mutating func rawString() throws(JSONError) -> RawString {
        guard try peek() == UInt8(ascii: "\"") else { throw mismatch("a string") }
        position += 1
        let start = position
        var escaped = false
        while position < count {
            let byte = base[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return RawString(start: start, count: position - 1 - start, escaped: escaped)
            }
            guard byte >= 0x20 else {
                throw JSONError(.syntax, "a control character in a string is not escaped", offset: position)
            }
            if byte == UInt8(ascii: "\\") {
                escaped = true
                position += 1
            }
            position += 1
        }
        throw JSONError(.truncated, "the text ends inside a string", offset: start)
    }

    @usableFromInline struct Number {
        @usableFromInline let start: Int
        @usableFromInline let end: Int
        @usableFromInline let isInteger: Bool
        /// Nil when the number has a fraction, an exponent, or more than 64 bits.
        @usableFromInline let integer: Int?

        @inlinable init(start: Int, end: Int, isInteger: Bool, integer: Int?) {
            self.start = start
            self.end = end
            self.isInteger = isInteger
            self.integer = integer
        }
    }

    @inlinable
    mutating func scanNumber() throws(JSONError) -> Number {
        let first = try peek()
        let start = position
        let isNegative = first == UInt8(ascii: "-")
        if isNegative { position += 1 }
        guard position < count, case let lead = base[position], lead &- UInt8(ascii: "0") < 10 else {
            position = start
            throw isNegative ? unexpected("a digit after \"-\"") : mismatch("a number")
        }
        var magnitude: Int? = 0
        while position < count, case let digit = base[position] &- UInt8(ascii: "0"), digit < 10 {
            if let value = magnitude {
                let (tens, first) = value.multipliedReportingOverflow(by: 10)
                // Counted downwards, so that the smallest Int can be read too.
                let (next, second) = tens.subtractingReportingOverflow(Int(digit))
                magnitude = first || second ? nil : next
            }
            position += 1
        }
        if lead == UInt8(ascii: "0"), position - start > (isNegative ? 2 : 1) {
            throw JSONError(.syntax, "a number starts with a needless zero", offset: start)
        }
        let isInteger = try !scanFraction()
        var integer: Int?
        if isInteger, let value = magnitude { integer = isNegative ? value : value == .min ? nil : -value }
        if isNegative, integer == 0 { integer = nil }  // -0 keeps its sign, as a floating-point number
        return Number(start: start, end: position, isInteger: isInteger, integer: integer)
    }

    /// Consumes a fraction and an exponent, and says whether there was one.
    @inlinable
    mutating func scanFraction() throws(JSONError) -> Bool {
        var found = false
        if position < count, base[position] == UInt8(ascii: ".") {
            found = true
            position += 1
            try scanDigits()
        }
        if position < count, base[position] | 0x20 == UInt8(ascii: "e") {
            found = true
            position += 1
            if position < count, base[position] == UInt8(ascii: "+") || base[position] == UInt8(ascii: "-") {
                position += 1
            }
            try scanDigits()
        }
        return found
    }

    @inlinable
    mutating func scanDigits() throws(JSONError) {
        let start = position
        while position < count, base[position] &- UInt8(ascii: "0") < 10 { position += 1 }
        guard position > start else { throw unexpected("a digit") }
    }

    private func float(_ number: Number) throws(JSONError) -> Double {
        let text = String(
            decoding: UnsafeBufferPointer(start: base + number.start, count: number.end - number.start),
            as: UTF8.self
        )
        guard let value = Double(text), value.isFinite else {
            throw JSONError(.numberOutOfRange, "the number \(text.prefix(40)) is too large", offset: number.start)
        }
        return value
    }

    @inlinable
    mutating func literal(_ text: StaticString) throws(JSONError) {
        let start = position
        for index in 0..<text.utf8CodeUnitCount {
            guard position < count, base[position] == text.utf8Start[index] else {
                position = start
                throw unexpected("a value")
            }
            position += 1
        }
    }

    // MARK: Escapes

    private func checkEscapes(_ raw: RawString) throws(JSONError) {
        guard raw.escaped else { return }
        _ = try unescape(UnsafeBufferPointer(start: base + raw.start, count: raw.count), at: raw.start)
    }

    @usableFromInline
    func unescape(_ raw: UnsafeBufferPointer<UInt8>, at start: Int) throws(JSONError) -> String {
        var decoder = EscapeDecoder(raw: raw, start: start)
        return try decoder.decode()
    }

    // MARK: Errors

    @usableFromInline
    func unexpected(_ wanted: String) -> JSONError {
        guard position < count else {
            return JSONError(.truncated, "the text ends where \(wanted) should be", offset: position)
        }
        return JSONError(.syntax, "found \(Self.quote(base[position])) instead of \(wanted)", offset: position)
    }

    @usableFromInline
    mutating func mismatch(_ wanted: String) -> JSONError {
        do throws(JSONError) {
            let found = try kind()
            return JSONError(.wrongType, "expected \(wanted), found \(Self.article(found))", offset: position)
        } catch { return error }
    }

    private static func article(_ kind: Kind) -> String {
        switch kind {
        case .null: "null"
        case .array, .object: "an \(kind.rawValue)"
        case .boolean, .number, .string: "a \(kind.rawValue)"
        }
    }

    private static func quote(_ byte: UInt8) -> String {
        byte > 0x20 && byte < 0x7F ? "\"\(Character(Unicode.Scalar(byte)))\"" : "byte \(byte)"
    }
}

/// A key of an object, in the memory of the text it is read from.
package struct JSONKey: ~Copyable {
    @usableFromInline let base: UnsafePointer<UInt8>
    @usableFromInline let count: Int
    @usableFromInline let escaped: Bool

    @inlinable
    init(base: UnsafePointer<UInt8>, count: Int, escaped: Bool) {
        self.base = base
        self.count = count
        self.escaped = escaped
    }

    /// Whether the key is `name`, byte by byte.
    ///
    /// A key written with escapes is compared as written.
    @inlinable
    package func matches(_ name: StaticString) -> Bool {
        guard name.utf8CodeUnitCount == count else { return false }
        for index in 0..<count where name.utf8Start[index] != base[index] { return false }
        return true
    }

    /// The key as a string.
    @inlinable
    package func string() throws(JSONError) -> String {
        let bytes = UnsafeBufferPointer(start: base, count: count)
        guard escaped else { return String(decoding: bytes, as: UTF8.self) }
        var decoder = EscapeDecoder(raw: bytes, start: 0)
        return try decoder.decode()
    }
}

/// Decodes the escapes of one string.
@usableFromInline
struct EscapeDecoder {
    private let raw: UnsafeBufferPointer<UInt8>
    private let start: Int
    private var index = 0

    @usableFromInline
    init(raw: UnsafeBufferPointer<UInt8>, start: Int) {
        self.raw = raw
        self.start = start
    }

    @usableFromInline
    mutating func decode() throws(JSONError) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(raw.count)
        while index < raw.count {
            let byte = raw[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                out.append(byte)
                continue
            }
            guard index < raw.count else { throw bad("the text ends inside an escape") }
            let kind = raw[index]
            index += 1
            switch kind {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(kind)
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "f"): out.append(0x0C)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "u"): out.append(contentsOf: String(try scalar()).utf8)
            default: throw bad("unknown escape")
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private mutating func scalar() throws(JSONError) -> Unicode.Scalar {
        let high = try hex()
        guard high & 0xFC00 == 0xD800 else {
            guard let scalar = Unicode.Scalar(high) else { throw bad("half of a surrogate pair") }
            return scalar
        }
        guard index + 1 < raw.count, raw[index] == UInt8(ascii: "\\"), raw[index + 1] == UInt8(ascii: "u") else {
            throw bad("half of a surrogate pair")
        }
        index += 2
        let low = try hex()
        guard low & 0xFC00 == 0xDC00, let scalar = Unicode.Scalar(0x10000 + (high & 0x3FF) << 10 + low & 0x3FF) else {
            throw bad("half of a surrogate pair")
        }
        return scalar
    }

    private mutating func hex() throws(JSONError) -> UInt32 {
        guard index + 4 <= raw.count else { throw bad("the text ends inside an escape") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(raw[index])).hexDigitValue else { throw bad("not a hex digit") }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }

    private func bad(_ detail: String) -> JSONError { JSONError(.syntax, detail, offset: start + index) }
}
