import Foundation
import Testing

@testable import ModelDeployments

@Suite("Documentation") struct DocumentationTests {
    @Test("docs/rollouts.md prints the table of moves as it is")
    func transitions() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/rollouts.md"), encoding: .utf8)
        let start = try #require(text.range(of: "<!-- transitions -->\n"))
        let end = try #require(text.range(of: "<!-- /transitions -->"))
        #expect(text[start.upperBound..<end.lowerBound] == "\n\(Position.markdown)\n")
    }
}
