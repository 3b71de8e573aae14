/// Why an expression cannot be compiled, or has no value.
package struct CELError: Error, Hashable, CustomStringConvertible {
    /// What a caller can do about it.
    package enum Reason: String, Sendable {
        /// The expression is wrong whatever it is given.
        case compilation
        /// There is no value for what it was given, as when a key is missing.
        case evaluation
        /// It took more work than it may.
        case costLimit
    }

    package var reason: Reason
    /// As cel-go words it: `no such key: name`; with line, column and the line's text if it is about the expression.
    package var message: String

    package var description: String { message }

    static let noOverload = CELError.evaluation("no such overload")

    static func evaluation(_ message: String) -> CELError { CELError(reason: .evaluation, message: message) }

    static func compilation(_ message: String, at offset: Int, in scalars: [Unicode.Scalar]) -> CELError {
        let before = scalars.prefix(offset)
        let lineStart = before.lastIndex(of: "\n").map { $0 + 1 } ?? 0
        let lineEnd = scalars[lineStart...].firstIndex(of: "\n") ?? scalars.count
        var line = String.UnicodeScalarView()
        line.append(contentsOf: scalars[lineStart..<lineEnd])
        let column = offset - lineStart
        let place = "\(before.count { $0 == "\n" } + 1):\(column + 1)"
        let text =
            "ERROR: <input>:\(place): \(message)\n | \(String(line))\n | \(String(repeating: ".", count: column))^"
        return CELError(reason: .compilation, message: text)
    }
}
