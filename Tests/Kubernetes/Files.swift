import Foundation
import Processes

/// A folder for one test, removed with it.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "homeostat-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file whole, in place of one that may be there, and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String, executable: Bool = false) throws -> String {
        let file = path + "/" + name
        let folder = (file as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        if executable {
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        }
        return file
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: path + "/" + name, encoding: .utf8) }

    func copy(_ from: String, to: String) throws { try write(to, read(from)) }

    /// Runs a shell script in the folder.
    func shell(_ script: String) async throws {
        let shell = ChildProcess.Settings(
            "/bin/sh",
            ["-ec", script],
            environment: ProcessInfo.processInfo.environment,
            folder: path
        )
        let report = try await ChildProcess.run(shell, timeLimit: .seconds(50))
        guard report.exit.code == 0 else { throw CocoaError(.executableLoad) }
    }

    /// Makes an authority `ca`, a server's pair for 127.0.0.1, and client pairs of these names.
    func certificates(clients: [String]) async throws {
        var script = """
            key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
            openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=authority -days 2
            openssl req $key -keyout server.key -out server.csr -subj /CN=server
            echo subjectAltName=IP:127.0.0.1,DNS:api.example.com > names
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names

            """
        for client in clients {
            script += """
                openssl req $key -keyout \(client).key -out \(client).csr -subj /CN=\(client)
                openssl x509 -req -in \(client).csr -CA ca.pem -CAkey ca.key -CAcreateserial -out \(client).pem -days 2

                """
        }
        try await shell(script)
    }
}
