import Testing

@testable import HTTPServing

struct RequestTargetTests {
    @Test(
        "takes a target apart",
        arguments: [
            ("/", "/", "/", [String]()),
            ("/a/b?c=d", "/a/b", "/a/b", ["c=d"]),
            ("/a%2Fb%20c", "/a%2Fb%20c", "/a/b c", []),
            ("/100%", "/100%", "/100%", []),
            ("/%zz%4", "/%zz%4", "/%zz%4", []),
            ("/a+b?a+b=c+d", "/a+b", "/a+b", ["a b=c d"]),
            ("/?a=1&a=2&&b=&c", "/", "/", ["a=1", "a=2", "b=", "c="]),
            ("/?a=b=c?d", "/", "/", ["a=b=c?d"]),
            ("/%C3%A9", "/%C3%A9", "/é", []),
            ("/%FF", "/%FF", "/\u{FFFD}", []),
            ("/a%00b", "/a%00b", "/a\0b", []),
            ("http://host:80/x?y=z", "/x", "/x", ["y=z"]),
            ("http://host", "/", "/", []),
            ("*", "*", "*", []),
        ] as [(String, String, String, [String])]
    )
    func parts(target: String, rawPath: String, path: String, query: [String]) {
        let parsed = RequestTarget(target)
        #expect(parsed.rawPath == rawPath)
        #expect(parsed.path == path)
        #expect(parsed.query.map { "\($0.name)=\($0.value)" } == query)
    }
}

struct StreamBufferTests {
    @Test("returns bytes in order across chunks and reads of any size", arguments: [1, 3, 7, 64, 1000])
    func order(readSize: Int) {
        var buffer = StreamBuffer()
        var expected: [UInt8] = []
        var read: [UInt8] = []
        func drain(_ count: Int) {
            withUnsafeTemporaryAllocation(byteCount: readSize, alignment: 1) { space in
                for _ in 0..<count { read += space[..<buffer.read(into: space)] }
            }
        }
        for index in 0..<300 {
            let chunk = (0..<(index % 11)).map { UInt8(truncatingIfNeeded: index + $0) }
            buffer.append(chunk)
            expected += chunk
            drain(index % 3)
        }
        #expect(buffer.count == expected.count - read.count)
        drain(2000)
        #expect(read == expected)
        #expect(buffer.count == 0)
    }

    @Test("has room below its limit alone")
    func room() {
        var buffer = StreamBuffer()
        buffer.append([UInt8](repeating: 0, count: StreamBuffer.limitBytes - 1))
        #expect(buffer.hasRoom)
        buffer.append([0])
        #expect(!buffer.hasRoom)
    }
}
