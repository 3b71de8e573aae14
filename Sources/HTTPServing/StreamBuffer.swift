/// Bytes written by a handler and not yet taken by the socket.
///
/// A pure value: its owner locks.
struct StreamBuffer {
    /// Above this many bytes writers wait.
    static let limitBytes = 64 << 10

    /// What follows the bytes held.
    enum Ending { case more, finished, cut }

    private var chunks: [[UInt8]] = []
    private var firstChunk = 0
    private var offset = 0
    private(set) var count = 0
    var ending = Ending.more

    var hasRoom: Bool { count < Self.limitBytes }

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        chunks.append(bytes)
        count += bytes.count
    }

    mutating func removeAll() {
        chunks = []
        firstChunk = 0
        offset = 0
        count = 0
    }

    /// Moves as many bytes as fit, oldest first, and returns how many.
    mutating func read(into target: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < target.count, firstChunk < chunks.count {
            let taken = chunks[firstChunk].withUnsafeBytes { source in
                let taken = min(source.count - offset, target.count - filled)
                UnsafeMutableRawBufferPointer(rebasing: target[filled..<filled + taken])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + taken]))
                return taken
            }
            filled += taken
            offset += taken
            if offset == chunks[firstChunk].count {
                chunks[firstChunk] = []
                firstChunk += 1
                offset = 0
            }
        }
        count -= filled
        if firstChunk == chunks.count {
            chunks.removeAll(keepingCapacity: true)
            firstChunk = 0
        } else if firstChunk > 64 {
            chunks.removeSubrange(..<firstChunk)
            firstChunk = 0
        }
        return filled
    }
}
