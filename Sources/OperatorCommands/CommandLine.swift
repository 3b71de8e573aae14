/// What stands after the program's name, taken apart.
///
/// Options are `--name value` or `--name=value`; switches are `--name`. Nothing is guessed: what no command knows is an
/// error that names it.
package struct CommandArguments: Sendable {
    /// What is wrong with a command line, told to the person who typed it.
    package struct Fault: Error, Sendable, Equatable, CustomStringConvertible {
        package var description: String

        package init(_ description: String) { self.description = description }
    }

    /// An option of a command.
    package struct Option: Sendable {
        package var name: String
        /// What stands for the value in the help; nil for a switch.
        package var value: String?
        package var help: String

        package init(_ name: String, _ value: String? = nil, _ help: String) {
            self.name = name
            self.value = value
            self.help = help
        }
    }

    private var values: [String: String] = [:]
    private var switches: Set<String> = []

    /// Takes arguments apart.
    ///
    /// - Throws: ``Fault`` for an option that is not among `options`, comes twice, or lacks its value.
    package init(_ arguments: [String], options: [Option]) throws(Fault) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                throw Fault("\"\(argument)\" is not expected here; options begin with \"--\"")
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts.first.map(String.init) ?? ""
            guard let option = options.first(where: { $0.name == name }) else {
                let known = options.map { "--\($0.name)" }.joined(separator: ", ")
                throw Fault("--\(name) is not an option; there are \(known.isEmpty ? "none" : known)")
            }
            guard values[name] == nil, !switches.contains(name) else { throw Fault("--\(name) is given twice") }
            guard option.value != nil else {
                guard parts.count == 1 || parts[1] == "true" else { throw Fault("--\(name) takes no value") }
                switches.insert(name)
                continue
            }
            if parts.count == 2 {
                values[name] = String(parts[1])
            } else if let value = rest.popFirst() {
                values[name] = value
            } else {
                throw Fault("--\(name) lacks its value; write --\(name) \(option.value ?? "VALUE")")
            }
        }
    }

    /// Whether a switch is given.
    package func has(_ name: String) -> Bool { switches.contains(name) }

    /// The value of an option.
    package subscript(_ name: String) -> String? { values[name] }

    /// The value of an option as a whole number of at least `minimum`.
    package func integer(_ name: String, minimum: Int) throws(Fault) -> Int? {
        guard let text = values[name] else { return nil }
        guard let number = Int(text), number >= minimum else {
            throw Fault("--\(name): \"\(text)\" is not a whole number of at least \(minimum)")
        }
        return number
    }
}
