import FoundationEssentials
import Glibc
import ModelServing

@main
struct ModelServer {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        exit(await ModelServerProgram.main(arguments, environment: ProcessInfo.processInfo.environment))
    }
}
