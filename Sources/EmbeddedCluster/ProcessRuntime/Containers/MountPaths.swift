/// Where a container's mounts are in truth: a process has no file system of its own.
///
/// In commands, arguments and values each mention of a mount's path is replaced by the path of the pod's folder.
struct MountPaths: Sendable, Equatable {
    /// The path in the container and the one on this machine; longer ones first, so that mounts in mounts are found.
    private var pairs: [(inside: [UInt8], outside: String)] = []

    init(_ mounts: [(inside: String, outside: String)]) {
        for mount in mounts { add(mount.inside, mount.outside) }
    }

    mutating func add(_ path: String, _ outside: String) {
        var inside = Array(path.utf8)
        while inside.count > 1, inside.last == UInt8(ascii: "/") { inside.removeLast() }
        guard inside.first == UInt8(ascii: "/"), inside.count > 1 else { return }
        pairs.append((inside, outside))
        pairs.sort { $0.inside.count > $1.inside.count }
    }

    static func == (a: MountPaths, b: MountPaths) -> Bool {
        a.pairs.elementsEqual(b.pairs) { $0.inside == $1.inside && $0.outside == $1.outside }
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: byte >= 0x80
        }
    }

    /// The text with mount paths replaced where a path begins: `/model` is found in `--file=/model/a.json` and in
    /// `cat /model/a.json`, and neither in `/models` nor in `/srv/model`.
    func apply(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let isStart = index == 0 || !(Self.isPart(bytes[index - 1]) || bytes[index - 1] == UInt8(ascii: "/"))
            let found = pairs.first { pair in
                guard isStart, bytes[index...].starts(with: pair.inside) else { return false }
                let end = index + pair.inside.count
                return end == bytes.count || !Self.isPart(bytes[end])
            }
            if let found {
                out += Array(found.outside.utf8)
                index += found.inside.count
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
