import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Processes

/// The tests raise real signals, which every listener of this process hears, so they go one after the other.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct TerminationSignalsTests {
    /// A listener that counts.
    final class Ear: Sendable {
        let heard = Mutex<[Int32]>([])
        let latch = Latch()
        private let signals = Mutex<TerminationSignals?>(nil)

        init() throws {
            let signals = try TerminationSignals { [self] number in
                heard.withLock { $0.append(number) }
                latch.signal()
            }
            self.signals.withLock { $0 = signals }
        }

        func end() {
            let signals = signals.withLock { signals in
                defer { signals = nil }
                return signals
            }
            signals?.end()
        }
    }

    /// Whether a signal would end this process, were it raised now.
    private func isFatal(_ number: Int32) -> Bool {
        var action = sigaction()
        sigaction(number, nil, &action)
        return action.__sigaction_handler.sa_handler == nil
    }

    @Test("7.28 SIGTERM and SIGINT are heard in their order instead of ending the process") func heard() async throws {
        let ear = try Ear()
        kill(getpid(), SIGTERM)
        await ear.latch.wait()
        kill(getpid(), SIGINT)
        await ear.latch.wait(for: 2)
        #expect(ear.heard.withLock { $0 } == [SIGTERM, SIGINT])
        ear.end()
    }

    @Test("every listener hears every signal, and none after its end") func listeners() async throws {
        let (first, second) = (try Ear(), try Ear())
        kill(getpid(), SIGTERM)
        await first.latch.wait()
        await second.latch.wait()
        first.end()
        kill(getpid(), SIGTERM)
        await second.latch.wait(for: 2)
        #expect(first.latch.count == 1)
        second.end()
    }

    @Test("with the last listener the signals do what they did before, and a new one hears again")
    func undone() async throws {
        try #require(TerminationSignals.numbers.allSatisfy(isFatal))
        let (first, second) = (try Ear(), try Ear())
        #expect(!TerminationSignals.numbers.contains(where: isFatal))
        first.end()
        first.end()
        #expect(!TerminationSignals.numbers.contains(where: isFatal))
        second.end()
        #expect(TerminationSignals.numbers.allSatisfy(isFatal))
        let third = try Ear()
        kill(getpid(), SIGINT)
        await third.latch.wait()
        third.end()
        #expect(TerminationSignals.numbers.allSatisfy(isFatal))
    }

    @Test("a stream hands every signal on, and listens no more when it is let go") func stream() async throws {
        do {
            let stream = try TerminationSignals.system()
            #expect(!isFatal(SIGTERM))
            var iterator = stream.makeAsyncIterator()
            kill(getpid(), SIGTERM)
            #expect(await iterator.next() == SIGTERM)
            kill(getpid(), SIGTERM)
            #expect(await iterator.next() == SIGTERM)
        }
        #expect(isFatal(SIGTERM))
    }

    @Test("a cancelled reader of a stream listens no more") func cancelled() async throws {
        let stream = try TerminationSignals.system()
        let reader = Task { for await _ in stream {} }
        reader.cancel()
        await reader.value
        #expect(isFatal(SIGTERM))
    }

    @Test("listeners that come and go among children that start and end miss no signal", .timeLimit(.minutes(2)))
    func churn() async throws {
        // Stays, so that the process always survives.
        let guardian = try Ear()
        try await withThrowingDiscardingTaskGroup { tasks in
            for _ in 0..<4 {
                tasks.addTask {
                    for _ in 0..<500 {
                        let ear = try Ear()
                        kill(getpid(), SIGTERM)
                        await ear.latch.wait()
                        ear.end()
                    }
                }
                tasks.addTask {
                    for number in 0..<100 {
                        let report = try await ChildProcess.run(
                            .init("/bin/sh", ["-c", "echo \(number); exit \(number)"]),
                            timeLimit: .seconds(60)
                        )
                        #expect(report.exit.code == Int32(number))
                        #expect(report.output == Array("\(number)\n".utf8))
                    }
                }
                tasks.addTask {
                    for _ in 0..<100 {
                        let child = try ChildProcess(.init("/bin/sleep", ["1000"]))
                        child.send(SIGKILL)
                        #expect(try await child.exit().status == .signalled(SIGKILL))
                    }
                }
            }
        }
        #expect(guardian.latch.count > 0)
        guardian.end()
        #expect(TerminationSignals.numbers.allSatisfy(isFatal))
    }
}
