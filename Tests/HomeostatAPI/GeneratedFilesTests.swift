import FoundationEssentials
import HomeostatAPI
import JSON
import Testing

/// The root of the package.
private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// Compares a committed file with what it is made from.
///
/// With `HOMEOSTAT_WRITE_GENERATED=1` in the environment the file is written first.
private func expectGenerated(_ text: String, at path: String) throws {
    let url = root.appending(path: path)
    if ProcessInfo.processInfo.environment["HOMEOSTAT_WRITE_GENERATED"] == "1" {
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }
    let committed = String(decoding: try Data(contentsOf: url), as: UTF8.self)
    #expect(
        committed == text,
        "\(path) is not what the types say; run the tests with HOMEOSTAT_WRITE_GENERATED=1 and commit it"
    )
}

@Suite("The files made from the types")
struct GeneratedFilesTests {
    @Test("hold the CRDs", arguments: CustomResourceDefinitions.all.map(\.file))
    func definitions(file: String) throws {
        let definition = try #require(CustomResourceDefinitions.all.first { $0.file == file })
        try expectGenerated(definition.yaml, at: "CRDs/\(file)")
        try expectGenerated(definition.withoutCEL.yaml, at: "CRDs/kubernetes-1.20/\(file)")
        try expectGenerated(definition.yaml, at: "Charts/homeostat-crds/definitions/\(file)")
        try expectGenerated(definition.withoutCEL.yaml, at: "Charts/homeostat-crds/definitions/kubernetes-1.20/\(file)")
    }

    @Test("fit into the annotation of a client-side apply", arguments: CustomResourceDefinitions.all.map(\.file))
    func size(file: String) throws {
        let definition = try #require(CustomResourceDefinitions.all.first { $0.file == file })
        // The annotation holds compact JSON, and other annotations need room too.
        #expect(definition.value.bytes().count < CustomResourceDefinitions.limitBytes / 2)
    }

    @Test("hold the reference")
    func reference() throws {
        try expectGenerated(Reference.modelDeployment, at: "docs/modeldeployment.md")
    }
}
