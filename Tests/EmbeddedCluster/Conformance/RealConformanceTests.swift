import Foundation
import HTTPTransport
import Kubernetes
import Testing

/// The suite against the API server of a real cluster.
///
/// It runs when `HOMEOSTAT_TEST_KUBECONFIG` names a kubeconfig of an administrator; its facts are those of 1.20.2.
/// The cluster may be a minute old, so nothing is asked that needs an older one.
@Suite(
    "Conformance of a real API server",
    .enabled(if: ProcessInfo.processInfo.environment["HOMEOSTAT_TEST_KUBECONFIG"] != nil),
    .timeLimit(.minutes(2))
)
struct RealConformanceTests {
    private static let target = Result { try makeTarget() }

    private static func makeTarget() throws -> Target {
        let environment = ProcessInfo.processInfo.environment
        let configuration = try ClientConfiguration.load(
            path: environment["HOMEOSTAT_TEST_KUBECONFIG"],
            environment: environment
        )
        func bytes(_ material: ClientConfiguration.Material?) throws -> [UInt8]? {
            switch material {
            case nil: nil
            case .data(let bytes): bytes
            case .file(let path): Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            }
        }
        let tls = TLSConfiguration(
            certificateAuthority: try bytes(configuration.certificateAuthority),
            clientCertificate: try bytes(configuration.clientCertificate),
            clientKey: try bytes(configuration.clientKey)
        )
        let client = try HTTPClient(HTTPClientConfiguration(tls: tls, userAgent: "conformance/1"))
        return Target(url: configuration.server, client: client, token: nil)
    }

    @Test("holds of kube-apiserver", arguments: ConformanceCase.all.filter { !$0.needsForgottenVersions })
    func conforms(_ item: ConformanceCase) async throws { try await item.run(on: Self.target.get()) }
}
