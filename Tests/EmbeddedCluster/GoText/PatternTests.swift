import GoText
import Testing

struct PatternTests {
    @Test(
        "a pattern finds its matches as RE2 does",
        arguments: [
            ("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", ["a", "my-name", "x1"], ["-a", "a-", "A", ""]),
            ("b", ["abc"], ["ac", ""]), ("^$", [""], ["a"]), ("a|b|", ["", "x"], []),
            ("^(foo|bar)+$", ["foobar", "bar"], ["fo", ""]), ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
            ("^a{2}$", ["aa"], ["a"]), ("^a{,2}$", ["a{,2}"], ["aa"]), ("^[^/]+/.+$", ["a/b"], ["/b", "a/"]),
            ("^(?i)straße$", ["STRAßE", "Straße"], ["Strasse"]), ("^a.c$", ["abc", "aéc"], ["a\nc"]),
            ("(?s)^a.c$", ["a\nc"], []), ("(?m)^b$", ["a\nb\nc"], ["ab"]), ("^\\d+\\s\\w+$", ["12 ab_3"], ["a b"]),
            ("^\\p{Lu}\\pN$", ["Ä7"], ["ä7"]), ("^[[:alpha:]_-]+$", ["a-B_"], ["1"]),
            ("\\bend\\b", ["the end."], ["bend"]),
            ("^[]a]+$", ["]a"], ["b"]), ("^[\\w.\\-]+$", ["a.b-c"], ["a b"]), ("^\\Qa.b\\E$", ["a.b"], ["axb"]),
            ("^\\x41\\x{1F600}$", ["A😀"], ["A"]), ("^(?P<year>\\d{4})-(?:\\d{2})$", ["2020-01"], ["20-01"]),
            ("^(a?){20}a{20}$", [String(repeating: "a", count: 20)], ["a"]), ("^(a*)*$", ["", "aaa"], ["b"]),
            ("x*?$", ["", "xx"], []), ("^\\/$", ["/"], ["a"]), ("^[^\\D5]$", ["4"], ["5", "a"]),
        ]
    )
    func matching(pattern: String, matching: [String], others: [String]) throws {
        let compiled = try Pattern(pattern)
        for text in matching { #expect(compiled.matches(text), "\(pattern) and \(text)") }
        for text in others { #expect(!compiled.matches(text), "\(pattern) and \(text)") }
    }

    @Test(
        "the first match is the leftmost one, and among those the one that the expression prefers",
        arguments: [
            ("a+", "baaac", 1..<4), ("a+?", "baaac", 1..<2), ("ab|abc", "xabc", 1..<3), ("b*", "abb", 0..<0),
            ("(?U)a+", "aa", 0..<1), ("c$", "cc", 1..<2),
        ]
    )
    func positions(pattern: String, text: String, match: Range<Int>) throws {
        #expect(try Pattern(pattern).firstMatch(in: Array(text.unicodeScalars)) == match)
    }

    @Test(
        "a wrong pattern is refused in the words of Go",
        arguments: [
            ("(a", "missing closing ): `(a`"), ("a)", "unexpected ): `a)`"), ("[a", "missing closing ]: `[a`"),
            ("*a", "missing argument to repetition operator: `*`"), ("a**", "invalid nested repetition operator: `**`"),
            ("a{1001}", "invalid repeat count: `{1001}`"), ("\\", "trailing backslash at end of expression: ``"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"), ("[b-a]", "invalid character class range: `b-a`"),
            ("\\1", "invalid escape sequence: `\\1`"), ("\\pX", "invalid character class range: `\\pX`"),
        ]
    )
    func refusals(pattern: String, message: String) {
        let error = #expect(throws: PatternError.self) { try Pattern(pattern) }
        #expect(error.map(String.init(describing:)) == "error parsing regexp: " + message)
    }

    @Test("what makes backtracking engines hang is answered at once, and what is too large is refused")
    func hostile() throws {
        let text = String(repeating: "a", count: 2000) + "b"
        #expect(try !Pattern("^(a+)+$").matches(text))
        #expect(throws: PatternError.self) { try Pattern("((a{100}){100}){100}") }
        #expect(throws: PatternError.self) { try Pattern("((((){1000}){1000}){1000}){1000}") }
        #expect(throws: PatternError.self) { try Pattern(String(repeating: "(", count: 10_000)) }
    }
}
