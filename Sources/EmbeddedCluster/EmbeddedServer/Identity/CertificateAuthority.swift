import COpenSSL

/// Why keys and certificates could not be made or read.
package struct CertificateError: Error, CustomStringConvertible {
    package let description: String

    /// Takes the oldest error that OpenSSL holds for this thread.
    init(_ attempted: String) {
        var text = [CChar](repeating: 0, count: 256)
        let code = ERR_get_error()
        ERR_clear_error()
        ERR_error_string_n(code, &text, text.count)
        let cause = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        description = "cannot \(attempted): \(code == 0 ? "no reason was given" : cause)"
    }
}

/// A certificate and its private key, both in PEM.
package struct CertifiedKey: Sendable, Hashable {
    package var certificatePEM: String
    package var keyPEM: String

    package init(certificatePEM: String, keyPEM: String) {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }
}

/// The cluster's own authority for certificates: keys on P-256, signed with SHA-256.
package struct CertificateAuthority: Sendable {
    /// What a certificate is for.
    package enum Purpose: Sendable, Hashable {
        /// A server under these DNS names and IP addresses.
        case server(names: [String], addresses: [String])
        /// A client; its name and organisations are the user and its groups.
        case client
    }

    /// The authority's own certificate and key.
    package let identity: CertifiedKey

    /// An authority that exists.
    package init(_ identity: CertifiedKey) { self.identity = identity }

    /// A new authority, good for ten years from an hour ago.
    package init(name: String = "homeostat-ca") throws(CertificateError) {
        let key = try PrivateKey()
        let certificate = try Certificate.blank(name, [], key)
        try certificate.add(NID_basic_constraints, "critical,CA:TRUE", issuer: certificate)
        try certificate.add(NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign", issuer: certificate)
        try certificate.add(NID_subject_key_identifier, "hash", issuer: certificate)
        try certificate.sign(issuer: certificate, key)
        identity = CertifiedKey(certificatePEM: try certificate.pem(), keyPEM: try key.pem())
    }

    /// A new key with a certificate of this authority, good for ten years from an hour ago.
    ///
    /// - Parameters:
    ///   - name: The common name.
    ///   - organizations: What the subject belongs to.
    ///   - purpose: What it is for.
    package func issue(
        _ name: String,
        organizations: [String] = [],
        for purpose: Purpose
    ) throws(CertificateError) -> CertifiedKey {
        let issuer = try Certificate(pem: identity.certificatePEM)
        let issuerKey = try PrivateKey(pem: identity.keyPEM)
        let key = try PrivateKey()
        let certificate = try Certificate.blank(name, organizations, key)
        try certificate.add(NID_basic_constraints, "critical,CA:FALSE", issuer: issuer)
        try certificate.add(NID_key_usage, "critical,digitalSignature,keyEncipherment", issuer: issuer)
        switch purpose {
        case .client: try certificate.add(NID_ext_key_usage, "clientAuth", issuer: issuer)
        case .server(let names, let addresses):
            try certificate.add(NID_ext_key_usage, "serverAuth", issuer: issuer)
            let all = names.map { "DNS:\($0)" } + addresses.map { "IP:\($0)" }
            try certificate.add(NID_subject_alt_name, all.joined(separator: ","), issuer: issuer)
        }
        try certificate.add(NID_subject_key_identifier, "hash", issuer: issuer)
        try certificate.add(NID_authority_key_identifier, "keyid", issuer: issuer)
        try certificate.sign(issuer: issuer, issuerKey)
        return CertifiedKey(certificatePEM: try certificate.pem(), keyPEM: try key.pem())
    }
}

/// OpenSSL's private key; freed once.
private struct PrivateKey: ~Copyable {
    let handle: OpaquePointer

    init() throws(CertificateError) {
        guard let handle = homeostat_generate_p256_key() else { throw CertificateError("make a private key") }
        self.handle = handle
    }

    init(pem: String) throws(CertificateError) {
        // Without the callback OpenSSL would ask for a password on the terminal.
        let read = readPEM(pem) { PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in -1 }, nil) }
        guard let read else { throw CertificateError("read the authority's private key") }
        handle = read
    }

    deinit { EVP_PKEY_free(handle) }

    func pem() throws(CertificateError) -> String {
        try writePEM { PEM_write_bio_PrivateKey($0, handle, nil, nil, 0, nil, nil) }
    }
}

/// OpenSSL's certificate; freed once.
private struct Certificate: ~Copyable {
    private static let secondsBefore = -3600
    private static let secondsAfter = 10 * 365 * 86_400

    let handle: OpaquePointer

    init(pem: String) throws(CertificateError) {
        guard let read = readPEM(pem, { PEM_read_bio_X509($0, nil, nil, nil) }) else {
            throw CertificateError("read the authority's certificate")
        }
        handle = read
    }

    private init(owning handle: OpaquePointer) { self.handle = handle }

    /// A certificate that is not signed yet.
    static func blank(
        _ subject: String,
        _ organizations: [String],
        _ key: borrowing PrivateKey
    ) throws(CertificateError) -> Certificate {
        guard let made = X509_new() else { throw CertificateError("make a certificate") }
        let certificate = Certificate(owning: made)
        try certificate.fillIn(subject, organizations, key)
        return certificate
    }

    private func fillIn(
        _ subject: String,
        _ organizations: [String],
        _ key: borrowing PrivateKey
    ) throws(CertificateError) {
        var serial: UInt64 = 0
        let isRandom = withUnsafeMutableBytes(of: &serial) { bytes in
            RAND_bytes(bytes.bindMemory(to: UInt8.self).baseAddress, Int32(bytes.count)) == 1
        }
        let name = X509_get_subject_name(handle)
        func add(_ field: String, _ value: String) -> Bool {
            let text = Array(value.utf8)
            return X509_NAME_add_entry_by_txt(name, field, MBSTRING_FLAG | 0, text, Int32(text.count), -1, 0) == 1
        }
        // Version 3 counts as 2; a serial number is positive.
        guard isRandom, X509_set_version(handle, 2) == 1,
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(handle), serial >> 1 | 1) == 1,
            X509_gmtime_adj(X509_getm_notBefore(handle), Self.secondsBefore) != nil,
            X509_gmtime_adj(X509_getm_notAfter(handle), Self.secondsAfter) != nil,
            X509_set_pubkey(handle, key.handle) == 1, organizations.allSatisfy({ add("O", $0) }), add("CN", subject)
        else { throw CertificateError("fill in the certificate of \"\(subject)\"") }
    }

    deinit { X509_free(handle) }

    func add(_ extension: Int32, _ value: String, issuer: borrowing Certificate) throws(CertificateError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer.handle, handle, nil, nil, 0)
        guard let made = X509V3_EXT_conf_nid(nil, &context, `extension`, value) else {
            throw CertificateError("make the certificate's field \"\(value)\"")
        }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(handle, made, -1) == 1 else {
            throw CertificateError("add the certificate's field \"\(value)\"")
        }
    }

    func sign(issuer: borrowing Certificate, _ key: borrowing PrivateKey) throws(CertificateError) {
        guard X509_set_issuer_name(handle, X509_get_subject_name(issuer.handle)) == 1,
            X509_sign(handle, key.handle, EVP_sha256()) > 0
        else { throw CertificateError("sign a certificate") }
    }

    func pem() throws(CertificateError) -> String { try writePEM { PEM_write_bio_X509($0, handle) } }
}

private func readPEM(_ text: String, _ parse: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
    let bytes = Array(text.utf8)
    guard let source = BIO_new_mem_buf(bytes, Int32(bytes.count)) else { return nil }
    defer { BIO_free(source) }
    return parse(source)
}

private func writePEM(_ write: (OpaquePointer) -> Int32) throws(CertificateError) -> String {
    guard let target = BIO_new(BIO_s_mem()) else { throw CertificateError("write PEM") }
    defer { BIO_free(target) }
    guard write(target) == 1 else { throw CertificateError("write PEM") }
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = BIO_read(target, &bytes, Int32(bytes.count))
    guard count > 0 else { throw CertificateError("write PEM") }
    return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
}
