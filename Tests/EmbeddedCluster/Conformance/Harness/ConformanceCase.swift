import JSON
import Testing

/// One thing that holds of a Kubernetes API server, whichever it is.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// Whether it needs a server that has been up for five minutes, after which etcd's history is first cut.
    let needsForgottenVersions: Bool
    let body: @Sendable (API) async throws -> Void

    init(
        _ name: String,
        needsForgottenVersions: Bool = false,
        _ body: @escaping @Sendable (API) async throws -> Void
    ) {
        self.name = name
        self.needsForgottenVersions = needsForgottenVersions
        self.body = body
    }

    var testDescription: String { name }

    /// All of them, by subject.
    static let all: [ConformanceCase] = [
        ObjectCases.all, RequestCases.all, ListCases.all, SelectorCases.all, WatchCases.all, PatchCases.all,
        ApplyCases.all, DeletionCases.all, CollectionCases.all, SubresourceCases.all, DefaultCases.all,
        ValidationCases.all, CustomResourceCases.all, DiscoveryCases.all, TableCases.all, DryRunCases.all,
        NamespaceCases.all, AccessCases.all,
    ].flatMap { $0 }

    /// Runs it in a namespace of its own.
    func run(on target: Target) async throws {
        let api = API(target, namespace: "conf-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))")
        let made = try await api.post("/api/v1/namespaces", ["metadata": ["name": .string(api.namespace)]])
        try #require(made.status == 201, "\(made.text)")
        do { try await body(api) } catch {
            await api.cleanUp()
            throw error
        }
        await api.cleanUp()
    }
}
