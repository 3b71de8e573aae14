import FoundationEssentials
import HTTPTransport
import Synchronization
import Telemetry

/// What one attempt of a request proves itself with.
struct Credential: Sendable {
    /// `Authorization`, and whom to act as.
    var headers: HTTPHeaders
    /// Certificates to use from now on, if they changed.
    var changedTLS: TLSConfiguration?
    /// The bearer token that is in the headers.
    var token: String?
    /// Which run of the plugin it came from.
    var generation = 0
}

/// Keeps credentials fresh: files are read again when they change, plugins run again when their answer expires.
///
/// Looking at a file costs a `stat` (about a microsecond) per request, so the next request after a rotation has the new
/// token.
final class CredentialSource: Sendable {
    private struct State {
        var identities: [String: FileAccess.Identity] = [:]
        var token: String?
        var tls: TLSConfiguration
    }

    /// The certificates at the start.
    let tls: TLSConfiguration

    private let configuration: ClientConfiguration
    private let impersonation: HTTPHeaders
    private let plugin: PluginCredentials?
    private let logger: Logger
    private let state: Mutex<State>

    /// - Throws: ``ConfigurationError`` when certificates cannot be read or do not fit each other.
    init(_ configuration: ClientConfiguration, logger: Logger) throws(ConfigurationError) {
        self.configuration = configuration
        self.logger = logger
        var state = State(tls: TLSConfiguration())
        // Identities first: a file changed in between is read again.
        state.identities = Self.identities(configuration)
        tls = try Self.readTLS(configuration)
        state.tls = tls
        self.state = Mutex(state)
        impersonation = configuration.impersonation.map(Self.headers) ?? [:]
        if case .plugin(let plugin) = configuration.credentials {
            self.plugin = PluginCredentials(plugin)
        } else {
            plugin = nil
        }
    }

    func shutdown() { plugin?.shutdown() }

    /// What to send with a request.
    func current(for request: APIRequest) async throws -> Credential {
        var credential = Credential(headers: impersonation)
        credential.changedTLS = changedTLS()
        do {
            switch configuration.credentials {
            case .none: break
            case .token(let token): credential.token = token
            case .tokenFile(let path): credential.token = try token(path)
            case .basic(let user, let password):
                let pair = Data("\(user):\(password)".utf8).base64EncodedString()
                credential.headers.add("Authorization", "Basic \(pair)")
            case .plugin:
                guard let answer = try await plugin?.current() else { break }
                credential.token = answer.token
                credential.generation = answer.generation
                if let certificate = answer.certificate, let key = answer.key {
                    credential.changedTLS = use(certificate, key) ?? credential.changedTLS
                }
            }
        } catch let error as ConfigurationError {
            throw APIFailure(
                .unauthorized,
                verb: request.verb,
                target: request.target,
                detail: error.detail,
                underlying: error
            )
        }
        if let token = credential.token { credential.headers.add("Authorization", "Bearer \(token)") }
        return credential
    }

    /// The server did not accept a credential; true when it is worth to try with the next one.
    func reject(_ credential: Credential) -> Bool {
        switch configuration.credentials {
        case .tokenFile(let path):
            state.withLock { $0.identities[path] = nil }
            // Where the file cannot be read now, the next request says so.
            return (try? token(path)) != credential.token
        case .plugin:
            plugin?.reject(generation: credential.generation)
            return true
        case .none, .token, .basic: return false
        }
    }

    // MARK: Files

    private func token(_ path: String) throws(ConfigurationError) -> String {
        let identity = FileAccess.identity(path)
        let known = state.withLock { $0.identities[path] == identity && identity != nil ? $0.token : nil }
        if let known { return known }
        do throws(ConfigurationError) {
            let token = String(decoding: try FileAccess.read(path), as: UTF8.self).trimmed
            guard !token.isEmpty else { throw ConfigurationError(.malformed, "token file \"\(path)\" is empty") }
            let isNew = state.withLock { state in
                defer { state.token = token }
                state.identities[path] = identity
                return state.token != nil && state.token != token
            }
            if isNew { logger.info("token renewed") }
            return token
        } catch {
            // While the file is being replaced, the token of before is the best there is.
            if let last = state.withLock({ $0.token }) { return last }
            throw error
        }
    }

    /// The certificates, if a file of them changed; a pair that does not fit is one half replaced, and waits.
    private func changedTLS() -> TLSConfiguration? {
        let now = Self.identities(configuration)
        guard !now.isEmpty else { return nil }
        let isChanged = state.withLock { state in now.contains { state.identities[$0.key] != $0.value } }
        guard isChanged else { return nil }
        let tls: TLSConfiguration
        do throws(ConfigurationError) {
            tls = try Self.readTLS(configuration)
        } catch {
            logger.debug("changed certificates cannot be used yet", ["error": .error(error)])
            return nil
        }
        let isNew = state.withLock { state in
            state.identities.merge(now) { $1 }
            // What a plugin printed is no file's to change.
            var tls = tls
            if configuration.clientCertificate == nil {
                tls.clientCertificate = state.tls.clientCertificate
                tls.clientKey = state.tls.clientKey
            }
            defer { state.tls = tls }
            return state.tls != tls
        }
        guard isNew else { return nil }
        logger.info("certificates renewed")
        return state.withLock { $0.tls }
    }

    /// Uses the certificate that a plugin printed.
    private func use(_ certificate: [UInt8], _ key: [UInt8]) -> TLSConfiguration? {
        state.withLock { state in
            var tls = state.tls
            tls.clientCertificate = certificate
            tls.clientKey = key
            guard state.tls != tls else { return nil }
            state.tls = tls
            return tls
        }
    }

    private static func identities(_ configuration: ClientConfiguration) -> [String: FileAccess.Identity] {
        var identities: [String: FileAccess.Identity] = [:]
        for case .file(let path) in [
            configuration.certificateAuthority, configuration.clientCertificate, configuration.clientKey,
        ] {
            identities[path] = FileAccess.identity(path)
        }
        return identities
    }

    private static func readTLS(_ configuration: ClientConfiguration) throws(ConfigurationError) -> TLSConfiguration {
        let tls = TLSConfiguration(
            certificateAuthority: try read(configuration.certificateAuthority),
            clientCertificate: try read(configuration.clientCertificate),
            clientKey: try read(configuration.clientKey),
            serverName: configuration.tlsServerName.isEmpty ? nil : configuration.tlsServerName,
            insecureSkipVerify: configuration.insecureSkipTLSVerify
        )
        if let certificate = tls.clientCertificate, let key = tls.clientKey {
            try KeyPair.check(certificate: certificate, key: key)
        }
        return tls
    }

    private static func read(_ material: ClientConfiguration.Material?) throws(ConfigurationError) -> [UInt8]? {
        switch material {
        case nil: nil
        case .data(let bytes): bytes
        case .file(let path): try FileAccess.read(path)
        }
    }

    // MARK: Acting as someone

    private static func headers(_ impersonation: ClientConfiguration.Impersonation) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.add("Impersonate-User", impersonation.user)
        for group in impersonation.groups { headers.add("Impersonate-Group", group) }
        if !impersonation.uid.isEmpty { headers.add("Impersonate-Uid", impersonation.uid) }
        for (key, values) in impersonation.extra.sorted(by: { $0.key < $1.key }) {
            for value in values { headers.add("Impersonate-Extra-\(ResourceType.escape(key))", value) }
        }
        return headers
    }
}
