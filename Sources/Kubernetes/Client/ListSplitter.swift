import Glibc
import JSON

/// Takes a list answer apart while its bytes arrive, so that the whole list never lies in memory.
///
/// Each element of the root's `items` is handed out as soon as its last byte came; the root's other members are kept as
/// text. Only the shape is followed here (braces, brackets, strings); whether an element is good JSON is for its reader.
struct ListSplitter {
    private enum Place {
        case root, memberOrEnd, key, colon, valueStart, value, memberEnd, itemOrEnd, item, itemEnd, done
    }

    /// The text of the root's members other than `items`, as `metadata`.
    private(set) var members: [String: [UInt8]] = [:]
    /// Whether the root has `items`, if only `null`.
    private(set) var hasItems = false

    private let limitBytes: Int
    private var place = Place.root
    private var key = ""
    /// The part of the current key, value or element that came with earlier chunks.
    private var pending: [UInt8] = []
    private var depth = 0
    private var inString = false
    private var isEscaped = false
    private var consumed = 0

    /// - Parameter limitBytes: The largest element or other member to accept.
    init(limitBytes: Int = 64 << 20) { self.limitBytes = limitBytes }

    /// Takes in the next bytes and hands out each element that is complete with them; an element is borrowed.
    ///
    /// - Throws: ``JSONError`` when the text is not an object with members, or an element is larger than the limit.
    mutating func feed(
        _ chunk: UnsafeBufferPointer<UInt8>,
        _ element: (UnsafeBufferPointer<UInt8>) -> Void
    ) throws(JSONError) {
        var index = 0
        var start = 0
        while index < chunk.count {
            switch place {
            case .key, .value, .item:
                guard scan(chunk, &index) else { continue }
                let part = UnsafeBufferPointer(rebasing: chunk[start..<index])
                if pending.isEmpty {
                    try finish(part, element)
                } else {
                    try keep(part)
                    let whole = pending
                    pending = []
                    try whole.withUnsafeBufferPointer { (whole) throws(JSONError) in try finish(whole, element) }
                }
            default:
                let byte = chunk[index]
                guard ![0x20, 0x0A, 0x0D, 0x09].contains(byte) else {
                    index += 1
                    continue
                }
                start = index
                if try advance(byte, at: consumed + index) { index += 1 }
            }
        }
        if [.key, .value, .item].contains(place) { try keep(UnsafeBufferPointer(rebasing: chunk[start...])) }
        consumed += chunk.count
    }

    /// Checks that the root is complete.
    func end() throws(JSONError) {
        guard place == .done else { throw JSONError(.truncated, "the list ends in its middle", offset: consumed) }
    }

    // MARK: Steps

    /// Takes one byte between tokens; false when it is the first of a token, to be scanned.
    private mutating func advance(_ byte: UInt8, at offset: Int) throws(JSONError) -> Bool {
        switch (place, byte) {
        case (.root, UInt8(ascii: "{")): place = .memberOrEnd
        case (.memberOrEnd, UInt8(ascii: "}")): place = .done
        case (.memberOrEnd, UInt8(ascii: "\"")):
            place = .key
            return false
        case (.colon, UInt8(ascii: ":")): place = .valueStart
        case (.valueStart, UInt8(ascii: "[")) where key == "items":
            hasItems = true
            place = .itemOrEnd
        case (.valueStart, let byte) where byte != UInt8(ascii: ",") && byte != UInt8(ascii: "}"):
            place = .value
            return false
        case (.memberEnd, UInt8(ascii: ",")): place = .memberOrEnd
        case (.memberEnd, UInt8(ascii: "}")): place = .done
        case (.itemOrEnd, UInt8(ascii: "]")): place = .memberEnd
        case (.itemOrEnd, let byte) where byte != UInt8(ascii: ",") && byte != UInt8(ascii: "}"):
            place = .item
            return false
        case (.itemEnd, UInt8(ascii: ",")): place = .itemOrEnd
        case (.itemEnd, UInt8(ascii: "]")): place = .memberEnd
        default: throw JSONError(.syntax, "unexpected \"\(Character(Unicode.Scalar(byte)))\" in a list", offset: offset)
        }
        return true
    }

    private mutating func finish(
        _ token: UnsafeBufferPointer<UInt8>,
        _ element: (UnsafeBufferPointer<UInt8>) -> Void
    ) throws(JSONError) {
        switch place {
        case .item:
            place = .itemEnd
            element(token)
        case .key:
            place = .colon
            key = String(decoding: token.dropFirst().dropLast(), as: UTF8.self)
        default:
            place = .memberEnd
            if key == "items" { hasItems = true }
            members[key] = Array(token)
        }
    }

    private mutating func keep(_ part: UnsafeBufferPointer<UInt8>) throws(JSONError) {
        guard part.count <= limitBytes - pending.count else {
            throw JSONError(
                .invalid,
                "an element has more than \(limitBytes) bytes, which is the limit",
                offset: consumed
            )
        }
        pending.append(contentsOf: part)
    }

    /// Moves to behind the end of the current value; false when the chunk ends before it does.
    private mutating func scan(_ chunk: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> Bool {
        while index < chunk.count {
            if inString {
                guard skipString(chunk, &index) else { return false }
                if depth == 0 { return true }
                continue
            }
            switch chunk[index] {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return true }  // the end of a number or word, and of what holds it
                depth -= 1
                if depth == 0 {
                    index += 1
                    return true
                }
            case UInt8(ascii: ","), 0x20, 0x0A, 0x0D, 0x09: if depth == 0 { return true }
            default: break
            }
            index += 1
        }
        return false
    }

    /// Moves to behind the closing quote; false when the chunk ends before it.
    private mutating func skipString(_ chunk: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> Bool {
        while index < chunk.count {
            let byte = chunk[index]
            index += 1
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                inString = false
                return true
            }
        }
        return false
    }
}

/// Cuts the body of a watch into its lines, whatever the borders of the chunks it comes in.
struct WatchLineSplitter {
    private let limitBytes: Int
    private var pending: [UInt8] = []

    /// - Parameter limitBytes: The longest line to accept.
    init(limitBytes: Int = 64 << 20) { self.limitBytes = limitBytes }

    /// Whether the bytes so far end within a line.
    var isInsideLine: Bool { pending.contains { $0 != 0x20 && $0 != 0x0D } }

    /// Takes in the next bytes and hands out each line that is complete with them, borrowed, without its end.
    ///
    /// - Throws: ``JSONError`` when a line is longer than the limit.
    mutating func feed(
        _ chunk: UnsafeBufferPointer<UInt8>,
        _ line: (UnsafeBufferPointer<UInt8>) -> Void
    ) throws(JSONError) {
        guard let base = chunk.baseAddress else { return }
        var start = 0
        while start < chunk.count {
            guard let found = memchr(base + start, 0x0A, chunk.count - start) else { break }
            let end = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            let part = UnsafeBufferPointer(rebasing: chunk[start..<end])
            start = end + 1
            if pending.isEmpty {
                Self.emit(part, line)
            } else {
                try keep(part)
                let whole = pending
                pending = []
                whole.withUnsafeBufferPointer { Self.emit($0, line) }
            }
        }
        try keep(UnsafeBufferPointer(rebasing: chunk[start...]))
    }

    private static func emit(_ text: UnsafeBufferPointer<UInt8>, _ line: (UnsafeBufferPointer<UInt8>) -> Void) {
        if text.contains(where: { $0 != 0x20 && $0 != 0x0D }) { line(text) }
    }

    private mutating func keep(_ part: UnsafeBufferPointer<UInt8>) throws(JSONError) {
        guard part.count <= limitBytes - pending.count else {
            throw JSONError(.invalid, "an event has more than \(limitBytes) bytes, which is the limit")
        }
        pending.append(contentsOf: part)
    }
}
