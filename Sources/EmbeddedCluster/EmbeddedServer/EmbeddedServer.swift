package import EmbeddedAPI
import HTTPServing
package import Kubernetes

/// The API server of the embedded cluster on a socket: HTTPS with the cluster's own authority.
///
///     let server = try EmbeddedServer(core, .init(identity: ClusterIdentity(), wall: wall))
///     try write(server.kubeconfig)
///     …
///     await server.stop()
package final class EmbeddedServer: Sendable {
    /// Where it listens, and the secrets of its cluster.
    package struct Options: Sendable {
        package var identity: ClusterIdentity
        /// How requests are answered; the secrets in it are the identity's.
        package var front: APIFront.Options
        package var address = "127.0.0.1"
        /// 0 for any that is free.
        package var port = 0
        /// Whether it speaks HTTPS; plain HTTP is for tests alone.
        package var usesTLS = true
        /// Names and addresses besides the usual ones under which clients reach it.
        package var serverNames: [String] = []
        package var serverAddresses: [String] = []

        package init(identity: ClusterIdentity, wall: @escaping @Sendable () -> Timestamp) {
            self.identity = identity
            front = APIFront.Options(tokenKey: identity.tokenKey, adminToken: identity.adminToken, wall: wall)
        }
    }

    package let front: APIFront
    /// The administrator's token, for clients without certificates.
    package let adminToken: String
    /// The authority's certificate in PEM; nil over plain HTTP.
    package let authorityPEM: String?
    private let server: HTTPServer
    private let host: String
    private let admin: CertifiedKey

    /// Listens and serves from now on, and stores the roles that every cluster has, where they are missing.
    ///
    /// - Throws: ``CertificateError`` or ``HTTPServerError``.
    package init(_ core: APICore, _ options: Options) throws {
        let authority = options.identity.authority
        let front = APIFront(core, options.front)
        self.front = front
        adminToken = options.identity.adminToken
        admin = try authority.issue("kubernetes-admin", organizations: ["system:masters"], for: .client)
        authorityPEM = options.usesTLS ? authority.identity.certificatePEM : nil
        var configuration = HTTPServerConfiguration(address: options.address, port: options.port)
        if options.usesTLS {
            let key = try authority.issue(
                "kube-apiserver",
                for: .server(
                    names: [
                        "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                        "kubernetes.default.svc.cluster.local",
                    ] + options.serverNames,
                    addresses: ["127.0.0.1", "::1"] + Self.own(options.address) + options.serverAddresses
                )
            )
            configuration.tls = HTTPServerConfiguration.TLS(
                certificatePEM: key.certificatePEM,
                keyPEM: key.keyPEM,
                clientCAPEM: authority.identity.certificatePEM
            )
        }
        let isAny = options.address == "0.0.0.0" || options.address == "::"
        let name = isAny ? "127.0.0.1" : options.address
        host = name.contains(":") ? "[\(name)]" : name
        server = try HTTPServer(configuration) { request in await front.answer(request).response }
        front.setAddress("\(host):\(server.port)")
        try BootstrapRoles.store(in: core)
    }

    private static func own(_ address: String) -> [String] {
        ["127.0.0.1", "::1", "0.0.0.0", "::"].contains(address) ? [] : [address]
    }

    package var port: Int { server.port }

    /// The address, as `https://127.0.0.1:40001`.
    package var url: String { "\(authorityPEM == nil ? "http" : "https")://\(host):\(port)" }

    /// What goes wrong.
    package var faults: FaultInjector { front.faults }

    /// Makes tokens of service accounts.
    package var signer: TokenSigner { front.signer }

    /// A kubeconfig of the administrator, with certificate and key in it; a token over plain HTTP.
    package var kubeconfig: String {
        KubeconfigText.make(
            server: url,
            authorityPEM: authorityPEM,
            user: APICall.User.admin.name,
            authorityPEM == nil ? .token(adminToken) : .certificate(admin)
        )
    }

    /// A kubeconfig of somebody who has a token.
    package func kubeconfig(user: String, token: String, namespace: String = "default") -> String {
        KubeconfigText.make(
            server: url,
            authorityPEM: authorityPEM,
            user: user,
            .token(token),
            namespace: namespace
        )
    }

    /// How a client of this program reaches the server over its socket.
    package func clientConfiguration() -> ClientConfiguration {
        var configuration = ClientConfiguration(server: url)
        if let authorityPEM {
            configuration.certificateAuthority = .data(Array(authorityPEM.utf8))
        }
        configuration.credentials = .token(adminToken)
        return configuration
    }

    /// Carries a client's requests past the socket.
    package func transport(as user: APICall.User? = .admin) -> InProcessTransport {
        InProcessTransport(front, user: user)
    }

    /// Stops listening and closes everything.
    ///
    /// - Parameter grace: How long requests under way have to finish; watches end at once.
    package func stop(grace: Duration = .zero) async {
        front.hub.order(.end)
        await server.stop(grace: grace)
    }
}
