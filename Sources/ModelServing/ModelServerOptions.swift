package import Telemetry

/// What the program `model-server` was asked to do.
package struct ModelServerOptions: Sendable, Equatable {
    /// The path of the model file.
    package var modelFile = ""
    /// A name instead of the file's.
    package var modelName: String?
    /// A version instead of the file's.
    package var modelVersion: String?
    /// The IP address to listen on.
    package var address = "0.0.0.0"
    /// The port to listen on, 0 for any.
    package var port = 8080
    /// How long requests are still served after SIGTERM while readiness says no.
    package var drain = Duration.seconds(5)
    /// Faults to inject.
    package var faults = Faults()
    /// The least urgent level logged.
    package var logLevel = Logger.Level.info

    /// What a command line can mean.
    package enum Command: Sendable, Equatable {
        /// Serve a model.
        case serve(ModelServerOptions)
        /// Print ``help``.
        case help
    }

    /// Why a command line was not understood.
    package struct UsageError: Error, Equatable, CustomStringConvertible {
        /// The option, its value and the remedy.
        package var description: String
    }

    private struct Option: Sendable {
        var flag: String
        var variable: String
        var value: String
        var help: String
        var set: @Sendable (inout ModelServerOptions, String) -> String?
    }

    /// Sets a field and returns nil, or returns what was expected.
    private static func field<Value>(
        _ path: any WritableKeyPath<ModelServerOptions, Value> & Sendable,
        _ parse: @escaping @Sendable (String) -> Value?,
        _ expected: String
    ) -> @Sendable (inout ModelServerOptions, String) -> String? {
        { options, text in
            guard let value = parse(text) else { return expected }
            options[keyPath: path] = value
            return nil
        }
    }

    private static let options: [Option] = [
        Option(
            flag: "model-file",
            variable: "MODEL_FILE",
            value: "PATH",
            help: "the model, in the format homeostat.dev/model/v1 (required)",
            set: field(\.modelFile, { $0.isEmpty ? nil : $0 }, "a path")
        ),
        Option(
            flag: "model-name",
            variable: "MODEL_NAME",
            value: "NAME",
            help: "serve under this name, not the file's",
            set: field(\.modelName, { segment($0).map { .some($0) } }, "a name without slashes")
        ),
        Option(
            flag: "model-version",
            variable: "MODEL_VERSION",
            value: "VERSION",
            help: "serve as this version, not the file's",
            set: field(\.modelVersion, { segment($0).map { .some($0) } }, "a version without slashes")
        ),
        Option(
            flag: "address",
            variable: "ADDRESS",
            value: "IP",
            help: "listen on this address (default 0.0.0.0)",
            set: field(\.address, { $0.isEmpty ? nil : $0 }, "an IP address")
        ),
        Option(
            flag: "port",
            variable: "PORT",
            value: "PORT",
            help: "listen on this port (default 8080; 0: any)",
            set: field(\.port, { UInt16($0).map(Int.init) }, "a number from 0 to 65535")
        ),
        Option(
            flag: "drain",
            variable: "DRAIN",
            value: "DURATION",
            help: "after SIGTERM say not ready and serve on for this long (default 5s)",
            set: field(\.drain, { duration($0) }, durations)
        ),
        Option(
            flag: "log-level",
            variable: "LOG_LEVEL",
            value: "LEVEL",
            help: "error, warning, info or debug (default info)",
            set: field(\.logLevel, { Logger.Level(name: $0) }, "error, warning, info or debug")
        ),
        Option(
            flag: "fault-error-share",
            variable: "FAULT_ERROR_SHARE",
            value: "SHARE",
            help: "fail this share of infer requests with 500",
            set: field(\.faults.errorShare, { Double($0).flatMap { 0...1 ~= $0 ? $0 : nil } }, "a number from 0 to 1")
        ),
        Option(
            flag: "fault-extra-latency",
            variable: "FAULT_EXTRA_LATENCY",
            value: "DURATION",
            help: "make each infer request take this much longer",
            set: field(\.faults.extraLatency, { duration($0) }, durations)
        ),
        Option(
            flag: "fault-latency-jitter",
            variable: "FAULT_LATENCY_JITTER",
            value: "DURATION",
            help: "and up to this much longer still, drawn for each request",
            set: field(\.faults.latencyJitter, { duration($0) }, durations)
        ),
        Option(
            flag: "fault-load-delay",
            variable: "FAULT_LOAD_DELAY",
            value: "DURATION",
            help: "take this long to load: live, but not ready",
            set: field(\.faults.loadDelay, { duration($0) }, durations)
        ),
        Option(
            flag: "fault-seed",
            variable: "FAULT_SEED",
            value: "NUMBER",
            help: "the seed of what is drawn (default 1)",
            set: field(\.faults.seed, { UInt64($0) }, "a whole number from 0")
        ),
    ]

    private static let durations = "a duration such as 50ms, 1.5s, 2m or 1h"

    private static func segment(_ text: String) -> String? { text.isEmpty || text.contains("/") ? nil : text }

    /// Reads a duration such as `50ms`, `1.5s`, `2m` or `1h`; nil for anything else.
    static func duration(_ text: String) -> Duration? {
        let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]
        for (suffix, seconds) in units where text.hasSuffix(suffix) {
            let digits = text.dropLast(suffix.count)
            guard let number = Double(digits), digits.utf8.allSatisfy({ 48...57 ~= $0 || $0 == 46 }), number < 1e6
            else {
                continue
            }
            return .seconds(number * seconds)
        }
        return nil
    }

    /// Reads a command line; flags win over the environment.
    ///
    /// - Parameters:
    ///   - arguments: The arguments without the program's name.
    ///   - environment: The environment.
    /// - Throws: ``UsageError``.
    package static func parse(
        _ arguments: [String],
        environment: [String: String]
    ) throws(UsageError) -> Command {
        var result = ModelServerOptions()
        for option in options {
            // Set and empty means not set, as a manifest cannot unset a variable.
            guard let text = environment[option.variable], !text.isEmpty else { continue }
            if let expected = option.set(&result, text) {
                throw UsageError(description: "the variable \(option.variable): \"\(text)\" is not \(expected)")
            }
        }
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--help" || argument == "-h" { return .help }
            guard argument.hasPrefix("--") else {
                throw UsageError(description: "unexpected argument \"\(argument)\"; options begin with --")
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let option = options.first(where: { $0.flag == parts[0] }) else {
                throw UsageError(description: "unknown option \"--\(parts[0])\"; see --help")
            }
            guard let text = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw UsageError(description: "the option --\(option.flag) needs a value: \(option.value)")
            }
            if let expected = option.set(&result, text) {
                throw UsageError(description: "the option --\(option.flag): \"\(text)\" is not \(expected)")
            }
        }
        guard !result.modelFile.isEmpty else {
            throw UsageError(description: "no model; name its file with --model-file or MODEL_FILE")
        }
        return .serve(result)
    }

    /// The text of `--help`.
    package static var help: String {
        let rows = options.map { ("--\($0.flag) \($0.value)", $0.help, $0.variable) }
        let width = rows.map(\.0.count).max() ?? 0
        let lines = rows.map { row in
            "  " + row.0 + String(repeating: " ", count: width - row.0.count + 2) + row.1 + " [\(row.2)]"
        }
        return """
            Serves a linear or logistic model over the Open Inference Protocol v2 (REST), with metrics at /metrics.

            usage: model-server --model-file PATH [options]

            \(lines.joined(separator: "\n"))

            Each option can be set by the environment variable in brackets. On SIGTERM the server says not ready, serves on
            for the drain time, finishes what is under way and exits with 0; a second SIGTERM ends it at once.
            docs/model-format.md describes model files.

            """
    }
}
