import Synchronization
import Testing

@testable import Telemetry

struct MetricsTests {
    let registry = MetricsRegistry(seriesLimit: 3)

    var text: String { String(decoding: registry.expose(), as: UTF8.self) }

    @Test("exposes nothing when there is nothing")
    func empty() {
        _ = registry.counter("labelled_total", help: "Never used.", labels: ["x"])
        #expect(text.isEmpty)
    }

    @Test("exposes metrics sorted by name and label values, escaped")
    func exposition() {
        let requests = registry.counter(
            "requests_total",
            help: "All\nrequests \\ \"so far\".",
            labels: ["code", "path"]
        )
        requests.increment(["500", "/b"])
        requests.increment(by: 2.5, ["200", "a\\b\"c\nd"])
        registry.gauge("depth", help: "Depth.").set(-3)
        #expect(
            text == """
                # HELP depth Depth.
                # TYPE depth gauge
                depth -3
                # HELP requests_total All\\nrequests \\\\ "so far".
                # TYPE requests_total counter
                requests_total{code="200",path="a\\\\b\\"c\\nd"} 2.5
                requests_total{code="500",path="/b"} 1

                """
        )
    }

    @Test("counts a histogram's values in cumulative buckets, bounds included")
    func histogram() {
        let seconds = registry.histogram("wait_seconds", help: "Wait.", labels: ["queue"], buckets: [0.1, 1, 10])
        for value in [0.05, 0.1, 0.5, 1, 10.5, .nan] { seconds.observe(value, ["q"]) }
        seconds.observe(.milliseconds(250), ["q"])
        #expect(
            text == """
                # HELP wait_seconds Wait.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{queue="q",le="0.1"} 2
                wait_seconds_bucket{queue="q",le="1"} 5
                wait_seconds_bucket{queue="q",le="10"} 5
                wait_seconds_bucket{queue="q",le="+Inf"} 6
                wait_seconds_sum{queue="q"} 12.4
                wait_seconds_count{queue="q"} 6

                """
        )
        #expect(seconds.snapshot(["q"])?.counts == [2, 3, 0, 1])
    }

    @Test("gives each series of a histogram its own buckets where asked")
    func bucketsPerSeries() {
        let histogram = registry.histogram("h", help: "H.", labels: ["f"]) { $0 == ["small"] ? [1] : [100, 200] }
        histogram.observe(2, ["small"])
        histogram.observe(2, ["large"])
        #expect(histogram.snapshot(["small"])?.counts == [0, 1])
        #expect(histogram.snapshot(["large"])?.counts == [1, 0, 0])
    }

    @Test("counts combinations beyond the limit together, and makes room when one is removed")
    func limit() {
        let counter = registry.counter("c_total", help: "C.", labels: ["l"])
        for value in ["a", "b", "c", "d", "e", "a"] { counter.increment([value]) }
        #expect(counter.value(["a"]) == 2)
        #expect(counter.value(["d"]) == 0)
        #expect(counter.value(["other"]) == 2)
        counter.remove(["a"])
        counter.remove(["b"])
        counter.increment(["f"])
        #expect(counter.value(["f"]) == 1)
        #expect(counter.value(["a"]) == 0)
        #expect(!text.contains("l=\"a\""))
        counter.removeAll { $0 == ["f"] }
        #expect(!text.contains("l=\"f\""))
    }

    @Test("a counter does not go back")
    func monotone() {
        let counter = registry.counter("c_total", help: "C.")
        counter.increment(by: 5)
        counter.increment(by: -1)
        counter.increment(by: .nan)
        #expect(counter.value() == 5)
        #expect(text.contains("c_total 5\n"))
    }

    @Test("a gauge is set, raised and lowered")
    func gauge() {
        let gauge = registry.gauge("g", help: "G.", labels: ["l"])
        gauge.set(5, ["x"])
        gauge.add(-7, ["x"])
        gauge.add(2, ["y"])
        #expect(gauge.value(["x"]) == -2)
        #expect(gauge.value(["y"]) == 2)
    }

    @Test("evaluates observed metrics at each scrape and leaves out what has no value")
    func observed() {
        let depth = Mutex(1.0)
        registry.observe("depth", help: "D.") { depth.withLock { $0 } }
        registry.observe("absent", help: "A.") { nil }
        registry.observe("per_queue", .counter, help: "P.", labels: ["q"]) { [(["b"], 2), (["a"], 1)] }
        #expect(text.contains("depth 1\n"))
        depth.withLock { $0 = .infinity }
        #expect(text.contains("depth +Inf\n"))
        #expect(!text.contains("absent"))
        #expect(text.contains("# TYPE per_queue counter\nper_queue{q=\"a\"} 1\nper_queue{q=\"b\"} 2\n"))
    }

    @Test("gives the same metric for the same name")
    func same() {
        registry.counter("c_total", help: "C.").increment()
        registry.counter("c_total", help: "C.").increment()
        #expect(registry.counter("c_total", help: "C.").value() == 2)
    }

    @Test("loses no increment between tasks")
    func concurrent() async {
        let counter = registry.counter("c_total", help: "C.", labels: ["l"])
        let histogram = registry.histogram("h", help: "H.", buckets: [1])
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.increment([task.isMultiple(of: 2) ? "even" : "odd"])
                        histogram.observe(0.5)
                    }
                }
            }
        }
        #expect(counter.value(["even"]) == 4000)
        #expect(counter.value(["odd"]) == 4000)
        #expect(histogram.snapshot() == .init(bounds: [1], counts: [8000, 0], sum: 4000))
    }

    @Test("writes numbers as Prometheus reads them")
    func numbers() {
        let cases: [(Double, String)] = [
            (0, "0"), (-1, "-1"), (1e15, "1000000000000000"), (1e300, "1e+300"), (0.1, "0.1"), (1e-7, "1e-07"),
            (.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
        ]
        for (value, text) in cases { #expect(MetricText.number(value) == text) }
    }

    @Test("reads the process's facts, whatever its name holds")
    func process() throws {
        let stat =
            "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 15 16 7 18 1000 4096000 25 " + "0 0 0 0 0 0 0 0 0 0 0 0"
        let facts = try #require(ProcessFacts(stat: stat, bootSeconds: 1_000_000, ticksPerSecond: 100))
        #expect(facts.cpuSeconds == 3)
        #expect(facts.startSeconds == 1_000_010)
        #expect(facts.virtualBytes == 4_096_000)
        #expect(facts.threads == 7)
        #expect(ProcessFacts(stat: "42 (x) S 1", bootSeconds: 0, ticksPerSecond: 100) == nil)
    }

    @Test("shows this process's own metrics")
    func ownProcess() throws {
        registry.observeProcess()
        var values: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            values[String(parts[0])] = Double(parts[1])
        }
        #expect(try #require(values["process_cpu_seconds_total"]) >= 0)
        #expect(try #require(values["process_resident_memory_bytes"]) > 1_000_000)
        #expect(try #require(values["process_open_fds"]) >= 3)
        #expect(try #require(values["process_max_fds"]) >= 3)
        #expect(try #require(values["process_threads"]) >= 1)
        #expect(try #require(values["process_start_time_seconds"]) > 1_600_000_000)
    }
}
