import OperatorCommands

#if canImport(Glibc)
import Glibc
#endif

exit(await Program.run(Array(CommandLine.arguments.dropFirst())))
