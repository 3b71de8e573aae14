import JSON
import Testing

@testable import YAML

@Suite("YAML") struct YAMLTests {
    @Test(
        "plain scalars mean what they mean to kubectl",
        arguments: [
            ("true", JSONValue.bool(true)), ("Yes", true), ("on", true), ("y", true), ("N", false), ("off", false),
            ("FALSE", false), ("null", .null), ("~", .null), ("", .null), ("yeS", "yeS"), ("0", 0), ("-17", -17),
            ("+5", 5), ("0644", 420), ("0o17", 15), ("0x1F", 31), ("0b101", 5), ("-0x10", -16), ("1_000", 1000),
            ("08", 8), ("1.5", 1.5), ("1.0", 1), ("1e3", 1000), (".5", 0.5), ("1.", 1), ("-2.5e-3", -0.0025),
            ("9223372036854775807", .integer(.max)), ("9223372036854775808", 9_223_372_036_854_775_808.0),
            ("1e999", "1e999"), ("1.2.3", "1.2.3"), ("10m", "10m"), ("2026-11-20", "2026-11-20"),
            ("12:30:45", "12:30:45"), ("+-5", "+-5"), ("0x", "0x"), (".", "."),
            ("plain text", "plain text"),
        ]
    )
    func plain(text: String, value: JSONValue) throws {
        #expect(try YAML.parse("a: \(text)\n")["a"] == value)
    }

    @Test(
        "quoted scalars stay strings",
        arguments: ["\"true\"", "'5'", "\"0644\"", "'null'", "''", "!!str 5", "!!str yes", "|-\n  12", ">-\n  yes"]
    )
    func quoted(text: String) throws {
        let value = try YAML.parse("a: \(text)\n")["a"]
        #expect(value?.string != nil)
    }

    @Test("block and flow collections, comments and multi-line text are read") func collections() throws {
        let text = """
            # a comment
            name: x   # another
            list:
            - a: 1
              b: [2, {c: 3}]
            -
              - nested
            text: |
              line one
                line two

            folded: >-
              one
              two
            empty:
            tabs: "a\\tb\\u00e9\\x41"
            """
        #expect(
            try YAML.parse(text) == [
                "name": "x", "list": [["a": 1, "b": [2, ["c": 3]]], ["nested"]], "text": "line one\n  line two\n",
                "folded": "one two", "empty": nil, "tabs": "a\tbéA",
            ]
        )
    }

    @Test("keys that are no strings become strings") func keys() throws {
        #expect(
            try YAML.parse("{1: a, true: b, 1.5: c, off: d}")
                == ["1": "a", "true": "b", "1.5": "c", "false": "d"]
        )
    }

    @Test("anchors and merge keys are expanded; own keys win, then earlier sources") func merge() throws {
        let text = """
            base: &base {image: a, replicas: 1}
            more: &more {replicas: 2, extra: x}
            one: {<<: *base, replicas: 5}
            two:
              <<: [*base, *more]
              own: *base
            text: "<<"
            """
        let value = try YAML.parse(text)
        #expect(value["one"] == ["replicas": 5, "image": "a"])
        #expect(value["two"] == ["own": ["image": "a", "replicas": 1], "image": "a", "replicas": 1, "extra": "x"])
    }

    @Test("several documents are read, empty ones left out; one is required where one is asked for") func documents()
        throws
    {
        #expect(try YAML.parseAll("---\na: 1\n---\n# nothing\n---\n[2]\n...\n") == [["a": 1], [2]])
        #expect(try YAML.parseAll("") == [])
        #expect(try YAML.parse("") == .null)
        #expect { try YAML.parse("a: 1\n---\nb: 2\n") } throws: { ($0 as? YAMLError)?.reason == .documents }
    }

    @Test(
        "errors name the line and the column",
        arguments: [
            ("a: 1\nb: 2\na: 3\n", YAMLError.Reason.duplicateKey, 3, 1),
            ("a:\n  x: 1\n  y: 2\n  \"x\": 3\n", .duplicateKey, 4, 3),
            ("a: [1, 2\nb: 3\n", .syntax, 2, 2),
            ("a: *nowhere\n", .unknownAnchor, 1, 4),
            ("a: &x [*x]\n", .unknownAnchor, 1, 8),
            ("a: .inf\n", .unsupportedValue, 1, 4),
            ("a: !custom 5\n", .unsupportedTag, 1, 4),
            ("a: !!int x\n", .unsupportedTag, 1, 4),
            ("? [a]\n: 1\n", .unsupportedKey, 1, 3),
            ("~: 1\n", .unsupportedKey, 1, 1),
            ("a: 1\n<<: 5\n", .syntax, 2, 5),
            ("a:\n\tb: 1\n", .syntax, 2, 1),
        ]
    )
    func errors(text: String, reason: YAMLError.Reason, line: Int, column: Int) throws {
        let error = #expect(throws: YAMLError.self) { try YAML.parse(text) }
        #expect(error?.reason == reason && error?.line == line && error?.column == column, "\(error as Any)")
    }

    @Test("text that is not UTF-8 is refused where it breaks") func encoding() {
        let error = #expect(throws: YAMLError.self) { try YAML.parse(Array("a: 1\nb: ".utf8) + [0xFF, 0x0A]) }
        #expect(error?.reason == .encoding && error?.line == 2 && error?.column == 4)
    }

    @Test("aliases that multiply without end are refused") func laughs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let alias = "*a\(level - 1)"
            text += "a\(level): &a\(level) [\(Array(repeating: alias, count: 10).joined(separator: ", "))]\n"
        }
        #expect { try YAML.parse(text) } throws: { ($0 as? YAMLError)?.reason == .tooLarge }
    }

    @Test("nesting beyond the bound is refused, by brackets and by aliases") func depth() throws {
        let deep = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        _ = try YAML.parse(deep)
        #expect { try YAML.parse("[" + deep + "]") } throws: { ($0 as? YAMLError)?.reason == .tooDeep }
        var text = "a0: &a0 [x]\n"
        for level in 1...300 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect { try YAML.parse(text) } throws: { ($0 as? YAMLError)?.reason == .tooDeep }
    }

    @Test("what is written reads back equal") func roundTrip() throws {
        let strings = [
            "", "a", "true", "y", "No", "null", "~", "5", "0644", "1.5", "1e3", ".inf", "2026-11-20", "12:30", "1_0",
            "a: b", "a:", ":a", "a #b", "#a", "- a", "-a", "--", "?", "[a", "{a", "*a", "&a", "!a", "|", ">", "%a",
            "@a",
            "`a", "'a'", "\"a\"", " a", "a ", "a\nb", "a\nb\n", "a\nb\n\n", "\na", "  a\nb", "\n", "\n\n", "a\r\nb",
            "a\tb", "\ta\nb", "a\n  b\n c", "é", "日本語", "😀", "\u{0}", "\u{7F}", "\u{85}", "\u{2028}", "\u{FEFF}",
            "a\u{2028}b\nc", "\\", "a\\nb", "=", "<<", "a,b", "a]b", "sha256:abc", "10.0.0.0/8", "500m", "0x1F",
            "trailing space \nnext", "a\n\n\nb", "...", "---", "--- a", "a\n---\nb", "a\n...\n", "x: |", "!!str",
            String(repeating: "long ", count: 300), "\u{FFFE}", "a\nb \u{85}",
        ]
        for text in strings {
            for value: JSONValue in [
                .string(text), [.string(text)], ["k": .string(text), "l": 1],
                [["k": .string(text)], [.string(text), 2]],
                .object([text: "v"]), .object([text: [["a": .string(text)]]]),
            ] {
                let written = YAML.write(value)
                #expect(try YAML.parse(written) == value, "\(written.debugDescription)")
            }
        }
    }

    @Test("random trees read back equal") func randomRoundTrip() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            let value = tree(&random, depth: 0)
            let written = YAML.write(value)
            #expect(try YAML.parse(written) == value, "\(written)")
        }
    }

    @Test("the form is the one people read in Kubernetes manifests") func form() {
        let value: JSONValue = [
            "apiVersion": "v1", "count": 3, "share": 0.5, "none": nil, "empty": [:], "list": [], "quoted": "yes",
            "items": [["name": "a", "args": ["x", "z"]], "plain", [1, 2]], "text": "one\ntwo\n",
        ]
        #expect(
            YAML.write(value) == """
                apiVersion: v1
                count: 3
                share: 0.5
                none: null
                empty: {}
                list: []
                quoted: "yes"
                items:
                - name: a
                  args:
                  - x
                  - z
                - plain
                - - 1
                  - 2
                text: |
                  one
                  two

                """
        )
    }

    private func tree(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
        let alphabet: [Character] = [
            "a", "1", " ", ":", "#", "-", "\n", "\"", "'", "\\", "é", "{", "\t", "y", ".", "~",
        ]
        func text() -> String {
            String(
                (0..<Int.random(in: 0...6, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "a" }
            )
        }
        switch Int.random(in: 0..<(depth < 4 ? 9 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .integer(.random(in: -1000...1000, using: &random))
        case 3: return .double(Double.random(in: 0...1, using: &random) + 1e-9)
        case 4, 5: return .string(text())
        case 6, 7:
            var members = JSONObject()
            for _ in 0..<Int.random(in: 0...4, using: &random) { members.set(text(), tree(&random, depth: depth + 1)) }
            return .object(members)
        default:
            return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in tree(&random, depth: depth + 1) })
        }
    }
}

/// SplitMix64, so that a failing tree can be made again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
