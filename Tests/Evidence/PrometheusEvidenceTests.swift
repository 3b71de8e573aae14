import JSON
import HTTPServing
import Testing

@testable import Evidence

/// What the evidence is made of, on a real Prometheus.
@Suite(
    "Evidence from a real Prometheus",
    .enabled(if: LivePrometheus.isInstalled, "needs /usr/bin/prometheus and promtool (Debian: apt install prometheus)"),
    .timeLimit(.minutes(4))
)
struct LiveEvidenceTests {
    private let total = Selector("requests_total")
    private let failed = Selector("requests_total", [.init("code", .matches, "5..")])
    private let settle = Duration.seconds(1)
    /// Five scrape intervals.
    private let warmUp = Duration.seconds(1)

    /// Adds up windows in a row, as a controller does.
    private struct Tally {
        var start = SampleTime.now
        var total: [String: Int] = [:]
        var failed: [String: Int] = [:]
        var fast: [String: Int] = [:]
        var windows = 0
    }

    /// Lets so much time pass after the first scrapes that what appears from now on is known to be new.
    private func warmedUp() async throws {
        let first = SampleTime.now
        try await eventually("Prometheus has been watching for long enough") { SampleTime.now - first > warmUp }
    }

    private func look(
        _ evidence: PrometheusEvidence,
        _ revisions: [String],
        into tally: inout Tally
    ) async throws -> Reading<[String: RateCounts]>? {
        guard let window = TimeWindow.next(after: tally.start, now: .now, settle: settle) else { return nil }
        let counts = try await evidence.counts(
            total: total,
            failed: failed,
            revisions: revisions,
            namespace: "ml",
            during: window
        )
        let latency = try await evidence.latency(
            histogram: Selector("duration_seconds"),
            revisions: revisions,
            namespace: "ml",
            during: window
        )
        guard let values = counts.value, let latencies = latency.value else { return counts }
        for revision in revisions {
            tally.total[revision, default: 0] += values[revision]?.total ?? 0
            tally.failed[revision, default: 0] += values[revision]?.failed ?? 0
            tally.fast[revision, default: 0] += latencies[revision]?.buckets.first?.count ?? 0
            #expect(latencies[revision]?.total == values[revision]?.total)
        }
        tally.start = window.end
        tally.windows += 1
        return counts
    }

    @Test("counts exactly what pods counted, through a restart, a vanished pod and a new one") func exact() async throws
    {
        let pods = [
            try MeasuredPod("a", revision: "v1"), try MeasuredPod("b", revision: "v1"),
            try MeasuredPod("c", revision: "v2"), try MeasuredPod("d", revision: "v2", isUp: false),
        ]
        let (a, b, c, d) = (pods[0], pods[1], pods[2], pods[3])
        a.serve(ok: 1_000, failed: 10, fast: 7)
        b.serve(ok: 500)
        c.serve(ok: 1)
        try await LivePrometheus.run(scrapes: MeasuredPod.scrapes(pods)) { prometheus in
            func seen(_ pods: MeasuredPod...) async throws {
                for pod in pods {
                    try await eventually("pod \(pod.name) is scraped") { try await pod.isSeen(by: prometheus) }
                }
            }
            let evidence = PrometheusEvidence(prometheus.client, limits: CounterReader.Limits(warmUp: warmUp))
            try await seen(a, b, c)
            try await warmedUp()
            var tally = Tally()
            // Requests in steps, each scraped or not as it happens; windows as often as they come.
            for round in 1...8 {
                a.serve(ok: round, failed: 1, fast: round)
                c.serve(ok: 10 * round, failed: round % 2, fast: 1)
                _ = try await look(evidence, ["v1", "v2"], into: &tally)
                if round % 3 == 0 { try await seen(a, c) }
            }
            try await seen(a, b)
            b.restart(ok: 20, failed: 3, fast: 5)
            a.setUp(false)  // gone for good, with its last counts scraped
            d.serve(ok: 40, failed: 4, fast: 2)  // begins within a window, with requests before its first scrape
            d.setUp(true)
            try await seen(b, d)
            b.serve(ok: 1)
            try await seen(b, c, d)
            let end = SampleTime.now
            try await eventually("all windows are read") {
                _ = try await look(evidence, ["v1", "v2"], into: &tally)
                return tally.start >= end
            }
            #expect(tally.total == ["v1": 36 + 8 + 24, "v2": 360 + 4 + 44])
            #expect(tally.failed == ["v1": 8 + 3, "v2": 4 + 4])
            #expect(tally.fast == ["v1": 36 + 5, "v2": 8 + 2])
            #expect(tally.windows > 2)
        }
        for pod in pods { await pod.stop() }
    }

    @Test("loses nothing and doubles nothing when Prometheus is down for a while") func outage() async throws {
        let pods = [try MeasuredPod("a", revision: "v1"), try MeasuredPod("b", revision: "v1", isUp: false)]
        let (a, b) = (pods[0], pods[1])
        a.serve(ok: 100)
        try await LivePrometheus.run(scrapes: MeasuredPod.scrapes(pods)) { prometheus in
            // A lookback shorter than the gap, so that the memory is needed.
            let limits = CounterReader.Limits(lookback: .milliseconds(1), warmUp: warmUp)
            let evidence = PrometheusEvidence(prometheus.client, limits: limits)
            try await eventually("pod a is scraped") { try await a.isSeen(by: prometheus) }
            try await warmedUp()
            var tally = Tally()
            await prometheus.kill()
            a.serve(ok: 7, failed: 2)
            b.serve(ok: 5)
            b.setUp(true)
            try await eventually("a window ended") {
                guard let reading = try await look(evidence, ["v1"], into: &tally) else { return false }
                guard case .unavailable(let outage) = reading else {
                    Issue.record("a Prometheus that is down was taken for \(reading)")
                    return true
                }
                #expect(outage.reason == .unreachable)
                #expect(outage.since != nil)
                return true
            }
            try await prometheus.start()
            for pod in [a, b] {
                try await eventually("pod \(pod.name) is scraped") { try await pod.isSeen(by: prometheus) }
            }
            let end = SampleTime.now
            try await eventually("all windows are read") {
                _ = try await look(evidence, ["v1"], into: &tally)
                return tally.start >= end
            }
            #expect(tally.total == ["v1": 14])
            #expect(tally.failed == ["v1": 2])

            // An empty volume after a restart: nobody can tell old requests from new ones, so none is counted.
            await prometheus.kill()
            try prometheus.wipe()
            try await prometheus.start()
            for pod in [a, b] {
                try await eventually("pod \(pod.name) is scraped") { try await pod.isSeen(by: prometheus) }
            }
            a.serve(ok: 3)
            try await eventually("pod a is scraped again") { try await a.isSeen(by: prometheus) }
            let later = SampleTime.now
            try await eventually("all windows are read") {
                _ = try await look(evidence, ["v1"], into: &tally)
                return tally.start >= later
            }
            #expect(tally.total == ["v1": 14 + 3])
        }
        for pod in pods { await pod.stop() }
    }

    @Test("tells a revision that is idle, one that is gone and one that never was apart") func missing() async throws {
        let pods = [try MeasuredPod("a", revision: "v1"), try MeasuredPod("b", revision: "v2")]
        for pod in pods { pod.serve(ok: 5) }
        pods[0].setLoadProgress(0.25)
        try await LivePrometheus.run(scrapes: MeasuredPod.scrapes(pods)) { prometheus in
            let evidence = PrometheusEvidence(prometheus.client)
            for pod in pods {
                try await eventually("pod \(pod.name) is scraped") { try await pod.isSeen(by: prometheus) }
            }
            let progress = try await evidence.modelLoadProgress(revisions: ["v1", "v2"], namespace: "ml")
            #expect(progress == .value(["v1": 0.25]))
            let start = SampleTime.now
            pods[1].setUp(false)
            try await eventually("pod b is gone") {
                try await prometheus.client.number("count(requests_total{pod=\"b\"}) or vector(0)").value == 0
            }
            let gone = SampleTime.now
            func counts(_ revision: String, after start: SampleTime) async throws -> Reading<[String: RateCounts]> {
                var end = SampleTime.now
                // One more scrape of pod a at least.
                try await eventually("time goes on") {
                    end = .now
                    return end - start > .seconds(1)
                }
                return try await evidence.counts(
                    total: total,
                    failed: failed,
                    revisions: [revision],
                    namespace: "ml",
                    during: try #require(TimeWindow(after: start, upTo: end))
                )
            }
            let idle = try await counts("v1", after: start)
            #expect(idle.value?["v1"].map { [$0.total, $0.failed] } == [0, 0], "\(idle)")
            for (revision, reason) in [("v2", Insufficiency.Reason.stale), ("v3", .noSeries)] {
                guard case .insufficient(let why) = try await counts(revision, after: gone) else {
                    Issue.record("\(revision) was taken for measured")
                    continue
                }
                #expect(why.reason == reason)
                #expect(why.detail.contains(revision))
            }
            let latency = try await evidence.latency(
                histogram: Selector("duration_seconds_bucket"),
                revisions: ["v3"],
                namespace: "ml",
                during: try #require(TimeWindow(after: start, upTo: .now))
            )
            guard case .insufficient(let why) = latency else {
                Issue.record("\(latency)")
                return
            }
            #expect(why.reason == .noSeries)
        }
        for pod in pods { await pod.stop() }
    }

    @Test("adds up over partitions of time, border samples included") func partitions() async throws {
        var random = SplitMix(state: 20_26)
        // An hour of samples, every 15 s at the same millisecond, so that borders can hit them.
        let base = 1_700_000_000
        var lines = "# TYPE requests counter\n"
        for (pod, first, last) in [("a", 0, 240), ("b", 60, 150), ("c", 100, 240)] {
            var value = 0
            for index in first..<last {
                if Int.random(in: 0..<30, using: &random) == 0 { value = 0 }
                let growth = Int.random(in: 0..<9, using: &random)
                value += growth
                // Pod a is not scraped for ten minutes: what it counted meanwhile shows afterwards.
                if pod == "a", (120..<160).contains(index) { continue }
                let time = base + index * 15
                lines +=
                    "requests_total{namespace=\"ml\",pod=\"\(pod)\",homeostat_dev_revision=\"v1\"} \(value) \(time)\n"
            }
        }
        try await LivePrometheus.run(history: lines + "# EOF\n") { prometheus in
            let limits = CounterReader.Limits(lookback: .seconds(40))
            let evidence = PrometheusEvidence(prometheus.client, limits: limits)
            func count(_ start: Int, _ end: Int) async throws -> Int? {
                let window = try #require(
                    TimeWindow(
                        after: SampleTime(milliseconds: (base + start) * 1000),
                        upTo: SampleTime(milliseconds: (base + end) * 1000)
                    )
                )
                let reading = try await evidence.counts(
                    total: total,
                    failed: failed,
                    revisions: ["v1"],
                    namespace: "ml",
                    during: window
                )
                if case .insufficient = reading { return nil }
                return try #require(reading.value?["v1"]?.total, "\(reading)")
            }
            let whole = try #require(try await count(1, 3_600))
            #expect(whole > 1_000)
            for _ in 0..<6 {
                // Half of the borders lie on samples.
                let cuts = (0..<12).map { index in
                    index % 2 == 0
                        ? 15 * Int.random(in: 1..<240, using: &random) : Int.random(in: 2..<3_600, using: &random)
                }
                let borders = [1] + Set(cuts).sorted() + [3_600]
                var sum = 0
                var start = 1
                for end in borders.dropFirst() {
                    // Without a value the next window begins where this one did.
                    guard let part = try await count(start, end) else { continue }
                    sum += part
                    start = end
                }
                #expect(sum == whole, "\(borders)")
            }
        }
    }

    @Test("takes Prometheus's own errors for what they are") func errors() async throws {
        try await LivePrometheus.run(
            history: "# TYPE a gauge\na{x=\"1\"} 1 1700000000\na{x=\"2\"} 2 1700000000\n# EOF\n"
        ) {
            prometheus in
            let client = prometheus.client
            let time = SampleTime(milliseconds: 1_700_000_000_000)
            guard case .invalid(let fault) = try await client.query("sum(") else {
                Issue.record("a broken query was accepted")
                return
            }
            #expect(fault.query == "sum(")
            #expect(fault.detail.contains("parse error"))
            guard case .unavailable(let outage) = try await client.query("a + on() group_left() a", at: time) else {
                Issue.record("a query that cannot be executed was accepted")
                return
            }
            #expect(outage.reason == .execution)
            #expect(try await client.number("sum(a)", at: time) == .value(3))
            #expect(try await client.number("scalar(sum(a))", at: time) == .value(3))
            guard case .insufficient(let nothing) = try await client.number("a{x=\"3\"}", at: time),
                case .insufficient(let nan) = try await client.number("sum(a - a) / 0", at: time),
                case .invalid(let several) = try await client.number("a", at: time)
            else {
                Issue.record("no measurement became one")
                return
            }
            #expect([nothing.reason, nan.reason] == [.noSeries, .notANumber])
            #expect(several.reason == .severalSeries)
            let long = "sum(a{x=~\"1|2" + (0..<20_000).map { "|none\($0)" }.joined() + "\"})"
            #expect(try await client.number(long, at: time) == .value(3))
            let range = try await client.queryRange("a", from: time, to: time + .seconds(30), step: .seconds(15))
            #expect(range.value?.series.map(\.samples.count) == [3, 3])

            let evidence = PrometheusEvidence(client)
            let window = try #require(TimeWindow(after: time - .seconds(60), upTo: time))
            let hostile = try Selector(parsing: #"a{y!="\"}[1m]) or (a{x=\"1\"}"}"#, field: "f")
            let reading = try await evidence.counts(
                total: hostile,
                failed: hostile,
                revisions: ["v|1", "v.2"],
                namespace: "n\"s",
                during: window
            )
            guard case .insufficient = reading else {
                Issue.record("\(reading)")
                return
            }
        }
    }
}

/// What a real Prometheus cannot easily be brought to say.
@Suite("Evidence from scripted answers", .timeLimit(.minutes(1))) struct ScriptedEvidenceTests {
    private let window = TimeWindow(after: SampleTime(milliseconds: 10_000), upTo: SampleTime(milliseconds: 20_000))

    private func counts(_ server: ScriptedPrometheus) async throws -> Reading<[String: RateCounts]> {
        try await PrometheusEvidence(try server.client(tryLimit: 1)).counts(
            total: Selector("t"),
            failed: Selector("f"),
            revisions: ["v1"],
            namespace: "ml",
            during: try #require(window)
        )
    }

    private static func series(_ values: String) -> ServerResponse {
        .result("matrix", #"[{"metric":{"homeostat_dev_revision":"v1"},"values":[\#(values)]}]"#)
    }

    @Test("asks for raw samples of the revisions in the namespace at the window's end") func asks() async throws {
        let server = try ScriptedPrometheus { _, _ in Self.series(#"[5,"1"],[15,"4"]"#) }
        _ = try await counts(server)
        #expect(
            server.queries.map(\.query) == [
                #"t{namespace="ml",homeostat_dev_revision="v1"}[310s]"#,
                #"f{namespace="ml",homeostat_dev_revision="v1"}[310s]"#,
            ]
        )
        #expect(server.queries.map { $0.form["time"] } == ["20.000", "20.000"])
        await server.stop()
    }

    @Test("cuts failures to the requests and says by how many") func excess() async throws {
        let server = try ScriptedPrometheus { query, _ in
            query.query.hasPrefix("t") ? Self.series(#"[5,"1"],[15,"4"]"#) : Self.series(#"[5,"1"],[15,"6"]"#)
        }
        let one = try #require(try await counts(server).value?["v1"])
        #expect([one.total, one.failed, one.excessFailed] == [3, 3, 2])
        #expect(one.lastSample == SampleTime(milliseconds: 15_000))
        await server.stop()
    }

    @Test("refuses what is no counter, naming it", arguments: [#"[5,"1"],[15,"-4"]"#, #"[5,"1"],[15,"4.5"]"#])
    func noCounter(values: String) async throws {
        let server = try ScriptedPrometheus { _, _ in Self.series(values) }
        guard case .invalid(let fault) = try await counts(server) else {
            Issue.record("a gauge was counted")
            return
        }
        #expect(fault.reason == .notACounter)
        #expect(fault.query.hasPrefix("t{"))
        await server.stop()
    }

    @Test("takes samples that are all NaN for none") func nan() async throws {
        let server = try ScriptedPrometheus { _, _ in Self.series(#"[5,"1"],[15,"NaN"]"#) }
        guard case .insufficient(let why) = try await counts(server) else {
            Issue.record("NaN was counted")
            return
        }
        #expect(why.reason == .stale)
        await server.stop()
    }

    @Test("counts nothing from an answer in which data may be missing") func partial() async throws {
        let server = try ScriptedPrometheus { _, _ in
            let data = #"{"resultType":"matrix","result":[{"metric":{},"values":[[15,"4"]]}]}"#
            return .json(Array(#"{"status":"success","data":\#(data),"warnings":["store 2 is down"]}"#.utf8))
        }
        guard case .unavailable(let outage) = try await counts(server) else {
            Issue.record("a part was taken for the whole")
            return
        }
        #expect(outage.reason == .partial)
        #expect(outage.detail.contains("store 2 is down"))
        #expect(outage.since != nil)
        await server.stop()
    }

    @Test("gives nothing when any of its queries fails", arguments: ["f{", "last_over_time(t", "count("])
    func anyFails(prefix: String) async throws {
        let server = try ScriptedPrometheus { query, _ in
            if query.query.hasPrefix(prefix) { return .failure("timeout", "too slow", status: 503) }
            return query.query.hasPrefix("last") ? .result("vector", "[]") : Self.series(#"[15,"4"]"#)
        }
        guard case .unavailable(let outage) = try await counts(server) else {
            Issue.record("half an answer was taken for a whole one")
            return
        }
        #expect(outage.reason == .timeout)
        await server.stop()
    }

    @Test(
        "counts a series from zero only when nothing was there before and Prometheus was watching",
        arguments: [("[]", true, 9), ("[]", false, 5), (#"[9,"3"]"#, true, 6), (#"[9,"NaN"]"#, true, 5)]
    )
    func newness(past: String, isWatching: Bool, count: Int) async throws {
        let server = try ScriptedPrometheus { query, _ in
            if query.query.hasPrefix("last_over_time") {
                let series = #"[{"metric":{"__name__":"t","homeostat_dev_revision":"v1"},"value":\#(past)}]"#
                return .result("vector", past == "[]" ? "[]" : series)
            }
            if query.query.hasPrefix("count") {
                // Two minutes before the first sample, for the targets that Prometheus finds one after another.
                #expect(query.form["time"] == "-105.000")
                return .result("vector", isWatching ? #"[{"metric":{},"value":[10,"1"]}]"# : "[]")
            }
            return Self.series(#"[15,"4"],[20,"9"]"#)
        }
        #expect(try await counts(server).value?["v1"]?.total == count)
        await server.stop()
    }

    @Test("refuses a condition on the label it adds itself") func ownLabel() async throws {
        let server = try ScriptedPrometheus { _, _ in .result("vector", "[]") }
        let evidence = PrometheusEvidence(try server.client())
        let error = #expect(throws: FieldError.self) {
            try evidence.selector(#"t{homeostat_dev_revision="v1"}"#, field: "spec.total")
        }
        #expect(error?.path == "spec.total")
        #expect(try evidence.selector(#"t{code="200"}"#, field: "spec.total").matchers.count == 1)
        #expect(throws: FieldError.self) { try evidence.histogram(#"h{le="1"}"#, field: "spec.histogram") }
        #expect(try evidence.histogram("h", field: "spec.histogram").metric == "h")
        await server.stop()
    }
}
