import Glibc
import Synchronization

extension Logger {
    /// Where finished lines go.
    package struct Sink: Sendable {
        let write: @Sendable ([UInt8]) -> Void

        /// Creates a sink; `write` gets one line with its line break and may be called from any thread.
        package init(write: @escaping @Sendable ([UInt8]) -> Void) { self.write = write }

        /// Standard error, one `write(2)` a line: nothing is lost when the process ends hard.
        package static let standardError = Sink { line in
            // Lines longer than a pipe takes at once would mix without the lock.
            standardErrorLock.withLock { _ in writeAll(line, to: STDERR_FILENO) }
        }
    }
}

private let standardErrorLock = Mutex(())

/// Writes bytes, going on after short and interrupted writes.
///
/// There is nowhere to report a failure to.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
    bytes.withUnsafeBytes { bytes in
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                return
            }
        }
    }
}
