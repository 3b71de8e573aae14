import HTTPServing
import JSON
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import ModelServing

@Suite(.timeLimit(.minutes(1)))
struct ModelServiceTests {
    let clock = ManualClock()
    let registry = MetricsRegistry()

    func service(
        _ model: Model = .binary,
        faults: Faults = Faults(),
        isLoaded: Bool = true
    ) -> ModelService<ManualClock> {
        let service = ModelService(model: model, registry: registry, faults: faults, clock: clock)
        if isLoaded { service.finishLoading() }
        return service
    }

    func json(_ response: ServerResponse) throws -> JSONValue {
        guard case .bytes(let bytes) = response.body else { return .null }
        return try JSONValue(parsing: bytes)
    }

    func infer(
        _ service: ModelService<ManualClock>,
        _ body: String,
        path: String = "/v2/models/churn/infer"
    ) async throws -> (status: Int, json: JSONValue) {
        let response = await service.answer(
            ServerRequest(method: "POST", target: path, body: Array(body.utf8))
        )
        return (response.status, try json(response))
    }

    func get(_ service: ModelService<ManualClock>, _ path: String) async throws -> (status: Int, json: JSONValue) {
        let response = await service.answer(ServerRequest(target: path))
        return (response.status, try json(response))
    }

    // MARK: Protocol

    @Test("describes itself and its model")
    func metadata() async throws {
        let service = service(.multinomial)
        let server = try await get(service, "/v2")
        #expect(server.status == 200)
        #expect(server.json["name"] == "homeostat-model-server")
        let expected = try JSONValue(
            parsing: """
                {"name":"iris","versions":["1.0.0-1"],"platform":"homeostat_logistic",
                 "inputs":[{"name":"features","datatype":"FP64","shape":[-1,2]}],
                 "outputs":[{"name":"prediction","datatype":"INT64","shape":[-1]},
                            {"name":"probabilities","datatype":"FP64","shape":[-1,3]},
                            {"name":"label","datatype":"BYTES","shape":[-1]}],
                 "parameters":{"features":["x","y"],"classes":["a","b","c"]}}
                """
        )
        for path in ["/v2/models/iris", "/v2/models/iris/versions/1.0.0-1"] {
            let model = try await get(service, path)
            #expect(model.status == 200)
            #expect(model.json == expected)
        }
    }

    @Test("is live at once, ready when loaded, not ready while draining, and serves on then")
    func readiness() async throws {
        let service = service(isLoaded: false)
        let paths = ["/v2/health/ready", "/v2/models/churn/ready", "/v2/models/churn/versions/2.1.3-7/ready"]
        let body = #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[0]}]}"#
        for path in paths { #expect(try await get(service, path).status == 503) }
        #expect(try await get(service, "/v2/health/live").status == 200)
        let early = try await infer(service, body)
        #expect(early.status == 503)
        #expect(early.json["error"] == #"the model "churn" is still loading; try again when it is ready"#)
        service.finishLoading()
        for path in paths { #expect(try await get(service, path).status == 200) }
        service.startDraining()
        for path in paths { #expect(try await get(service, path).status == 503) }
        #expect(try await get(service, "/v2/health/live").status == 200)
        #expect(try await infer(service, body).status == 200)
        service.finishLoading()
        #expect(try await get(service, "/v2/health/ready").status == 503)
    }

    @Test("predicts a batch and echoes the id")
    func batch() async throws {
        let answer = try await infer(
            service(),
            #"{"id":"r1","inputs":[{"name":"features","shape":[3,1],"datatype":"FP64","data":[-1e6,0,1e6]}]}"#
        )
        let expected = try JSONValue(
            parsing: """
                {"model_name":"churn","model_version":"2.1.3-7","id":"r1","outputs":[
                 {"name":"prediction","datatype":"INT64","shape":[3],"data":[0,0,1]},
                 {"name":"probabilities","datatype":"FP64","shape":[3,2],"data":[1.0,0.0,0.5,0.5,0.0,1.0]},
                 {"name":"label","datatype":"BYTES","shape":[3],"data":["stay","stay","leave"]}]}
                """
        )
        #expect(answer.status == 200)
        #expect(answer.json == expected)
    }

    @Test(
        "takes features as columns of one input or as inputs of their own, flat or nested, of any datatype",
        arguments: [
            #"[{"name":"features","shape":[2,2],"datatype":"FP64","data":[3,10,1,2]}]"#,
            #"[{"name":"features","shape":[2,2],"datatype":"FP32","data":[[3.0,10],[1,2]]}]"#,
            #"[{"name":"features","shape":[2,2],"datatype":"INT64","data":[[3,10],[1,2]]}]"#,
            #"[{"name":"age","shape":[2],"datatype":"INT32","data":[10,2]},"#
                + #"{"name":"area","shape":[2,1],"datatype":"FP64","data":[[3],[1]]}]"#,
        ]
    )
    func layouts(inputs: String) async throws {
        let answer = try await infer(
            service(.linear),
            "{\"inputs\":\(inputs),\"parameters\":{\"p\":1}}",
            path: "/v2/models/price/infer"
        )
        #expect(answer.status == 200)
        #expect(answer.json[path: ["outputs"]]?[0]?["data"]?.array?.map(\.double) == [1.5, 0.5])
        #expect(answer.json["id"] == nil)
    }

    @Test("takes one row without a batch dimension and truth values as 0 and 1")
    func oneRow() async throws {
        let row = try await infer(
            service(.linear),
            #"{"inputs":[{"name":"features","shape":[2],"datatype":"FP64","data":[3,10]}]}"#,
            path: "/v2/models/price/versions/1.0.0-1/infer"
        )
        #expect(row.json["outputs"]?[0]?["data"]?.array?.map(\.double) == [1.5])
        let truth = try await infer(
            service(.linear),
            #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"BOOL","data":[true,false]}]}"#,
            path: "/v2/models/price/infer"
        )
        // (1 − 1)/2 = 0 and (0 − 2)/4 = −0.5, so 3·0 + 0.5 + 0.5.
        #expect(truth.json["outputs"]?[0]?["data"]?.array?.map(\.double) == [1])
    }

    @Test("answers the outputs asked for, in their order, and an empty batch with none")
    func outputs() async throws {
        let answer = try await infer(
            service(),
            #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[0]}],"#
                + #""outputs":[{"name":"label"},{"name":"prediction"}]}"#
        )
        #expect(answer.json["outputs"]?.array?.map { $0["name"]?.string } == ["label", "prediction"])
        let empty = try await infer(
            service(),
            #"{"inputs":[{"name":"features","shape":[0,1],"datatype":"FP64","data":[]}]}"#
        )
        #expect(empty.status == 200)
        #expect(empty.json["outputs"]?[1]?["shape"]?.array?.map(\.integer) == [0, 2])
    }

    @Test(
        "refuses bad requests, naming the input, the value and the remedy",
        arguments: [
            ("{", "the request is not valid"),
            ("[]", "the request is not valid"),
            (#"{"id":1,"inputs":[]}"#, "id: 1 is not a string"),
            ("{}", "inputs: is missing or not an array; send one input \"features\" of the shape [rows, 2]"),
            (#"{"inputs":[]}"#, "inputs: the feature \"area\" is missing; send one input \"features\""),
            (
                #"{"inputs":[{"name":"areas","shape":[1],"datatype":"FP64","data":[1]}]}"#,
                "inputs[0].name: \"areas\" is not an input of \"price\"; send one input"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"FP16","data":[1,2]}]}"#,
                "inputs[0].datatype: \"FP16\" of \"features\" is not supported; use FP64, FP32, INT64, INT32, BOOL"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,3],"datatype":"FP64","data":[1,2,3]}]}"#,
                "inputs[0].shape: [1, 3] does not fit the 2 features of \"price\"; use [rows, 2]"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[2,2],"datatype":"FP64","data":[1,2,3]}]}"#,
                "inputs[0].data: 3 values for the shape [2, 2], which has 4"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"FP64","data":[1,null]}]}"#,
                "inputs[0].data[1]: null is not FP64; send finite numbers"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"FP32","data":[[1,1e39]]}]}"#,
                "inputs[0].data[0][1]: 1e+39 is not FP32; send finite numbers"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"INT64","data":[1,1.5]}]}"#,
                "inputs[0].data[1]: 1.5 is not INT64; send whole numbers, or FP64"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"INT32","data":[1,3000000000]}]}"#,
                "inputs[0].data[1]: 3000000000 is not INT32; send whole numbers of 32 bits, or INT64 or FP64"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"BOOL","data":[true,1]}]}"#,
                "inputs[0].data[1]: 1 is not BOOL; send true or false"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[-1,2],"datatype":"FP64","data":[]}]}"#,
                "inputs[0].shape[0]: -1 is not a size; use whole numbers from 0"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[9223372036854775807,2],"datatype":"FP64","data":[]}]}"#,
                "inputs[0].shape: [9223372036854775807, 2] is too large"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"FP64","parameters":{"binary_data_size":16}}]}"#,
                "inputs[0].data: is missing; send the values as JSON"
            ),
            (
                #"{"inputs":[{"name":"area","shape":[1],"datatype":"FP64","data":[1]},"#
                    + #"{"name":"age","shape":[2],"datatype":"FP64","data":[1,2]}]}"#,
                "inputs: \"age\" has 2 rows and \"area\" has 1; send as many of each"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"FP64","data":[1,2]}],"outputs":[{"name":"p"}]}"#,
                "outputs[0].name: \"p\" is not an output of \"price\"; use prediction"
            ),
            (
                #"{"inputs":[{"name":"features","shape":[1,2],"datatype":"FP64","data":[1.7e308,-1.7e308]}]}"#,
                "inputs: row 0 is so large that the prediction is not finite"
            ),
        ]
    )
    func badRequests(body: String, message: String) async throws {
        let answer = try await infer(service(.linear), body, path: "/v2/models/price/infer")
        #expect(answer.status == 400)
        let error = try #require(answer.json["error"]?.string)
        #expect(error.hasPrefix(message), "\(error)")
        #expect(
            registry.counter(
                "model_requests_total",
                help: "",
                labels: ["model", "version", "code"]
            ).value(["price", "1.0.0-1", "400"]) == 1
        )
    }

    @Test(
        "says 404 to what is not there and 405 to the wrong method",
        arguments: [
            ("GET", "/", 404), ("GET", "/v2/models", 404), ("GET", "/v2/models/other", 404),
            ("GET", "/v2/models/churn/versions/9", 404), ("GET", "/v2/models/churn/versions/2.1.3-7/x", 404),
            ("POST", "/v2/models/other/infer", 404), ("POST", "/v2/models/churn/versions/9/infer", 404),
            ("GET", "/v2/models/churn/infer", 405), ("POST", "/v2/health/ready", 405), ("POST", "/metrics", 405),
            ("DELETE", "/v2/models/churn", 405),
        ]
    )
    func notThere(method: String, path: String, status: Int) async throws {
        let response = await service().answer(ServerRequest(method: method, target: path))
        #expect(response.status == status)
        #expect(try json(response)["error"]?.string?.isEmpty == false)
    }

    // MARK: Metrics

    @Test("counts requests, durations, predictions and features")
    func metrics() async throws {
        let service = service(.linear)
        let body = #"{"inputs":[{"name":"features","shape":[2,2],"datatype":"FP64","data":[3,10,1,2]}]}"#
        _ = try await infer(service, body, path: "/v2/models/price/infer")
        _ = try await infer(service, "{", path: "/v2/models/price/infer")
        let response = await service.answer(ServerRequest(target: "/metrics"))
        guard case .bytes(let bytes) = response.body else { return }
        let lines = Set(String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init))
        for line in [
            #"model_requests_total{model="price",version="1.0.0-1",code="200"} 1"#,
            #"model_requests_total{model="price",version="1.0.0-1",code="400"} 1"#,
            #"model_request_duration_seconds_count{model="price",version="1.0.0-1"} 2"#,
            #"model_loaded{model="price",version="1.0.0-1"} 1"#,
            // Predictions are 1.5 and 0.5 in the file's buckets 0, 1, 2.
            #"model_prediction_bucket{model="price",version="1.0.0-1",le="1"} 1"#,
            #"model_prediction_bucket{model="price",version="1.0.0-1",le="2"} 2"#,
            // Areas 3 and 1 with mean 1 and scale 2: one scale above the mean, and the mean.
            #"model_feature_bucket{model="price",version="1.0.0-1",feature="area",le="1"} 1"#,
            #"model_feature_bucket{model="price",version="1.0.0-1",feature="area",le="3"} 2"#,
            #"model_feature_bucket{model="price",version="1.0.0-1",feature="area",le="-5"} 0"#,
            #"model_feature_bucket{model="price",version="1.0.0-1",feature="age",le="14"} 2"#,
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    @Test("has buckets for features without statistics and with a scale that vanishes beside the mean")
    func featureBuckets() {
        let byDecades = ModelMetrics.featureBuckets(.binary, "x")
        #expect(byDecades.first == -10_000)
        #expect(byDecades.last == 10_000)
        #expect(byDecades.contains(0))
        var model = Model.linear
        model.standardization = .init(mean: [1e30, 0], scale: [1, 1])
        #expect(ModelMetrics.featureBuckets(model, "area") == byDecades)
        #expect(ModelMetrics.featureBuckets(model, "age") == (-6...6).map { Double($0) / 2 })
    }

    @Test("counts every one of many requests at once")
    func concurrency() async throws {
        let service = service()
        let body = #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[0]}]}"#
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<200 { group.addTask { try await infer(service, body).status } }
            for try await status in group { #expect(status == 200) }
        }
        let counter = registry.counter("model_requests_total", help: "", labels: ["model", "version", "code"])
        #expect(counter.value(["churn", "2.1.3-7", "200"]) == 200)
    }

    // MARK: Faults

    @Test("fails the share asked for, the same requests for the same seed")
    func errorShare() async throws {
        let body = #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[0]}]}"#
        func statuses(seed: UInt64) async throws -> [Int] {
            var faults = Faults()
            faults.errorShare = 0.3
            faults.seed = seed
            let service = service(faults: faults)
            var statuses: [Int] = []
            for _ in 0..<1000 { statuses.append(try await infer(service, body).status) }
            return statuses
        }
        let first = try await statuses(seed: 1)
        #expect(try await statuses(seed: 1) == first)
        #expect(try await statuses(seed: 2) != first)
        // Four standard deviations of a binomial: 1000 · 0.3 ± 4 · √(1000 · 0.3 · 0.7).
        #expect(242...358 ~= first.filter { $0 == 500 }.count)
        #expect(Set(first) == [200, 500])
    }

    @Test("takes the extra latency, and it counts in the duration")
    func latency() async throws {
        var faults = Faults()
        faults.extraLatency = .milliseconds(50)
        let service = service(faults: faults)
        let body = #"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[0]}]}"#
        let request = Task { try await infer(service, body).status }
        await clock.sleepers(atLeast: 1)
        clock.advance(by: .milliseconds(49))
        #expect(
            registry.histogram("model_request_duration_seconds", help: "", labels: ["model", "version"])
                .snapshot(["churn", "2.1.3-7"])?.count == 0
        )
        clock.advance(by: .milliseconds(1))
        #expect(try await request.value == 200)
        #expect(
            registry.histogram("model_request_duration_seconds", help: "", labels: ["model", "version"])
                .snapshot(["churn", "2.1.3-7"])?.sum == 0.05
        )
    }

    @Test("draws the jitter between nothing and its limit")
    func jitter() {
        var faults = Faults()
        faults.extraLatency = .milliseconds(50)
        faults.latencyJitter = .milliseconds(20)
        let source = FaultSource(faults)
        let latencies = (0..<1000).map { _ in source.draw().latency }
        #expect(latencies.allSatisfy { .milliseconds(50)...(.milliseconds(70)) ~= $0 })
        #expect(latencies.contains { $0 < .milliseconds(52) })
        #expect(latencies.contains { $0 > .milliseconds(68) })
    }

    @Test("gives no answer, and counts none, when the client leaves meanwhile")
    func cancelled() async throws {
        var faults = Faults()
        faults.extraLatency = .seconds(50)
        let service = service(faults: faults)
        let request = Task {
            await service.answer(ServerRequest(method: "POST", target: "/v2/models/churn/infer", body: []))
        }
        await clock.sleepers(atLeast: 1)
        request.cancel()
        guard case .disconnect = await request.value.body else {
            Issue.record("an answer to no one")
            return
        }
        #expect(
            registry.histogram("model_request_duration_seconds", help: "", labels: ["model", "version"])
                .snapshot(["churn", "2.1.3-7"])?.count == 0
        )
    }
}
