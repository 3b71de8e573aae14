import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Processes

@Suite(.timeLimit(.minutes(1)))
struct ChildProcessTests {
    private func shell(
        _ script: String,
        environment: [String: String] = ["PATH": "/usr/bin:/bin"],
        output: ChildProcess.Output = .null
    ) -> ChildProcess.Settings {
        .init("/bin/sh", ["-c", script], environment: environment, output: output)
    }

    private func output(_ settings: ChildProcess.Settings) async throws -> String {
        let report = try await ChildProcess.run(settings, timeLimit: .seconds(50))
        #expect(report.exit.code == 0, "\(String(decoding: report.errors, as: UTF8.self))")
        return String(decoding: report.output, as: UTF8.self)
    }

    /// A path in the temporary folder that nothing has yet.
    private func freshPath() -> String { NSTemporaryDirectory() + "homeostat-test-\(UUID().uuidString)" }

    /// Lines that a child says, to be waited for.
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
        let latch = Latch()

        func take(_ line: String) {
            all.withLock { $0.append(line) }
            latch.signal()
        }

        func first() async throws -> String {
            await latch.wait()
            return try #require(all.withLock { $0.first })
        }
    }

    /// Whether a process is there and is no zombie.
    private func isAlive(_ id: pid_t) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8) else { return false }
        return !stat.contains(") Z ")
    }

    @Test("the exit status is told exactly", arguments: [0, 1, 2, 127, 255]) func status(code: Int32) async throws {
        let child = try ChildProcess(shell("exit \(code)"))
        #expect(try await child.exit().status == .exited(code))
        #expect(child.result?.code == code)
        #expect(!child.isRunning)
    }

    @Test("the signal that ended it is told", arguments: [SIGTERM, SIGKILL, SIGSEGV])
    func signal(number: Int32) async throws {
        let child = try ChildProcess(.init("/bin/sleep", ["1000"]))
        #expect(child.isRunning)
        #expect(child.send(number))
        let exit = try await child.exit()
        #expect(exit.status == .signalled(number))
        #expect(exit.code == 128 + number)
        #expect(!child.send(SIGKILL))
    }

    @Test("it gets the arguments, the environment and the folder that were given, and no other") func given()
        async throws
    {
        var settings = ChildProcess.Settings("/usr/bin/env", environment: ["A": "1 2", "B": "ü"])
        #expect(Set(try await output(settings).split(separator: "\n")) == ["A=1 2", "B=ü"])
        settings = .init("/bin/sh", ["-c", "printf '%s|' \"$@\"; pwd", "sh", "a b", "", "*"], folder: "/usr/bin")
        #expect(try await output(settings) == "a b||*|/usr/bin\n")
        // Along the search path, and from the folder.
        #expect(try await output(.init("echo", ["found"])) == "found\n")
        #expect(try await output(.init("./echo", ["here"], folder: "/bin")) == "here\n")
    }

    @Test("standard input is empty, a file, or a descriptor") func input() async throws {
        #expect(try await output(.init("/bin/cat")) == "")
        let path = freshPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "text".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try await output(.init("/bin/cat", input: .file(path))) == "text")
        let file = try #require(FileHandle(forReadingAtPath: path))
        #expect(try await output(.init("/bin/cat", input: .descriptor(file.fileDescriptor))) == "text")
    }

    @Test("output is appended to a file, errors beside it or elsewhere") func files() async throws {
        let (path, other) = (freshPath(), freshPath())
        defer { for file in [path, other] { try? FileManager.default.removeItem(atPath: file) } }
        for _ in 0..<2 {
            let child = try ChildProcess(shell("echo out; echo err >&2", output: .file(path)))
            #expect(try await child.exit().code == 0)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "out\nerr\nout\nerr\n")
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seekToEnd()
        var settings = shell("echo more; echo wrong >&2", output: .descriptor(file.fileDescriptor))
        settings.errors = .file(other)
        #expect(try await ChildProcess(settings).exit().code == 0)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "out\nerr\nout\nerr\nmore\n")
        #expect(try String(contentsOfFile: other, encoding: .utf8) == "wrong\n")
    }

    @Test("lines come as they are written, and all of them before the end") func lines() async throws {
        let lines = Lines()
        let child = try ChildProcess(
            shell("echo one; kill -STOP $$; echo two >&2; printf three", output: .lines { lines.take($0) })
        )
        #expect(try await lines.first() == "one")
        #expect(lines.latch.count == 1)
        // It may not have stopped itself yet when it is told to go on.
        let goOn = Task {
            while child.isRunning {
                child.send(SIGCONT)
                await Task.yield()
            }
        }
        #expect(try await child.exit().code == 0)
        await goOn.value
        #expect(lines.all.withLock { $0 } == ["one", "two", "three"])
    }

    @Test("a flood is handed over whole") func flood() async throws {
        let report = try await ChildProcess.run(
            shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"),
            timeLimit: .seconds(50),
            limitBytes: 3_000_000
        )
        #expect(report.output.count == 3_000_000)
        #expect(report.errors.count == 3_000_000)
    }

    @Test("parts become lines whatever the cuts") func splitter() {
        func lines(_ parts: [String], limit: Int = 100) -> [String] {
            var splitter = LineSplitter(limitBytes: limit)
            return (parts + [""]).flatMap { splitter.take(Array($0.utf8)) }.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(lines([]) == [])
        #expect(lines(["a\n\nb"]) == ["a", "", "b"])
        #expect(lines(["a", "b\nc", "\n"]) == ["ab", "c"])
        #expect(lines(["abcd\nefghij", "klm\n"], limit: 4) == ["abcd", "efgh", "ijkl", "m"])
        #expect(lines(["abcdefgh"], limit: 4) == ["abcd", "efgh"])
        #expect(lines(["abcd", "\nx\n"], limit: 4) == ["abcd", "x"])
    }

    @Test("it inherits no descriptor, no blocked signal and no ignored one") func inheritsNothing() async throws {
        // Open, and not marked to be closed, as other libraries leave them.
        let leaky = open("/dev/null", O_RDONLY)
        defer { close(leaky) }
        // `ls` itself opens the folder.
        #expect(try await output(.init("/bin/ls", ["/proc/self/fd"])) == "0\n1\n2\n3\n")
        #expect(try await mask("SigBlk") & bit(SIGUSR1) == 0)
        // All but 32 and 33, which the C library keeps for itself.
        #expect(try await mask("SigIgn") & ~(bit(32) | bit(33)) == 0)
    }

    private func bit(_ signal: Int32) -> UInt64 { 1 << UInt64(signal - 1) }

    /// What a child's `/proc/self/status` says about signals when its parent blocks one and ignores another.
    private func mask(_ name: String) async throws -> UInt64 {
        let lines = Lines()
        let child = try {
            var blocked = sigset_t()
            var before = sigset_t()
            sigemptyset(&blocked)
            sigaddset(&blocked, SIGUSR1)
            pthread_sigmask(SIG_BLOCK, &blocked, &before)
            defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
            let ignored = Glibc.signal(SIGUSR2, SIG_IGN)
            defer { Glibc.signal(SIGUSR2, ignored) }
            return try ChildProcess(.init("/bin/grep", [name, "/proc/self/status"], output: .lines { lines.take($0) }))
        }()
        #expect(try await child.exit().code == 0)
        return try #require(UInt64(try await lines.first().split(separator: "\t")[1], radix: 16))
    }

    @Test("children that start at once hold none of each other's pipes open") func pipes() async throws {
        try await withThrowingDiscardingTaskGroup { tasks in
            for number in 0..<16 {
                tasks.addTask {
                    let lines = Lines()
                    let long = try ChildProcess(.init("/bin/sleep", ["1000"], output: .lines { lines.take($0) }))
                    #expect(try await output(.init("/bin/echo", ["\(number)"])) == "\(number)\n")
                    long.send(SIGKILL)
                    #expect(try await long.exit().status == .signalled(SIGKILL))
                }
            }
        }
    }

    @Test("a signal reaches the whole group, or the program alone") func group() async throws {
        let script = "trap '' TERM; sleep 1000 & trap 'echo asked' TERM; echo $!; wait; wait; wait"
        let lines = Lines()
        let child = try ChildProcess(shell(script, output: .lines { lines.take($0) }))
        let grandchild = try #require(pid_t(try await lines.first()))
        #expect(getpgid(grandchild) == child.id)
        child.send(SIGTERM, to: .process)
        await lines.latch.wait(for: 2)
        #expect(isAlive(grandchild))
        child.send(SIGKILL, to: .group)
        _ = try await child.exit()
        while isAlive(grandchild) { await Task.yield() }
    }

    @Test("what a program leaves behind is killed with its end") func leftBehind() async throws {
        let grandchild = try #require(
            pid_t(try await output(shell("sleep 1000 & echo $!")).trimmingCharacters(in: .newlines))
        )
        while isAlive(grandchild) { await Task.yield() }
    }

    @Test("who leaves the group and holds the pipe open does not hold up the end") func escaped() async throws {
        let path = freshPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #require(mkfifo(path, 0o600) == 0)
        let script = "setsid -f sh -c 'echo $$; echo > \(path); exec sleep 1000'; read x < \(path); echo done"
        let text = try await output(shell(script))
        let lines = text.split(separator: "\n")
        #expect(lines.last == "done")
        let escaped = try #require(lines.first.flatMap { pid_t($0) })
        #expect(kill(escaped, SIGKILL) == 0)
    }

    @Test("letting go kills it") func letGo() async throws {
        let lines = Lines()
        var child: ChildProcess? = try ChildProcess(
            shell("echo $$; exec sleep 1000", output: .lines { lines.take($0) })
        )
        let id = try #require(child?.id)
        #expect(pid_t(try await lines.first()) == id)
        child = nil
        while isAlive(id) { await Task.yield() }
    }

    @Test("waiting for the end can be cancelled, and the program runs on") func cancelledWait() async throws {
        let child = try ChildProcess(.init("/bin/sleep", ["1000"]))
        let waiter = Task { try await child.exit() }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        #expect(child.isRunning)
    }

    @Test("many may wait for one end") func manyWait() async throws {
        let child = try ChildProcess(.init("/bin/sleep", ["1000"]))
        let waiters = (0..<10).map { _ in Task { try await child.exit() } }
        child.send(SIGTERM)
        for waiter in waiters { #expect(try await waiter.value == child.exit()) }
    }

    @Test("what it used is told") func usage() async throws {
        let began = Date()
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done"
        let child = try ChildProcess(shell(script))
        let exit = try await child.exit()
        #expect(exit.userTime + exit.systemTime > .milliseconds(5))
        #expect(exit.peakResidentBytes > 100_000)
        #expect(child.startTime >= began)
        #expect(exit.endTime >= child.startTime)
    }

    @Test("what cannot be started is told, with the reason") func failures() throws {
        func failure(_ settings: ChildProcess.Settings) throws -> ChildProcess.Failure {
            try #require(throws: ChildProcess.Failure.self) { try ChildProcess(settings) }
        }
        let absent = try failure(.init("no-such-program-anywhere", output: .parts { _ in }))
        #expect(absent.reason == .notFound)
        #expect(absent.description == "cannot run \"no-such-program-anywhere\": No such file or directory")
        let denied = try failure(.init("/etc/passwd"))
        #expect(denied.reason == .cannotStart)
        #expect(denied.detail == "Permission denied")
        let folder = try failure(.init("/bin/true", folder: "/nowhere"))
        #expect(folder.reason == .cannotStart)
        #expect(folder.detail == "its folder \"/nowhere\" cannot be entered: No such file or directory")
        let file = try failure(.init("/bin/true", output: .parts { _ in }, errors: .file("/nowhere/log")))
        #expect(file.detail == "cannot open \"/nowhere/log\": No such file or directory")
    }

    @Test("a run that takes too long is killed, with its children") func tooSlow() async throws {
        let path = freshPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let script = "sleep 1000 & echo $! > \(path).new; mv \(path).new \(path); wait"
        let failure = try await #require(throws: ChildProcess.Failure.self) {
            try await ChildProcess.run(shell(script), timeLimit: .milliseconds(500))
        }
        #expect(failure.reason == .tooSlow)
        // Without it the shell did not get that far.
        if let text = try? String(contentsOfFile: path, encoding: .utf8) {
            let grandchild = try #require(pid_t(text.trimmingCharacters(in: .newlines)))
            while isAlive(grandchild) { await Task.yield() }
        }
    }

    @Test("a run that says too much is killed") func tooMuch() async throws {
        let failure = try await #require(throws: ChildProcess.Failure.self) {
            try await ChildProcess.run(shell("cat /dev/zero"), timeLimit: .seconds(50), limitBytes: 100_000)
        }
        #expect(failure.reason == .tooMuchOutput)
        #expect(failure.detail == "it wrote more than 100000 bytes and was killed")
    }

    @Test("a cancelled run is killed") func cancelledRun() async throws {
        let path = freshPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #require(mkfifo(path, 0o600) == 0)
        let run = Task {
            try await ChildProcess.run(shell("echo $$ > \(path); exec sleep 1000"), timeLimit: .seconds(50))
        }
        let lines = Lines()
        let reader = try ChildProcess(.init("/bin/cat", [path], output: .lines { lines.take($0) }))
        let id = try #require(pid_t(try await lines.first()))
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        while isAlive(id) { await Task.yield() }
        withExtendedLifetime(reader) {}
    }
}
