import Dispatch

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The signals that ask the process to end.
package enum TerminationSignals {
    /// SIGTERM and SIGINT of this process, from now on; they no longer end it by themselves.
    ///
    /// To be called once.
    package static func system() -> AsyncStream<Int32> {
        AsyncStream(bufferingPolicy: .bufferingNewest(8)) { continuation in
            let queue = DispatchQueue(label: "termination-signals")
            // Dispatch's objects may be used from any thread; their Swift names do not say so.
            nonisolated(unsafe) let sources = [SIGTERM, SIGINT].map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
                source.setEventHandler { continuation.yield(number) }
                source.resume()
                return source
            }
            continuation.onTermination = { _ in for source in sources { source.cancel() } }
        }
    }
}
