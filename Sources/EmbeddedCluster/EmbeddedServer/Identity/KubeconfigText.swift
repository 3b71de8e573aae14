import JSON
import YAML

/// Writes kubeconfig files.
enum KubeconfigText {
    /// How a user says who it is.
    enum Credentials {
        case certificate(CertifiedKey)
        case token(String)
    }

    static func make(
        server: String,
        authorityPEM: String?,
        user: String,
        _ credentials: Credentials,
        namespace: String = "default"
    ) -> String {
        var cluster: JSONObject = ["server": .string(server)]
        if let authorityPEM { cluster["certificate-authority-data"] = .string(Base64.encode(Array(authorityPEM.utf8))) }
        let secrets: JSONValue =
            switch credentials {
            case .certificate(let key):
                [
                    "client-certificate-data": .string(Base64.encode(Array(key.certificatePEM.utf8))),
                    "client-key-data": .string(Base64.encode(Array(key.keyPEM.utf8))),
                ]
            case .token(let token): ["token": .string(token)]
            }
        return YAML.write([
            "apiVersion": "v1", "kind": "Config",
            "clusters": [["name": "homeostat", "cluster": .object(cluster)]],
            "users": [["name": .string(user), "user": secrets]],
            "contexts": [
                [
                    "name": "homeostat",
                    "context": [
                        "cluster": "homeostat", "user": .string(user), "namespace": .string(namespace),
                    ],
                ]
            ],
            "current-context": "homeostat",
        ])
    }
}
