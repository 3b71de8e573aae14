import JSON
import Testing

@testable import Kubernetes

@Suite("List splitter") struct ListSplitterTests {
    private let list = #"""
        {"kind":"WidgetList","apiVersion":"v1","metadata":{"resourceVersion":"77","continue":"a\"}]b"},
         "items": [ {"a":"x]}\\","n":[1,{"b":"\""}]} , {"metadata":{"name":"ü"}},{} ],"extra":[true,null,1.5e3],"n":-1}
        """#

    private func split(_ text: String, sizes: [Int]) throws -> (items: [String], splitter: ListSplitter) {
        var splitter = ListSplitter()
        var items: [String] = []
        var rest = Array(text.utf8)[...]
        var turn = 0
        while !rest.isEmpty {
            let part = Array(rest.prefix(sizes[turn % sizes.count]))
            rest = rest.dropFirst(part.count)
            turn += 1
            try feed(part, &splitter) { items.append($0) }
        }
        try splitter.end()
        return (items, splitter)
    }

    private func feed(_ part: [UInt8], _ splitter: inout ListSplitter, _ item: (String) -> Void) throws {
        try part.withUnsafeBufferPointer { buffer in
            try splitter.feed(buffer) { item(String(decoding: $0, as: UTF8.self)) }
        }
    }

    @Test("every chunking gives the same items and members") func chunkings() throws {
        let whole = try split(list, sizes: [10_000])
        #expect(whole.items == [#"{"a":"x]}\\","n":[1,{"b":"\""}]}"#, #"{"metadata":{"name":"ü"}}"#, "{}"])
        for size in 1...list.utf8.count {
            let parts = try split(list, sizes: [size])
            #expect(parts.items == whole.items && parts.splitter.members == whole.splitter.members, "chunks of \(size)")
        }
        for sizes in [[1, 7], [3, 1, 50], [2, 90, 5], [64, 1]] {
            #expect(try split(list, sizes: sizes).items == whole.items)
        }
        let metadata = try JSONValue(parsing: whole.splitter.members["metadata"] ?? [])
        #expect(metadata == ["resourceVersion": "77", "continue": "a\"}]b"])
        #expect(whole.splitter.members["n"] == Array("-1".utf8))
    }

    @Test(
        "lists without items end well",
        arguments: [
            (#"{"kind":"PodList","items":[]}"#, true), (#"{"items":null,"kind":"PodList"}"#, true), ("{}", false),
            (#" { "kind" : "PodList" , "metadata" : { } } "#, false),
        ]
    )
    func empty(text: String, hasItems: Bool) throws {
        for size in [1, 3, 100] {
            let (items, splitter) = try split(text, sizes: [size])
            #expect(items.isEmpty && splitter.hasItems == hasItems)
        }
    }

    @Test(
        "what is no list, or ends early, is refused",
        arguments: [
            "", "[", "<html>", "null", #"{"items":[{}"#, #"{"items":[{}]"#, #"{"items":[{"a":"#, #"{"items":[{}]} x"#,
            #"{"items":[{}}]}"#, #"{"a" 1}"#, #"{items:[]}"#, #"{"a":}"#, #"{"items":[,{}]}"#,
        ]
    )
    func refused(text: String) {
        for size in [1, 4, 100] {
            #expect(throws: JSONError.self) { _ = try split(text, sizes: [size]) }
        }
    }

    @Test("an item beyond the limit is refused while it arrives, not when it is complete") func limit() throws {
        var splitter = ListSplitter(limitBytes: 100)
        try feed(Array(#"{"items":[{"a":""#.utf8), &splitter) { _ in }
        #expect(throws: JSONError.self) {
            for _ in 0..<20 { try feed(Array(repeating: UInt8(ascii: "x"), count: 10), &splitter) { _ in } }
        }
    }
}

@Suite("Watch decoder") struct WatchDecoderTests {
    private let added =
        #"{"type":"ADDED","object":{"kind":"W","metadata":{"name":"a","resourceVersion":"1"},"spec":{}}}"#
    private let bookmark =
        #"{"type":"BOOKMARK","object":{"kind":"W","metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#

    private func text(_ event: WatchEvent<DynamicObject>) -> String {
        switch event {
        case .added(let object): "added \(object.key) \(object.metadata.resourceVersion)"
        case .modified(let object): "modified \(object.key)"
        case .deleted(let object): "deleted \(object.key)"
        case .bookmark(let version, let isEnd): "bookmark \(version) \(isEnd)"
        case .malformed(let key, let error): "malformed \(key?.description ?? "?") \(error.path)"
        }
    }

    private func decode(_ text: String, size: Int) -> (events: [String], failure: APIFailure?) {
        var decoder = WatchDecoder<DynamicObject>(target: "widgets")
        var events: [String] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            events += decoder.feed(Array(rest.prefix(size))).map(self.text)
            rest = rest.dropFirst(size)
        }
        do throws(APIFailure) { try decoder.end() } catch { return (events, error) }
        return (events, nil)
    }

    @Test("events come whole and in order, whatever the borders of reads") func chunks() {
        let deleted = added.replacing("ADDED", with: "DELETED")
        let body =
            [added, added.replacing("ADDED", with: "MODIFIED"), bookmark, "", deleted].joined(separator: "\n") + "\r\n"
        for size in 1...body.utf8.count {
            let (events, failure) = decode(body, size: size)
            #expect(events == ["added a 1", "modified a", "bookmark 9 true", "deleted a"] && failure == nil)
        }
    }

    @Test("an event far larger than any read comes whole") func large() {
        let big = String(repeating: "x", count: 3_000_000)
        let body = added.replacing(#""spec":{}"#, with: #""spec":{"a":"\#(big)"}"#) + "\n"
        #expect(decode(body, size: 16_384).events == ["added a 1"])
    }

    @Test("half an event is never delivered and is told as a cut stream") func cut() {
        let (events, failure) = decode(added + "\n" + added.dropLast(10), size: 7)
        #expect(events == ["added a 1"])
        #expect(failure?.reason == .transport)
    }

    @Test("an ERROR event ends the watch with what its status says") func gone() {
        let status = #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#
        let (events, failure) = decode(added + "\n" + status + "\n" + added + "\n", size: 1000)
        #expect(events == ["added a 1"])
        #expect(failure?.isExpired == true && failure?.reason == .expired && failure?.detail == "too old")
    }

    @Test("an object that cannot be read is told by name and field, and the stream goes on") func malformed() {
        let bad = #"{"type":"ADDED","object":{"metadata":{"name":"b","namespace":"n","generation":"x"}}}"#
        let (events, failure) = decode(bad + "\n" + added + "\n", size: 50)
        #expect(events == ["malformed n/b metadata.generation", "added a 1"] && failure == nil)
    }

    @Test("an object before its type is understood") func order() {
        let body = #"{"object":{"metadata":{"name":"a","resourceVersion":"1"}},"type":"ADDED"}"# + "\n"
        #expect(decode(body, size: 10).events == ["added a 1"])
    }

    @Test("what is no event ends the watch", arguments: ["<html>", "{}", #"{"type":"ADDED"}"#, "[1]"]) func garbage(
        line: String
    ) {
        #expect(decode(line + "\n", size: 100).failure?.reason == .malformedAnswer)
    }

    @Test("a line beyond the limit ends the watch") func limit() {
        var decoder = WatchDecoder<DynamicObject>(target: "widgets", limitBytes: 100)
        for _ in 0..<11 { _ = decoder.feed(Array(repeating: UInt8(ascii: "x"), count: 10)) }
        #expect(decoder.failure?.reason == .tooLarge)
    }
}
