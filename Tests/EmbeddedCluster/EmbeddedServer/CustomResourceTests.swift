import EmbeddedAPI
import EmbeddedServer
import JSON
import Kubernetes
import Testing

@Suite("Custom resources on the embedded server", .timeLimit(.minutes(1)))
struct CustomResourceTests {
    let fixture: ServerFixture

    init() throws {
        fixture = try ServerFixture()
        try fixture.create(.customResourceDefinition, Sample.widgetDefinition)
    }

    @Test("ends the watches of a custom resource that is defined no more") func definitionDeleted() async throws {
        var watch = try await fixture.open("/apis/example.com/v1/namespaces/default/widgets?watch=1")
        try fixture.create(Sample.widget, ["metadata": ["name": "a"], "spec": ["size": 1]])
        #expect(try await watch.event() == "ADDED a")
        try fixture.delete(.customResourceDefinition, "widgets.example.com")
        while try await watch.next() != nil {}
    }

    @Test("are discovered") func discovery() async throws {
        let groups = try await fixture.ask("/apis").json["groups"]?.array ?? []
        #expect(groups.contains { $0["name"] == "example.com" })
        #expect(try await fixture.ask("/apis/example.com/v1").json["resources"]?[0]?["shortNames"] == ["wd"])
    }

    @Test("are printed with the columns of their definition", .enabled(if: Kubectl.path != nil))
    func columns() async throws {
        let kubectl = try Kubectl(fixture.server)
        try fixture.create(Sample.widget, ["metadata": ["name": "a"], "spec": ["size": 3, "colour": "red"]])
        let widgets = try await kubectl.succeed("get", "widgets")
        #expect(
            widgets.split(separator: "\n").map { $0.split(separator: " ").prefix(2) } == [
                ["NAME", "SIZE"], ["a", "3"],
            ]
        )
        #expect(try await kubectl.succeed("get", "wd", "-o", "wide").contains("COLOUR"))
    }
}
