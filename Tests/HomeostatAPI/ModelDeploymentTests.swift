import HomeostatAPI
import JSON
import Kubernetes
import Testing

@Suite("A ModelDeployment")
struct ModelDeploymentTests {
    @Test("is read with every field in its place")
    func reading() throws {
        let object = try ModelDeployment.fixture { _ in }
        #expect(object.key == ObjectKey(namespace: "shop", name: "churn"))
        #expect(object.spec.model.version == "2.1.3-20260901.1")
        #expect(object.spec.replicas == 4)
        #expect(object.spec.service.port == 8000)
        #expect(object.spec.service.effectiveTargetPort == 8000)
        #expect(object.spec.service.protocol == .http)
        #expect(
            object.spec.strategy.steps.map(\.action) == [
                .setWeight(5),
                .analysis(object.spec.strategy.steps[1].analysis ?? AnalysisStep()),
                .setWeight(50),
                .pause(.seconds(600)),
                .pause(nil),
            ]
        )
        #expect(object.spec.strategy.steps[1].analysis?.minDuration == .minutes(2))
        let analysis = try #require(object.spec.analysis)
        #expect(analysis.maxDuration == .minutes(90))
        #expect(analysis.onNoData == .rollback)
        #expect(analysis.metrics[0].effectiveSequential?.margin == 2)
        #expect(analysis.metrics[1].threshold?.quantiles.map(\.max) == [.milliseconds(500)])
        #expect(analysis.metrics[2].threshold?.min == 0.7)
        #expect(object.spec.deletionPolicy == .orphan)
        #expect(object.validate() == [])
    }

    @Test("that says the least has the documented defaults")
    func defaults() throws {
        let object = try ModelDeployment(
            parsing: Array(
                """
                {"metadata": {"name": "a"}, "spec": {"model": {"name": "a", "version": "1.0.0"},
                 "template": {"spec": {"containers": [{"name": "model", "image": "i"}]}}, "replicas": null,
                 "analysis": {"prometheus": {"address": "https://p"}, "metrics": [{"name": "e",
                 "errorRate": {"total": "t", "failed": "f"}}]}}}
                """.utf8
            )
        )
        #expect(object.validate() == [])
        let spec = object.spec
        #expect(spec.replicas == 1)
        #expect(spec.service.port == 8080)
        #expect(spec.service.protocol == .openInferenceV2)
        #expect(spec.strategy.steps.isEmpty)
        #expect(spec.traffic.replicas != nil)
        #expect(spec.progressDeadlineSeconds == 600)
        #expect(spec.minReadySeconds == 0)
        #expect(spec.revisionHistoryLimit == 3)
        #expect(!spec.suspend)
        #expect(spec.deletionPolicy == .restore)
        let analysis = try #require(spec.analysis)
        #expect(analysis.interval == .seconds(10))
        #expect(analysis.maxDuration == .hours(24))
        #expect(analysis.onNoData == .hold)
        #expect(analysis.onTimeout == .hold)
        #expect(analysis.prometheus.labels.revision == "homeostat_dev_revision")
        let test = try #require(analysis.metrics[0].effectiveSequential)
        #expect(test == SequentialTest())
        #expect([test.margin, test.alphaRollback, test.alphaPromote, test.tolerance] == [1.5, 0.01, 0.05, 0.001])
        #expect(test.minSamples == 200)
    }

    @Test("is written as it was read, with members that nobody knows and values that do not fit")
    func roundTrip() throws {
        let object = try ModelDeployment.fixture { json in
            json[path: ["spec", "novelty"]] = ["deep": [1, 2.5, nil]]
            json[path: ["spec", "model", "registry"]] = "mlflow"
            json[path: ["spec", "deletionPolicy"]] = "Recycle"
            json[path: ["status"]] = [
                "phase": "Healthy", "observedGeneration": 3, "novelty": true,
                "stable": ["revision": "0123456789", "createdAt": "2026-11-20T17:28:00Z"],
                "weights": ["desired": 100, "observed": 100],
                "verdicts": [["name": "errors", "verdict": "Collecting", "estimate": 1.25, "canaryRate": 0]],
                "analysis": ["state": [["metric": "errors", "encoded": "v1:…"]]],
            ]
            json["extra"] = "kept"
        }
        let again = try ModelDeployment(parsing: object.bytes())
        #expect(again == object)
        let json = try JSONValue(parsing: object.bytes())
        #expect(json[path: ["spec", "novelty"]] == ["deep": [1, 2.5, nil]])
        #expect(json[path: ["spec", "model", "registry"]] == "mlflow")
        #expect(json[path: ["spec", "deletionPolicy"]] == "Recycle")
        #expect(json[path: ["spec", "template", "spec", "containers"]]?[0]?["args"] == ["--fast"])
        #expect(json[path: ["spec", "analysis", "maxDuration"]] == "1h30m")
        #expect(json[path: ["status", "novelty"]] == true)
        #expect(json[path: ["status", "verdicts"]]?[0]?["estimate"] == 1.25)
        #expect(json[path: ["status", "stable", "createdAt"]] == "2026-11-20T17:28:00Z")
        #expect(json["extra"] == "kept")
    }

    @Test("loses a value that did not fit when a good one is set")
    func replacing() throws {
        var object = try ModelDeployment.fixture { $0[path: ["status"]] = ["phase": "FromTheFuture"] }
        #expect(object.status.phase == nil)
        #expect(object.status.json["phase"] == "FromTheFuture")
        object.status.phase = .paused
        #expect(object.status.json["phase"] == "Paused")
    }

    @Test("that has no status is written without one")
    func noStatus() throws {
        let json = try JSONValue(parsing: ModelDeployment.fixture { _ in }.bytes())
        #expect(json["status"] == nil)
        #expect(json["apiVersion"] == "homeostat.dev/v1alpha1")
        #expect(json["kind"] == "ModelDeployment")
    }

    @Test("writes no nulls, and leaves out what is absent")
    func noNulls() throws {
        let text = "\(ModelDeploymentSpec().json)\(ModelDeploymentStatus().json)"
        #expect(!text.contains("null"))
        #expect(ModelDeploymentSpec().json[path: ["strategy", "canary"]] == [:])
    }

    @Test("takes the default of a member only where the whole object is absent")
    func partialObjects() throws {
        let object = try ModelDeployment.fixture { json in
            json[path: ["spec", "strategy"]] = ["novelty": [:]]
            json[path: ["spec", "traffic"]] = [:]
        }
        #expect(object.spec.strategy.canary == nil)
        #expect(
            object.validate().map(\.description) == ["spec.strategy: set canary", "spec.traffic: set replicas"]
        )
    }

    @Test("whose spec is no object is refused with the place")
    func wrongShape() {
        let error = #expect(throws: JSONError.self) { try ModelDeployment.fixture { $0["spec"] = "none" } }
        #expect(error?.path == "spec")
    }

    @Test("is refused with all errors at once, in the order of the fields")
    func allErrors() throws {
        let object = try ModelDeployment.fixture { json in
            json[path: ["spec", "model", "version"]] = "latest"
            json[path: ["spec", "replicas"]] = "four"
            json[path: ["spec", "service", "port"]] = 70_000
            json[path: ["spec", "strategy", "canary", "steps"]] = [
                ["name": "a", "setWeight": 5], ["name": "b"], ["name": "a", "setWeight": 140],
            ]
            json[path: ["spec", "deletionPolicy"]] = "Recycle"
        }
        #expect(
            object.validate().map(\.description) == [
                "spec.model.version: \"latest\" is not a version; write it as 2.1.3 or 2.1.3-20260901.1",
                "spec.replicas: expected a whole number, found \"four\"",
                "spec.service.port: 70000 is above 65535; use 1 to 65535",
                "spec.strategy.canary.steps[1]: set exactly one of setWeight, pause and analysis",
                "spec.strategy.canary.steps[2].setWeight: 140 is above 100; use a percentage",
                "spec.strategy.canary.steps[2].name: \"a\" is also that of [0]; give every element its own",
                "spec.deletionPolicy: \"Recycle\" is unknown; use Restore, Orphan or Delete",
            ]
        )
    }
}

@Suite("A request")
struct OperatorRequestTests {
    @Test("is read from an annotation", arguments: OperatorRequest.Verb.allCases)
    func reading(verb: OperatorRequest.Verb) throws {
        let request = try OperatorRequest(parsing: "\(verb.rawValue)/0123456789/4b1d")
        #expect(request == OperatorRequest(verb, revision: "0123456789", id: "4b1d"))
        #expect("\(request)" == "\(verb.rawValue)/0123456789/4b1d")
    }

    @Test(
        "that is not one is refused with what to write",
        arguments: [
            ("", "write it as verb/revision/id"), ("promote", "write it as verb/revision/id"),
            ("promote/a/b/c", "write it as verb/revision/id"), ("explode/a/b", "use one of promote, skip"),
            ("Promote/a/b", "use one of promote, skip"), ("promote//b", "take it from status.stable"),
            ("promote/a/", "new for each request"), ("promote/a/b c", "new for each request"),
            ("promote/\u{e9}/b", "take it from status.stable"),
        ]
    )
    func refusing(text: String, remedy: String) {
        let error = #expect(throws: FieldError.self) { try OperatorRequest(parsing: text) }
        #expect(error?.path == "metadata.annotations[homeostat.dev/request]")
        #expect(error?.remedy.contains(remedy) == true)
    }
}

@Suite("A revision")
struct RevisionTests {
    @Test("is the first ten digits of the SHA-256 of canonical JSON")
    func value() throws {
        var spec = ModelDeploymentSpec()
        spec.model.name = "churn"
        spec.model.version = "1.0.0"
        spec.template = ["spec": ["containers": [["name": "model", "image": "i"]]]]
        // printf '{"model":{"name":"churn","version":"1.0.0"},"template":{"spec":{"containers":[{"image":"i","name":
        // "model"}]}}}' | sha256sum, without the line break
        #expect(Revision.hash(of: spec) == "8ce8915e6c")
    }

    @Test("does not depend on the order of members, on nulls, on how numbers are written, or on other fields")
    func canonical() throws {
        let one = try ModelDeployment.fixture { json in
            json[path: ["spec", "template"]] = [
                "metadata": ["labels": ["a": "b"], "n": nil], "spec": ["x": 1.0, "y": 2],
            ]
        }
        let two = try ModelDeployment.fixture { json in
            json[path: ["spec", "template"]] = ["spec": ["y": 2, "x": 1], "metadata": ["labels": ["a": "b"]]]
            json[path: ["spec", "replicas"]] = 9
            json[path: ["spec", "service", "port"]] = 9
        }
        #expect(Revision.hash(of: one.spec) == Revision.hash(of: two.spec))
    }

    @Test("is another one for another version, digest or template")
    func different() throws {
        let hashes = try [
            { _ in }, { $0[path: ["spec", "model", "version"]] = "2.1.4" },
            { $0[path: ["spec", "model", "digest"]] = .string("sha256:" + String(repeating: "0", count: 64)) },
            { $0[path: ["spec", "template", "metadata"]] = ["annotations": ["restartedAt": "now"]] },
        ].map { (change: (inout JSONValue) -> Void) in Revision.hash(of: try ModelDeployment.fixture(change).spec) }
        #expect(Set(hashes).count == 4)
        #expect(hashes.allSatisfy { $0.count == 10 })
    }
}

@Suite("A duration")
struct KubeDurationTests {
    @Test(
        "is read from numbers with units",
        arguments: [
            ("0s", 0), ("10s", 10_000), ("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("1.5s", 1500),
            ("1h0m0.250s", 3_600_250), ("90s", 90_000),
        ]
    )
    func reading(text: String, milliseconds: Int) throws {
        let duration = try #require(KubeDuration(text))
        #expect(duration.duration == .milliseconds(milliseconds))
        #expect(duration.json == .string(text))
        #expect(KubeDuration.pattern.matches(text))
    }

    @Test(
        "is not read from anything else",
        arguments: ["", "10", "s", "10 s", "-5s", "1d", "1e3s", ".5s", "5.s", "٣s", "1h-3m", "999999999h"]
    )
    func refusing(text: String) {
        #expect(KubeDuration(text) == nil)
    }

    @Test(
        "is written with the fewest units",
        arguments: [(0, "0s"), (1500, "1s500ms"), (3_600_000, "1h"), (5_400_000, "1h30m"), (-7, "0s")]
    )
    func writing(milliseconds: Int, text: String) {
        let duration = KubeDuration(.milliseconds(milliseconds))
        #expect(duration.description == text)
        #expect(KubeDuration.pattern.matches(text))
    }

    @Test("is the same however it is written")
    func equality() {
        #expect(KubeDuration("90s") == KubeDuration("1m30s"))
        #expect(KubeDuration("90s")?.hashValue == KubeDuration("1m30s")?.hashValue)
    }
}
