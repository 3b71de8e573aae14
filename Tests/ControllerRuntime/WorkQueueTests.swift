import Testing

@testable import ControllerRuntime

@Suite("The work queue's rules") struct WorkQueueCoreTests {
    typealias Core = WorkQueueCore<Int>

    private func item(_ taken: Core.Taken) -> Core.Item? {
        if case .item(let item) = taken { item } else { nil }
    }

    private func wakeUp(_ taken: Core.Taken) -> Duration? {
        if case .nothing(let until) = taken { until } else { nil }
    }

    /// Adds, takes, and gives back as failed.
    private func fail(_ core: inout Core, _ key: Int, now: Duration) {
        core.done(key, .failed, now: now, chance: 0)
    }

    @Test("7.14 a thousand changes while a reconcile runs are one more run") func deduplication() {
        var core = Core()
        core.add(1, now: .zero)
        #expect(item(core.take(now: .zero))?.key == 1)
        for _ in 0..<1000 { core.add(1, now: .zero) }
        #expect(item(core.take(now: .zero)) == nil)
        core.done(1, .settled, now: .zero, chance: 0)
        #expect(item(core.take(now: .zero))?.key == 1)
        core.done(1, .settled, now: .zero, chance: 0)
        #expect(item(core.take(now: .zero)) == nil)
        #expect(core.knownCount == 0)
    }

    @Test("7.15 a slow key delays no other and is never handed out twice") func slowKey() {
        var core = Core()
        core.add(1, now: .zero)
        core.add(2, now: .zero)
        #expect(item(core.take(now: .zero))?.key == 1)
        core.add(1, now: .zero)
        #expect(item(core.take(now: .zero))?.key == 2)
        #expect(item(core.take(now: .zero)) == nil)
        core.done(2, .settled, now: .zero, chance: 0)
        #expect(item(core.take(now: .zero)) == nil)
    }

    @Test("7.16 failures back off exponentially to the limit, success forgets them") func backoff() {
        var options = Core.Options()
        options.backoff = Backoff(first: .milliseconds(5), limit: .seconds(1000), jitter: 0.1)
        var core = Core(options: options)
        var now = Duration.zero
        var delays: [Duration] = []
        core.add(1, now: now)
        for _ in 0..<20 {
            #expect(item(core.take(now: now))?.key == 1)
            fail(&core, 1, now: now)
            guard let due = wakeUp(core.take(now: now)) else { break }
            delays.append(due - now)
            now = due
        }
        #expect(delays.prefix(4) == [.milliseconds(5), .milliseconds(10), .milliseconds(20), .milliseconds(40)])
        #expect(delays.last == .seconds(1000))
        #expect(item(core.take(now: now))?.failures == 20)
        core.done(1, .settled, now: now, chance: 0)
        #expect(core.failures(of: 1) == 0)
    }

    @Test("7.16 the random part makes delays shorter by at most its share") func jitter() {
        let backoff = Backoff(first: .seconds(10), limit: .seconds(1000), jitter: 0.1)
        #expect(backoff.delay(afterFailures: 1, chance: 0) == .seconds(10))
        #expect(backoff.delay(afterFailures: 1, chance: 1) == .seconds(9))
        #expect(backoff.delay(afterFailures: .max, chance: 0) == .seconds(1000))
    }

    @Test("7.16 a change of the object is served at once and forgets its failures") func changeResets() {
        var core = Core()
        core.add(1, now: .zero)
        for round in 0..<10 {
            let now = Duration.seconds(round * 100)
            if round > 0 { core.add(1, now: now) }
            _ = core.take(now: now)
            fail(&core, 1, now: now)
        }
        core.add(1, cause: .init(mayMend: true), now: .seconds(901))
        #expect(item(core.take(now: .seconds(901)))?.failures == 0)
    }

    @Test("7.17 a change before the set time replaces the timer") func timerReplaced() {
        var core = Core()
        core.add(1, now: .zero)
        _ = core.take(now: .zero)
        core.done(1, .again(after: .seconds(600)), now: .zero, chance: 0)
        core.add(1, now: .seconds(300))
        #expect(item(core.take(now: .seconds(300)))?.key == 1)
        core.done(1, .again(after: .seconds(600)), now: .seconds(300), chance: 0)
        #expect(wakeUp(core.take(now: .seconds(600))) == .seconds(900))
        #expect(item(core.take(now: .seconds(900)))?.key == 1)
        core.done(1, .settled, now: .seconds(900), chance: 0)
        #expect(wakeUp(core.take(now: .seconds(5000))) == nil)
        #expect(core.knownCount == 0)
    }

    @Test("7.17 of two times to look again the earlier counts") func earlierTimer() {
        var core = Core()
        core.add(1, after: .seconds(10), now: .zero)
        core.add(1, after: .seconds(5), now: .zero)
        core.add(1, after: .seconds(20), now: .zero)
        #expect(core.delayed == 1)
        #expect(item(core.take(now: .seconds(5)))?.key == 1)
        core.done(1, .settled, now: .seconds(5), chance: 0)
        #expect(item(core.take(now: .seconds(50))) == nil)
    }

    @Test("replaced timers do not pile up") func timerLeak() {
        var core = Core()
        for round in 0..<10_000 { core.add(1, after: .seconds(20_000 - round), now: .zero) }
        #expect(core.delayed == 1)
        #expect(core.timerSlots < 200)
    }

    @Test("7.18 a change goes before 50,000 keys of the first list") func priority() {
        var core = Core()
        for key in 0..<50_000 { core.add(key, priority: .background, now: .zero) }
        // Ten keys a second: long before the change the first list has waited beyond its patience.
        var now = Duration.zero
        for _ in 0..<100 {
            guard let next = item(core.take(now: now)) else { break }
            core.done(next.key, .settled, now: now, chance: 0)
            now += .milliseconds(100)
        }
        core.add(-1, now: now)
        let next = [item(core.take(now: now))?.key, item(core.take(now: now))?.key]
        #expect(next.contains(-1))
    }

    @Test("7.18 the first list gets its share while changes keep coming") func noStarvation() {
        var core = Core()
        for key in 0..<100 { core.add(key, priority: .background, now: .zero) }
        var background = 0
        for round in 0..<400 {
            let now = Duration.seconds(2) + .milliseconds(round)
            core.add(-1 - round, now: now)
            core.add(-1000 - round, now: now)
            guard let next = item(core.take(now: now)) else { break }
            if next.priority == .background { background += 1 }
            core.done(next.key, .settled, now: now, chance: 0)
        }
        #expect(background == 100)
    }

    @Test("7.18 a key of the first list that changes moves up, once") func promotion() {
        var core = Core()
        for key in 0..<10 { core.add(key, priority: .background, now: .zero) }
        core.add(7, now: .zero)
        #expect(core.depth == 10 && core.depth(of: .change) == 1)
        #expect(item(core.take(now: .zero))?.key == 7)
        var rest: [Int] = []
        while let next = item(core.take(now: .zero)) { rest.append(next.key) }
        #expect(rest == [0, 1, 2, 3, 4, 5, 6, 8, 9])
    }

    @Test("7.20 being asked to wait is no failure of the key") func throttled() {
        var core = Core()
        core.add(1, now: .zero)
        _ = core.take(now: .zero)
        core.done(1, .throttled(.seconds(3)), now: .zero, chance: 0)
        #expect(core.failures(of: 1) == 0)
        #expect(wakeUp(core.take(now: .zero)) == .seconds(3))
    }

    @Test("what trying again cannot mend waits for a change") func hopeless() {
        var core = Core()
        core.add(1, now: .zero)
        _ = core.take(now: .zero)
        core.done(1, .hopeless, now: .zero, chance: 0)
        #expect(wakeUp(core.take(now: .seconds(9999))) == nil)
        core.add(1, now: .seconds(9999))
        #expect(item(core.take(now: .seconds(9999)))?.key == 1)
    }

    @Test(
        "what a failed run wrote itself does not end its back-off, whenever the cache tells of it",
        arguments: [Core.Result.failed, .throttled(.seconds(3)), .hopeless]
    )
    func echo(result: Core.Result) {
        for isEarly in [true, false] {
            var core = Core()
            core.add(1, now: .zero)
            _ = core.take(now: .zero)
            if isEarly { core.add(1, cause: .init(mayMend: true, version: "7"), now: .zero) }
            let ticket = core.done(1, result, wrote: ["7", "8"], holds: true, now: .zero, chance: 0)
            core.add(1, cause: .init(version: "8"), now: .zero)
            core.release(1, ticket: ticket ?? 0)
            if !isEarly { core.add(1, cause: .init(mayMend: true, version: "7"), now: .zero) }
            #expect(core.depth == 0 && core.failures(of: 1) == (result == .failed ? 1 : 0))
            core.add(1, cause: .init(version: "9"), now: .zero)
            #expect(item(core.take(now: .zero))?.key == 1)
            core.done(1, .settled, now: .zero, chance: 0)
            #expect(core.knownCount == 0)
        }
    }

    @Test("somebody else's change beside the own writes is served at once") func echoAndChange() {
        var core = Core()
        core.add(1, now: .zero)
        _ = core.take(now: .zero)
        for version in ["7", "8"] { core.add(1, cause: .init(mayMend: version == "8", version: version), now: .zero) }
        core.done(1, .failed, wrote: ["7"], now: .zero, chance: 0)
        #expect(item(core.take(now: .zero))?.failures == 0)
        for version in 10..<1000 { core.add(1, cause: .init(version: String(version)), now: .zero) }
        core.done(1, .failed, wrote: ["10", "999"], now: .zero, chance: 0)
        #expect(item(core.take(now: .zero))?.failures == 1)
    }

    @Test("what a run wrote that did not fail leads to another") func ownWriteOfSuccess() {
        var core = Core()
        core.add(1, now: .zero)
        _ = core.take(now: .zero)
        core.done(1, .settled, wrote: ["7"], now: .zero, chance: 0)
        core.add(1, cause: .init(version: "7"), now: .zero)
        #expect(item(core.take(now: .zero))?.key == 1)
    }

    @Test("7.13 a held key is handed out when it is released, or at the limit") func hold() {
        var core = Core()
        core.add(1, now: .zero)
        _ = core.take(now: .zero)
        let ticket = core.done(1, .settled, holds: true, now: .zero, chance: 0)
        core.add(1, now: .zero)
        #expect(wakeUp(core.take(now: .zero)) == .seconds(5))
        core.release(1, ticket: (ticket ?? 0) + 100)
        #expect(item(core.take(now: .seconds(1))) == nil)
        core.release(1, ticket: ticket ?? 0)
        #expect(item(core.take(now: .seconds(1)))?.key == 1)
        core.done(1, .settled, holds: true, now: .seconds(1), chance: 0)
        core.add(1, now: .seconds(2))
        #expect(item(core.take(now: .seconds(6)))?.key == 1)
    }

    @Test("a held key that nobody asks for is forgotten at the limit") func holdForgotten() {
        var core = Core()
        core.add(1, now: .zero)
        _ = core.take(now: .zero)
        core.done(1, .settled, holds: true, now: .zero, chance: 0)
        #expect(wakeUp(core.take(now: .seconds(6))) == nil)
        #expect(core.knownCount == 0)
    }

    @Test("retries of all keys together stay within their budget") func retryBudget() {
        var options = Core.Options()
        options.retries = TokenBucket(rate: 10, burst: 2)
        var core = Core(options: options)
        for key in 0..<4 { core.add(key, now: .zero) }
        while item(core.take(now: .zero)) != nil {}
        for key in 0..<4 { fail(&core, key, now: .zero) }
        var due: [Duration] = []
        while let next = core.nextTimer() {
            due.append(next)
            _ = core.take(now: next)
        }
        #expect(due == [.milliseconds(5), .milliseconds(100), .milliseconds(200)])
    }

    @Test("keys handed out stay within their budget") func startBudget() {
        var options = Core.Options()
        options.starts = TokenBucket(rate: 2, burst: 1)
        var core = Core(options: options)
        for key in 0..<3 { core.add(key, now: .zero) }
        #expect(item(core.take(now: .zero)) != nil)
        #expect(wakeUp(core.take(now: .zero)) == .milliseconds(500))
        #expect(item(core.take(now: .milliseconds(500))) != nil)
    }

    @Test("7.28 after shutdown nothing is handed out and running work can be given back") func shutDown() {
        var core = Core()
        core.add(1, now: .zero)
        core.add(2, now: .zero)
        _ = core.take(now: .zero)
        core.shutDown()
        core.add(3, now: .zero)
        guard case .over = core.take(now: .zero) else {
            Issue.record("something was handed out")
            return
        }
        core.done(1, .failed, now: .zero, chance: 0)
        #expect(core.processingCount == 0)
    }

    @Test("the figures tell how long work has been running") func figures() {
        var core = Core()
        core.add(1, now: .zero)
        core.add(2, now: .zero)
        _ = core.take(now: .seconds(1))
        _ = core.take(now: .seconds(3))
        let running = core.running(now: .seconds(4))
        #expect(running.total == .seconds(4) && running.longest == .seconds(3))
        core.add(3, now: .seconds(4))
        #expect(item(core.take(now: .seconds(6)))?.waited == .seconds(2))
    }

    @Test("a random run of operations never hands a key out twice and loses none", arguments: 0..<20 as Range<UInt64>)
    func property(seed: UInt64) {
        var random = Seeded(state: seed)
        var core = Core()
        var running: Set<Int> = []
        var wanted: Set<Int> = []
        var now = Duration.zero
        for _ in 0..<3000 {
            now += .milliseconds(Int.random(in: 0..<50, using: &random))
            let key = Int.random(in: 0..<20, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                core.add(key, priority: WorkPriority.allCases.randomElement(using: &random) ?? .change, now: now)
                wanted.insert(key)
            case 2: core.add(key, after: .milliseconds(Int.random(in: 1..<3000, using: &random)), now: now)
            case 3:
                guard let next = item(core.take(now: now)) else { continue }
                #expect(running.insert(next.key).inserted)
                wanted.remove(next.key)
            default:
                guard let key = running.randomElement(using: &random) else { continue }
                running.remove(key)
                let results: [Core.Result] = [.settled, .failed, .again(after: .seconds(1)), .hopeless]
                core.done(
                    key,
                    results.randomElement(using: &random) ?? .settled,
                    holds: Bool.random(using: &random),
                    now: now,
                    chance: 0.5
                )
            }
        }
        for key in running { core.done(key, .settled, now: now, chance: 0) }
        while let next = item(core.take(now: now + .seconds(3600))) {
            wanted.remove(next.key)
            core.done(next.key, .settled, now: now, chance: 0)
        }
        #expect(wanted.isEmpty && core.knownCount == 0 && core.depth == 0)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
