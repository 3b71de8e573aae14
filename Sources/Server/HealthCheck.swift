/// What a check found.
package enum CheckResult: Sendable, Equatable {
    /// All is well.
    case ok
    /// It is not, and why: shown to whoever asks, so never a secret.
    case failed(String)
}

/// A named question about the program's state.
package struct HealthCheck: Sendable {
    /// The name, a path segment: `cache`, `leader`.
    package var name: String
    /// Answers the question; called for every probe, so it must be quick.
    package var run: @Sendable () async -> CheckResult

    /// Creates a check.
    package init(_ name: String, run: @escaping @Sendable () async -> CheckResult) {
        self.name = name
        self.run = run
    }
}

/// The checks behind one path, answered as Kubernetes's own components answer.
///
/// All well: 200 and `ok`. Otherwise 500 and a line for each check, `[+]leader ok` or `[-]cache failed: reason`. With
/// `?verbose` the lines come in either case, `?exclude=name` leaves a check out, and `/path/name` asks for one.
struct HealthPage: Sendable {
    let name: String
    let checks: [HealthCheck]

    /// The status and text for all checks.
    func all(isVerbose: Bool, excluding excluded: Set<String>) async -> (status: Int, text: String) {
        let results = await withTaskGroup(of: (Int, CheckResult).self) { group in
            for (index, check) in checks.enumerated() where !excluded.contains(check.name) {
                group.addTask { (index, await check.run()) }
            }
            return await group.reduce(into: [Int: CheckResult]()) { $0[$1.0] = $1.1 }
        }
        let failed = results.values.contains { $0 != .ok }
        guard failed || isVerbose else { return (200, "ok\n") }
        var lines = checks.enumerated().map { index, check in
            switch results[index] {
            case .ok: "[+]\(check.name) ok"
            case .failed(let reason): "[-]\(check.name) failed: \(reason)"
            case nil: "[+]\(check.name) excluded: ok"
            }
        }
        lines.append("\(name) check \(failed ? "failed" : "passed")")
        return (failed ? 500 : 200, lines.joined(separator: "\n") + "\n")
    }

    /// The status and text for one check; nil when there is none of this name.
    func one(_ name: String) async -> (status: Int, text: String)? {
        guard let check = checks.first(where: { $0.name == name }) else { return nil }
        switch await check.run() {
        case .ok: return (200, "ok\n")
        case .failed(let reason): return (500, "failed: \(reason)\n")
        }
    }
}
