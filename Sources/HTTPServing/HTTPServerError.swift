/// Why the server could not do something.
package struct HTTPServerError: Error, CustomStringConvertible, Equatable {
    /// What kind of failure it is.
    package enum Reason: String, Sendable {
        /// The address is not an IP address, or the port is not in 0...65535.
        case invalidAddress
        /// The address cannot be listened on.
        case cannotListen
        /// The certificate and key cannot be used, or the system has no room for the server's thread.
        case cannotStart
        /// The client went away before the response was complete.
        case clientGone
    }

    /// What kind of failure it is.
    package var reason: Reason
    /// The whole sentence, with the cause.
    package var description: String

    init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }

    static let clientGone = HTTPServerError(.clientGone, "cannot write the response: the client has gone")
}
