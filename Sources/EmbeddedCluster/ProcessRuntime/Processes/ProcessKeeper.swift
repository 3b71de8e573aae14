import Glibc
import Processes
import Synchronization

/// Starts processes so that none of them outlives this program, however it ends.
///
/// A small shell waits on a pipe: when this program is gone, it kills every group that it was told of. A process runs
/// only after it was told of, so there is no moment in which it could be missed. Each is written down in a folder as
/// well, for the next run of this program, in case the shell was killed too.
final class ProcessKeeper: Sendable {
    private let guardian: ChildProcess
    private let pipe: Mutex<Int32>
    private let records: String
    private let running = Mutex<Set<Int32>>([])

    /// - Parameter records: The folder where running processes are written down; what is in it from before is killed.
    init(records: String) throws {
        self.records = records
        // Writing to a process that has been killed is an error, not this program's end.
        signal(SIGPIPE, SIG_IGN)
        try Files.makeFolder(records)
        Self.killStale(records)
        let ends = try Self.makePipe()
        defer { close(ends.reader) }
        let script = """
            groups=' '
            while read -r verb group; do
                case $verb in
                +) groups="$groups$group " ;;
                -) groups="${groups%% $group *} ${groups#* $group }" ;;
                esac
            done
            for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
            """
        guardian = try ChildProcess(
            .init("/bin/sh", ["-c", script], environment: [:], input: .descriptor(ends.reader))
        )
        pipe = Mutex(ends.writer)
    }

    deinit { abandon() }

    /// Lets go of all processes, which are killed then.
    func abandon() {
        let pipe = pipe.withLock { pipe in
            defer { pipe = -1 }
            return pipe
        }
        if pipe >= 0 { close(pipe) }
    }

    private static func makePipe() throws -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw FileFailure("make", "pipe", errno) }
        // Processes are only ever started by ChildProcess, which closes what is not its own.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Starts a program.
    ///
    /// - Throws: `ChildProcess.Failure`, or ``FileFailure``.
    func start(_ settings: ChildProcess.Settings) throws -> ChildProcess {
        let ends = try Self.makePipe()
        defer { close(ends.writer) }
        var settings = settings
        // The shell becomes the program, under the same number, when it reads a line.
        settings.arguments =
            ["-c", "read -r go || exit 127; exec \"$@\" </dev/null", "sh", settings.program]
            + settings.arguments
        settings.program = "/bin/sh"
        settings.input = .descriptor(ends.reader)
        let child: ChildProcess
        do { child = try ChildProcess(settings) } catch {
            close(ends.reader)
            throw error
        }
        close(ends.reader)
        tell("+ \(child.id)")
        running.withLock { _ = $0.insert(child.id) }
        if let identity = ProcessTable.identity(child.id) {
            // Without the record the guardian alone watches.
            try? Files.replace("\(records)/\(child.id)", Array(identity.utf8))
        }
        // Fails when it has been killed by now, which its end will tell.
        _ = Files.writeAll(Array("go\n".utf8), to: ends.writer)
        return child
    }

    /// Says that a process has ended.
    func forget(_ child: ChildProcess) {
        guard running.withLock({ $0.remove(child.id) }) != nil else { return }
        Files.remove("\(records)/\(child.id)")
        tell("- \(child.id)")
    }

    private func tell(_ line: String) {
        // The lines are short, and the guardian reads at once.
        pipe.withLock { if $0 >= 0 { _ = Files.writeAll(Array("\(line)\n".utf8), to: $0) } }
    }

    private static func killStale(_ records: String) {
        for name in Files.names(in: records) {
            if let id = Int32(name), id > 1, let identity = Files.readText("\(records)/\(name)"),
                ProcessTable.identity(id) == identity
            {
                kill(-id, SIGKILL)
            }
            Files.remove("\(records)/\(name)")
        }
    }
}
