import EmbeddedAPI
import EmbeddedServer
import HTTPTransport
import JSON
import Kubernetes
import TestSupport
import Testing

@Suite("Watches of the embedded server", .timeLimit(.minutes(1)))
struct WatchTests {
    let fixture: ServerFixture
    let path = "/api/v1/namespaces/default/configmaps"

    init() throws { fixture = try ServerFixture(usesTLS: false) }

    @Test("tells the present objects first, then what happens") func fromNothing() async throws {
        try fixture.create(.configMap, Sample.configMap("a"))
        var watch = try await fixture.open("\(path)?watch=1")
        #expect(try await watch.event() == "ADDED a")
        try fixture.create(.configMap, Sample.configMap("b"))
        #expect(try await watch.event() == "ADDED b")
        try fixture.merge(.configMap, "a", ["data": ["x": "1"]])
        #expect(try await watch.event() == "MODIFIED a")
        try fixture.delete(.configMap, "b")
        let last = try #require(try await watch.next())
        #expect(last["type"] == "DELETED")
        #expect(last[path: ["object", "metadata", "resourceVersion"]]?.string == String(fixture.core.version))
        #expect(last[path: ["object", "kind"]] == "ConfigMap")
    }

    @Test("goes on after a version, in order, without what others see") func fromVersion() async throws {
        try fixture.create(.configMap, Sample.configMap("a"))
        let version = fixture.core.version
        try fixture.create(.configMap, Sample.configMap("b"))
        try fixture.create(.pod, Sample.pod("p"))
        try fixture.create(.namespace, ["metadata": ["name": "other"]])
        try fixture.create(.configMap, ["metadata": ["name": "far", "namespace": "other"]])
        try fixture.create(.configMap, Sample.configMap("c"))
        var watch = try await fixture.open("\(path)?watch=1&resourceVersion=\(version)")
        #expect(try await watch.event() == "ADDED b")
        #expect(try await watch.event() == "ADDED c")
    }

    @Test("shows objects come into a selector and leave it") func selectors() async throws {
        try fixture.create(.configMap, Sample.configMap("a", labels: ["on": "no"]))
        let version = fixture.core.version
        var watch = try await fixture.open("\(path)?watch=1&labelSelector=on%3Dyes&resourceVersion=\(version)")
        try fixture.merge(.configMap, "a", ["data": ["x": "1"]])
        try fixture.merge(.configMap, "a", ["metadata": ["labels": ["on": "yes"]]])
        try fixture.merge(.configMap, "a", ["metadata": ["labels": ["on": "no"]]])
        #expect(try await watch.event() == "ADDED a")
        let gone = try #require(try await watch.next())
        #expect(gone["type"] == "DELETED")
        #expect(gone[path: ["object", "metadata", "labels", "on"]] == "yes")
    }

    @Test("says that a version is gone that the history has forgotten") func expired() async throws {
        let fixture = try ServerFixture(historyLimit: 5, usesTLS: false)
        for index in 0..<20 { try fixture.create(.configMap, Sample.configMap("c\(index)")) }
        var watch = try await fixture.open("\(path)?watch=1&resourceVersion=1")
        let event = try #require(try await watch.next())
        #expect(event["type"] == "ERROR")
        #expect(event[path: ["object", "code"]] == 410)
        #expect(event[path: ["object", "reason"]] == "Expired")
        #expect(try await watch.next() == nil)
    }

    @Test("sends bookmarks each minute and at the end, to those who want them") func bookmarks() async throws {
        let clock = ManualClock()
        let fixture = try ServerFixture(usesTLS: false, options: { $0.front.clock = clock })
        let version = fixture.core.version
        var watch = try await fixture.open(
            "\(path)?watch=1&resourceVersion=\(version)&allowWatchBookmarks=true&timeoutSeconds=90"
        )
        try fixture.create(.pod, Sample.pod("elsewhere"))
        await clock.sleepers(atLeast: 1)
        clock.advance(by: .seconds(60))
        let bookmark = try #require(try await watch.next())
        #expect(bookmark["type"] == "BOOKMARK")
        #expect(bookmark[path: ["object", "metadata", "resourceVersion"]]?.string == String(fixture.core.version))
        #expect(bookmark[path: ["object", "kind"]] == "ConfigMap")
        await clock.sleepers(atLeast: 1)
        clock.advance(by: .seconds(30))
        #expect(try await watch.next()?["type"] == "BOOKMARK")
        #expect(try await watch.next() == nil)
    }

    @Test("marks the end of the first state where it is asked for") func initialEvents() async throws {
        try fixture.create(.configMap, Sample.configMap("a"))
        var watch = try await fixture.open(
            "\(path)?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        )
        #expect(try await watch.event() == "ADDED a")
        let mark = try #require(try await watch.next())
        #expect(mark[path: ["object", "metadata", "annotations", "k8s.io/initial-events-end"]] == "true")
        try fixture.create(.configMap, Sample.configMap("b"))
        #expect(try await watch.event() == "ADDED b")
    }

    @Test("describes a table's columns once") func tables() async throws {
        try fixture.create(.configMap, Sample.configMap("a"))
        var watch = try await fixture.open(
            "\(path)?watch=1",
            headers: ["Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"]
        )
        let first = try #require(try await watch.next())
        #expect(first[path: ["object", "kind"]] == "Table")
        #expect(first[path: ["object", "columnDefinitions"]]?.array?.isEmpty == false)
        #expect(first["object"]?["rows"]?[0]?["cells"]?[0] == "a")
        try fixture.create(.configMap, Sample.configMap("b"))
        let second = try #require(try await watch.next())
        #expect(second[path: ["object", "columnDefinitions"]]?.isNull == true)
        #expect(second["object"]?["rows"]?[0]?["cells"]?[0] == "b")
    }

    @Test("does not wait for a watcher that does not read, and sends it away when the history has passed it")
    func slowWatcher() async throws {
        let fixture = try ServerFixture(historyLimit: 600, usesTLS: false)
        let text = String(repeating: "x", count: 10_000)
        let from = "watch=1&resourceVersion=\(fixture.core.version)"
        var slow = try await fixture.open("\(path)?\(from)")
        var quick = try await fixture.open("\(path)?\(from)&fieldSelector=metadata.name%3Dlast")
        for index in 0..<2000 {
            try fixture.create(.configMap, Sample.configMap("c\(index)", data: ["text": .string(text)]))
        }
        try fixture.create(.configMap, Sample.configMap("last"))
        #expect(try await quick.event() == "ADDED last")
        var events = 0
        var end: String?
        while let event = try await slow.event() {
            if event.hasPrefix("ERROR") { end = event } else { events += 1 }
        }
        #expect(end == "ERROR Expired")
        #expect(events < 1500)
    }

    @Test("sends one change to a thousand watchers") func many() async throws {
        var watches: [ServerFixture.Lines] = []
        for _ in 0..<1000 { watches.append(try await fixture.open("\(path)?watch=1")) }
        try fixture.create(.configMap, Sample.configMap("a"))
        for index in watches.indices { #expect(try await watches[index].event() == "ADDED a") }
        watches = []
        while fixture.server.front.watchCount > 0 { await Task.yield() }
    }
}
