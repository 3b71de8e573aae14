import FoundationEssentials
import JSON
import YAML

/// Kubeconfig files, merged as kubectl merges them.
///
/// Of each cluster, user and context the first one found counts, and so does the first current context. Relative paths are
/// relative to the file they stand in.
struct Kubeconfig {
    private struct Entry {
        var value: JSONValue
        var folder: String
    }

    private var clusters: [String: Entry] = [:]
    private var users: [String: Entry] = [:]
    private var contexts: [String: Entry] = [:]
    private var currentContext = ""
    private let source: String

    /// - Parameters:
    ///   - isRequired: Whether a file that is not there is an error; otherwise it is passed over, but one must be there.
    init(files: [String], isRequired: Bool) throws(ConfigurationError) {
        source = files.joined(separator: ":")
        var isAnyThere = false
        for file in files where isRequired || FileAccess.exists(file) {
            isAnyThere = true
            let bytes = try FileAccess.read(file)
            let value: JSONValue
            do { value = try YAML.parse(bytes) } catch {
                throw ConfigurationError(.malformed, "cannot read kubeconfig \"\(file)\": \(error)")
            }
            guard value.object != nil || value.isNull else {
                throw ConfigurationError(.malformed, "cannot read kubeconfig \"\(file)\": it is not a mapping")
            }
            merge(value, folder: Self.folder(of: file))
        }
        guard isAnyThere else {
            throw ConfigurationError(.missing, "cannot read kubeconfig \"\(source)\": there is no such file")
        }
    }

    private mutating func merge(_ value: JSONValue, folder: String) {
        func take(_ list: String, _ member: String, into entries: inout [String: Entry]) {
            for item in value[list]?.array ?? [] {
                guard let name = item["name"]?.string, entries[name] == nil else { continue }
                entries[name] = Entry(value: item[member] ?? [:], folder: folder)
            }
        }
        take("clusters", "cluster", into: &clusters)
        take("users", "user", into: &users)
        take("contexts", "context", into: &contexts)
        if currentContext.isEmpty { currentContext = value["current-context"]?.string ?? "" }
    }

    /// What a context says; nil for the current one.
    func configuration(context name: String?) throws(ConfigurationError) -> ClientConfiguration {
        let name = name ?? currentContext
        guard !name.isEmpty else {
            throw ConfigurationError(.missing, "kubeconfig \"\(source)\" has no current context; name one")
        }
        guard let context = contexts[name]?.value else {
            let known = contexts.keys.sorted().joined(separator: ", ")
            throw ConfigurationError(.missing, "kubeconfig \"\(source)\" has no context \"\(name)\"; it has: \(known)")
        }
        let clusterName = context["cluster"]?.string ?? ""
        guard let cluster = clusters[clusterName] else {
            throw ConfigurationError(
                .missing,
                "context \"\(name)\" names cluster \"\(clusterName)\", which is not there"
            )
        }
        guard let server = cluster.value["server"]?.string, !server.isEmpty else {
            throw ConfigurationError(.malformed, "cluster \"\(clusterName)\" has no server")
        }
        var configuration = ClientConfiguration(server: server.contains("://") ? server : "https://\(server)")
        if let namespace = context["namespace"]?.string, !namespace.isEmpty { configuration.namespace = namespace }
        try addCluster(cluster, clusterName, to: &configuration)
        let userName = context["user"]?.string ?? ""
        if !userName.isEmpty {
            guard let user = users[userName] else {
                throw ConfigurationError(.missing, "context \"\(name)\" names user \"\(userName)\", which is not there")
            }
            try addUser(user, userName, cluster, to: &configuration)
        }
        return configuration
    }

    private func addCluster(
        _ cluster: Entry,
        _ name: String,
        to configuration: inout ClientConfiguration
    ) throws(ConfigurationError) {
        let place = "cluster \"\(name)\""
        configuration.certificateAuthority = try material("certificate-authority", of: cluster, place)
        configuration.insecureSkipTLSVerify = cluster.value["insecure-skip-tls-verify"]?.bool ?? false
        if configuration.insecureSkipTLSVerify, configuration.certificateAuthority != nil {
            throw ConfigurationError(
                .malformed,
                "\(place) has a certificate authority and insecure-skip-tls-verify; remove one"
            )
        }
        configuration.tlsServerName = cluster.value["tls-server-name"]?.string ?? ""
        if let proxy = cluster.value["proxy-url"]?.string, !proxy.isEmpty { configuration.proxy = proxy }
    }

    private func addUser(
        _ user: Entry,
        _ name: String,
        _ cluster: Entry,
        to configuration: inout ClientConfiguration
    ) throws(ConfigurationError) {
        let place = "user \"\(name)\""
        let value = user.value
        configuration.clientCertificate = try material("client-certificate", of: user, place)
        configuration.clientKey = try material("client-key", of: user, place)
        guard (configuration.clientCertificate == nil) == (configuration.clientKey == nil) else {
            throw ConfigurationError(.malformed, "\(place) has only one of client certificate and key")
        }
        if let provider = value[path: ["auth-provider", "name"]]?.string {
            throw ConfigurationError(
                .unsupported,
                "\(place) uses auth-provider \"\(provider)\", which is not supported; use an exec plugin"
            )
        }
        if let file = value["tokenFile"]?.string, !file.isEmpty {
            configuration.credentials = .tokenFile(Self.path(file, in: user.folder))
        } else if let token = value["token"]?.string, !token.isEmpty {
            configuration.credentials = .token(token)
        } else if let exec = value["exec"], !exec.isNull {
            configuration.credentials = .plugin(try plugin(exec, user.folder, cluster, place))
        } else if let account = value["username"]?.string, !account.isEmpty {
            configuration.credentials = .basic(user: account, password: value["password"]?.string ?? "")
        }
        configuration.impersonation = try impersonation(value, place)
    }

    private func impersonation(
        _ value: JSONValue,
        _ place: String
    ) throws(ConfigurationError) -> ClientConfiguration.Impersonation? {
        let groups = (value["as-groups"]?.array ?? []).compactMap(\.string)
        let uid = value["as-uid"]?.string ?? ""
        var extra: [String: [String]] = [:]
        for (key, values) in value["as-user-extra"]?.object ?? [:] {
            extra[key] = (values.array ?? []).compactMap(\.string)
        }
        guard let user = value["as"]?.string, !user.isEmpty else {
            guard groups.isEmpty, uid.isEmpty, extra.isEmpty else {
                throw ConfigurationError(.malformed, "\(place) impersonates a group, uid or extra without a user (as)")
            }
            return nil
        }
        return ClientConfiguration.Impersonation(user: user, groups: groups, uid: uid, extra: extra)
    }

    private func plugin(
        _ exec: JSONValue,
        _ folder: String,
        _ cluster: Entry,
        _ place: String
    ) throws(ConfigurationError) -> CredentialPlugin {
        guard let command = exec["command"]?.string, !command.isEmpty else {
            throw ConfigurationError(.malformed, "\(place): exec has no command")
        }
        let apiVersion = exec["apiVersion"]?.string ?? ""
        let known = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
        guard known.contains(apiVersion) else {
            throw ConfigurationError(
                .unsupported,
                "\(place): exec apiVersion \"\(apiVersion)\" is not supported; use \(known[0])"
            )
        }
        guard exec["interactiveMode"]?.string != "Always" else {
            throw ConfigurationError(.unsupported, "\(place): exec must be interactive, and there is no terminal here")
        }
        var plugin = CredentialPlugin(
            apiVersion: apiVersion,
            // A bare name is looked for in PATH, anything else relative to the file.
            command: command.contains("/") ? Self.path(command, in: folder) : command,
            arguments: (exec["args"]?.array ?? []).compactMap(\.string),
            installHint: exec["installHint"]?.string ?? ""
        )
        for variable in exec["env"]?.array ?? [] {
            if let name = variable["name"]?.string { plugin.environment[name] = variable["value"]?.string ?? "" }
        }
        if exec["provideClusterInfo"]?.bool == true { plugin.cluster = try clusterInfo(cluster) }
        return plugin
    }

    /// The cluster as an exec plugin hears of it.
    private func clusterInfo(_ cluster: Entry) throws(ConfigurationError) -> JSONValue {
        var info = JSONObject()
        for field in ["server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url"] {
            if let value = cluster.value[field], !value.isNull { info.set(field, value) }
        }
        switch try material("certificate-authority", of: cluster, "the cluster") {
        case nil: break
        case .data(let bytes): info.set("certificate-authority-data", .string(Data(bytes).base64EncodedString()))
        case .file(let path):
            let bytes = try FileAccess.read(path)
            info.set("certificate-authority-data", .string(Data(bytes).base64EncodedString()))
        }
        for item in cluster.value["extensions"]?.array ?? []
        where item["name"]?.string == "client.authentication.k8s.io/exec" {
            if let config = item["extension"] { info.set("config", config) }
        }
        return .object(info)
    }

    /// `<name>-data`, or else the file of `<name>`.
    private func material(
        _ name: String,
        of entry: Entry,
        _ place: String
    ) throws(ConfigurationError) -> ClientConfiguration.Material? {
        if let text = entry.value["\(name)-data"]?.string, !text.isEmpty {
            guard let data = Data(base64Encoded: text.filter { !$0.isWhitespace }) else {
                throw ConfigurationError(.malformed, "\(place): \(name)-data is not base64")
            }
            return .data(Array(data))
        }
        guard let file = entry.value[name]?.string, !file.isEmpty else { return nil }
        return .file(Self.path(file, in: entry.folder))
    }

    private static func folder(of file: String) -> String {
        guard let slash = file.lastIndex(of: "/") else { return "." }
        return slash == file.startIndex ? "/" : String(file[..<slash])
    }

    private static func path(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") ? path : folder == "/" ? "/" + path : folder + "/" + path
    }
}
