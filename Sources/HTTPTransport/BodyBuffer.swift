/// What a stream holds between the network and its reader, and when it holds the network back.
struct BodyBuffer {
    enum Take: Sendable {
        /// Bytes, at least one. With `resumesTransfer` the network was held back and may go on.
        case bytes([UInt8], resumesTransfer: Bool)
        case nothingYet
        case end
        case failure(HTTPFailure)
    }

    private enum Ending {
        case clean
        case failure(HTTPFailure)
        case told
    }

    /// Bytes held before the network is held back; a part that comes on top of fewer is still taken whole.
    let limitBytes: Int

    private var bytes: [UInt8] = []
    private var ending: Ending?
    private(set) var isPaused = false

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    var hasNews: Bool { !bytes.isEmpty || ending != nil }

    /// Takes a part in, or answers false and remembers that the network waits.
    mutating func append(_ part: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count < limitBytes else {
            isPaused = true
            return false
        }
        bytes.append(contentsOf: part)
        return true
    }

    /// Notes the end.
    ///
    /// What was held by then is still given out first.
    mutating func end(_ failure: HTTPFailure?) {
        guard ending == nil else { return }
        isPaused = false
        ending = failure.map { .failure($0) } ?? .clean
    }

    /// Gives out all that is held, else the end; a failure is told once and is a plain end after that.
    mutating func take() -> Take {
        if !bytes.isEmpty {
            let taken = bytes
            bytes = []
            defer { isPaused = false }
            return .bytes(taken, resumesTransfer: isPaused)
        }
        switch ending {
        case nil: return .nothingYet
        case .clean, .told: return .end
        case .failure(let failure):
            ending = .told
            return .failure(failure)
        }
    }
}
