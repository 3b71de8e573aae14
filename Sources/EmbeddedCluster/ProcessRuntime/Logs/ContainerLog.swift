import Glibc
import Kubernetes
import Synchronization

/// The log of one run of a container, in a file of the form that container runtimes write: each line with its time and
/// stream.
///
/// Two files of at most ``partLimitBytes`` are kept: what is older is lost.
final class ContainerLog: Sendable {
    static let partLimitBytes = 10 << 20

    private struct State {
        var file: Int32
        /// How many bytes went to earlier files.
        var base = 0
        var size: Int
        var isOver: Bool
        var nextID = 0
        var followers: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    private let path: String
    private let wall: @Sendable () -> Timestamp
    private let state: Mutex<State>

    /// Opens a log to write to.
    init(path: String, wall: @escaping @Sendable () -> Timestamp) throws(FileFailure) {
        self.path = path
        self.wall = wall
        try Files.makeFolder(Files.parent(of: path))
        state = Mutex(State(file: try Self.openFile(path), size: 0, isOver: false))
    }

    /// Opens a log that nobody writes to any more.
    init(finished path: String) {
        self.path = path
        wall = { Timestamp(microseconds: 0) }
        var status = stat()
        let size = stat(path, &status) == 0 ? Int(status.st_size) : 0
        state = Mutex(State(file: -1, size: size, isOver: true))
    }

    deinit { state.withLock { if $0.file >= 0 { close($0.file) } } }

    private static func openFile(_ path: String) throws(FileFailure) -> Int32 {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw FileFailure("write", path, errno) }
        return file
    }

    /// Writes a line.
    func append(_ line: String, stream: String) {
        let bytes = Array("\(wall().microTime) \(stream) F \(line)\n".utf8)
        let followers = state.withLock { state in
            if state.size + bytes.count > Self.partLimitBytes, state.size > 0 { turn(&state) }
            // A full disk loses lines, as it does on any node.
            if state.file >= 0, Files.writeAll(bytes, to: state.file) { state.size += bytes.count }
            return Array(state.followers.values)
        }
        for follower in followers { follower.yield() }
    }

    private func turn(_ state: inout State) {
        if state.file >= 0 { close(state.file) }
        rename(path, path + ".1")
        state.base += state.size
        state.size = 0
        state.file = (try? Self.openFile(path)) ?? -1
    }

    /// Nothing more will be written.
    func finish() {
        let followers = state.withLock { state in
            state.isOver = true
            if state.file >= 0 { close(state.file) }
            state.file = -1
            return Array(state.followers.values)
        }
        for follower in followers { follower.yield() }
    }

    /// What was written from a place on, as far as it is kept: whole lines, at most about a mebibyte.
    ///
    /// - Returns: The bytes, where they end, and whether nothing will follow them.
    func read(from place: Int) -> (bytes: [UInt8], end: Int, isOver: Bool) {
        state.withLock { state in
            let end = state.base + state.size
            let isPast = place < state.base
            let start = isPast ? place - (state.base - Self.length(path + ".1")) : place - state.base
            let name = isPast ? path + ".1" : path
            let skipped = max(0, -start)
            let bytes = Self.part(of: name, from: max(0, start), limitBytes: 1 << 20)
            let next = min(isPast ? state.base : end, place + skipped + bytes.count)
            // An older part that is gone must not hold the reader up.
            let reached = isPast && bytes.isEmpty ? state.base : next
            return (bytes, reached, state.isOver && reached >= end)
        }
    }

    private static func length(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private static func part(of path: String, from start: Int, limitBytes: Int) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: limitBytes)
        let count = pread(file, &bytes, limitBytes, start)
        guard count > 0 else { return [] }
        let lines = bytes[..<count].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? count
        return Array(bytes[..<lines])
    }

    /// The end of what was said, without times and streams.
    func lastText(limitBytes: Int) -> String {
        let size = state.withLock { $0.base + $0.size }
        let bytes = read(from: max(0, size - limitBytes * 2)).bytes
        let lines = bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
            return parts.count == 4 ? String(decoding: parts[3], as: UTF8.self) : nil
        }
        return String(decoding: lines.joined(separator: "\n").utf8.suffix(limitBytes), as: UTF8.self)
    }

    /// Tells when there may be more to read, until it is let go.
    func follow() -> AsyncStream<Void> {
        let (stream, feed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextID += 1
            state.followers[state.nextID] = feed
            return state.nextID
        }
        feed.onTermination = { [weak self] _ in
            let old = self?.state.withLock { $0.followers.removeValue(forKey: id) }
            withExtendedLifetime(old) {}
        }
        feed.yield()
        return stream
    }
}
