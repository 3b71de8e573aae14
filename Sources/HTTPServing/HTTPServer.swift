/// An HTTP/1.1 server on libmicrohttpd.
///
/// One thread serves all connections with epoll and another notices clients that leave; neither is used up by a slow
/// handler, a slow client or a silent stream. Each request's handler runs in a task of its own, which is cancelled when
/// the client goes away. Requests on one connection are answered in order. HTTP/2 is not offered.
package final class HTTPServer: Sendable {
    private let core: ServerCore

    /// Listens and serves from now on.
    ///
    /// - Parameters:
    ///   - configuration: Where to listen and the limits.
    ///   - handler: Answers a request that was received whole. Runs in the request's own task, many at once.
    /// - Throws: ``HTTPServerError`` when the address cannot be listened on or TLS cannot be set up.
    package init(
        _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) throws(HTTPServerError) {
        core = try ServerCore(configuration, handler: handler)
    }

    deinit {
        // Forgotten without a stop: the threads and sockets must not stay.
        let core = core
        Task {
            core.stopAccepting()
            await core.shutDown()
        }
    }

    /// The port listened on.
    package var port: Int { core.port }

    /// Stops serving and returns when nothing of the server is left.
    ///
    /// New connections are refused at once. Requests under way have `grace` to finish (their connections are closed
    /// after the answer); then handlers and streams are cancelled, waited for, and every connection is closed. May be
    /// called again, also while a call waits: the shortest grace wins. Never call it from a handler, which it waits for.
    package func stop(grace: Duration = .zero) async {
        core.stopAccepting()
        if grace > .zero {
            await withTaskGroup(of: Void.self) { [core] group in
                group.addTask { await core.waitUntilIdle() }
                // Cancelled when the requests end first.
                group.addTask { try? await Task.sleep(for: grace) }
                await group.next()
                group.cancelAll()
            }
        }
        await core.shutDown()
    }
}
