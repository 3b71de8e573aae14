/// The final head of an answer.
struct ResponseHead: Sendable {
    var status: Int
    var headers: HTTPHeaders
}

/// What an exchange says to bytes it is offered.
enum Reception {
    case taken
    /// Not taken: the same bytes are to be offered again after a ``Mailbox/Command/resume(_:)``.
    case paused
    /// Not wanted at all: the exchange is to fail.
    case refused(HTTPFailure)
}

/// One request and whoever waits for its answer.
///
/// Made by a caller, handed to the loop's thread through a ``Mailbox``. The methods marked so are called by that thread
/// alone; what both sides touch is behind a lock in each implementation.
protocol Exchange: AnyObject, Sendable {
    var request: HTTPRequest { get }

    /// A stream has no end to be counted on, so it gets its connection on top of the configured number.
    var isStream: Bool { get }

    /// The loop's own note of the transfer that serves this exchange. Loop's thread only.
    var transfer: Transfer? { get set }

    /// False once nobody waits for the answer any more.
    var isWanted: Bool { get }

    /// The head is complete. Loop's thread only; nobody is resumed yet.
    func receive(head: ResponseHead)

    /// Offers a part of the body. Loop's thread only; nobody is resumed yet.
    ///
    /// - Parameters:
    ///   - bytes: The part, in memory that is libcurl's.
    ///   - expectedBytes: Length of the whole body when the server said it, else negative.
    /// - Returns: What became of the part.
    func receive(_ bytes: UnsafeRawBufferPointer, expectedBytes: Int) -> Reception

    /// Resumes who waits for what came since the last call. Loop's thread only.
    func wake()

    /// The answer is complete, or failed. Called once, by the loop's thread or by who finds no loop to hand it to.
    func end(_ failure: HTTPFailure?)
}
