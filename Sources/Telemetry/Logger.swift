package import FoundationEssentials

/// Writes a log: one JSON object per line, each line one write.
///
/// A line is a constant lower-case message and fields with dotted keys:
/// `logger.info("model promoted", ["object.name": .string(name), "weight": 100])`. The fields are evaluated only when
/// the level is wanted. A logger is a value: ``with(_:)`` makes one that says more.
package struct Logger: Sendable {
    /// How much a line matters.
    package enum Level: Int, Sendable, Comparable, CaseIterable, CustomStringConvertible {
        /// Someone must look.
        case error
        /// Degraded, carrying on.
        case warning
        /// A state changed.
        case info
        /// Each step.
        case debug

        /// The level of a name as on a command line (`error`, `warning`, `info`, `debug`); nil for any other.
        package init?(name: String) {
            guard let level = Self.allCases.first(where: { $0.description == name }) else { return nil }
            self = level
        }

        /// The name, in lower case.
        package var description: String {
            switch self {
            case .error: "error"
            case .warning: "warning"
            case .info: "info"
            case .debug: "debug"
            }
        }

        /// Whether a level matters more than another.
        package static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    }

    /// The least urgent level that is written.
    package var level: Level
    private let sink: Sink
    private let now: @Sendable () -> Date
    private var bound = Fields()

    /// Creates a logger.
    ///
    /// - Parameters:
    ///   - level: The least urgent level that is written.
    ///   - sink: Where lines go.
    ///   - now: The wall clock for the lines' times.
    package init(
        level: Level = .info,
        sink: Sink = .standardError,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.level = level
        self.sink = sink
        self.now = now
    }

    /// A logger that writes nothing.
    package static let silent = Logger(level: .error, sink: Sink { _ in })

    /// A logger whose every line also has these fields; one of the same key is replaced.
    package func with(_ fields: Fields) -> Logger {
        var logger = self
        logger.bound.merge(fields)
        return logger
    }

    /// Writes a line that someone must look at.
    package func error(_ message: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        log(.error, message, fields())
    }

    /// Writes a line about something degraded.
    package func warning(_ message: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        log(.warning, message, fields())
    }

    /// Writes a line about a change of state.
    package func info(_ message: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        log(.info, message, fields())
    }

    /// Writes a line about a step.
    package func debug(_ message: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        log(.debug, message, fields())
    }

    /// Writes a line of a level known only at run time.
    package func log(_ level: Level, _ message: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        guard level <= self.level else { return }
        var all = bound
        all.merge(fields())
        sink.write(LogLine.bytes(time: now(), level: level, message: message, fields: all))
    }
}
