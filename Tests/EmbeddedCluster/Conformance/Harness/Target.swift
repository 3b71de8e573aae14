import HTTPTransport

/// An API server that the suite asks, with the rights of an administrator.
struct Target: Sendable {
    /// Its address, without a slash at the end.
    let url: String
    let client: HTTPClient
    /// Who the requests come from; nil when the client's certificate says it.
    let token: String?
}
