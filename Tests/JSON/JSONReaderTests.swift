import Testing

@testable import JSON

@Suite("JSON reader") struct JSONReaderTests {
    @Test("reads every kind of value") func kinds() throws {
        let text = #" {"a":null,"b":[true,false],"c":-12,"d":1.5e3,"e":"x\"\\\/\b\f\n\r\té😀","f":{}} "#
        let value = try JSONValue(parsing: text)
        #expect(value["a"] == .null)
        #expect(value["b"] == [true, false])
        #expect(value["c"]?.integer == -12)
        #expect(value["d"] == .double(1500))
        #expect(value["e"]?.string == "x\"\\/\u{8}\u{c}\n\r\té😀")
        #expect(value["f"] == .object([:]))
    }

    @Test(
        "refuses what is not JSON",
        arguments: [
            "", " ", "{", "[", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "01", "-", "1.", "1e", ".5", "+1", "tru",
            "nul", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"a\nb\"", "1 2", "[1 2]", "NaN",
            "Infinity", "'a'", "[1", "{\"a\":", "\"\\", "1e999",
        ]
    )
    func refuses(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(throws: JSONError.self) {
            try JSONReader.read(Array(text.utf8)) { (reader) throws(JSONError) in
                if text == "1e999" { _ = try reader.double() } else { try reader.skip() }
            }
        }
    }

    @Test("refuses bytes that are not UTF-8, wherever they are") func encoding() {
        #expect(throws: JSONError(.encoding, "the text is not UTF-8")) {
            try JSONValue(parsing: [0x22, 0xFF, 0x22])
        }
    }

    @Test("says where it stopped and why") func positions() {
        #expect(throws: JSONError(.syntax, "found \"}\" instead of a value", offset: 5)) {
            try JSONValue(parsing: #"{"a":}"#)
        }
    }

    @Test("refuses nesting that would exhaust the stack") func depth() throws {
        let deep = JSONReader.maximumDepth
        _ = try JSONValue(parsing: String(repeating: "[", count: deep) + String(repeating: "]", count: deep))
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
    }

    @Test(
        "keeps whole numbers exact and never traps on larger ones",
        arguments: [
            ("9223372036854775807", JSONValue.integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("0", .integer(0)), ("1e3", .double(1000)),
            ("123456789012345678901234567890", .double(1.2345678901234568e29)),
        ]
    )
    func numbers(text: String, value: JSONValue) throws { #expect(try JSONValue(parsing: text) == value) }

    @Test("reads typed values without a tree and skips the rest") func typed() throws {
        let text = #"{"skip":{"deep":[1,{"x":"y"}]},"name":"a","replicas":3,"ready":true,"score":0.5,"none":null}"#
        var name = "", replicas = 0, ready = false, score = 0.0, none = false
        try JSONReader.read(Array(text.utf8)) { (reader) throws(JSONError) in
            try reader.object { (key, reader) throws(JSONError) in
                if key.matches("name") {
                    name = try reader.string()
                } else if key.matches("replicas") {
                    replicas = try reader.integer()
                } else if key.matches("ready") {
                    ready = try reader.bool()
                } else if key.matches("score") {
                    score = try reader.double()
                } else if key.matches("none") {
                    none = try reader.null()
                } else {
                    try reader.skip()
                }
            }
        }
        #expect(name == "a" && replicas == 3 && ready && score == 0.5 && none)
    }

    @Test("a value of the wrong kind is named") func wrongKind() {
        #expect(throws: JSONError(.wrongType, "expected a whole number, found a string", offset: 0)) {
            try JSONReader.read(Array(#""3""#.utf8)) { (reader) throws(JSONError) in try reader.integer() }
        }
    }

    @Test("survives every mutation of a text: it reads it or says what is wrong") func mutations() {
        let text = Array(#"{"a":[1,-2.5e-3,"xé\n",null,true],"b":{"c":"d","é":[[],{}]}}"#.utf8)
        for index in text.indices {
            for byte in UInt8.min...UInt8.max {
                var mutant = text
                mutant[index] = byte
                if let value = try? JSONValue(parsing: mutant) {
                    #expect((try? JSONValue(parsing: value.bytes())) == value)
                }
            }
            #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text[..<index])) }
        }
    }
}
