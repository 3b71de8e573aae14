internal import COpenSSL
internal import JSON

/// The name of what a ModelDeployment serves: the same for the same model and template, another for any other.
package enum Revision {
    /// How many hex digits a revision has.
    package static let length = 10

    /// The first hex digits of the SHA-256 of the model and the template as canonical JSON.
    ///
    /// Members that are null are as good as absent, as for the API server, and the order of members does not count.
    package static func hash(of spec: ModelDeploymentSpec) -> String {
        let identity: JSONValue = ["model": spec.model.json, "template": spec.template]
        return String(sha256(withoutNulls(identity).bytes(sorted: true)).prefix(length))
    }

    private static func withoutNulls(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(JSONObject(members.filter { !$0.value.isNull }.map { ($0.key, withoutNulls($0.value)) }))
        case .array(let elements): .array(elements.map(withoutNulls))
        case .double(let number): number.json  // 1.0 and 1 are the same number
        case .null, .bool, .integer, .string: value
        }
    }

    /// The SHA-256 of some bytes, in lower-case hex.
    static func sha256(_ bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        // SHA-256 is in every build of OpenSSL, so this fails for want of memory alone.
        guard EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil) == 1 else {
            fatalError("cannot compute a SHA-256: OpenSSL is out of memory")
        }
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.prefix(Int(count)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }
}
