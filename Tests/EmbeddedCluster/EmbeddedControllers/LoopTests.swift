import EmbeddedAPI
import JSON
import Kubernetes
import Synchronization
import Testing

@testable import EmbeddedControllers

@Suite("The loop", .timeLimit(.minutes(1)))
struct LoopTests {
    private let now = Bench.start

    private func item(_ name: String, controller: Int = 0) -> WorkSchedule.Item {
        WorkSchedule.Item(controller: controller, key: ObjectKey(name: name))
    }

    @Test("a round takes what is ready in the order of controllers and keys, and each once")
    func rounds() {
        var schedule = WorkSchedule()
        for name in ["b", "a", "c", "a"] { schedule.add(item(name)) }
        schedule.add(item("a", controller: 1))
        #expect(schedule.take(now: now) == item("a"))
        schedule.add(item("a"))
        schedule.add(item("c"))
        #expect(schedule.take(now: now) == item("b"))
        #expect(schedule.take(now: now) == item("c"))
        #expect(schedule.take(now: now) == item("a", controller: 1))
        #expect(schedule.take(now: now) == item("a"))
        #expect(schedule.take(now: now) == nil)
    }

    @Test("what fails waits twice as long each time, up to a thousand seconds, and from the start after a success")
    func backoff() {
        var schedule = WorkSchedule()
        for delay in [5, 10, 20, 40] {
            schedule.fail(item("a"), now: now)
            #expect(schedule.nextDue() == now + .milliseconds(delay))
        }
        for _ in 0..<40 { schedule.fail(item("a"), now: now) }
        #expect(schedule.nextDue() == now + .seconds(1000))
        schedule.succeed(item("a"), again: nil, now: now)
        #expect(schedule.nextDue() == nil)
        schedule.fail(item("a"), now: now)
        #expect(schedule.nextDue() == now + .milliseconds(5))
    }

    @Test("the latest answer decides when to look again")
    func again() {
        var schedule = WorkSchedule()
        schedule.succeed(item("a"), again: .seconds(10), now: now)
        schedule.succeed(item("b"), again: .seconds(20), now: now)
        schedule.succeed(item("a"), again: .seconds(30), now: now)
        #expect(schedule.nextDue() == now + .seconds(20))
        #expect(schedule.take(now: now + .seconds(19)) == nil)
        #expect(schedule.take(now: now + .seconds(30)) == item("a"))
        #expect(schedule.take(now: now + .seconds(30)) == item("b"))
        #expect(schedule.nextDue() == nil)
    }

    @Test("in real time a change is answered at once, and the end of the task is the end")
    func realTime() async throws {
        let core = try APICore(wall: { Bench.start }, seed: 1)
        let loop = ControllerLoop(
            core: core,
            controllers: [DeploymentController(), ReplicaSetController()],
            wall: { Bench.start }
        )
        let running = Task { try await loop.run() }
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = core.onChange { wake.yield() }
        var call = APICall(.create, .deployment, ObjectKey(namespace: "default", name: ""))
        call.body = [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "web"],
            "spec": [
                "replicas": 3, "selector": ["matchLabels": ["app": "web"]], "template": Bench.template(),
            ],
        ]
        _ = try core.perform(call)
        for await _ in wakes where core.list(.pod).count == 3 { break }
        core.removeOnChange(id)
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
    }

    @Test("changes that are forgotten before they are seen are made up for by reading everything")
    func forgotten() throws {
        let bench = try Bench([DeploymentController(), ReplicaSetController(), GarbageCollector(), ScriptedKubelet()])
        try bench.makeDeployment(replicas: 2)
        bench.run(for: .seconds(5))
        try bench.makeDeployment("other", replicas: 1)
        try bench.patch(.deployment, "web", ["spec": ["replicas": 5]])
        bench.core.compact(to: bench.core.version)
        bench.run(for: .seconds(5))
        #expect(bench.list(.pod).count == 6)
    }

    @Test("the same calls and times give the same objects, names and versions")
    func determinism() throws {
        func run() throws -> [JSONValue] {
            let bench = try Bench(StandardControllers.all + [ScriptedKubelet()], seed: 7)
            try bench.makeDeployment(replicas: 5)
            try bench.makeDeployment("other", replicas: 3)
            bench.run(for: .seconds(20))
            try bench.setImage("web:2")
            bench.run(for: .seconds(60))
            return bench.core.definitions.filter { $0.type == $0.stored }.flatMap { bench.core.list($0.stored) }
        }
        #expect(try run() == run())
    }

    @Test("the index stays what it would be if it were built anew", arguments: 0..<20 as Range<UInt64>)
    func index(seed: UInt64) {
        var chance = SeededChance(seed: seed)
        var kept = ClusterIndex()
        var objects: [ObjectKey: JSONValue] = [:]
        for version in 1...200 {
            let key = ObjectKey(namespace: "default", name: "pod-\(Int.random(in: 0..<12, using: &chance))")
            let old = objects[key]
            let new = Bool.random(using: &chance) ? nil : pod(key, &chance)
            guard old != nil || new != nil else { continue }
            objects[key] = new
            let change = Change(version: version, resource: .pod, key: key, old: old, new: new)
            kept.apply(change)
            if version % 3 == 0 { kept.apply(change) }
        }
        var fresh = ClusterIndex()
        for (key, object) in objects {
            fresh.apply(Change(version: 1, resource: .pod, key: key, old: nil, new: object))
        }
        #expect(kept.waitingPods == fresh.waitingPods)
        #expect(kept.orphans(.pod, namespace: "default") == fresh.orphans(.pod, namespace: "default"))
        for name in ["a", "b", "c"] {
            let label = ClusterIndex.Label(namespace: "default", key: "app", value: name)
            #expect(kept.pods(with: label) == fresh.pods(with: label))
            #expect(kept.dependents(ofUID: name) == fresh.dependents(ofUID: name))
            #expect(kept.use(ofNode: name).pods == fresh.use(ofNode: name).pods)
            #expect(kept.use(ofNode: name).requests.filter { $0.value != 0 } == fresh.use(ofNode: name).requests)
        }
    }

    private func pod(_ key: ObjectKey, _ chance: inout SeededChance) -> JSONValue {
        func pick() -> JSONValue { .string(["a", "b", "c"].randomElement(using: &chance) ?? "a") }
        var metadata: JSONValue = [
            "name": .string(key.name), "namespace": .string(key.namespace), "uid": .string("\(chance.next())"),
            "labels": ["app": pick()],
        ]
        if Bool.random(using: &chance) {
            metadata["ownerReferences"] = [["uid": pick(), "controller": .bool(Bool.random(using: &chance))]]
        }
        var spec: JSONValue = [
            "containers": [["resources": ["requests": ["cpu": .integer(Int.random(in: 1...4, using: &chance))]]]]
        ]
        if Bool.random(using: &chance) { spec["nodeName"] = pick() }
        return [
            "metadata": metadata, "spec": spec,
            "status": ["phase": Bool.random(using: &chance) ? "Running" : "Failed"],
        ]
    }

    @Test("an event that comes again is counted, and many like it are put together")
    func events() throws {
        var log = EventLog()
        func note(_ message: String) -> EventLog.Note {
            EventLog.Note(
                resource: .pod,
                object: ["metadata": ["name": "a", "namespace": "default", "uid": "1"]],
                isWarning: true,
                reason: "Failed",
                message: message,
                component: "kubelet"
            )
        }
        guard case .create(let event) = log.record(note("one"), now: now) else {
            Issue.record("the first one is written")
            return
        }
        #expect(event["count"] == 1)
        #expect(event["type"] == "Warning")
        guard case .count(let key, let patch) = log.record(note("one"), now: now + .seconds(5)) else {
            Issue.record("the second one is counted")
            return
        }
        #expect(key.name == event.name)
        #expect(patch["count"] == 2)
        var messages: [String] = []
        for index in 0..<12 {
            switch log.record(note("number \(index)"), now: now + .seconds(6)) {
            case .create(let event): messages.append(event["message"]?.string ?? "")
            case .count(_, let patch): messages.append(patch["message"]?.string ?? "")
            case nil: messages.append("dropped")
            }
        }
        #expect(messages[7] == "number 7")
        #expect(messages.suffix(4) == [8, 9, 10, 11].map { "(combined from similar events): number \($0)" })
        for index in 0..<20 { _ = log.record(note("more \(index)"), now: now + .seconds(7)) }
        #expect(log.record(note("too many"), now: now + .seconds(8)) == nil)
        #expect(log.record(note("later"), now: now + .seconds(320)) != nil)
    }
}
