import Synchronization

/// Addresses of 127.0.0.0/8 for pods, each given out once at a time, and late again.
final class AddressPool: Sendable {
    private struct State {
        var taken: Set<UInt32> = []
        var next: UInt32 = 0
    }

    private let base: UInt32
    private let size: UInt32
    private let state = Mutex(State())

    /// - Parameter range: In CIDR notation, as `127.80.0.0/16`; nil unless it lies in 127.0.0.0/8 and holds four or more.
    init?(_ range: String) {
        let parts = range.split(separator: "/")
        guard parts.count == 2, let length = UInt32(parts[1]), (8...30).contains(length),
            let number = Self.number(String(parts[0])), number >> 24 == 127
        else { return nil }
        size = 1 << (32 - length)
        base = number & ~(size - 1)
    }

    static func number(_ address: String) -> UInt32? {
        let parts = address.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4 else { return nil }
        return parts.reduce(UInt32?(0)) { number, part in number.flatMap { n in part.map { n << 8 | UInt32($0) } } }
    }

    private static func text(_ number: UInt32) -> String {
        [24, 16, 8, 0].map { String(number >> UInt32($0) & 255) }.joined(separator: ".")
    }

    /// A free address; the one that was had before, where it is free.
    ///
    /// Nil when all are taken.
    func take(_ wanted: String? = nil) -> String? {
        state.withLock { state in
            if let number = wanted.flatMap(Self.number), number > base, number < base + size - 1,
                state.taken.insert(number).inserted
            {
                return Self.text(number)
            }
            // Neither the first nor the last: elsewhere they are the network's and for all.
            for _ in 0..<(size - 2) {
                let number = base + 1 + state.next
                state.next = (state.next + 1) % (size - 2)
                if state.taken.insert(number).inserted { return Self.text(number) }
            }
            return nil
        }
    }

    func release(_ address: String) {
        guard let number = Self.number(address) else { return }
        state.withLock { _ = $0.taken.remove(number) }
    }
}
