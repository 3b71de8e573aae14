import COpenSSL

/// Client certificates and their keys.
enum KeyPair {
    /// Checks that a private key belongs to the first certificate of a chain, both in PEM.
    static func check(certificate: [UInt8], key: [UInt8]) throws(ConfigurationError) {
        defer { ERR_clear_error() }
        guard let certificate = read(certificate, { PEM_read_bio_X509($0, nil, nil, nil) }) else {
            throw ConfigurationError(.malformed, "the client certificate is not a certificate in PEM")
        }
        defer { X509_free(certificate) }
        // Without the callback OpenSSL would ask for a password on the terminal.
        guard let key = read(key, { PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in -1 }, nil) }) else {
            throw ConfigurationError(.malformed, "the client key is not a private key in PEM without a password")
        }
        defer { EVP_PKEY_free(key) }
        guard X509_check_private_key(certificate, key) == 1 else {
            throw ConfigurationError(.malformed, "the client key does not belong to the client certificate")
        }
    }

    private static func read<Handle>(_ pem: [UInt8], _ parse: (OpaquePointer) -> Handle?) -> Handle? {
        guard let bio = BIO_new_mem_buf(pem, Int32(pem.count)) else { return nil }
        defer { BIO_free(bio) }
        return parse(bio)
    }
}
