package import Kubernetes

/// What of a container's log is wanted.
package struct LogRequest: Sendable {
    package var container: String
    /// Whether to go on with what is written from now on, until the container ends.
    package var follows = false
    /// Whether the run before the last restart is meant.
    package var isPrevious = false
    /// How many lines from the end; nil for all.
    package var tailLines: Int?
    /// Only what was written from this time on.
    package var since: Timestamp?
    /// Whether each line begins with its time.
    package var hasTimestamps = false
    /// The most bytes to write.
    package var limitBytes: Int?

    package init(container: String) { self.container = container }
}

/// Writes what a request wants of a log.
struct LogReader {
    let request: LogRequest
    private var place = 0
    private var left: Int

    init(_ request: LogRequest) {
        self.request = request
        left = request.limitBytes ?? Int.max
    }

    /// - Throws: What `write` throws, or `CancellationError`.
    mutating func read(_ log: ContainerLog, _ write: ([UInt8]) async throws -> Void) async throws {
        if let tail = request.tailLines {
            try await self.tail(tail, log, write)
        } else {
            while try await step(log, write) {}
        }
        guard request.follows, left > 0 else { return }
        for await _ in log.follow() {
            while try await step(log, write) {}
            if left == 0 || log.read(from: place).isOver { return }
        }
        try Task.checkCancellation()
    }

    /// - Returns: Whether there may be more at once.
    private mutating func step(_ log: ContainerLog, _ write: ([UInt8]) async throws -> Void) async throws -> Bool {
        let (bytes, end, _) = log.read(from: place)
        let hasMoved = end > place
        place = end
        try await put(lines(bytes), write)
        return hasMoved && left > 0
    }

    private mutating func tail(
        _ count: Int,
        _ log: ContainerLog,
        _ write: ([UInt8]) async throws -> Void
    ) async throws {
        var last: [[UInt8]] = []
        while true {
            let (bytes, end, _) = log.read(from: place)
            guard end > place else { break }
            place = end
            last = Array((last + lines(bytes)).suffix(count))
        }
        try await put(last, write)
    }

    private mutating func put(_ lines: [[UInt8]], _ write: ([UInt8]) async throws -> Void) async throws {
        let bytes = Array(lines.joined().prefix(left))
        left -= bytes.count
        if !bytes.isEmpty { try await write(bytes) }
    }

    /// The wanted lines of the file's form in the form of answers.
    private func lines(_ bytes: [UInt8]) -> [[UInt8]] {
        bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4 else { return nil }
            if let since = request.since, let time = Timestamp(String(decoding: parts[0], as: UTF8.self)), time < since
            {
                return nil
            }
            let text = Array(parts[3]) + [UInt8(ascii: "\n")]
            return request.hasTimestamps ? Array(parts[0]) + [UInt8(ascii: " ")] + text : text
        }
    }
}
