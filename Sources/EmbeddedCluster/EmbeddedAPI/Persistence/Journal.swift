import Glibc
import JSON
import Kubernetes

/// The state on disk: a snapshot, and behind it a log of changes.
///
/// A log is named by the version that it goes on from. When it has grown, the next one is begun and a snapshot of the
/// version between them is written beside; only when that is complete does it take the old one's name, and the old log
/// goes. A restart reads the snapshot and then the logs one after the other, so that it may fall anywhere in between.
struct Journal: Sendable {
    /// What was found on disk.
    struct Found {
        /// The version of the snapshot.
        var version = 0
        var objects: [(resource: ResourceType, object: JSONValue)] = []
        /// The changes since.
        var changes: [Change] = []
        /// The version that the last log goes on from, and how many bytes of it are whole.
        fileprivate var log = 0
        fileprivate var logBytes = 0
    }

    private let folder: String
    /// Held while the journal lives, so that no other process writes into the folder.
    private let lock: AppendedFile
    private var log: AppendedFile
    private var logBytes: Int
    private let limitBytes: Int

    /// Opens a folder, or makes it.
    ///
    /// - Parameter limitBytes: How long a log grows before a snapshot is written.
    /// - Returns: The journal, and what was found there.
    static func open(_ folder: String, limitBytes: Int) throws -> (Journal, Found) {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw StorageFailure("make", folder) }
        let lock = try AppendedFile("\(folder)/lock")
        try lock.claim()
        let found = try read(folder)
        let log = try AppendedFile("\(folder)/log-\(found.log)", keeping: found.logBytes)
        try log.sync()
        try RecordFile.syncFolder(folder)
        let journal = Journal(
            folder: folder,
            lock: lock,
            log: log,
            logBytes: found.logBytes,
            limitBytes: limitBytes
        )
        return (journal, found)
    }

    /// Whether the log has grown so long that a snapshot is worth it.
    var isLong: Bool { logBytes >= limitBytes }

    /// Writes changes; once it returns they survive a crash and a loss of power.
    mutating func append(_ changes: [Change]) throws(StorageFailure) {
        var buffer: [UInt8] = []
        for change in changes {
            var record: JSONValue = [
                "version": .integer(change.version), "resource": Self.encoded(change.resource),
                "namespace": .string(change.key.namespace), "name": .string(change.key.name),
            ]
            record["object"] = change.new
            RecordFile.append(Self.bytes(record), to: &buffer)
        }
        try log.write(buffer)
        try log.sync()
        logBytes += buffer.count
    }

    /// Begins the next log, for the changes after a version that is whole in this one.
    mutating func turn(to version: Int) throws(StorageFailure) {
        log = try AppendedFile("\(folder)/log-\(version)")
        logBytes = 0
        try RecordFile.syncFolder(folder)
    }

    /// Writes a snapshot, and forgets the logs that it makes needless.
    ///
    /// Others may append meanwhile.
    static func save(_ state: ClusterState, _ folder: String) throws(StorageFailure) {
        let path = "\(folder)/snapshot.new"
        let file = try AppendedFile(path)
        var buffer: [UInt8] = []
        RecordFile.append(bytes(["version": .integer(state.version)]), to: &buffer)
        var count = 0
        for (resource, table) in state.contents {
            for entry in table.all {
                RecordFile.append(bytes(["resource": .string(resource), "object": entry.object]), to: &buffer)
                count += 1
                if buffer.count > 1 << 20 {
                    try file.write(buffer)
                    buffer.removeAll(keepingCapacity: true)
                }
            }
        }
        RecordFile.append(bytes(["count": .integer(count)]), to: &buffer)
        try file.write(buffer)
        try file.sync()
        guard rename(path, "\(folder)/snapshot") == 0 else { throw StorageFailure("rename", path) }
        try RecordFile.syncFolder(folder)
        for version in logs(folder) where version < state.version { unlink("\(folder)/log-\(version)") }
    }

    // MARK: Reading

    private static func read(_ folder: String) throws -> Found {
        var found = Found()
        if RecordFile.exists("\(folder)/snapshot") { try readSnapshot("\(folder)/snapshot", &found) }
        var version = found.version
        found.log = version
        for start in logs(folder).sorted() where start >= found.version {
            // A log is only begun when the one before it is whole on disk.
            guard start == version else {
                let log = "\(folder)/log-\(start)"
                throw StorageFailure("read", log, "the changes from \(version + 1) to \(start) before it are damaged")
            }
            found.log = start
            found.logBytes = try RecordFile.read("\(folder)/log-\(start)") { bytes in
                let change = try decoded(JSONValue(parsing: bytes), folder)
                guard change.version == version + 1 else {
                    throw StorageFailure("read", folder, "change \(change.version) follows \(version)")
                }
                version = change.version
                found.changes.append(change)
            }
        }
        return found
    }

    private static func readSnapshot(_ path: String, _ found: inout Found) throws {
        var isWhole = false
        var isFirst = true
        _ = try RecordFile.read(path) { bytes in
            let record = try JSONValue(parsing: bytes)
            if isFirst {
                found.version = record["version"]?.integer ?? 0
                isFirst = false
            } else if let object = record["object"], let name = record["resource"]?.string {
                found.objects.append((named(name), object))
            } else {
                isWhole = record["count"]?.integer == found.objects.count
            }
        }
        guard isWhole else { throw StorageFailure("read", path, "it is not whole") }
    }

    /// The versions that logs go on from.
    private static func logs(_ folder: String) -> [Int] {
        guard let listing = opendir(folder) else { return [] }
        defer { closedir(listing) }
        var versions: [Int] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix("log-"), let version = Int(name.dropFirst(4)) { versions.append(version) }
        }
        return versions
    }

    private static func named(_ text: String) -> ResourceType {
        let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
        return ResourceType(group: parts.count > 1 ? parts[1] : "", version: "", kind: "", plural: parts[0])
    }

    private static func encoded(_ type: ResourceType) -> JSONValue {
        [
            .string(type.group), .string(type.version), .string(type.kind), .string(type.plural),
            .bool(type.isNamespaced),
        ]
    }

    private static func decoded(_ record: JSONValue, _ folder: String) throws -> Change {
        guard let version = record["version"]?.integer, let name = record["name"]?.string,
            let namespace = record["namespace"]?.string, let type = record["resource"],
            let group = type[0]?.string, let typeVersion = type[1]?.string, let kind = type[2]?.string,
            let plural = type[3]?.string, let isNamespaced = type[4]?.bool
        else { throw StorageFailure("read", folder, "a change is of an unknown form") }
        return Change(
            version: version,
            resource: ResourceType(
                group: group,
                version: typeVersion,
                kind: kind,
                plural: plural,
                isNamespaced: isNamespaced
            ),
            key: ObjectKey(namespace: namespace, name: name),
            old: nil,
            new: record["object"]
        )
    }

    private static func bytes(_ value: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(value)
        return writer.bytes
    }
}
