import Kubernetes
import Testing

@testable import ControllerRuntime

@Suite("Deciding between list, watch and wait") struct WatchMachineTests {
    /// A machine that has listed at version 10 and watches, at time zero.
    private func watching(_ change: (inout WatchMachine.Options) -> Void = { _ in }) -> WatchMachine {
        var options = WatchMachine.Options()
        options.prefersWatchList = false
        change(&options)
        var machine = WatchMachine(options: options)
        #expect(machine.step(.started, now: .zero, chance: 0) == .list(resourceVersion: "0"))
        #expect(
            machine.step(.listed(resourceVersion: "10"), now: .zero, chance: 0)
                == .watch(resourceVersion: "10", timeout: .seconds(300))
        )
        return machine
    }

    @Test("the first list takes what the server has at hand and the watch goes on from it") func start() {
        let machine = watching()
        #expect(machine.hasSynced && machine.resourceVersion == "10")
        #expect(machine.status(now: .zero) == .synced)
    }

    @Test("7.2 a version that is too old inside the watch leads to a list at once") func gone() {
        var machine = watching()
        #expect(machine.step(.failed(.expired), now: .seconds(60), chance: 0) == .list(resourceVersion: ""))
    }

    @Test("7.2 a server that calls every version too old is not asked in a tight loop") func goneAgain() {
        var machine = watching()
        #expect(machine.step(.failed(.expired), now: .seconds(60), chance: 0) == .list(resourceVersion: ""))
        _ = machine.step(.listed(resourceVersion: "20"), now: .seconds(61), chance: 0)
        #expect(machine.step(.failed(.expired), now: .seconds(62), chance: 0) == .wait(.milliseconds(800)))
        #expect(machine.step(.waited, now: .seconds(63), chance: 0) == .list(resourceVersion: ""))
    }

    @Test("7.4 a page token that has expired leads to a list from the start") func expiredToken() {
        var machine = WatchMachine()
        _ = machine.step(.started, now: .zero, chance: 0)
        _ = machine.step(.failed(.refused("no")), now: .zero, chance: 0)
        #expect(machine.step(.failed(.expired), now: .zero, chance: 0) == .list(resourceVersion: ""))
        #expect(!machine.hasSynced)
    }

    @Test("7.5 a cut watch goes on from the last version after a pause") func cut() {
        var machine = watching()
        #expect(machine.step(.progressed(resourceVersion: "12"), now: .seconds(1), chance: 0) == nil)
        #expect(machine.step(.failed(.transient("cut")), now: .seconds(2), chance: 0) == .wait(.milliseconds(800)))
        #expect(
            machine.step(.waited, now: .seconds(3), chance: 0.5)
                == .watch(resourceVersion: "12", timeout: .seconds(300))
        )
    }

    @Test("7.8 a watch that ends normally goes on without a pause from the bookmark's version") func normalEnd() {
        var machine = watching()
        _ = machine.step(.progressed(resourceVersion: "99"), now: .seconds(200), chance: 0)
        #expect(
            machine.step(.ended, now: .seconds(300), chance: 1) == .watch(resourceVersion: "99", timeout: .seconds(600))
        )
    }

    @Test("a server that ends every watch at once is not asked in a tight loop") func shortWatches() {
        var machine = watching()
        guard case .wait = machine.step(.ended, now: .milliseconds(5), chance: 0) else {
            Issue.record("no pause")
            return
        }
    }

    @Test("7.10 pauses double from 0.8 s to 30 s with a random part, and start small again after two minutes")
    func pauses() {
        var machine = watching()
        var now = Duration.seconds(10)
        var pauses: [Duration] = []
        for _ in 0..<8 {
            guard case .wait(let pause) = machine.step(.failed(.transient("503")), now: now, chance: 0) else { break }
            pauses.append(pause)
            now += pause
            _ = machine.step(.waited, now: now, chance: 0)
        }
        #expect(pauses == [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000].map { .milliseconds($0) })
        guard case .wait(let random) = machine.step(.failed(.transient("503")), now: now, chance: 0.5) else { return }
        #expect(random == .seconds(22.5))
        _ = machine.step(.waited, now: now, chance: 0)
        #expect(
            machine.step(.failed(.transient("503")), now: now + .seconds(121), chance: 0) == .wait(.milliseconds(800))
        )
    }

    @Test("7.10 readiness holds for a short outage, and names a long one") func outage() {
        var machine = watching()
        _ = machine.step(.failed(.transient("no route")), now: .seconds(10), chance: 0)
        #expect(machine.status(now: .seconds(69)) == .synced)
        _ = machine.step(.waited, now: .seconds(12), chance: 0)
        _ = machine.step(.failed(.transient("no route")), now: .seconds(40), chance: 0)
        #expect(machine.status(now: .seconds(71)) == .unsynced(reason: "no route"))
        _ = machine.step(.waited, now: .seconds(72), chance: 0)
        _ = machine.step(.opened, now: .seconds(73), chance: 0)
        #expect(machine.status(now: .seconds(74)) == .synced)
    }

    @Test("7.11 versions that go back lead to a list of the most recent state") func wentBack() {
        var machine = watching()
        #expect(machine.step(.wentBack, now: .seconds(9), chance: 0) == .list(resourceVersion: ""))
        _ = machine.step(.listed(resourceVersion: "3"), now: .seconds(9), chance: 0)
        #expect(machine.resourceVersion == "3")
    }

    @Test("7.11 a version newer than the server's leads to a list of the most recent state") func tooLarge() {
        var machine = watching()
        let failure = APIFailure(
            .timeout,
            verb: "watch",
            target: "widgets",
            code: 504,
            detail: "Timeout: Too large resource version: 10, current: 3"
        )
        #expect(
            machine.step(.failed(.init(failure)), now: .seconds(1), chance: 0) == .list(resourceVersion: "")
        )
    }

    @Test("7.20 the time the server asks to wait is waited") func throttled() {
        var machine = watching()
        #expect(
            machine.step(.failed(.throttled(.seconds(7), "busy")), now: .seconds(1), chance: 0) == .wait(.seconds(7))
        )
    }

    @Test("7.34 a kind that is not served is waited for without a tight loop, then listed anew") func notServed() {
        var machine = watching()
        let failure = APIFailure(.notFound, verb: "watch", target: "widgets", code: 404, detail: "not found")
        guard case .wait = machine.step(.failed(.init(failure)), now: .seconds(1), chance: 0) else {
            Issue.record("no pause")
            return
        }
        #expect(machine.status(now: .seconds(1)) == .unsynced(reason: "cannot watch widgets: not found"))
        #expect(machine.step(.waited, now: .seconds(2), chance: 0) == .list(resourceVersion: ""))
        _ = machine.step(.listed(resourceVersion: "50"), now: .seconds(2), chance: 0)
        #expect(machine.status(now: .seconds(2)) == .synced)
    }

    @Test("7.36 missing rights make the cache unsynced with the reason, and heal by themselves") func forbidden() {
        var machine = watching()
        let failure = APIFailure(.forbidden, verb: "watch", target: "widgets", code: 403, detail: "no rights")
        _ = machine.step(.failed(.init(failure)), now: .seconds(1), chance: 0)
        #expect(machine.status(now: .seconds(1)) == .unsynced(reason: "cannot watch widgets: no rights"))
        #expect(
            machine.step(.waited, now: .seconds(2), chance: 0) == .watch(resourceVersion: "10", timeout: .seconds(300))
        )
        _ = machine.step(.opened, now: .seconds(2), chance: 0)
        #expect(machine.status(now: .seconds(2)) == .synced)
    }

    @Test("a streamed first state moves no version before its end is announced") func watchList() {
        var machine = WatchMachine()
        #expect(machine.step(.started, now: .zero, chance: 0) == .watchList(timeout: .seconds(300)))
        _ = machine.step(.progressed(resourceVersion: "70"), now: .zero, chance: 0)
        #expect(machine.resourceVersion == "" && !machine.hasSynced)
        #expect(machine.step(.initialEventsEnded(resourceVersion: "60"), now: .zero, chance: 0) == nil)
        #expect(machine.resourceVersion == "60" && machine.hasSynced)
    }

    @Test(
        "7.42 a streamed first state that the server refuses or never ends falls back to a list, for good",
        arguments: [WatchMachine.Fault.refused("422"), .initialEventsUnfinished]
    )
    func watchListFallback(fault: WatchMachine.Fault) {
        var machine = WatchMachine()
        _ = machine.step(.started, now: .zero, chance: 0)
        #expect(machine.step(.failed(fault), now: .seconds(10), chance: 0) == .list(resourceVersion: "0"))
        _ = machine.step(.listed(resourceVersion: "5"), now: .seconds(10), chance: 0)
        #expect(machine.step(.failed(.expired), now: .seconds(99), chance: 0) == .list(resourceVersion: ""))
    }

    @Test("a first state that was cut is streamed again") func watchListCut() {
        var machine = WatchMachine()
        _ = machine.step(.started, now: .zero, chance: 0)
        _ = machine.step(.failed(.transient("cut")), now: .seconds(1), chance: 0)
        #expect(machine.step(.waited, now: .seconds(2), chance: 0) == .watchList(timeout: .seconds(300)))
    }
}
