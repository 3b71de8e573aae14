import JSON

/// Which cluster addresses and node ports services hold.
struct AddressBook: Sendable {
    private let base: UInt32
    private let size: UInt32
    private let ports: ClosedRange<Int>
    /// The range of addresses, in CIDR notation.
    let range: String
    private var addresses: Set<String> = []
    private var nodePorts: Set<Int> = []
    /// Where the search for a free one goes on, so that an address is not given out again at once.
    private var nextAddress: UInt32 = 0
    private var nextPort = 0

    init(_ options: APICore.Options) {
        let parts = options.serviceRange.split(separator: "/")
        let length = parts.count == 2 ? UInt32(parts[1]).map { min($0, 30) } ?? 16 : 16
        base =
            (parts.first.flatMap { Self.number(String($0)) } ?? 0x7F00_0000) & ~UInt32(
                (UInt64(1) << (32 - UInt64(length))) - 1
            )
        size = UInt32(min(UInt64(1) << (32 - UInt64(length)), UInt64(UInt32.max)))
        ports = options.nodePorts
        range = options.serviceRange
    }

    /// Whether the address lies in the range that services get theirs from.
    func covers(_ address: String) -> Bool {
        guard let number = Self.number(address) else { return false }
        return number > base && number < base + (size - 1)
    }

    func isTaken(_ address: String) -> Bool { addresses.contains(address) }
    func isTaken(port: Int) -> Bool { nodePorts.contains(port) }
    func covers(port: Int) -> Bool { ports.contains(port) }
    var portRange: String { "\(ports.lowerBound)-\(ports.upperBound)" }

    /// An address that no service holds; nil when all are taken.
    ///
    /// The first ones are left to those who ask for them.
    mutating func freeAddress() -> String? {
        let reserved: UInt32 = min(16, size / 16)
        let room = size - 2 - reserved
        for _ in 0..<room {
            let address = Self.text(base + 1 + reserved + nextAddress)
            nextAddress = (nextAddress + 1) % room
            if !addresses.contains(address) { return address }
        }
        return nil
    }

    /// A port that no service holds; nil when all are taken.
    mutating func freePort(but taken: Set<Int> = []) -> Int? {
        for _ in 0..<ports.count {
            let port = ports.lowerBound + nextPort
            nextPort = (nextPort + 1) % ports.count
            if !nodePorts.contains(port), !taken.contains(port) { return port }
        }
        return nil
    }

    /// Follows a service that was written.
    mutating func replace(_ old: JSONValue?, by new: JSONValue?) {
        if let old {
            if let address = Self.address(of: old) { addresses.remove(address) }
            nodePorts.subtract(Self.ports(of: old))
        }
        if let new {
            if let address = Self.address(of: new) { addresses.insert(address) }
            nodePorts.formUnion(Self.ports(of: new))
        }
    }

    static func number(_ address: String) -> UInt32? {
        let parts = address.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            guard let byte = UInt8(part), String(byte) == part else { return nil }
            number = number << 8 | UInt32(byte)
        }
        return number
    }

    private static func text(_ number: UInt32) -> String {
        [24, 16, 8, 0].map { String(number >> UInt32($0) & 255) }.joined(separator: ".")
    }

    private static func address(of service: JSONValue) -> String? {
        guard let address = service["spec"]?["clusterIP"]?.string, address != "None", !address.isEmpty else {
            return nil
        }
        return address
    }

    static func ports(of service: JSONValue) -> [Int] {
        (service["spec"]?["ports"]?.array ?? []).compactMap { $0["nodePort"]?.integer }.filter { $0 != 0 }
    }
}
