/// Writes the body of a streamed response.
///
/// Copies write to the same body; calls may come from several tasks.
package struct ResponseWriter: Sendable {
    let exchange: Exchange

    /// Hands bytes over to be sent at once.
    ///
    /// Returns as soon as the buffer (64 KiB) has room, so a slow client suspends the caller; an array larger than the
    /// buffer is taken whole.
    ///
    /// - Throws: ``HTTPServerError`` with reason `clientGone` when the client has gone or the body was aborted;
    ///   `CancellationError` when the task is cancelled, as by ``HTTPServer/stop(grace:)``.
    package func write(_ bytes: [UInt8]) async throws {
        try await exchange.write(bytes)
    }

    /// Cuts the connection after what was written, without the end of the body that would make it whole.
    package func abort() {
        exchange.cut()
    }
}
