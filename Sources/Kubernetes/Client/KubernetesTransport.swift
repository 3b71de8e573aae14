package import HTTPTransport

/// What carries the client's requests: an ``HTTPClient``, or a layer around one that injects faults or records.
package protocol KubernetesTransport: Sendable {
    /// Sends a request and waits for the whole answer; throws ``HTTPFailure`` when there is none.
    func send(_ request: HTTPRequest) async throws -> HTTPResponse
    /// Sends a request and returns when the head of the answer came.
    func stream(_ request: HTTPRequest) async throws -> HTTPStream
    /// Uses other certificates for later requests.
    func update(tls: TLSConfiguration)
    /// Fails what is in flight and closes all connections.
    func shutdown()
}

extension HTTPClient: KubernetesTransport {}

/// What the request loop needs to know of an answer, whole or streamed.
protocol AnswerHead: Sendable {
    var status: Int { get }
    var headers: HTTPHeaders { get }
}

extension HTTPResponse: AnswerHead {}
extension HTTPStream: AnswerHead {}

/// One request as the rest of the client describes it.
struct APIRequest: Sendable {
    var method = "GET"
    /// Path and query below the server's address.
    var path: String
    var body: [UInt8]?
    var contentType = "application/json"
    var accept = "application/json"
    /// As in ``APIFailure/verb``.
    var verb: String
    /// As in ``APIFailure/target``.
    var target: String
    /// Whether doing it twice does no more than doing it once.
    var isRepeatable = true
    var timeLimit: Duration?
    var idleLimit: Duration?
    /// Nil for the client's.
    var retries: RetryPolicy?
}
