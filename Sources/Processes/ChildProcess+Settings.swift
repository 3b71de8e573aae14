package import FoundationEssentials
import Glibc
import Synchronization

extension ChildProcess {
    /// What to start, and with what around it.
    package struct Settings: Sendable {
        /// A path, or a name without a slash.
        ///
        /// A relative path begins in ``folder``; a name is looked for in the `PATH` of this process.
        package var program: String
        /// The arguments without the program's name.
        package var arguments: [String]
        /// The whole environment; nothing is inherited.
        package var environment: [String: String]
        /// The working directory; nil for that of this process.
        package var folder: String?
        /// Where standard input comes from.
        package var input: Input
        /// Where standard output goes.
        package var output: Output
        /// Where standard error goes; nil to follow standard output.
        package var errors: Output?

        /// Without more, a program with an empty environment that reads nothing and whose output is thrown away.
        package init(
            _ program: String,
            _ arguments: [String] = [],
            environment: [String: String] = [:],
            folder: String? = nil,
            input: Input = .null,
            output: Output = .null,
            errors: Output? = nil
        ) {
            self.program = program
            self.arguments = arguments
            self.environment = environment
            self.folder = folder
            self.input = input
            self.output = output
            self.errors = errors
        }
    }

    /// Where a child's standard input comes from.
    package enum Input: Sendable {
        /// Nowhere: it is at its end.
        case null
        /// A file by its path.
        case file(String)
        /// A descriptor of this process, which remains its owner's.
        case descriptor(Int32)
    }

    /// Where what a child says goes.
    package enum Output: Sendable {
        /// Nowhere.
        case null
        /// The end of a file by its path; it is made, for this user alone, when it is not there.
        case file(String)
        /// A descriptor of this process, which remains its owner's.
        case descriptor(Int32)
        /// To this process, as it comes, and an empty part at the end.
        ///
        /// Called on a thread of the child's own, one part after the other; while it blocks, the child does too.
        case parts(@Sendable ([UInt8]) -> Void)

        /// To this process, line by line, without the line feeds.
        ///
        /// Called as ``parts(_:)`` is. What is no UTF-8 is repaired; of lines over 1 MiB each MiB is one.
        package static func lines(_ take: @escaping @Sendable (String) -> Void) -> Output {
            let splitter = Mutex(LineSplitter(limitBytes: 1 << 20))
            return .parts { part in
                for line in splitter.withLock({ $0.take(part) }) { take(String(decoding: line, as: UTF8.self)) }
            }
        }
    }

    /// How a child ended, and what it used.
    package struct Exit: Sendable, Equatable {
        /// What ended it.
        package enum Status: Sendable, Equatable {
            /// It ended by itself with this status, 0 to 255.
            case exited(Int32)
            /// This signal ended it.
            case signalled(Int32)
            /// Somebody else in this process asked the system first, which tells only once.
            case unknown
        }

        /// What ended it.
        package var status: Status
        /// When, give or take the time to notice.
        package var endTime: Date
        /// The CPU time in user mode of it and of those of its children that it waited for.
        package var userTime: Duration
        /// The same in the kernel.
        package var systemTime: Duration
        /// The most memory that it, or one of those children, had at one time.
        package var peakResidentBytes: Int

        /// The status as shells have it: 128 and more for a signal; -1 when it is not known.
        package var code: Int32 {
            switch status {
            case .exited(let code): code
            case .signalled(let number): 128 + number
            case .unknown: -1
            }
        }
    }

    /// Why a child could not be started, or not be let run to its end.
    package struct Failure: Error, CustomStringConvertible {
        /// What a caller may act on.
        package enum Reason: String, Sendable {
            case notFound, cannotStart, tooSlow, tooMuchOutput
        }

        /// What a caller may act on.
        package var reason: Reason
        /// The program that was to run.
        package var program: String
        /// What happened, without the program.
        package var detail: String
        /// The whole sentence.
        package var description: String { "cannot run \"\(program)\": \(detail)" }
    }
}

/// Makes lines of parts.
struct LineSplitter {
    let limitBytes: Int
    private var partial: [UInt8] = []

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    /// The lines that a part ends; an empty part ends the last one.
    mutating func take(_ part: [UInt8]) -> [[UInt8]] {
        guard !part.isEmpty else {
            defer { partial = [] }
            return partial.isEmpty ? [] : [partial]
        }
        var lines: [[UInt8]] = []
        var rest = part[...]
        while !rest.isEmpty {
            let room = limitBytes - partial.count
            let end = rest.prefix(room + 1).firstIndex(of: UInt8(ascii: "\n"))
            partial += rest[..<(end ?? min(rest.endIndex, rest.startIndex + room))]
            if let end {
                rest = rest[(end + 1)...]
            } else {
                rest = rest.dropFirst(room)
                if partial.count < limitBytes || rest.isEmpty { break }
            }
            lines.append(partial)
            partial = []
        }
        return lines
    }
}
