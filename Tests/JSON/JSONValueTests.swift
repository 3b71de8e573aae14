import Testing

@testable import JSON

@Suite("JSON values") struct JSONValueTests {
    @Test("keep the order of members, and compare without it") func order() throws {
        let text = #"{"z":1,"a":{"y":2,"b":3},"m":[]}"#
        let value = try JSONValue(parsing: text)
        #expect(value.description == text)
        #expect(value == (try JSONValue(parsing: #"{"m":[],"a":{"b":3,"y":2},"z":1}"#)))
        #expect(value.hashValue == (try JSONValue(parsing: #"{"m":[],"a":{"b":3,"y":2},"z":1}"#)).hashValue)
        #expect(String(decoding: value.bytes(sorted: true), as: UTF8.self) == #"{"a":{"b":3,"y":2},"m":[],"z":1}"#)
    }

    @Test("a repeated key counts once, the last one") func repeated() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#) == ["a": 3, "b": 2])
    }

    @Test("objects of many members find, replace and remove them") func many() {
        var object = JSONObject()
        for index in 0..<1000 { object.set("k\(index)", .integer(index)) }
        for index in stride(from: 0, to: 1000, by: 2) { object.set("k\(index)", .integer(-index)) }
        #expect(object.count == 1000)
        #expect(object["k998"] == .integer(-998) && object["k999"] == .integer(999) && object["k1000"] == nil)
        #expect(object.remove("k500") == .integer(-500))
        #expect(object.count == 999 && object["k500"] == nil && object["k501"] == .integer(501))
    }

    @Test("keys that look alike but differ in bytes are two keys") func canonicalEquivalence() {
        let object: JSONObject = ["\u{E9}": 1, "e\u{301}": 2]
        #expect(object.count == 2)
        #expect(object["\u{E9}"] == 1 && object["e\u{301}"] == 2)
    }

    @Test("paths read, write and remove") func paths() {
        var value: JSONValue = ["spec": ["replicas": 3]]
        value[path: ["spec", "template", "image"]] = "a"
        value[path: ["spec", "replicas"]] = nil
        value[path: ["status", "phase"]] = nil
        #expect(value == ["spec": ["template": ["image": "a"]]])
        #expect(value[path: ["spec", "template", "image"]]?.string == "a")
    }

    @Test("the writer escapes what must be escaped and nothing else") func escapes() throws {
        let text = "a\"b\\c/d\n\r\t\u{1}é😀"
        #expect(JSONValue.string(text).description == #""a\"b\\c/d\n\r\t\u0001é😀""#)
        #expect(try JSONValue(parsing: JSONValue.string(text).bytes()) == .string(text))
    }

    @Test("the writer writes no NaN") func nonFinite() {
        #expect(JSONValue.array([.double(.nan), .double(.infinity), 1.5]).description == "[null,null,1.5]")
    }
}
