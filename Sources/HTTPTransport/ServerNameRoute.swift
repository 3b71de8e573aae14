import CCurl

/// How to reach the host of an address while TLS asks for another name: the name goes into the address, the connection
/// is led to the host, and the `Host` field says what the address said.
struct ServerNameRoute {
    /// The address with the server name as its host.
    let url: String

    /// The rule for `CURLOPT_CONNECT_TO`.
    let connectTo: String

    /// The `Host` field of the address as it was.
    let host: String

    /// Nil when the address cannot be read or the name cannot be a host.
    init?(_ address: String, serverName: String) {
        guard let parts = curl_url() else { return nil }
        defer { curl_url_cleanup(parts) }
        guard curl_url_set(parts, CURLUPART_URL, address, UInt32(CURLU_PATH_AS_IS)) == CURLUE_OK,
            let host = Self.part(CURLUPART_HOST, of: parts),
            let port = Self.part(CURLUPART_PORT, of: parts, flags: UInt32(CURLU_DEFAULT_PORT))
        else { return nil }
        let explicitPort = Self.part(CURLUPART_PORT, of: parts)
        let name = serverName.utf8.contains(UInt8(ascii: ":")) ? "[\(serverName)]" : serverName
        guard curl_url_set(parts, CURLUPART_HOST, name, 0) == CURLUE_OK,
            let url = Self.part(CURLUPART_URL, of: parts)
        else { return nil }
        self.url = url
        self.connectTo = "\(name):\(port):\(host):\(port)"
        self.host = explicitPort.map { "\(host):\($0)" } ?? host
    }

    private static func part(_ part: CURLUPart, of parts: OpaquePointer, flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(parts, part, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
