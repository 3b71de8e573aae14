import CCurl
import Glibc

/// A `CURLM` and the thread it lives on.
///
/// After `start` everything here belongs to that thread; others reach it through ``mailbox``. Exchanges are resumed once
/// per round, after libcurl has read all there is.
final class Loop {
    let mailbox: Mailbox

    private let configuration: HTTPClientConfiguration
    private let multi: UnsafeMutableRawPointer
    private var commands: [Mailbox.Command] = []
    private var live: [Transfer] = []
    private var spare: [Transfer] = []
    private var news: [Transfer] = []
    private var streams = 0
    /// No limit passes before this; found anew only when it is reached.
    ///
    /// Later limits may let it stand too early.
    private var nextLimit = Int64.max

    /// How many idle handles are kept for the next requests; each holds some kilobytes.
    private static let spareLimit = 64

    private static let curlIsReady = hcurl_global_init() == CURLE_OK

    /// Makes a loop with a thread, which runs until its mailbox is told to end.
    ///
    /// - Throws: ``HTTPFailure/Reason/unavailable`` when the system has no thread or memory for it.
    static func start(_ configuration: HTTPClientConfiguration) throws(HTTPFailure) -> Mailbox {
        guard curlIsReady, let multi = curl_multi_init() else {
            throw HTTPFailure(.unavailable, method: "connect", url: "", detail: "libcurl cannot be initialised")
        }
        let loop = Loop(configuration, multi: multi)
        let mailbox = loop.mailbox
        let context = Unmanaged.passRetained(loop)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let code = pthread_create(&thread, &attributes, { Loop.main($0) }, context.toOpaque())
        guard code == 0 else {
            context.release()
            curl_multi_cleanup(multi)
            throw HTTPFailure(
                .unavailable,
                method: "connect",
                url: "",
                detail: "no thread can be started: \"\(String(cString: strerror(code)))\""
            )
        }
        return mailbox
    }

    private init(_ configuration: HTTPClientConfiguration, multi: UnsafeMutableRawPointer) {
        self.configuration = configuration
        self.multi = multi
        mailbox = Mailbox(multi: multi)
        hcurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        hcurl_multi_set_long(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 1000)
        allowConnections()
    }

    private static func main(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let context else { return nil }
        // Signals are for the program's other threads; a blocked SIGPIPE also cannot end the process when OpenSSL writes
        // to a closed socket. Faults stay open, so that a crash here is reported like any other.
        var signals = sigset_t()
        sigfillset(&signals)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { sigdelset(&signals, fault) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        Unmanaged<Loop>.fromOpaque(context).takeRetainedValue().run()
        return nil
    }

    private func run() {
        var running: Int32 = 0
        while true {
            let stage = mailbox.collect(into: &commands)
            for command in commands { carryOut(command, stage: stage) }
            commands.removeAll(keepingCapacity: true)
            if stage == .stopped { failAll() }
            curl_multi_perform(multi, &running)
            finishDone()
            enforceLimits()
            wakeReaders()
            if stage > .running, live.isEmpty, mailbox.close() { break }
            guard mailbox.rest(seen: stage) else { continue }
            if curl_multi_poll(multi, nil, 0, restMilliseconds(), nil) != CURLM_OK {
                // Out of memory: do not spin.
                poll(nil, 0, 10)
            }
        }
        // Handles go before the multi handle they were used with.
        spare.removeAll()
        curl_multi_cleanup(multi)
    }

    // MARK: Commands

    private func carryOut(_ command: Mailbox.Command, stage: Mailbox.Stage) {
        switch command {
        case .start(let exchange):
            if stage == .stopped { exchange.end(Self.shutdown(exchange)) } else { start(exchange) }
        case .stop(let exchange):
            guard let transfer = exchange.transfer else { return }
            remove(transfer)
        case .resume(let exchange): exchange.transfer?.resume()
        }
    }

    private func start(_ exchange: any Exchange) {
        guard exchange.isWanted else { return }
        guard let transfer = spare.popLast() ?? Transfer(configuration, loop: self) else {
            exchange.end(HTTPFailure(.unavailable, exchange.request, "out of memory"))
            return
        }
        do {
            try transfer.prepare(exchange, serverName: configuration.tls.serverName)
        } catch {
            transfer.clear()
            exchange.end(error)
            return
        }
        transfer.slot = live.count
        live.append(transfer)
        exchange.transfer = transfer
        if exchange.isStream {
            streams += 1
            allowConnections()
        }
        nextLimit = min(nextLimit, transfer.nextLimit)
        let code = curl_multi_add_handle(multi, transfer.easy)
        guard code == CURLM_OK else {
            let text = String(cString: curl_multi_strerror(code))
            end(transfer, HTTPFailure(.unavailable, exchange.request, "the transfer cannot begin: \"\(text)\""))
            return
        }
    }

    /// Connections and the cache of idle ones leave room for all streams, each of which may hold one for itself.
    private func allowConnections() {
        let limit = max(1, configuration.maxConnectionsPerHost)
        hcurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, limit + streams)
        hcurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 4 * limit + streams)
    }

    // MARK: News

    /// Notes that something came for the transfer's exchange in this round.
    func note(_ transfer: Transfer) {
        guard !transfer.hasNews else { return }
        transfer.hasNews = true
        news.append(transfer)
    }

    private func wakeReaders() {
        guard !news.isEmpty else { return }
        for transfer in news {
            transfer.hasNews = false
            transfer.exchange?.wake()
        }
        news.removeAll(keepingCapacity: true)
    }

    // MARK: Ends

    private func finishDone() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = Transfer.of(easy)
            else { continue }
            end(transfer, transfer.failure(for: hcurl_message_result(message)))
        }
    }

    private func enforceLimits() {
        guard nextLimit < .max else { return }
        let now = monotonicMilliseconds()
        guard nextLimit <= now else { return }
        var index = 0
        while index < live.count {
            let transfer = live[index]
            // Ending puts another transfer into this place.
            if let failure = transfer.limitPassed(at: now) { end(transfer, failure) } else { index += 1 }
        }
        nextLimit = live.reduce(.max) { min($0, $1.nextLimit) }
    }

    private func failAll() {
        while let transfer = live.last {
            end(transfer, transfer.exchange.map { Self.shutdown($0) })
        }
    }

    private static func shutdown(_ exchange: any Exchange) -> HTTPFailure {
        HTTPFailure(
            .cancelledByShutdown,
            exchange.request,
            "the client was shut down",
            mayHaveReachedServer: exchange.transfer?.hasReachedServer ?? false
        )
    }

    private func end(_ transfer: Transfer, _ failure: HTTPFailure?) {
        let exchange = transfer.exchange
        remove(transfer)
        exchange?.end(failure)
    }

    /// Takes the transfer out of libcurl, which closes its connection or stream unless it was complete.
    private func remove(_ transfer: Transfer) {
        curl_multi_remove_handle(multi, transfer.easy)
        let last = live.removeLast()
        if last !== transfer {
            last.slot = transfer.slot
            live[transfer.slot] = last
        }
        if let exchange = transfer.exchange {
            exchange.transfer = nil
            if exchange.isStream {
                streams -= 1
                allowConnections()
            }
        }
        transfer.clear()
        if spare.count < Self.spareLimit { spare.append(transfer) }
    }

    private func restMilliseconds() -> Int32 {
        guard nextLimit < .max else { return .max }
        return Int32(clamping: max(0, nextLimit - monotonicMilliseconds()))
    }
}
