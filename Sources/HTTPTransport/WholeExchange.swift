import Synchronization

/// An exchange whose caller wants the whole answer at once.
///
/// `@unchecked` because `transfer`, `head` and `body` are plain: they belong to the loop's thread from the moment the
/// exchange is posted until `end`.
final class WholeExchange: Exchange, @unchecked Sendable {
    private enum Waiting {
        case notYet
        case forAnswer(CheckedContinuation<HTTPResponse, any Error>, Mailbox)
        case over
    }

    let request: HTTPRequest
    let isStream = false
    var transfer: Transfer?

    private let limitBytes: Int
    private var head = ResponseHead(status: 0, headers: HTTPHeaders())
    private var body: [UInt8] = []
    private let waiting = Mutex(Waiting.notYet)

    init(_ request: HTTPRequest, limitBytes: Int) {
        self.request = request
        self.limitBytes = limitBytes
    }

    var isWanted: Bool {
        waiting.withLock { if case .over = $0 { false } else { true } }
    }

    /// Says who waits and where the exchange is about to be posted; false when it was cancelled before.
    func begin(_ continuation: CheckedContinuation<HTTPResponse, any Error>, in mailbox: Mailbox) -> Bool {
        let isOpen = waiting.withLock { waiting in
            if case .over = waiting { return false }
            waiting = .forAnswer(continuation, mailbox)
            return true
        }
        if !isOpen { continuation.resume(throwing: CancellationError()) }
        return isOpen
    }

    /// The caller's task was cancelled: answers it at once and has the transfer closed.
    func cancel() {
        let before = waiting.withLock { waiting in
            let before = waiting
            waiting = .over
            return before
        }
        guard case .forAnswer(let continuation, let mailbox) = before else { return }
        continuation.resume(throwing: CancellationError())
        mailbox.post(.stop(self))
    }

    func receive(head: ResponseHead) { self.head = head }

    func receive(_ bytes: UnsafeRawBufferPointer, expectedBytes: Int) -> Reception {
        guard bytes.count <= limitBytes - body.count, expectedBytes <= limitBytes else {
            let size = expectedBytes > limitBytes ? "\(expectedBytes)" : "more than \(limitBytes)"
            return .refused(
                HTTPFailure(
                    .tooLarge,
                    request,
                    "the answer has \(size) bytes; the limit is \(limitBytes)",
                    mayHaveReachedServer: true
                )
            )
        }
        if body.isEmpty, expectedBytes > bytes.count {
            // A server's claim alone is not worth hundreds of megabytes.
            body.reserveCapacity(min(expectedBytes, 16 << 20))
        }
        body.append(contentsOf: bytes)
        return .taken
    }

    func wake() {}

    func end(_ failure: HTTPFailure?) {
        let before = waiting.withLock { waiting in
            let before = waiting
            waiting = .over
            return before
        }
        guard case .forAnswer(let continuation, _) = before else { return }
        if let failure {
            continuation.resume(throwing: failure)
        } else {
            continuation.resume(returning: HTTPResponse(status: head.status, headers: head.headers, body: body))
        }
    }
}
