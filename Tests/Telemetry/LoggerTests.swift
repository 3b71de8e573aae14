import FoundationEssentials
import Synchronization
import Testing

@testable import Telemetry

struct LoggerTests {
    final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        var sink: Logger.Sink {
            Logger.Sink { line in self.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
        }
    }

    let lines = Lines()

    func logger(_ level: Logger.Level = .info) -> Logger {
        Logger(level: level, sink: lines.sink) { Date(timeIntervalSince1970: 1_790_000_000.25) }
    }

    @Test("writes one JSON object a line, fields in the order given")
    func line() {
        logger().info(
            "model promoted",
            [
                "object.name": .string("churn \"v2\"\n"), "weight": 100, "share": 0.5, "final": true,
                "took": .duration(.milliseconds(1500)), "step": "\(2 + 1)",
            ]
        )
        #expect(
            lines.all == [
                #"{"time":"2026-09-21T14:13:20.250Z","level":"info","message":"model promoted","#
                    + #""object.name":"churn \"v2\"\n","weight":100,"share":0.5,"final":true,"took":1.5,"step":"3"}"#
                    + "\n"
            ]
        )
    }

    @Test("writes levels up to its own and evaluates no field of the others")
    func levels() {
        let evaluated = Mutex(0)
        func field() -> Logger.Value {
            evaluated.withLock { $0 += 1 }
            return 1
        }
        let logger = logger(.warning)
        logger.debug("d", ["f": field()])
        logger.info("i", ["f": field()])
        logger.warning("w", ["f": field()])
        logger.error("e", ["f": field()])
        #expect(lines.all.count == 2)
        #expect(lines.all[0].contains(#""level":"warning""#))
        #expect(lines.all[1].contains(#""level":"error""#))
        #expect(evaluated.withLock { $0 } == 2)
    }

    @Test("adds bound fields first and lets a line replace them")
    func bound() {
        let bound = logger().with(["a": 1, "b": 2]).with(["c": 3, "a": 4])
        bound.info("m", ["b": 5])
        #expect(lines.all.first?.hasSuffix("\"message\":\"m\",\"a\":4,\"b\":5,\"c\":3}\n") == true)
    }

    @Test("does not write secrets, whatever is passed", arguments: ["token", "request.authorization", "db.password"])
    func secrets(key: String) {
        var fields: Logger.Fields = ["kept": "yes"]
        fields[key] = "hunter2"
        logger().info("m", fields)
        #expect(lines.all.first?.contains("hunter2") == false)
        #expect(lines.all.first?.contains("\"\(key)\":\"[redacted]\"") == true)
        #expect(lines.all.first?.contains(#""kept":"yes""#) == true)
    }

    @Test("names an error and keeps a secret's name, which is no secret")
    func errors() {
        struct Cause: Error, CustomStringConvertible { var description: String { "cannot read \"x\": gone" } }
        logger().error("read failed", ["error": .error(Cause()), "secret.name": "tls"])
        #expect(lines.all.first?.contains(#""error":"cannot read \"x\": gone","secret.name":"tls""#) == true)
    }

    @Test(
        "writes times in RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (-0.001, "1969-12-31T23:59:59.999Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399.999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (1e300, "9999-12-31T23:59:59.999Z"),
            (-1e300, "0000-01-01T00:00:00.000Z"),
        ]
    )
    func times(seconds: Double, text: String) {
        #expect(LogLine.timestamp(Date(timeIntervalSince1970: seconds)) == text)
    }

    @Test("agrees with Foundation about dates over four centuries")
    func dates() {
        for day in stride(from: -80_000, to: 80_000, by: 97) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400 + 43_200)
            #expect(
                LogLine.timestamp(date) == date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
            )
        }
    }
}
