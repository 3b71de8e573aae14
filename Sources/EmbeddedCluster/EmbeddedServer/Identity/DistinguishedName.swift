import EmbeddedAPI

/// The subject of a certificate as RFC 4514 writes it, `CN=jane,O=team-a`.
struct DistinguishedName {
    /// Type and value, in the order written.
    private(set) var attributes: [(type: String, value: String)] = []

    init(_ text: String) {
        var type = ""
        var value: [UInt8] = []
        var isInValue = false
        var bytes = text.utf8.makeIterator()
        func digit(_ byte: UInt8) -> UInt8? {
            Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
        }
        while let byte = bytes.next() {
            switch byte {
            case UInt8(ascii: "\\"):
                guard let next = bytes.next() else { break }
                if let high = digit(next), let following = bytes.next(), let low = digit(following) {
                    value.append(high << 4 | low)
                } else {
                    value.append(next)
                }
            case UInt8(ascii: "=") where !isInValue: isInValue = true
            case UInt8(ascii: ","), UInt8(ascii: "+"):
                attributes.append((type, String(decoding: value, as: UTF8.self)))
                (type, value, isInValue) = ("", [], false)
            default:
                if isInValue { value.append(byte) } else { type.append(Character(Unicode.Scalar(byte))) }
            }
        }
        if isInValue { attributes.append((type, String(decoding: value, as: UTF8.self))) }
    }

    /// The user that a client certificate stands for: the common name, in the groups of its organisations.
    var user: APICall.User? {
        guard let name = attributes.first(where: { $0.type == "CN" })?.value, !name.isEmpty else { return nil }
        let groups = attributes.filter { $0.type == "O" }.map(\.value)
        return APICall.User(name: name, groups: groups + ["system:authenticated"])
    }
}
