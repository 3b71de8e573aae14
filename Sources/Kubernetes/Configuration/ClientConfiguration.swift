import FoundationEssentials
package import JSON

/// Where an API server is, who we are there, and how much we ask of it.
package struct ClientConfiguration: Sendable {
    /// Bytes that stand in the configuration or in a file, which may change.
    package enum Material: Sendable, Hashable {
        case data([UInt8])
        case file(String)
    }

    /// How we prove who we are, besides a client certificate.
    package enum Credentials: Sendable, Hashable {
        case none
        case token(String)
        /// Read again when the file changes.
        case tokenFile(String)
        case basic(user: String, password: String)
        case plugin(CredentialPlugin)
    }

    /// Whom to act as, if that is allowed.
    package struct Impersonation: Sendable, Hashable {
        /// The name to act under.
        package var user: String
        /// The groups to be in, besides the server's own.
        package var groups: [String]
        /// The uid to have; empty for none.
        package var uid: String
        /// Further facts about the user.
        package var extra: [String: [String]]

        package init(user: String, groups: [String] = [], uid: String = "", extra: [String: [String]] = [:]) {
            self.user = user
            self.groups = groups
            self.uid = uid
            self.extra = extra
        }
    }

    /// The server's address, as `https://10.96.0.1:443`; a path in it is kept.
    package var server: String
    /// The namespace of objects that name none.
    package var namespace = "default"
    /// Authorities to trust; nil for the system's.
    package var certificateAuthority: Material?
    /// The name to verify instead of the address's; empty for the address's.
    package var tlsServerName = ""
    /// Accepts any server; for tests and emergencies.
    package var insecureSkipTLSVerify = false
    /// Our certificate chain, in PEM; goes with ``clientKey``.
    package var clientCertificate: Material?
    /// The private key, in PEM, without a password.
    package var clientKey: Material?
    /// How we prove who we are.
    package var credentials = Credentials.none
    /// Whom to act as; nil for ourselves.
    package var impersonation: Impersonation?
    /// `http`, `https` or `socks5` address.
    package var proxy: String?

    /// Who a request says it is from.
    package var userAgent = "homeostat"
    /// The field manager of writes that name none.
    package var fieldManager = "homeostat"
    /// Asks for gzip; worth it on slow links only.
    package var compression = false
    /// Offers HTTP/2, over which all requests share one connection.
    package var http2 = true
    /// How long name lookup, connect and TLS handshake may take together.
    package var connectTimeLimit: Duration = .seconds(10)
    /// How long a request may take; of lists how long the server may be silent.
    ///
    /// Watches have their own limit.
    package var requestTimeLimit: Duration = .seconds(30)
    /// Connections at the same time; watches come on top.
    package var maxConnectionsPerHost = 64
    /// The largest object, event or answer to accept; lists may be larger, their items not.
    package var maxObjectBytes = 64 << 20
    /// When a request is sent again.
    package var retries = RetryPolicy()
    /// Requests a second on average; nil for no limit, as fits servers with priority and fairness.
    package var requestsPerSecond: Double?
    /// Requests at once on top of the average.
    package var burst = 100
    /// Requests in flight at the same time, watches and lists not counted; nil for no limit.
    package var maxRequestsInFlight: Int?

    /// A configuration for a server without credentials.
    package init(server: String) { self.server = server }
}

/// A program that prints credentials (`exec` in a kubeconfig).
package struct CredentialPlugin: Sendable, Hashable {
    /// `client.authentication.k8s.io/v1` or `…/v1beta1`.
    package var apiVersion: String
    /// A path, or a name that is looked for in `PATH`.
    package var command: String
    /// Its arguments.
    package var arguments: [String]
    /// Added to our own environment.
    package var environment: [String: String]
    /// Told to the user when the command is not found.
    package var installHint: String
    /// What the plugin hears about the cluster; nil when it did not ask.
    package var cluster: JSONValue?
    /// How long it may run.
    package var timeLimit: Duration

    package init(
        apiVersion: String = "client.authentication.k8s.io/v1",
        command: String,
        arguments: [String] = [],
        environment: [String: String] = [:],
        installHint: String = "",
        cluster: JSONValue? = nil,
        timeLimit: Duration = .seconds(30)
    ) {
        self.apiVersion = apiVersion
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.installHint = installHint
        self.cluster = cluster
        self.timeLimit = timeLimit
    }
}

extension ClientConfiguration {
    /// Finds a configuration as Kubernetes' tools do.
    ///
    /// In this order: the file at `path`; the files of `KUBECONFIG`; the pod's service account; `~/.kube/config`.
    ///
    /// - Parameters:
    ///   - path: A kubeconfig file that must be there.
    ///   - context: The context to use; nil for the current one of the file.
    ///   - environment: Of this process.
    ///   - serviceAccount: Where a pod finds its token.
    package static func load(
        path: String? = nil,
        context: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        serviceAccount: String = "/var/run/secrets/kubernetes.io/serviceaccount"
    ) throws(ConfigurationError) -> ClientConfiguration {
        let home = environment["HOME"] ?? ""
        let standard = home.isEmpty ? "" : home + "/.kube/config"
        if let path {
            return try Kubeconfig(files: [path], isRequired: true).configuration(context: context)
        }
        if let list = environment["KUBECONFIG"], !list.isEmpty {
            let files = list.split(separator: ":").map(String.init)
            return try Kubeconfig(files: files, isRequired: false).configuration(context: context)
        }
        if context == nil, let inCluster = try inCluster(environment, serviceAccount) { return inCluster }
        guard !standard.isEmpty, FileAccess.exists(standard) else {
            throw ConfigurationError(
                .missing,
                "cannot find the API server: there is no KUBECONFIG, no service account and no ~/.kube/config; "
                    + "name a kubeconfig file"
            )
        }
        return try Kubeconfig(files: [standard], isRequired: true).configuration(context: context)
    }

    /// The configuration of a pod; nil when this process runs in none.
    private static func inCluster(
        _ environment: [String: String],
        _ folder: String
    ) throws(ConfigurationError) -> ClientConfiguration? {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
            let port = environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty, FileAccess.exists(folder + "/token")
        else { return nil }
        var configuration = ClientConfiguration(server: "https://\(host.contains(":") ? "[\(host)]" : host):\(port)")
        configuration.credentials = .tokenFile(folder + "/token")
        if FileAccess.exists(folder + "/ca.crt") { configuration.certificateAuthority = .file(folder + "/ca.crt") }
        if FileAccess.exists(folder + "/namespace") {
            let text = String(decoding: try FileAccess.read(folder + "/namespace"), as: UTF8.self)
            let name = text.trimmed
            if !name.isEmpty { configuration.namespace = name }
        }
        return configuration
    }
}
