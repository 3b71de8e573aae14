/// Which names Kubernetes takes, and how it says that one will not do.
enum Names {
    static let subdomainFault =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
        + "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    static let labelFault =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
        + "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    static let serviceFault =
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        + "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
        + "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    static let qualifiedFault =
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        + "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    static let valueFault =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
        + "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
        + "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    static let qualifiedFormFault =
        "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        + "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. "
        + "'example.com/MyName')"

    static func tooLong(_ limit: Int) -> String { "must be no more than \(limit) characters" }

    static func subdomainFaults(_ name: String) -> [String] {
        let parts = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return (name.utf8.count > 253 ? [tooLong(253)] : [])
            + (parts.allSatisfy { isLabel($0) } ? [] : [subdomainFault])
    }

    static func labelFaults(_ name: String) -> [String] {
        (name.utf8.count > 63 ? [tooLong(63)] : []) + (isLabel(Substring(name).utf8) ? [] : [labelFault])
    }

    static func serviceFaults(_ name: String) -> [String] {
        let startsWell = name.utf8.first.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) } ?? false
        return (name.utf8.count > 63 ? [tooLong(63)] : [])
            + (startsWell && isLabel(Substring(name).utf8) ? [] : [serviceFault])
    }

    /// Names that only have to fit into a path, as those of roles.
    static func pathFaults(_ name: String) -> [String] {
        if name == "." || name == ".." { return ["may not be '\(name)'"] }
        return ["/", "%"].filter { name.contains($0) }.map { "may not contain '\($0)'" }
    }

    /// A key of labels and annotations, as `example.com/name`.
    static func qualifiedNameFaults(_ key: String) -> [String] {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        var faults: [String] = []
        let name: Substring
        switch parts.count {
        case 1: name = parts[0]
        case 2:
            name = parts[1]
            if parts[0].isEmpty {
                faults.append("prefix part must be non-empty")
            } else {
                faults += subdomainFaults(String(parts[0])).map { "prefix part \($0)" }
            }
        default: return [qualifiedFormFault]
        }
        if name.isEmpty {
            faults.append("name part must be non-empty")
        } else if name.utf8.count > 63 {
            faults.append("name part \(tooLong(63))")
        }
        if !isWord(name.utf8) { faults.append(qualifiedFault) }
        return faults
    }

    static func labelValueFaults(_ value: String) -> [String] {
        (value.utf8.count > 63 ? [tooLong(63)] : [])
            + (value.isEmpty || isWord(Substring(value).utf8) ? [] : [valueFault])
    }

    private static func isLabel(_ text: Substring.UTF8View) -> Bool {
        func isLetterOrDigit(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = text.first, let last = text.last, isLetterOrDigit(first), isLetterOrDigit(last) else {
            return false
        }
        return text.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
    }

    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isWord(_ text: Substring.UTF8View) -> Bool {
        guard let first = text.first, let last = text.last, isLetterOrDigit(first), isLetterOrDigit(last) else {
            return false
        }
        return text.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    }
}
