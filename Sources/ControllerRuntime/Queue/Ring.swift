/// A first-in first-out list with constant-time ends.
struct Ring<Element: Sendable>: Sendable {
    private var slots: [Element?] = []
    private var head = 0

    var count: Int { slots.count - head }
    var isEmpty: Bool { head == slots.count }
    var first: Element? { isEmpty ? nil : slots[head] }

    mutating func append(_ element: Element) { slots.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = slots[head]
        slots[head] = nil
        head += 1
        // Moves what is left only after as many have been taken, which makes the cost constant on average.
        if head > 32, head * 2 > slots.count {
            slots.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func removeAll(where matches: (Element) -> Bool) {
        slots = slots[head...].filter { $0.map(matches) == false }
        head = 0
    }
}

/// Elements by the order of their time, then of their arrival: a binary heap.
struct TimeHeap<Element: Sendable>: Sendable {
    private typealias Node = (due: Duration, order: Int, element: Element)
    private var nodes: [Node] = []
    private var arrivals = 0

    var count: Int { nodes.count }
    var nextDue: Duration? { nodes.first?.due }

    mutating func insert(_ element: Element, due: Duration) {
        arrivals += 1
        nodes.append((due, arrivals, element))
        var child = nodes.count - 1
        while child > 0, case let parent = (child - 1) / 2, Self.isBefore(nodes[child], nodes[parent]) {
            nodes.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest element out if its time has come.
    mutating func popDue(now: Duration) -> Element? {
        guard let first = nodes.first, first.due <= now else { return nil }
        return pop()
    }

    /// The earliest element, which is not taken out.
    var first: Element? { nodes.first?.element }

    @discardableResult
    mutating func pop() -> Element? {
        guard let first = nodes.first else { return nil }
        let last = nodes.removeLast()
        if !nodes.isEmpty {
            nodes[0] = last
            sink()
        }
        return first.element
    }

    /// Keeps what matches.
    mutating func filter(_ keep: (Element) -> Bool) {
        let kept = nodes.filter { keep($0.element) }
        nodes = []
        for node in kept { insert(node.element, due: node.due) }
    }

    private mutating func sink() {
        var parent = 0
        while case let left = parent * 2 + 1, left < nodes.count {
            let right = left + 1
            let child = right < nodes.count && Self.isBefore(nodes[right], nodes[left]) ? right : left
            guard Self.isBefore(nodes[child], nodes[parent]) else { return }
            nodes.swapAt(child, parent)
            parent = child
        }
    }

    private static func isBefore(_ a: Node, _ b: Node) -> Bool { a.due == b.due ? a.order < b.order : a.due < b.due }
}
