import HTTPTransport
import JSON
import Testing

/// What an API server answered.
struct Answer: Sendable {
    let request: String
    let namespace: String
    let status: Int
    let headers: HTTPHeaders
    let bytes: [UInt8]
    let json: JSONValue

    init(request: String, namespace: String, status: Int, headers: HTTPHeaders, bytes: [UInt8]) {
        self.request = request
        self.namespace = namespace
        self.status = status
        self.headers = headers
        self.bytes = bytes
        // Some answers are texts, and then there is nothing to look into.
        json = (try? JSONValue(parsing: bytes)) ?? .null
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// A value by its path, as `spec.containers.0.name`.
    subscript(_ path: String) -> JSONValue? { json.at(path) }

    var name: String { self["metadata.name"]?.string ?? "" }
    var uid: String { self["metadata.uid"]?.string ?? "" }
    var version: String { self["metadata.resourceVersion"]?.string ?? "" }
    var items: [JSONValue] { self["items"]?.array ?? [] }
    /// The names of a list's items.
    var names: [String] { items.map { $0.at("metadata.name")?.string ?? "" } }
    /// The managers of its fields with what they did, as `kubectl Apply`.
    var managers: [String] {
        (self["metadata.managedFields"]?.array ?? []).map {
            "\($0.at("manager")?.string ?? "") \($0.at("operation")?.string ?? "")"
        }
    }

    /// Expects a code, and goes on only with it.
    @discardableResult
    func must(_ code: Int, at location: SourceLocation = #_sourceLocation) throws -> Answer {
        try #require(status == code, "\(request): \(text.prefix(2000))", sourceLocation: location)
        return self
    }

    /// Expects a refusal in the form of a Status.
    ///
    /// - Parameters:
    ///   - reason: Its reason; empty for none.
    ///   - message: Its message, `$NS` standing for the case's namespace; nil where no client reads it.
    func refuses(
        _ code: Int,
        _ reason: String,
        _ message: String? = nil,
        at location: SourceLocation = #_sourceLocation
    ) {
        #expect(status == code, "\(request): \(text.prefix(2000))", sourceLocation: location)
        #expect(self["kind"]?.string == "Status", "\(request): \(text.prefix(300))", sourceLocation: location)
        #expect(self["apiVersion"]?.string == "v1", "\(request)", sourceLocation: location)
        #expect(self["status"]?.string == "Failure", "\(request)", sourceLocation: location)
        #expect(self["code"]?.integer == code, "\(request)", sourceLocation: location)
        #expect(self["reason"]?.string ?? "" == reason, "\(request)", sourceLocation: location)
        if let message {
            let expected = message.split(separator: "$NS", omittingEmptySubsequences: false)
                .joined(separator: namespace)
            #expect(self["message"]?.string == expected, "\(request)", sourceLocation: location)
        }
    }

    /// Expects a value at a path; nil for none.
    func has(_ path: String, _ value: JSONValue?, at location: SourceLocation = #_sourceLocation) {
        #expect(self[path] == value, "\(request): \(path)", sourceLocation: location)
    }
}

extension JSONValue {
    /// A value by its path, as `spec.containers.0.name`; a name with dots in it stands in brackets, as `data.[a.b]`.
    func at(_ path: String) -> JSONValue? {
        var value = self
        var rest = path[...]
        while !rest.isEmpty {
            let name: Substring
            if rest.first == "[", let end = rest.firstIndex(of: "]") {
                name = rest[rest.index(after: rest.startIndex)..<end]
                rest = rest[rest.index(after: end)...].drop { $0 == "." }
            } else {
                name = rest.prefix { $0 != "." }
                rest = rest.dropFirst(name.count + 1)
            }
            let next = if case .array = value { Int(name).flatMap { value[$0] } } else { value[String(name)] }
            guard let next else { return nil }
            value = next
        }
        return value
    }
}
