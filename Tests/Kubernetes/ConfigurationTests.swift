import Foundation
import JSON
import Testing

@testable import Kubernetes

@Suite("Configuration") struct ConfigurationTests {
    private let folder: Folder

    init() throws { folder = try Folder() }

    private func load(
        _ path: String? = nil,
        context: String? = nil,
        _ environment: [String: String] = [:]
    ) throws -> ClientConfiguration {
        try ClientConfiguration.load(
            path: path,
            context: context,
            environment: environment,
            serviceAccount: folder.path + "/account"
        )
    }

    private func failure(_ body: () throws -> Void) -> ConfigurationError? {
        do { try body() } catch { return error as? ConfigurationError }
        return nil
    }

    @Test("a kubeconfig's context gives cluster, user and namespace") func context() throws {
        let file = try folder.write(
            "config",
            """
            apiVersion: v1
            kind: Config
            current-context: two
            clusters:
            - name: c1
              cluster:
                server: https://10.0.0.1:6443
                certificate-authority-data: \(Data("CA".utf8).base64EncodedString())
                tls-server-name: api.example.com
                proxy-url: socks5://proxy:1080
            - {name: c2, cluster: {server: https://10.0.0.2, insecure-skip-tls-verify: true}}
            users:
            - name: u1
              user:
                client-certificate: pki/client.pem
                client-key: /abs/client.key
                as: admin
                as-uid: "17"
                as-groups: [g1, g2]
                as-user-extra: {scopes: [a, b]}
            - {name: u2, user: {token: secret}}
            contexts:
            - {name: one, context: {cluster: c1, user: u1, namespace: shop}}
            - {name: two, context: {cluster: c2, user: u2}}
            """
        )
        let two = try load(file)
        #expect(two.server == "https://10.0.0.2" && two.insecureSkipTLSVerify && two.namespace == "default")
        #expect(two.credentials == .token("secret"))
        let one = try load(file, context: "one")
        #expect(one.certificateAuthority == .data(Array("CA".utf8)) && one.tlsServerName == "api.example.com")
        #expect(one.proxy == "socks5://proxy:1080" && one.namespace == "shop")
        #expect(
            one.clientCertificate == .file(folder.path + "/pki/client.pem") && one.clientKey == .file("/abs/client.key")
        )
        #expect(
            one.impersonation
                == .init(user: "admin", groups: ["g1", "g2"], uid: "17", extra: ["scopes": ["a", "b"]])
        )
    }

    @Test("of several files the first wins per entry, paths stay with their file, missing files are passed over")
    func merge() throws {
        try folder.write(
            "a/config",
            """
            clusters:
            - {name: shared, cluster: {server: https://first}}
            users:
            - {name: me, user: {tokenFile: token}}
            """
        )
        try folder.write(
            "b/config",
            """
            current-context: x
            clusters:
            - {name: shared, cluster: {server: https://second, certificate-authority: ca.pem}}
            - {name: other, cluster: {server: https://other, certificate-authority: ca.pem}}
            users:
            - {name: me, user: {token: second}}
            contexts:
            - {name: x, context: {cluster: shared, user: me}}
            - {name: second, context: {cluster: other, user: me}}
            """
        )
        let list = ["a/config", "nowhere", "b/config"].map { folder.path + "/" + $0 }.joined(separator: ":")
        let merged = try load(nil, ["KUBECONFIG": list])
        #expect(merged.server == "https://first" && merged.certificateAuthority == nil)
        #expect(merged.credentials == .tokenFile(folder.path + "/a/token"))
        let other = try load(nil, context: "second", ["KUBECONFIG": list])
        #expect(other.certificateAuthority == .file(folder.path + "/b/ca.pem"))
        #expect(failure { _ = try load(nil, ["KUBECONFIG": "/nowhere/at/all"]) }?.reason == .missing)
    }

    @Test("a pod finds its service account; a kubeconfig that is named comes first") func inCluster() throws {
        try folder.write("account/token", "t")
        try folder.write("account/ca.crt", "CA")
        try folder.write("account/namespace", "shop\n")
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        let found = try load(nil, environment)
        #expect(found.server == "https://[fd00::1]:443" && found.namespace == "shop")
        #expect(found.credentials == .tokenFile(folder.path + "/account/token"))
        #expect(found.certificateAuthority == .file(folder.path + "/account/ca.crt"))
        let file = try folder.write(
            "config",
            "current-context: x\nclusters: [{name: c, cluster: {server: https://c}}]\n"
                + "contexts: [{name: x, context: {cluster: c}}]\n"
        )
        #expect(try load(nil, environment.merging(["KUBECONFIG": file]) { $1 }).server == "https://c")
    }

    @Test("the file in the home folder is the last resort, and without any the error says what was looked for")
    func home() throws {
        #expect(failure { _ = try load() }?.detail.contains("no KUBECONFIG") == true)
        try folder.write(
            ".kube/config",
            "current-context: x\nclusters: [{name: c, cluster: {server: home}}]\n"
                + "contexts: [{name: x, context: {cluster: c}}]\n"
        )
        #expect(try load(nil, ["HOME": folder.path]).server == "https://home")
    }

    @Test("an exec plugin is read with its environment and, when it asks, the cluster") func plugin() throws {
        let file = try folder.write(
            "config",
            """
            current-context: x
            clusters:
            - name: c
              cluster:
                server: https://c
                certificate-authority-data: \(Data("CA".utf8).base64EncodedString())
                extensions:
                - {name: client.authentication.k8s.io/exec, extension: {audience: a}}
            users:
            - name: u
              user:
                exec:
                  apiVersion: client.authentication.k8s.io/v1
                  command: bin/login
                  args: [--json]
                  env: [{name: A, value: b}]
                  installHint: apt install login
                  provideClusterInfo: true
                  interactiveMode: IfAvailable
            contexts:
            - {name: x, context: {cluster: c, user: u}}
            """
        )
        guard case .plugin(let plugin) = try load(file).credentials else {
            Issue.record("no plugin")
            return
        }
        #expect(plugin.command == folder.path + "/bin/login" && plugin.arguments == ["--json"])
        #expect(plugin.environment == ["A": "b"] && plugin.installHint == "apt install login")
        #expect(
            plugin.cluster == [
                "server": "https://c", "certificate-authority-data": "Q0E=", "config": ["audience": "a"],
            ]
        )
    }

    @Test(
        "what cannot be used is refused with its place",
        arguments: [
            ("clusters: [", "line"),
            ("current-context: nope", "no context \"nope\""),
            ("contexts: [{name: x, context: {cluster: z}}]", "cluster \"z\""),
            ("clusters: [{name: c, cluster: {}}]", "no server"),
            ("clusters: [{name: c, cluster: {server: s, certificate-authority-data: '%'}}]", "not base64"),
            (
                "clusters: [{name: c, cluster: {server: s, certificate-authority: f, insecure-skip-tls-verify: true}}]",
                "remove one"
            ),
            ("users: [{name: u, user: {client-key: k}}]", "only one of"),
            ("users: [{name: u, user: {auth-provider: {name: gcp}}}]", "exec plugin"),
            ("users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1}}}]", "no command"),
            ("users: [{name: u, user: {exec: {apiVersion: v0, command: c}}}]", "\"v0\""),
            (
                "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: c, "
                    + "interactiveMode: Always}}}]", "terminal"
            ),
            ("users: [{name: u, user: {as-groups: [g]}}]", "without a user"),
        ]
    )
    func refused(text: String, words: String) throws {
        var file = text + "\n"
        if !text.contains("current-context") { file += "current-context: x\n" }
        if !text.contains("contexts:") { file += "contexts: [{name: x, context: {cluster: c, user: u}}]\n" }
        if !text.contains("clusters:") { file += "clusters: [{name: c, cluster: {server: s}}]\n" }
        if !text.contains("users:") { file += "users: [{name: u, user: {}}]\n" }
        let path = try folder.write("config", file)
        let told = failure { _ = try load(path) }
        #expect(told?.detail.contains(words) == true, "\(told as Any)")
    }
}
