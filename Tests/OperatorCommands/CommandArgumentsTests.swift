import Testing

@testable import OperatorCommands

@Suite("Command line") struct CommandArgumentsTests {
    private let options = [
        CommandArguments.Option("name", "TEXT", ""), CommandArguments.Option("workers", "NUMBER", ""),
        CommandArguments.Option("leader-elect", nil, ""),
    ]

    @Test("options are read with a space or an equals sign, switches without a value")
    func reads() throws {
        let arguments = try CommandArguments(["--name", "a=b", "--leader-elect", "--workers=3"], options: options)
        #expect(arguments["name"] == "a=b" && arguments.has("leader-elect"))
        #expect(try arguments.integer("workers", minimum: 1) == 3)
        #expect(try CommandArguments([], options: options)["name"] == nil)
        #expect(try CommandArguments(["--name="], options: options)["name"]?.isEmpty == true)
    }

    @Test(
        "what is not understood is named",
        arguments: [
            (["--nmae", "a"], "--nmae is not an option"), (["a"], "\"a\" is not expected"),
            (["--name"], "--name lacks"),
            (["--name", "a", "--name", "b"], "given twice"), (["--leader-elect=no"], "takes no value"),
        ]
    )
    func refuses(arguments: [String], text: String) {
        let fault = #expect(throws: CommandArguments.Fault.self) { try CommandArguments(arguments, options: options) }
        #expect(fault?.description.contains(text) == true)
    }

    @Test(
        "numbers out of range are refused with the option's name",
        arguments: ["0", "x", "1.5", "99999999999999999999"]
    )
    func numbers(text: String) throws {
        let arguments = try CommandArguments(["--workers", text], options: options)
        let fault = #expect(throws: CommandArguments.Fault.self) { try arguments.integer("workers", minimum: 1) }
        #expect(fault?.description.contains("--workers: \"\(text)\"") == true)
    }

    @Test("an unknown command and a wrong option end with code 2")
    func exitCodes() async {
        #expect(await Program.run(["fly"]) == 2)
        #expect(await Program.run(["operator", "--log-level", "loud"]) == 2)
        #expect(await Program.run(["operator", "--metrics-address", "nowhere"]) == 2)
    }

    @Test("a kubeconfig that is not there is a plain error")
    func missingKubeconfig() async { #expect(await Program.run(["operator", "--kubeconfig", "/nonexistent"]) == 1) }
}
