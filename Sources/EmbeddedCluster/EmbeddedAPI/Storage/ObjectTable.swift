import JSON

/// Objects sorted by key, cheap to change and cheap to copy.
///
/// Entries stand in blocks of bounded size: a change moves at most one block, and a copy shares all blocks, so that a
/// list can be read from a copy while writing goes on.
struct ObjectTable: Sendable {
    struct Entry: Sendable {
        /// `namespace/name`, or the name alone of objects that live in no namespace; etcd sorts by the same text.
        let key: String
        /// The resourceVersion of its last change.
        var version: Int
        var object: JSONValue
    }

    private static let blockLimit = 128
    private var blocks: [[Entry]] = []
    private(set) var count = 0

    subscript(_ key: String) -> Entry? {
        let (block, index, isFound) = locate(key)
        return isFound ? blocks[block][index] : nil
    }

    mutating func set(_ entry: Entry) {
        let (block, index, isFound) = locate(entry.key)
        if isFound {
            blocks[block][index] = entry
            return
        }
        count += 1
        guard !blocks.isEmpty else {
            blocks.append([entry])
            return
        }
        blocks[block].insert(entry, at: index)
        guard blocks[block].count > Self.blockLimit else { return }
        // Objects are often made in the order of their names: a block that overflows at its end keeps what it has.
        let cut = index == Self.blockLimit ? Self.blockLimit : Self.blockLimit / 2
        let rest = Array(blocks[block][cut...])
        blocks[block].removeSubrange(cut...)
        blocks.insert(rest, at: block + 1)
    }

    mutating func remove(_ key: String) {
        let (block, index, isFound) = locate(key)
        guard isFound else { return }
        count -= 1
        blocks[block].remove(at: index)
        if blocks[block].isEmpty { blocks.remove(at: block) }
    }

    /// Hands out the entries from `start` on that begin with `prefix`, in order, until `body` answers false.
    func visit(prefix: String = "", from start: String = "", _ body: (Entry) -> Bool) {
        var (block, index, _) = locate(max(prefix, start))
        while block < blocks.count {
            while index < blocks[block].count {
                let entry = blocks[block][index]
                guard entry.key.hasBytePrefix(prefix), body(entry) else { return }
                index += 1
            }
            block += 1
            index = 0
        }
    }

    /// Every entry, in order.
    var all: [Entry] { all(prefix: "") }

    /// Every entry that begins with `prefix`, in order.
    func all(prefix: String) -> [Entry] {
        var found: [Entry] = []
        visit(prefix: prefix) { entry in
            found.append(entry)
            return true
        }
        return found
    }

    /// How many entries from `start` on begin with `prefix`; only the blocks at the ends are looked into.
    func count(prefix: String, from start: String = "") -> Int {
        let (first, begin, _) = locate(max(prefix, start))
        guard first < blocks.count else { return 0 }
        // Keys are ASCII, so that no key that begins with the prefix sorts behind this one.
        let (last, end, _) =
            prefix.isEmpty
            ? (blocks.count - 1, blocks[blocks.count - 1].count, false)
            : locate(prefix + "\u{7F}")
        if first == last { return max(0, end - begin) }
        return blocks[first].count - begin + blocks[first + 1..<last].reduce(0) { $0 + $1.count } + end
    }

    /// The place of a key, or where it would stand: the block, the index in it, and whether it is there.
    private func locate(_ key: String) -> (block: Int, index: Int, isFound: Bool) {
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle][0].key <= key { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return (0, 0, false) }
        let block = low - 1
        low = 0
        high = blocks[block].count
        while low < high {
            let middle = (low + high) / 2
            if blocks[block][middle].key < key { low = middle + 1 } else { high = middle }
        }
        return (block, low, low < blocks[block].count && blocks[block][low].key == key)
    }
}

extension String {
    /// Whether its UTF-8 begins with that of `prefix`.
    func hasBytePrefix(_ prefix: String) -> Bool { prefix.isEmpty || utf8.starts(with: prefix.utf8) }
}
