package import HTTPTransport
import JSON
package import Telemetry

/// Speaks to one API server.
///
/// Requests are sent again where that is safe (``RetryPolicy``); everything else is thrown as ``APIFailure``.
/// `CancellationError` passes as it is.
package final class KubernetesClient: Sendable {
    /// Where the server is and who we are.
    package let configuration: ClientConfiguration
    /// Which kinds the server offers.
    package let discovery: Discovery
    let connection: Connection

    /// Creates a client; nothing is sent yet.
    ///
    /// - Parameters:
    ///   - configuration: Where the server is, who we are, and the limits.
    ///   - transport: What carries requests; nil for a new ``HTTPClient``.
    ///   - wrapping: Put around what carries requests, as a fence that lets only a leader write.
    ///   - logger: Hears of requests sent again and of credentials renewed.
    ///   - metrics: Where requests are counted; nil for nowhere.
    ///   - clock: Times waits between attempts.
    ///   - chance: Random numbers in `0..<1` for jitter.
    /// - Throws: ``ConfigurationError`` when certificates cannot be read or do not fit.
    package init(
        configuration: ClientConfiguration,
        transport: (any KubernetesTransport)? = nil,
        wrapping wrap: (any KubernetesTransport) -> any KubernetesTransport = { $0 },
        logger: Logger = .silent,
        metrics: MetricsRegistry? = nil,
        clock: some Clock<Duration> = ContinuousClock(),
        chance: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) throws {
        self.configuration = configuration
        let time = Timekeeper(clock)
        let counting = metrics.map { ClientMetrics($0, host: ClientMetrics.host(of: configuration.server)) }
        let connection = try Connection(configuration, transport, wrap, counting, logger, time, chance)
        self.connection = connection
        discovery = Discovery(time: time) { path, accept in
            let request = APIRequest(
                path: path,
                accept: accept,
                verb: "discover",
                target: "\"\(path)\"",
                timeLimit: configuration.requestTimeLimit
            )
            return try await connection.send(request).answer
        }
    }
    /// The objects of a kind that has a Swift type.
    package func resource<Object: TypedObject>(_ type: Object.Type = Object.self) -> ResourceClient<Object> {
        ResourceClient(client: self, type: Object.resource)
    }

    /// The objects of any kind, held as `Object`.
    package func resource<Object: KubernetesObject>(
        _ object: Object.Type = DynamicObject.self,
        of type: ResourceType
    ) -> ResourceClient<Object> {
        ResourceClient(client: self, type: type)
    }

    /// Sends any request.
    ///
    /// - Parameters:
    ///   - path: Below the server's address, percent-encoded, as `/apis`.
    ///   - isRepeatable: Whether doing it twice does no more than doing it once; nil to tell by the method.
    /// - Throws: ``APIFailure`` for every answer but 2xx.
    package func raw(
        method: String = "GET",
        path: String,
        query: Query = [:],
        body: [UInt8]? = nil,
        contentType: String = "application/json",
        accept: String = "application/json",
        isRepeatable: Bool? = nil
    ) async throws -> HTTPResponse {
        try await connection.send(
            APIRequest(
                method: method,
                path: path + query.suffix,
                body: body,
                contentType: contentType,
                accept: accept,
                verb: method.lowercased(),
                target: "\"\(path)\"",
                isRepeatable: isRepeatable ?? (method != "POST" && method != "PATCH"),
                timeLimit: configuration.requestTimeLimit
            )
        )
        .answer
    }

    /// The version of the server.
    package func serverVersion() async throws -> ServerVersion {
        let answer = try await raw(path: "/version")
        let value = try Connection.decode(answer, "get", "the server's version") { bytes throws(JSONError) in
            try JSONValue(parsing: bytes)
        }
        return ServerVersion(
            major: value["major"]?.string ?? "",
            minor: value["minor"]?.string ?? "",
            gitVersion: value["gitVersion"]?.string ?? ""
        )
    }

    /// Fails what is in flight, closes all connections, ends a running credential plugin.
    package func shutdown() {
        connection.shutdown()
    }
}

/// The version of an API server.
package struct ServerVersion: Sendable, Hashable, CustomStringConvertible {
    /// As `1`.
    package var major: String
    /// As `20`, of some distributions `20+`.
    package var minor: String
    /// As `v1.20.2`.
    package var gitVersion: String

    package init(major: String, minor: String, gitVersion: String) {
        self.major = major
        self.minor = minor
        self.gitVersion = gitVersion
    }

    package var description: String { gitVersion }

    /// The minor version as a number, without a distribution's `+`; nil when it is none.
    package var minorNumber: Int? { Int(minor.prefix { $0.isNumber }) }
}
