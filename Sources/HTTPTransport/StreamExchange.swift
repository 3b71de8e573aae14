import Synchronization

/// An exchange whose caller reads the body as it comes.
///
/// `@unchecked` because `transfer` is plain: it belongs to the loop's thread.
final class StreamExchange: Exchange, @unchecked Sendable {
    typealias HeadWaiter = CheckedContinuation<ResponseHead, any Error>
    typealias PartWaiter = CheckedContinuation<[UInt8]?, any Error>

    private struct State {
        var mailbox: Mailbox?
        var isCancelled = false
        var head: ResponseHead?
        var headWaiter: HeadWaiter?
        var partWaiter: PartWaiter?
        var hasReader = false
        var buffer = BodyBuffer(limitBytes: 1 << 20)
    }

    let request: HTTPRequest
    let isStream = true
    var transfer: Transfer?
    private let state = Mutex(State())

    init(_ request: HTTPRequest) { self.request = request }

    var isWanted: Bool { state.withLock { !$0.isCancelled } }

    // MARK: The caller's side

    /// Says who waits and where the exchange is about to be posted; false when it was cancelled before.
    func begin(_ continuation: HeadWaiter, in mailbox: Mailbox) -> Bool {
        let isOpen = state.withLock { state in
            if state.isCancelled { return false }
            state.headWaiter = continuation
            state.mailbox = mailbox
            return true
        }
        if !isOpen { continuation.resume(throwing: CancellationError()) }
        return isOpen
    }

    /// Nobody will read on: answers who still waits with `CancellationError` and has the transfer closed.
    func cancel() {
        let (head, part, mailbox) = state.withLock { state in
            let before = (state.headWaiter, state.partWaiter, state.isCancelled ? nil : state.mailbox)
            state.isCancelled = true
            state.headWaiter = nil
            state.partWaiter = nil
            state.buffer = BodyBuffer(limitBytes: 0)
            return before
        }
        head?.resume(throwing: CancellationError())
        part?.resume(throwing: CancellationError())
        mailbox?.post(.stop(self))
    }

    /// Notes that an iterator has taken the body over.
    func attachReader() { state.withLock { $0.hasReader = true } }

    /// Closes the transfer unless an iterator reads it.
    func cancelWithoutReader() {
        if state.withLock({ !$0.hasReader }) { cancel() }
    }

    /// The next part of the body, nil at its end.
    ///
    /// - Throws: The failure that cut the body, once; `CancellationError` when the task is cancelled.
    nonisolated(nonsending) func nextPart() async throws -> [UInt8]? {
        try Task.checkCancellation()
        // Bytes that are already here cost a lock and no suspension.
        if let part = try state.withLock({ try takePart(&$0) }).map({ given(part: $0) }) { return part.bytes }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: PartWaiter) in
                let result = Result {
                    try state.withLock { state in
                        if let part = try takePart(&state) { return Optional(part) }
                        guard state.partWaiter == nil else {
                            fatalError("two tasks read one HTTP body; it has a single reader")
                        }
                        state.partWaiter = continuation
                        return nil
                    }
                }
                switch result {
                case .success(nil): break
                case .success(let part?): continuation.resume(returning: given(part: part).bytes)
                case .failure(let error): continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            cancel()
        }
    }

    private struct Part {
        var bytes: [UInt8]?
        var resumesTransfer: Mailbox?
    }

    /// What can be given out now; nil when the reader must wait.
    ///
    /// Called under the lock.
    private func takePart(_ state: inout State) throws -> Part? {
        if state.isCancelled { throw CancellationError() }
        switch state.buffer.take() {
        case .bytes(let bytes, let resumes): return Part(bytes: bytes, resumesTransfer: resumes ? state.mailbox : nil)
        case .end: return Part()
        case .failure(let failure): throw failure
        case .nothingYet: return nil
        }
    }

    private func given(part: Part) -> Part {
        part.resumesTransfer?.post(.resume(self))
        return part
    }

    // MARK: The loop's side

    func receive(head: ResponseHead) { state.withLock { $0.head = head } }

    func receive(_ bytes: UnsafeRawBufferPointer, expectedBytes: Int) -> Reception {
        state.withLock { state in
            // A reader that is gone takes everything: the stop that follows it closes the transfer.
            state.isCancelled || state.buffer.append(bytes) ? .taken : .paused
        }
    }

    func wake() {
        enum Step {
            case none
            case head(HeadWaiter, ResponseHead)
            case part(PartWaiter, Part)
            case failed(PartWaiter, any Error)
        }
        let step = state.withLock { state -> Step in
            if let waiter = state.headWaiter, let head = state.head {
                state.headWaiter = nil
                return .head(waiter, head)
            }
            guard let waiter = state.partWaiter, state.buffer.hasNews else { return .none }
            do {
                guard let part = try takePart(&state) else { return .none }
                state.partWaiter = nil
                return .part(waiter, part)
            } catch {
                state.partWaiter = nil
                return .failed(waiter, error)
            }
        }
        switch step {
        case .none: break
        case .head(let waiter, let head): waiter.resume(returning: head)
        case .part(let waiter, let part): waiter.resume(returning: given(part: part).bytes)
        case .failed(let waiter, let error): waiter.resume(throwing: error)
        }
    }

    func end(_ failure: HTTPFailure?) {
        let headWaiter = state.withLock { state -> HeadWaiter? in
            state.buffer.end(failure)
            // Without a head there will be no reader to tell the failure to.
            guard failure != nil, state.head == nil else { return nil }
            let waiter = state.headWaiter
            state.headWaiter = nil
            return waiter
        }
        if let headWaiter, let failure {
            headWaiter.resume(throwing: failure)
        } else {
            wake()
        }
    }
}
