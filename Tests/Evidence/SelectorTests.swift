import JSON
import Testing

@testable import Evidence

@Suite("Selector") struct SelectorTests {
    @Test(
        "reads what PromQL's grammar allows",
        arguments: [
            ("up", "up"), (" up ", "up"), ("up{}", "up"), ("job:errors:rate5m", "job:errors:rate5m"),
            (#"a{code=~"5..",}"#, #"a{code=~"5.."}"#),
            (#"a{x!="1", y!~"2" ,z='3'}"#, #"a{x!="1",y!~"2",z="3"}"#),
            (#"{__name__="a",x="1"}"#, #"a{x="1"}"#),
            (#"{"my.metric",x="1"}"#, #"{"my.metric",x="1"}"#),
            (#"a{x="q\"b\\c\n\x41\101\u00e9"}"#, #"a{x="q\"b\\c\nAAé"}"#),
            (#"a{x='q"r\'s'}"#, #"a{x="q\"r's"}"#),
            (#"a{x=`\d+`}"#, #"a{x="\\d+"}"#),
            (#"a{x="},{"}"#, #"a{x="},{"}"#),
        ]
    )
    func reads(text: String, rendered: String) throws {
        let selector = try Selector(parsing: text, field: "f")
        #expect(selector.description == rendered)
        #expect(try Selector(parsing: rendered, field: "f") == selector)
    }

    @Test(
        "refuses what is more or less than a selector, saying where",
        arguments: [
            ("", "is empty"), ("{}", "names no metric"), (#"{a="b"}"#, "names no metric"),
            ("a[5m]", "has a range at character 2"), ("a offset 5m", "has an offset at character 3"),
            ("a @ 5", "has a time (@) at character 3"), ("sum(a)", "is a function or aggregation"),
            ("rate(a[5m])", "is a function"), ("a + b", "has \"+\" at character 3"), ("a b", "instead of the end"),
            (#"a{b="c""#, "ends where \",\" or \"}\""), (#"a{b="c}"#, "not closed"), (#"a{b=c}"#, "a value in quotes"),
            (#"a{b=="c"}"#, "has \"=\" at character 4"), (#"a{1b="c"}"#, "the name of a label"),
            (#"a{b="\d"}"#, "an escape at character 6"), (#"a{b="\xff"}"#, "do not make UTF-8"),
            (#"a{__name__="b"}"#, "names its metric twice"), (#"{__name__=~"b.*"}"#, "must name one metric"),
            (#"a{b="c"}}"#, "that nothing opens"), (#"a{b="c"} or b"#, "instead of the end"), ("5", "instead of"),
            (#"a{b="c" d="e"}"#, "instead of \",\" or \"}\""),
        ]
    )
    func refuses(text: String, problem: String) {
        let error = #expect(throws: FieldError.self) { try Selector(parsing: text, field: "spec.x.total") }
        #expect(error?.description.hasPrefix("spec.x.total: \"\(text)\" ") == true)
        #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
    }

    @Test("adds conditions whose values cannot break out") func adds() throws {
        let selector = try Selector(parsing: #"a{x="1"}"#, field: "f")
            .adding([.init("namespace", .equal, "n\"} or b{\\"), .anyOf("r", ["v1.2", "v|3"])])
        #expect(selector.description == #"a{x="1",namespace="n\"} or b{\\",r=~"v1\\.2|v\\|3"}"#)
        #expect(try Selector(parsing: selector.description, field: "f") == selector)
    }

    @Test("reads back any value it writes") func roundTrip() throws {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("\"'`\\{}[],=~! \n\r\t\u{1}\u{7f}aé😀0".unicodeScalars)
        for _ in 0..<500 {
            var value = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0..<12, using: &generator) {
                value.append(alphabet.randomElement(using: &generator) ?? "a")
            }
            let selector = Selector("a", [.init("b", .equal, String(value))])
            #expect(try Selector(parsing: selector.description, field: "f") == selector)
        }
    }
}

@Suite("Query template") struct QueryTemplateTests {
    private let values = QueryTemplate.Values(
        namespace: "ns",
        revision: "churn-7f",
        name: "it's \"x\"\\`",
        interval: .milliseconds(90_500)
    )

    @Test("puts in values as the quotes around them need it") func fills() throws {
        let text =
            #"rate(a{n="{{namespace}}",r=~'{{ revision }}-.*',m="{{name}}",k='{{name}}'}[{{interval}}]) # {{name}}"#
        let query = try QueryTemplate(parsing: text, field: "f").query(values)
        #expect(
            query
                == #"rate(a{n="ns",r=~'churn-7f-.*',m="it's \"x\"\\`",k='it\'s "x"\\`'}[90500ms]) # it's "x"\`"#
        )
        #expect(try QueryTemplate(parsing: "a{b=`{{name}}`}", field: "f").query(values) == "a{b=`it's \"x\"\\`}")
        #expect(try QueryTemplate(parsing: "vector(1)", field: "f").query(values) == "vector(1)")
    }

    @Test(
        "refuses what it cannot fill",
        arguments: [
            ("a{b=\"{{pod}}\"}", "unknown placeholder {{pod}}"), ("a{b=\"{{name\"}", "not closed"),
            ("a{b={{name}}}", "outside quotes"), ("a{b=\"{{interval}}\"}", "inside quotes"), (" ", "is empty"),
            ("a{b=\"c}", "quotes which are not closed"), (#"a{b="\{{name}}"}"#, "has a backslash"),
            ("a{b=\"{{}}\"}", "unknown placeholder {{}}"),
        ]
    )
    func refuses(text: String, problem: String) {
        let error = #expect(throws: FieldError.self) { try QueryTemplate(parsing: text, field: "spec.q") }
        #expect(error?.path == "spec.q")
        #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
    }
}
