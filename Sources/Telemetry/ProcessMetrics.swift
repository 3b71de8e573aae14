import Glibc

extension MetricsRegistry {
    /// Adds the process's own metrics, read from `/proc` at each scrape: CPU time, memory, descriptors, threads, start.
    package func observeProcess() {
        observe("process_cpu_seconds_total", .counter, help: "User and system CPU time spent in seconds.") {
            ProcessFacts()?.cpuSeconds
        }
        observe("process_resident_memory_bytes", help: "Resident memory size in bytes.") {
            ProcessFacts()?.residentBytes
        }
        observe("process_virtual_memory_bytes", help: "Virtual memory size in bytes.") {
            ProcessFacts()?.virtualBytes
        }
        observe("process_threads", help: "Threads of the process.") { ProcessFacts()?.threads }
        observe("process_start_time_seconds", help: "Start time of the process since the Unix epoch in seconds.") {
            ProcessFacts()?.startSeconds
        }
        observe("process_open_fds", help: "Open file descriptors.") { countOpenDescriptors().map(Double.init) }
        observe("process_max_fds", help: "Limit of open file descriptors.") {
            var limit = rlimit()
            return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? Double(limit.rlim_cur) : nil
        }
    }
}

/// What `/proc/self/stat` says (proc_pid_stat(5)).
struct ProcessFacts {
    var cpuSeconds: Double
    var startSeconds: Double
    var residentBytes: Double
    var virtualBytes: Double
    var threads: Double

    init?() {
        guard let stat = readText("/proc/self/stat"), let boot = Self.bootSeconds else { return nil }
        self.init(stat: stat, bootSeconds: boot, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))))
    }

    init?(stat: String, bootSeconds: Double, ticksPerSecond: Double) {
        // The program's name may hold blanks and parentheses: fields are counted from the last one, which ends field 2.
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ").map { Double($0) }
        func field(_ number: Int) -> Double? { fields.indices.contains(number - 3) ? fields[number - 3] : nil }
        guard let user = field(14), let system = field(15), let threads = field(20), let start = field(22),
            let virtual = field(23), let pages = field(24), ticksPerSecond > 0
        else { return nil }
        cpuSeconds = (user + system) / ticksPerSecond
        startSeconds = bootSeconds + start / ticksPerSecond
        virtualBytes = virtual
        residentBytes = pages * Double(sysconf(Int32(_SC_PAGESIZE)))
        self.threads = threads
    }

    private static let bootSeconds: Double? = {
        let line = readText("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Double($0.dropFirst("btime ".count)) }
    }()
}

private func countOpenDescriptors() -> Int? {
    guard let folder = opendir("/proc/self/fd") else { return nil }
    defer { closedir(folder) }
    var count = 0
    while let entry = readdir(folder) {
        // "." and ".." are not descriptors, and the folder's own is closed again.
        if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
    }
    return count - 1
}

private func readText(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
        bytes += buffer[..<count]
    }
}
