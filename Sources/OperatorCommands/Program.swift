internal import Glibc
internal import HomeostatAPI
internal import ModelDeployments

/// The program `homeostat`: picks the command and turns its end into an exit code.
package enum Program {
    package static let version = "0.1.0"

    /// A command of the program.
    struct Command: Sendable {
        var name: String
        var summary: String
        var options: [CommandArguments.Option]
        var run: @Sendable (CommandArguments) async throws -> Int32
    }

    static let commands = [
        Command(
            name: "operator",
            summary: "Watch ModelDeployments and roll them out.",
            options: OperatorCommand.options,
            run: OperatorCommand.run
        ),
        Command(
            name: "up",
            summary: "Run a cluster on this machine, with the operator in it, until Ctrl-C.",
            options: UpCommand.options,
            run: UpCommand.run
        ),
        Command(
            name: "crds",
            summary: "Print the custom resource definitions as YAML.",
            options: [
                CommandArguments.Option("without-cel", nil, "For API servers before 1.25, which have no CEL.")
            ],
            run: { arguments in
                for definition in CustomResourceDefinitions.all {
                    write((arguments.has("without-cel") ? definition.withoutCEL : definition).yaml)
                }
                return 0
            }
        ),
        Command(
            name: "transitions",
            summary: "Print the table of all moves a rollout can make, as Markdown.",
            options: [],
            run: { _ in
                write(Position.markdown)
                return 0
            }
        ),
        Command(
            name: "version",
            summary: "Print the version.",
            options: [],
            run: { _ in
                write("homeostat \(version)\n")
                return 0
            }
        ),
    ]

    /// Runs a command line.
    ///
    /// - Parameter arguments: Without the program's own name.
    /// - Returns: The exit code: 0 when all went well, 2 for a command line that cannot be understood, 1 otherwise.
    package static func run(_ arguments: [String]) async -> Int32 {
        guard let name = arguments.first, !["--help", "-h", "help"].contains(name) else {
            write(help)
            return arguments.isEmpty ? 2 : 0
        }
        guard let command = commands.first(where: { $0.name == name }) else {
            complain("homeostat: \"\(name)\" is not a command\n\n\(help)")
            return 2
        }
        let rest = Array(arguments.dropFirst())
        guard !rest.contains("--help") else {
            write(help(command))
            return 0
        }
        do {
            return try await command.run(try CommandArguments(rest, options: command.options))
        } catch let fault as CommandArguments.Fault {
            complain("homeostat \(name): \(fault)\n\n\(help(command))")
            return 2
        } catch {
            complain("homeostat \(name): \(error)\n")
            return 1
        }
    }

    static var help: String {
        let list = commands.map { "  \(pad($0.name, 14))\($0.summary)\n" }.joined()
        return "Usage: homeostat COMMAND [OPTIONS]\n\nKeeps machine-learning models on Kubernetes healthy.\n\n\(list)\n"
            + "\"homeostat COMMAND --help\" tells more.\n"
    }

    static func help(_ command: Command) -> String {
        let list = command.options.map { option in
            let name = "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
            return "  \(pad(name, 30))\(option.help)\n"
        }
        return "Usage: homeostat \(command.name)\(command.options.isEmpty ? "" : " [OPTIONS]")\n\n\(command.summary)\n"
            + (list.isEmpty ? "" : "\n" + list.joined())
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    static func write(_ text: String) { put(text, STDOUT_FILENO) }
    private static func complain(_ text: String) { put(text, STDERR_FILENO) }

    private static func put(_ text: String, _ file: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            // A reader that has gone, as of a pipe into `head`, is no failure.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
