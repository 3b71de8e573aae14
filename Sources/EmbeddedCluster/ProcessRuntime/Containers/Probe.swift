import JSON

/// How a container is asked how it is.
struct Probe: Sendable, Equatable {
    enum Kind: String, Sendable {
        case startup, readiness, liveness

        /// As events name it.
        var title: String {
            switch self {
            case .startup: "Startup"
            case .readiness: "Readiness"
            case .liveness: "Liveness"
            }
        }
    }

    enum Action: Sendable, Equatable {
        case http(url: String, headers: [String: String])
        case tcp(host: String, port: Int)
        case exec([String])
        /// What is asked for cannot be done.
        case impossible(String)
    }

    var kind: Kind
    var action: Action
    var initialDelay: Duration
    var period: Duration
    var timeLimit: Duration
    var successThreshold: Int
    var failureThreshold: Int

    /// Nil when the container has no such probe.
    init?(_ kind: Kind, of container: JSONValue, address: String) {
        guard let value = container["\(kind.rawValue)Probe"], value.object != nil else { return nil }
        self.kind = kind
        action = Self.action(value, container, address)
        func seconds(_ field: String, _ standard: Int) -> Duration {
            .seconds(max(value[field]?.integer ?? standard, 0))
        }
        initialDelay = seconds("initialDelaySeconds", 0)
        period = max(seconds("periodSeconds", 10), .seconds(1))
        timeLimit = max(seconds("timeoutSeconds", 1), .seconds(1))
        successThreshold = max(value["successThreshold"]?.integer ?? 1, 1)
        failureThreshold = max(value["failureThreshold"]?.integer ?? 3, 1)
    }

    /// What a probe or a hook of a container's life asks for.
    static func action(_ value: JSONValue, _ container: JSONValue, _ address: String) -> Action {
        func port(_ value: JSONValue?) -> Int? {
            if let number = value?.integer { return number }
            guard let name = value?.string else { return nil }
            if let number = Int(name) { return number }
            return (container["ports"]?.array ?? []).first { $0["name"]?.string == name }?["containerPort"]?.integer
        }
        if let exec = value["exec"] { return .exec(exec["command"]?.array?.compactMap(\.string) ?? []) }
        if let http = value["httpGet"] {
            guard let port = port(http["port"]) else { return .impossible("the container has no such port") }
            let scheme = (http["scheme"]?.string ?? "HTTP").lowercased()
            let host = http["host"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? address
            let path = http["path"]?.string ?? "/"
            var headers: [String: String] = [:]
            for header in http["httpHeaders"]?.array ?? [] {
                headers[header["name"]?.string ?? ""] = header["value"]?.string
            }
            let url = "\(scheme)://\(host):\(port)\(path.hasPrefix("/") ? path : "/\(path)")"
            return .http(url: url, headers: headers)
        }
        if let tcp = value["tcpSocket"] {
            guard let port = port(tcp["port"]) else { return .impossible("the container has no such port") }
            return .tcp(host: tcp["host"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? address, port: port)
        }
        return .impossible("there is no handler that is known here")
    }
}

/// What the answers so far say.
struct ProbeState: Sendable {
    /// Nil until enough answers of one kind have come in a row.
    private(set) var verdict: Bool?
    private var isLastGood = false
    private var run = 0
    private let successThreshold: Int
    private let failureThreshold: Int

    init(_ probe: Probe) {
        successThreshold = probe.successThreshold
        failureThreshold = probe.failureThreshold
    }

    /// - Returns: Whether the verdict is new, or is confirmed as bad.
    mutating func record(_ isGood: Bool) -> Bool {
        run = isGood == isLastGood ? run + 1 : 1
        isLastGood = isGood
        guard run >= (isGood ? successThreshold : failureThreshold) else { return false }
        defer { verdict = isGood }
        return verdict != isGood
    }
}
