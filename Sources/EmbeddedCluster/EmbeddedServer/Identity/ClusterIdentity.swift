import COpenSSL
import JSON

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The secrets of one cluster, which must stay the same over restarts: the authority's key, the key that signs tokens,
/// the administrator's token.
package struct ClusterIdentity: Sendable {
    package var authority: CertificateAuthority
    /// 32 bytes.
    package var tokenKey: [UInt8]
    package var adminToken: String

    /// Makes new secrets.
    package init() throws(CertificateError) {
        authority = try CertificateAuthority()
        tokenKey = try Self.random(32)
        adminToken = Base64.encodeForURL(try Self.random(24))
    }

    /// Reads the secrets that stand in a file, or makes them and writes them there, readable for the owner alone.
    ///
    /// - Throws: ``CertificateError``, or ``IdentityFileError`` when the file can neither be read nor written.
    package init(file path: String) throws {
        if let bytes = try IdentityFile.content(of: path) {
            let value: JSONValue
            do throws(JSONError) {
                value = try JSONValue(parsing: bytes)
            } catch { throw IdentityFileError("cannot read \"\(path)\": \(error)") }
            guard let certificate = value["certificate"]?.string, let key = value["key"]?.string,
                let tokenKey = value["tokenKey"]?.string.flatMap({ Base64.decode($0) }),
                let adminToken = value["adminToken"]?.string
            else { throw IdentityFileError("cannot read \"\(path)\": a secret is missing; delete it for new ones") }
            authority = CertificateAuthority(CertifiedKey(certificatePEM: certificate, keyPEM: key))
            self.tokenKey = tokenKey
            self.adminToken = adminToken
            return
        }
        self = try ClusterIdentity()
        let value: JSONValue = [
            "certificate": .string(authority.identity.certificatePEM), "key": .string(authority.identity.keyPEM),
            "tokenKey": .string(Base64.encode(tokenKey)), "adminToken": .string(adminToken),
        ]
        try IdentityFile.store(value.bytes() + [0x0A], in: path)
    }

    private static func random(_ count: Int) throws(CertificateError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, Int32(count)) == 1 else { throw CertificateError("draw random bytes") }
        return bytes
    }
}

/// Why a file of secrets could not be used.
package struct IdentityFileError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

private enum IdentityFile {
    private static let limitBytes = 1 << 20

    /// The content; nil when there is no file.
    static func content(of path: String) throws(IdentityFileError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0, errno == ENOENT { return nil }
        guard file >= 0 else { throw failure("read", path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limitBytes {
            let count = read(file, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { return bytes }
            bytes += part[..<count]
        }
        throw IdentityFileError("cannot read \"\(path)\": it has more than \(limitBytes) bytes")
    }

    /// Writes beside and renames, so that a crash leaves no half file.
    static func store(_ bytes: [UInt8], in path: String) throws(IdentityFileError) {
        let draft = path + ".new"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("write", draft) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                defer { close(file) }
                throw failure("write", draft)
            }
            written += count
        }
        let isSafe = fsync(file) == 0
        close(file)
        guard isSafe, rename(draft, path) == 0 else { throw failure("write", path) }
    }

    private static func failure(_ verb: String, _ path: String) -> IdentityFileError {
        IdentityFileError("cannot \(verb) \"\(path)\": \(String(cString: strerror(errno)))")
    }
}
