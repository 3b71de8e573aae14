import Telemetry
import Testing

@testable import ModelServing

struct ModelServerOptionsTests {
    func parse(_ arguments: [String], _ environment: [String: String] = [:]) throws -> ModelServerOptions {
        guard case .serve(let options) = try ModelServerOptions.parse(arguments, environment: environment) else {
            throw ModelServerOptions.UsageError(description: "help")
        }
        return options
    }

    @Test("has defaults for all but the model")
    func defaults() throws {
        let options = try parse(["--model-file", "m.json"])
        #expect(options.modelFile == "m.json")
        #expect(options.address == "0.0.0.0")
        #expect(options.port == 8080)
        #expect(options.drain == .seconds(5))
        #expect(options.faults == Faults())
    }

    @Test("takes flags with = and without, which win over the environment")
    func flags() throws {
        let options = try parse(
            [
                "--model-file=a=b.json", "--model-name", "n", "--model-version=3", "--address=::1", "--port", "0",
                "--fault-error-share", "0.3", "--fault-extra-latency=50ms", "--fault-latency-jitter", "1.5s",
                "--fault-load-delay", "2m", "--fault-seed", "9", "--drain=0s", "--log-level=debug",
            ],
            ["PORT": "99", "MODEL_NAME": "other"]
        )
        #expect(options.modelFile == "a=b.json")
        #expect(options.modelName == "n")
        #expect(options.modelVersion == "3")
        #expect(options.address == "::1")
        #expect(options.port == 0)
        #expect(options.faults.errorShare == 0.3)
        #expect(options.faults.extraLatency == .milliseconds(50))
        #expect(options.faults.latencyJitter == .milliseconds(1500))
        #expect(options.faults.loadDelay == .seconds(120))
        #expect(options.faults.seed == 9)
        #expect(options.drain == .zero)
        #expect(options.logLevel == .debug)
    }

    @Test("takes the environment, where empty is not set")
    func environment() throws {
        let options = try parse([], ["MODEL_FILE": "m.json", "PORT": "9090", "FAULT_ERROR_SHARE": ""])
        #expect(options.modelFile == "m.json")
        #expect(options.port == 9090)
        #expect(options.faults.errorShare == 0)
    }

    @Test(
        "says what is wrong with a command line",
        arguments: [
            ([], [:], "no model; name its file with --model-file or MODEL_FILE"),
            (["--models"], [:], "unknown option \"--models\"; see --help"),
            (["x"], [:], "unexpected argument \"x\"; options begin with --"),
            (["--port"], [:], "the option --port needs a value: PORT"),
            (["--port", "70000"], [:], "the option --port: \"70000\" is not a number from 0 to 65535"),
            (["--fault-error-share=1.1"], [:], "the option --fault-error-share: \"1.1\" is not a number from 0 to 1"),
            (["--fault-error-share=nan"], [:], "the option --fault-error-share: \"nan\" is not a number from 0 to 1"),
            (
                ["--drain=5"], [:],
                "the option --drain: \"5\" is not a duration such as 50ms, 1.5s, 2m or 1h"
            ),
            ([], ["PORT": "x"], "the variable PORT: \"x\" is not a number from 0 to 65535"),
        ] as [([String], [String: String], String)]
    )
    func wrong(arguments: [String], environment: [String: String], message: String) {
        let error = #expect(throws: ModelServerOptions.UsageError.self) {
            try ModelServerOptions.parse(arguments, environment: environment)
        }
        #expect(error?.description == message)
    }

    @Test(
        "reads durations",
        arguments: [
            ("50ms", .milliseconds(50)), ("1.5s", .milliseconds(1500)), ("2m", .seconds(120)), ("1h", .seconds(3600)),
            ("0s", .zero), ("s", nil), ("-1s", nil), ("1e3s", nil), ("1.s", .seconds(1)), ("", nil), ("5", nil),
            ("infs", nil), ("9999999s", nil),
        ] as [(String, Duration?)]
    )
    func durations(text: String, duration: Duration?) {
        #expect(ModelServerOptions.duration(text) == duration)
    }

    @Test("explains every option")
    func help() throws {
        #expect(try ModelServerOptions.parse(["--help", "--nonsense"], environment: [:]) == .help)
        for flag in ["--model-file PATH", "--fault-load-delay DURATION", "[PORT]"] {
            #expect(ModelServerOptions.help.contains(flag))
        }
    }
}
