import Glibc
import HTTPServing
import Telemetry

/// The program `model-server`.
package enum ModelServerProgram {
    /// Runs the program to its end.
    ///
    /// - Parameters:
    ///   - arguments: The arguments without the program's name.
    ///   - environment: The environment.
    /// - Returns: The exit status: 0 after SIGTERM, 1 when the model cannot be served, 2 for a wrong command line.
    package static func main(_ arguments: [String], environment: [String: String]) async -> Int32 {
        let options: ModelServerOptions
        do throws(ModelServerOptions.UsageError) {
            switch try ModelServerOptions.parse(arguments, environment: environment) {
            case .help:
                writeOut(ModelServerOptions.help, STDOUT_FILENO)
                return 0
            case .serve(let parsed): options = parsed
            }
        } catch {
            writeOut("model-server: \(error)\n", STDERR_FILENO)
            return 2
        }
        do {
            // From before the server listens: a SIGTERM during start must not be the default one.
            let signals = try StopSignals()
            try await run(options, logger: Logger(level: options.logLevel), clock: ContinuousClock(), stop: signals)
            return 0
        } catch {
            writeOut("model-server: \(error)\n", STDERR_FILENO)
            return 1
        }
    }

    /// Serves until asked to stop, then drains.
    ///
    /// - Parameters:
    ///   - options: What to serve and where.
    ///   - logger: Where is logged.
    ///   - clock: Waits for the drain and injected delays.
    ///   - stop: Says when to stop.
    ///   - started: Called with the port once the server listens.
    /// - Throws: ``ModelFileError``, `HTTPServerError` or ``FileError``.
    static func run(
        _ options: ModelServerOptions,
        logger: Logger,
        clock: some Clock<Duration>,
        stop: some StopSource,
        started: @Sendable (Int) -> Void = { _ in }
    ) async throws {
        let model = try load(options)
        let registry = MetricsRegistry(seriesLimit: max(1000, model.features.count + 1))
        registry.observeProcess()
        let service = ModelService(model: model, registry: registry, faults: options.faults, clock: clock)
        let server = try HTTPServer(
            HTTPServerConfiguration(address: options.address, port: options.port)
        ) { request in
            await service.answer(request)
        }
        let logger = logger.with(["model.name": .string(model.name), "model.version": .string(model.version)])
        logger.info("listening", ["address": .string(options.address), "port": .integer(server.port)])
        started(server.port)
        let loading = Task {
            if options.faults.loadDelay > .zero { try await clock.sleep(for: options.faults.loadDelay) }
            service.finishLoading()
            logger.info("model loaded")
        }
        await stop.wait()
        loading.cancel()
        service.startDraining()
        logger.info("draining", ["duration": .duration(options.drain)])
        // Requests keep coming until every load balancer has seen that this server is not ready.
        if options.drain > .zero { try? await clock.sleep(for: options.drain) }
        await server.stop(grace: .seconds(30))
        logger.info("stopped")
    }

    private static func load(_ options: ModelServerOptions) throws -> Model {
        let bytes = try readFile(options.modelFile)
        var model: Model
        do throws(ModelFileError) { model = try ModelFile.parse(bytes) } catch {
            throw ModelFileError("cannot load the model \"\(options.modelFile)\": \(error)")
        }
        if let name = options.modelName { model.name = name }
        if let version = options.modelVersion { model.version = version }
        return model
    }
}

/// Why a file cannot be read.
package struct FileError: Error, CustomStringConvertible {
    /// The file and the system's reason.
    package var description: String
}

private func readFile(_ path: String) throws(FileError) -> [UInt8] {
    func failure(_ code: Int32) -> FileError {
        FileError(
            description: "cannot read the model \"\(path)\": "
                + (strerror(code).map { String(cString: $0) } ?? "error \(code)")
        )
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count == 0 { return bytes }
        guard count > 0 else { throw failure(errno) }
        bytes += buffer[..<count]
    }
}

private func writeOut(_ text: String, _ descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}
