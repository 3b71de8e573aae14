import Glibc

/// A file operation that failed.
package struct StorageFailure: Error, Sendable, CustomStringConvertible {
    /// What was to be done, to which file, and what came of it.
    package let description: String

    init(_ verb: String, _ path: String, _ detail: String? = nil) {
        description = "cannot \(verb) \"\(path)\": \(detail ?? String(cString: strerror(errno)))"
    }
}

/// Records one after the other in a file: length and checksum in front of each, so that a torn end is seen.
enum RecordFile {
    private static let headBytes = 8
    /// No record is larger; a length above it is the rubbish of a torn write.
    private static let limitBytes = 1 << 30

    /// CRC-32 as of ISO 3309, whose polynomial is 0x04C11DB7.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }

    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { value, byte in value >> 8 ^ table[Int((value ^ UInt32(byte)) & 255)] }
    }

    static func append(_ payload: [UInt8], to buffer: inout [UInt8]) {
        for word in [UInt32(payload.count), checksum(payload)] {
            for shift in [0, 8, 16, 24] as [UInt32] { buffer.append(UInt8(word >> shift & 255)) }
        }
        buffer += payload
    }

    /// Hands out the records of a file until its end or until one is torn.
    ///
    /// - Returns: How many bytes are whole records.
    static func read(_ path: String, _ body: ([UInt8]) throws -> Void) throws -> Int {
        let bytes = try contents(path)
        var position = 0
        while position + headBytes <= bytes.count {
            func word(_ start: Int) -> UInt32 {
                (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
            }
            let count = Int(word(position))
            let start = position + headBytes
            // Nothing but zeros, which a loss of power may leave at the end, would pass as an empty record.
            guard 1...limitBytes ~= count, start + count <= bytes.count else { break }
            let payload = Array(bytes[start..<start + count])
            guard checksum(payload) == word(position + 4) else { break }
            try body(payload)
            position = start + count
        }
        return position
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes the entries of a folder last: names that were made, changed or removed in it.
    static func syncFolder(_ path: String) throws(StorageFailure) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw StorageFailure("open", path) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw StorageFailure("sync", path) }
    }

    private static func contents(_ path: String) throws(StorageFailure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw StorageFailure("open", path) }
        defer { close(file) }
        var info = stat()
        guard fstat(file, &info) == 0 else { throw StorageFailure("read", path) }
        var bytes = [UInt8](repeating: 0, count: Int(info.st_size))
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(file, buffer.baseAddress.map { $0 + position }, buffer.count - position)
            }
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw StorageFailure("read", path)
            }
            position += count
        }
        bytes.removeSubrange(position...)
        return bytes
    }
}

/// A file that is only written at its end.
///
/// One thread at a time uses it.
final class AppendedFile: Sendable {
    let path: String
    private let descriptor: Int32

    /// Opens a file, makes it when it is not there, and cuts it to a length.
    init(_ path: String, keeping bytes: Int = 0) throws(StorageFailure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StorageFailure("open", path) }
        guard ftruncate(descriptor, off_t(bytes)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw StorageFailure("cut", path)
        }
    }

    deinit {
        // A child that was just forked has the file too until it becomes its program; closing alone would leave it the lock.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    func write(_ bytes: [UInt8]) throws(StorageFailure) {
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + position }, buffer.count - position)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw StorageFailure("write", path)
            }
            position += count
        }
    }

    /// Keeps other processes from the file for as long as this one has it open.
    func claim() throws(StorageFailure) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw StorageFailure("lock", path, "another process uses the folder")
        }
    }

    /// Returns once all that was written survives a loss of power.
    func sync() throws(StorageFailure) {
        guard fdatasync(descriptor) == 0 else { throw StorageFailure("sync", path) }
    }
}
