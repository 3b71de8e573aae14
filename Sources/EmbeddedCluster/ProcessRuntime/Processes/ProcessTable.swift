import Glibc

/// What the kernel tells of processes.
enum ProcessTable {
    /// What a group of processes uses.
    struct Usage: Sendable, Equatable {
        /// Of its processes and of those of their children that ended.
        var cpuSeconds = 0.0
        var residentBytes = 0
        var processes = 0
    }

    private struct Stat {
        var group: Int32
        var ticks: Int
        var pages: Int
        var startTicks: Int
    }

    private static func stat(_ id: String) -> Stat? {
        // The program's name is in parentheses and may hold anything, even parentheses.
        guard let text = Files.readText("/proc/\(id)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 21, let group = Int32(fields[2]), let start = Int(fields[19]), let pages = Int(fields[21])
        else { return nil }
        return Stat(
            group: group,
            ticks: fields[11...14].compactMap { Int($0) }.reduce(0, +),
            pages: pages,
            startTicks: start
        )
    }

    /// What tells a process from all others that had or will have its number: the machine's start and its own.
    static func identity(_ id: Int32) -> String? {
        guard let stat = stat("\(id)") else { return nil }
        let machine = Files.readText("/proc/sys/kernel/random/boot_id")?.prefix { !$0.isNewline } ?? ""
        return "\(machine)/\(stat.startTicks)"
    }

    /// The use of groups by their numbers; those without processes are left out.
    ///
    /// Reads all processes of the machine.
    static func usage(of groups: Set<Int32>) -> [Int32: Usage] {
        guard !groups.isEmpty else { return [:] }
        let ticks = Double(max(sysconf(Int32(_SC_CLK_TCK)), 1))
        let page = max(sysconf(Int32(_SC_PAGESIZE)), 1)
        var usage: [Int32: Usage] = [:]
        for name in Files.names(in: "/proc") where name.utf8.first.map({ (0x30...0x39).contains($0) }) ?? false {
            guard let stat = stat(name), groups.contains(stat.group) else { continue }
            usage[stat.group, default: Usage()].cpuSeconds += Double(stat.ticks) / ticks
            usage[stat.group, default: Usage()].residentBytes += stat.pages * page
            usage[stat.group, default: Usage()].processes += 1
        }
        return usage
    }
}
