import Glibc

/// Files as the client needs them: small, read whole, watched by their identity.
enum FileAccess {
    /// Changes when a file is replaced or written.
    struct Identity: Sendable, Equatable {
        var device: UInt
        var inode: UInt
        var seconds: Int
        var nanoseconds: Int
        var size: Int
    }

    private static let limitBytes = 16 << 20

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Follows links, so that the swapped links of a mounted volume are seen; nil when there is no such file.
    static func identity(_ path: String) -> Identity? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return Identity(
            device: UInt(info.st_dev),
            inode: UInt(info.st_ino),
            seconds: Int(info.st_mtim.tv_sec),
            nanoseconds: Int(info.st_mtim.tv_nsec),
            size: Int(info.st_size)
        )
    }

    static func read(_ path: String) throws(ConfigurationError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure(path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &part, part.count)
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw failure(path)
            }
            bytes += part[..<count]
            guard bytes.count <= limitBytes else {
                throw ConfigurationError(.unreadable, "cannot read \"\(path)\": it has more than \(limitBytes) bytes")
            }
        }
    }

    private static func failure(_ path: String) -> ConfigurationError {
        ConfigurationError(.unreadable, "cannot read \"\(path)\": \(String(cString: strerror(errno)))")
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        var view = self[...]
        while let first = view.first, first.isWhitespace { view.removeFirst() }
        while let last = view.last, last.isWhitespace { view.removeLast() }
        return String(view)
    }
}
