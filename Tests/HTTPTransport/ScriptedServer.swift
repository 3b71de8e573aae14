import Glibc
import Synchronization

/// A TCP server on a free port of 127.0.0.1 that does to each connection, on a thread of its own, what a script says.
final class ScriptedServer: Sendable {
    let port: Int
    private let listener: Int32
    private let accepted = Mutex(0)

    /// The script may return at any time; the connection is closed then.
    init(_ script: @escaping @Sendable (ScriptedConnection) -> Void) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, length)
                _ = listen(listener, 1024)
                _ = getsockname(listener, $0, &length)
            }
        }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        guard port != 0 else { fatalError("no port to listen on") }
        onThread { [weak self] in
            while true {
                let socket = accept(listener, nil, nil)
                guard socket >= 0 else { break }
                self?.accepted.withLock { $0 += 1 }
                onThread {
                    script(ScriptedConnection(socket: socket))
                    close(socket)
                }
            }
            close(listener)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    /// Connections accepted so far.
    var connections: Int { accepted.withLock { $0 } }

    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// A server that answers every request on a connection with what a function says.
    static func answering(_ answer: @escaping @Sendable (ReceivedRequest) -> String) -> ScriptedServer {
        ScriptedServer { connection in
            while let request = connection.readRequest() {
                guard connection.write(answer(request)) else { return }
            }
        }
    }
}

/// A request as it came.
struct ReceivedRequest {
    var head: String
    var body: [UInt8]

    var line: String { head.split(separator: "\r\n").first.map(String.init) ?? "" }

    func fields(_ name: String) -> [String] {
        head.split(separator: "\r\n").dropFirst()
            .filter { $0.lowercased().hasPrefix(name.lowercased() + ":") }
            .map { $0.dropFirst(name.count + 1).drop { $0 == " " } }
            .map(String.init)
    }
}

/// One connection, used by its script alone.
struct ScriptedConnection: Sendable {
    let socket: Int32

    /// The next request with its body, nil when the client has closed.
    func readRequest() -> ReceivedRequest? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !bytes.suffix(4).elementsEqual([13, 10, 13, 10]) {
            guard recv(socket, &byte, 1, 0) == 1 else { return nil }
            bytes.append(byte)
        }
        var request = ReceivedRequest(head: String(decoding: bytes, as: UTF8.self), body: [])
        var missing = request.fields("Content-Length").first.flatMap { Int($0) } ?? 0
        var part = [UInt8](repeating: 0, count: 65536)
        while missing > 0 {
            let count = recv(socket, &part, min(part.count, missing), 0)
            guard count > 0 else { return nil }
            request.body += part[..<count]
            missing -= count
        }
        return request
    }

    /// False when the client has closed.
    @discardableResult
    func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                send(
                    socket,
                    UnsafeRawBufferPointer(rebasing: bytes[sent...]).baseAddress,
                    bytes.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// False when the client took nothing for so long.
    func isWritable(withinMilliseconds limit: Int32) -> Bool {
        var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, limit) == 1
    }

    /// Tells the client that nothing more will come.
    func finishWriting() { shutdown(socket, Int32(SHUT_WR)) }

    /// Blocks until the client has closed its side.
    func waitForClose() {
        var part = [UInt8](repeating: 0, count: 4096)
        while recv(socket, &part, part.count, 0) > 0 {}
    }
}

/// Runs a function on a thread of its own, where it may block.
func onThread(_ body: @escaping @Sendable () -> Void) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    defer { attributes.deallocate() }
    pthread_attr_init(attributes)
    pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(attributes, 512 << 10)
    var thread: pthread_t = 0
    let context = Unmanaged.passRetained(Box(body)).toOpaque()
    let code = pthread_create(
        &thread,
        attributes,
        { context in
            if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        },
        context
    )
    if code != 0 { fatalError("no thread for the test") }
}

/// Something that happens once, told by a thread or a task to tasks and threads.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until it is open, or the task is cancelled: then the test is over its time and fails by that.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiters.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        } onCancel: {
            open()
        }
    }

    /// Blocks a thread that is not one of Swift's.
    func waitOnThread() {
        while !state.withLock({ $0.isOpen }) { usleep(1000) }
    }
}
