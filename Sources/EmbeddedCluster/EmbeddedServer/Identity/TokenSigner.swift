import COpenSSL
package import JSON
package import Kubernetes

/// Makes and checks the tokens of service accounts: JSON web tokens (RFC 7519) with HMAC-SHA-256.
package struct TokenSigner: Sendable {
    /// Who issues tokens that expire.
    package static let issuer = "https://kubernetes.default.svc"
    /// Who issues tokens that stand in Secrets.
    package static let legacyIssuer = "kubernetes/serviceaccount"

    private let key: [UInt8]

    /// - Parameter key: The secret, 32 bytes or more; the same key makes the same tokens.
    package init(key: [UInt8]) { self.key = key }

    /// The token of a Secret of type `kubernetes.io/service-account-token`, good while the Secret is there.
    package func secretToken(for account: ObjectKey, uid: String, secret: String) -> String {
        sign([
            "iss": .string(Self.legacyIssuer), "kubernetes.io/serviceaccount/namespace": .string(account.namespace),
            "kubernetes.io/serviceaccount/secret.name": .string(secret),
            "kubernetes.io/serviceaccount/service-account.name": .string(account.name),
            "kubernetes.io/serviceaccount/service-account.uid": .string(uid),
            "sub": .string(Self.userName(of: account)),
        ])
    }

    /// A token that expires.
    ///
    /// - Parameters:
    ///   - account: The service account.
    ///   - uid: Its uid; another account of the same name cannot use the token.
    ///   - audiences: Who may take it; empty for the API server.
    ///   - pod: The pod it is bound to.
    ///   - issued: When it begins to hold.
    ///   - expires: When it ends.
    package func token(
        for account: ObjectKey,
        uid: String,
        audiences: [String] = [],
        pod: (name: String, uid: String)? = nil,
        issued: Timestamp,
        expires: Timestamp
    ) -> String {
        var binding: JSONObject = [
            "namespace": .string(account.namespace),
            "serviceaccount": ["name": .string(account.name), "uid": .string(uid)],
        ]
        if let pod { binding["pod"] = ["name": .string(pod.name), "uid": .string(pod.uid)] }
        let audiences = audiences.isEmpty ? [Self.issuer] : audiences
        return sign([
            "aud": .array(audiences.map { .string($0) }), "exp": .integer(expires.microseconds / 1_000_000),
            "iat": .integer(issued.microseconds / 1_000_000), "iss": .string(Self.issuer),
            "kubernetes.io": .object(binding), "nbf": .integer(issued.microseconds / 1_000_000),
            "sub": .string(Self.userName(of: account)),
        ])
    }

    /// What a token says, if this signer made it; nil otherwise.
    ///
    /// Says nothing of whether it has expired.
    package func claims(of token: String) -> JSONValue? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let signature = Base64.decode(parts[2]),
            let expected = mac(Array("\(parts[0]).\(parts[1])".utf8)), expected.count == signature.count,
            CRYPTO_memcmp(expected, signature, expected.count) == 0, let payload = Base64.decode(parts[1])
        else { return nil }
        // Signed by us, so it parses; what does not is nobody's token.
        return try? JSONValue(parsing: payload)
    }

    /// The user that a service account is.
    package static func userName(of account: ObjectKey) -> String {
        "system:serviceaccount:\(account.namespace):\(account.name)"
    }

    private func sign(_ claims: JSONValue) -> String {
        let header: JSONValue = ["alg": "HS256", "typ": "JWT"]
        let text = "\(Base64.encodeForURL(header.bytes())).\(Base64.encodeForURL(claims.bytes()))"
        return "\(text).\(Base64.encodeForURL(mac(Array(text.utf8)) ?? []))"
    }

    private func mac(_ bytes: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &digest, &count) != nil else { return nil }
        return Array(digest.prefix(Int(count)))
    }
}
