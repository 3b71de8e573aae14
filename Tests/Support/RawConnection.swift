import Foundation
import Glibc
import Synchronization

/// A TCP connection to 127.0.0.1 for tests that say byte for byte what a client sends.
///
/// Calls block a thread of their own, never one of Swift's. A read fails after 30 s without a byte.
package final class RawConnection: Sendable {
    /// What went wrong on the client's side.
    package enum Failure: Error, Equatable {
        case connect(Int32), send(Int32), receive(Int32), ended, malformed(String)
    }

    /// A response as received.
    package struct Response: Sendable {
        /// The status code.
        package var status: Int
        /// The header fields, names in lower case; of several with one name the last.
        package var headers: [String: String]
        /// The body, chunks joined.
        package var body: [UInt8]
        /// The body as text.
        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    private struct State {
        var descriptor: Int32
        var received: [UInt8] = []
        /// Where the bytes not yet handed out begin.
        var start = 0

        mutating func take(_ count: Int) -> [UInt8] {
            let taken = Array(received[start..<start + count])
            start += count
            if start > 1 << 20 {
                received.removeSubrange(..<start)
                start = 0
            }
            return taken
        }
    }

    private let state: Mutex<State>

    /// Connects.
    ///
    /// - Parameters:
    ///   - port: The server's port.
    ///   - receiveBufferBytes: The size of the receive buffer, small to play a slow reader.
    /// - Throws: ``Failure/connect(_:)``.
    package init(port: Int, receiveBufferBytes: Int32? = nil) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBufferBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        let result = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw Failure.connect(code)
        }
        state = Mutex(State(descriptor: descriptor))
    }

    deinit { close() }

    /// Sends all of a text.
    package func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Sends all bytes.
    package func send(_ bytes: [UInt8]) async throws {
        let descriptor = state.withLock { $0.descriptor }
        try await blocking {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Failure.send(errno) }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Receives up to and including a text and returns everything so far; later calls begin after it.
    package func receive(through marker: String) async throws -> String {
        try await blocking { [self] in
            let marker = Array(marker.utf8)
            while true {
                let found = state.withLock { state -> [UInt8]? in
                    guard let range = state.received[state.start...].firstRange(of: marker) else { return nil }
                    return state.take(range.upperBound - state.start)
                }
                if let found { return String(decoding: found, as: UTF8.self) }
                guard try receiveMore() else { throw Failure.ended }
            }
        }
    }

    /// Receives until the server closes the connection and returns the rest.
    package func receiveToEnd() async throws -> [UInt8] {
        try await blocking { [self] in
            while try receiveMore() {}
            return state.withLock { $0.take($0.received.count - $0.start) }
        }
    }

    /// Receives one whole response, by its `Content-Length`, its chunks or up to the connection's end.
    ///
    /// - Parameter isHead: Whether it answers a HEAD request and so has no body.
    package func response(isHead: Bool = false) async throws -> Response {
        let head = try await receive(through: "\r\n\r\n")
        var lines = head.components(separatedBy: "\r\n")
        let statusLine = lines.removeFirst().split(separator: " ")
        guard statusLine.count >= 2, let status = Int(statusLine[1]) else { throw Failure.malformed(head) }
        var headers: [String: String] = [:]
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces
            )
        }
        var response = Response(status: status, headers: headers, body: [])
        if isHead || status == 204 || status == 304 || status < 200 { return response }
        if headers["transfer-encoding"] == "chunked" {
            while let chunk = try await chunk() { response.body += chunk }
        } else if let length = headers["content-length"].flatMap({ Int($0) }) {
            response.body = try await receive(count: length)
        } else {
            response.body = try await receiveToEnd()
        }
        return response
    }

    /// Receives one chunk of a chunked body; nil at its proper end.
    package func chunk() async throws -> [UInt8]? {
        let line = try await receive(through: "\r\n")
        guard let size = Int(line.trimmingCharacters(in: .newlines), radix: 16) else { throw Failure.malformed(line) }
        let bytes = try await receive(count: size + 2)
        return size == 0 ? nil : bytes.dropLast(2)
    }

    /// Receives a number of bytes.
    package func receive(count: Int) async throws -> [UInt8] {
        try await blocking { [self] in
            while state.withLock({ $0.received.count - $0.start < count }) {
                guard try receiveMore() else { throw Failure.ended }
            }
            return state.withLock { $0.take(count) }
        }
    }

    /// Closes the connection; with data unread this resets it.
    package func close() {
        let descriptor = state.withLock { state in
            defer { state.descriptor = -1 }
            return state.descriptor
        }
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    private func receiveMore() throws -> Bool {
        let descriptor = state.withLock { $0.descriptor }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Failure.receive(errno) }
        state.withLock { $0.received += buffer[..<count] }
        return count > 0
    }

    private func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}
