/// Header fields of a request or a response, in order; names are looked up without regard to ASCII case.
///
/// All fields lie in one run of bytes, so that taking in a response costs one allocation and only the fields that are
/// asked for become strings.
package struct HTTPHeaders: Sendable, Equatable, ExpressibleByDictionaryLiteral, Sequence {
    /// `name: value` one after the other, each closed by a zero byte: the form libcurl takes fields in.
    private(set) var lines: [UInt8] = []

    /// False once a field was added whose name is not an HTTP token; such a request is refused when it is sent.
    private(set) var isWellFormed = true

    /// Creates an empty collection.
    package init() {}

    /// Creates the fields in the order written; a name may repeat.
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }

    /// True when there is no field.
    package var isEmpty: Bool { lines.isEmpty }

    /// The value of the first field of that name; setting replaces all fields of that name, nil removes them.
    ///
    /// O(bytes).
    package subscript(name: String) -> String? {
        get {
            var name = name
            return name.withUTF8 { wanted in
                var start = 0
                while let line = nextLine(at: start) {
                    if Self.equalsIgnoringCase(lines[line.name], wanted) { return text(line.value) }
                    start = line.end
                }
                return nil
            }
        }
        set {
            removeAll(named: name)
            if let newValue { add(name, newValue) }
        }
    }

    /// The values of all fields of that name, in order.
    package func all(_ name: String) -> [String] {
        var name = name
        return name.withUTF8 { wanted in
            var values: [String] = []
            var start = 0
            while let line = nextLine(at: start) {
                if Self.equalsIgnoringCase(lines[line.name], wanted) { values.append(text(line.value)) }
                start = line.end
            }
            return values
        }
    }

    /// Adds a field at the end and keeps others of the same name.
    ///
    /// Carriage returns, line feeds and zero bytes in the value become spaces (RFC 9110, section 5.5), so a value cannot
    /// smuggle in a field. A name that is not a token makes the request fail with ``HTTPFailure/Reason/invalidRequest``.
    package mutating func add(_ name: String, _ value: String) {
        guard Self.isToken(name) else {
            isWellFormed = false
            return
        }
        lines.append(contentsOf: name.utf8)
        lines.append(UInt8(ascii: ":"))
        lines.append(UInt8(ascii: " "))
        for byte in value.utf8 { lines.append(byte == 0 || byte == 10 || byte == 13 ? 32 : byte) }
        lines.append(0)
    }

    /// Removes all fields of that name.
    package mutating func removeAll(named name: String) {
        var name = name
        name.withUTF8 { wanted in
            var start = 0
            while let line = nextLine(at: start) {
                if Self.equalsIgnoringCase(lines[line.name], wanted) {
                    lines.removeSubrange(start..<line.end)
                } else {
                    start = line.end
                }
            }
        }
    }

    /// Takes in a field as it came from the network, without its line end; what is no field is left out.
    mutating func add(line: UnsafeRawBufferPointer) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return }
        var from = colon + 1
        var to = line.count
        while from < to, line[from] == 32 || line[from] == 9 { from += 1 }
        while to > from, line[to - 1] == 32 || line[to - 1] == 9 { to -= 1 }
        let value = UnsafeRawBufferPointer(rebasing: line[from..<to])
        guard !value.contains(0), !line[..<colon].contains(0) else { return }
        if lines.isEmpty { lines.reserveCapacity(512) }
        lines.append(contentsOf: UnsafeRawBufferPointer(rebasing: line[..<colon]))
        lines.append(UInt8(ascii: ":"))
        lines.append(UInt8(ascii: " "))
        lines.append(contentsOf: value)
        lines.append(0)
    }

    private struct Line {
        var name: Range<Int>
        var value: Range<Int>
        var end: Int
    }

    private func nextLine(at start: Int) -> Line? {
        guard start < lines.count, let close = lines[start...].firstIndex(of: 0),
            let colon = lines[start..<close].firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return Line(name: start..<colon, value: (colon + 2)..<close, end: close + 1)
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: lines[range], as: UTF8.self) }

    private static func equalsIgnoringCase(_ a: ArraySlice<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        var index = a.startIndex
        for byte in b {
            guard lowercased(a[index]) == lowercased(byte) else { return false }
            index += 1
        }
        return true
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 32 : byte }

    /// Whether the text is a token of RFC 9110, section 5.6.2.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: true
                default: false
                }
            }
    }

    /// Equal when the same fields stand in the same order; names compare without case, values exactly.
    package static func == (a: HTTPHeaders, b: HTTPHeaders) -> Bool {
        guard a.isWellFormed == b.isWellFormed else { return false }
        if a.lines == b.lines { return true }
        return a.elementsEqual(b) { $0.name.lowercased() == $1.name.lowercased() && $0.value == $1.value }
    }

    /// Iterates over the fields in order.
    package func makeIterator() -> Iterator { Iterator(headers: self) }

    /// The iterator of ``HTTPHeaders``.
    package struct Iterator: IteratorProtocol {
        fileprivate let headers: HTTPHeaders
        private var start = 0

        fileprivate init(headers: HTTPHeaders) { self.headers = headers }

        /// The next field, nil at the end.
        package mutating func next() -> (name: String, value: String)? {
            guard let line = headers.nextLine(at: start) else { return nil }
            start = line.end
            return (headers.text(line.name), headers.text(line.value))
        }
    }
}
