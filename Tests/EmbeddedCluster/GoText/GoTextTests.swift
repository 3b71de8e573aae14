import GoText
import Testing

struct GoTextTests {
    @Test(
        "text is quoted as Go quotes it",
        arguments: [
            ("plain", #""plain""#), ("a\"b\\c\n\t", #""a\"b\\c\n\t""#), ("\u{1}\u{7F}", #""\x01\x7f""#),
            ("Grüße 🎉", #""Grüße 🎉""#), ("a\u{200B}b\u{A0}", #""a\u200bb\u00a0""#),
        ]
    )
    func quoting(text: String, quoted: String) { #expect(GoText.quoted(text) == quoted) }

    @Test(
        "numbers have the shortest digits, and an exponent below 1e-04 and from 1e+06 on",
        arguments: [
            (0, "0"), (100, "100"), (0.1, "0.1"), (-2.5, "-2.5"), (123_456, "123456"), (1_000_000, "1e+06"),
            (1_234_567, "1.234567e+06"), (0.0001, "0.0001"), (0.00001, "1e-05"), (1e100, "1e+100"),
            (.infinity, "+Inf"), (-0.0, "-0"),
        ] as [(Double, String)]
    )
    func numbers(value: Double, text: String) { #expect(GoText.number(value) == text) }

    @Test(
        "durations are read as Go reads them",
        arguments: [
            ("1h15m30.5s", 4_530_500_000_000), ("0", 0), ("-1.5h", -5_400_000_000_000), ("300ms", 300_000_000),
            (".5s", 500_000_000), ("1us", 1000), ("2562047h", 9_223_369_200_000_000_000), ("", nil), ("5", nil),
            ("1d", nil), ("s", nil), ("2562048h", nil), ("1h ", nil),
        ] as [(String, Int?)]
    )
    func durations(text: String, nanoseconds: Int?) { #expect(GoDuration.nanoseconds(text) == nanoseconds) }
}
