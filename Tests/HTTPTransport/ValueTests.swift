import Testing

@testable import HTTPTransport

@Suite("Header fields")
struct HTTPHeadersTests {
    @Test("are found without regard to case, the first of several") func lookup() {
        let headers: HTTPHeaders = ["Accept": "a", "X-Long-Name": "b", "accept": "c", "Acc": "d", "Empty": ""]
        #expect(headers["ACCEPT"] == "a")
        #expect(headers.all("accept") == ["a", "c"])
        #expect(headers["x-long-name"] == "b")
        #expect(headers["acc"] == "d")
        #expect(headers["Empty"] == "")
        #expect(headers["Accep"] == nil)
        #expect(headers.map(\.name) == ["Accept", "X-Long-Name", "accept", "Acc", "Empty"])
    }

    @Test("are replaced by setting and removed by nil") func setting() {
        var headers: HTTPHeaders = ["A": "1", "B": "2", "a": "3"]
        headers["a"] = "4"
        #expect(headers == ["B": "2", "A": "4"])
        headers["b"] = nil
        #expect(headers.map(\.value) == ["4"])
        #expect(headers != ["a": "5"])
    }

    @Test("are taken from lines of the network, and other lines left out") func lines() {
        var headers = HTTPHeaders()
        for line in ["A:  b c \t", "no field", ": nameless", "D:", "E:f:g"] {
            Array(line.utf8).withUnsafeBytes { headers.add(line: $0) }
        }
        #expect(headers == ["A": "b c", "D": "", "E": "f:g"])
    }
}

@Suite("HTTPFailure")
struct HTTPFailureTests {
    @Test(
        "shows an address without its secrets",
        arguments: [
            (
                "https://u:p@host:1/a?limit=5&X-Amz-Signature=abc&token=x",
                "https://host:1/a?limit=5&X-Amz-Signature=redacted&token=redacted"
            ),
            ("http://host/a@b?q=1#part", "http://host/a@b?q=1"),
            ("http://host?access_key", "http://host?access_key"),
            ("nonsense", "nonsense"), ("", ""),
        ]
    )
    func secrets(url: String, shown: String) {
        #expect(HTTPFailure.withoutSecrets(url) == shown)
    }
}

@Suite("BodyBuffer")
struct BodyBufferTests {
    private func append(_ bytes: [UInt8], to buffer: inout BodyBuffer) -> Bool {
        bytes.withUnsafeBytes { buffer.append($0) }
    }

    @Test("holds the network back when full, and lets it go on when emptied") func pausing() {
        var buffer = BodyBuffer(limitBytes: 2)
        #expect(append([1], to: &buffer))
        #expect(append([2, 3], to: &buffer))
        #expect(!append([4], to: &buffer))
        #expect(buffer.isPaused)
        guard case .bytes([1, 2, 3], resumesTransfer: true) = buffer.take() else {
            Issue.record("not all was given out")
            return
        }
        #expect(append([4], to: &buffer))
        guard case .bytes([4], resumesTransfer: false) = buffer.take(), case .nothingYet = buffer.take() else {
            Issue.record("a second resume, or an end")
            return
        }
    }

    @Test("gives out what it holds before a failure, and the failure once") func failing() {
        var buffer = BodyBuffer(limitBytes: 9)
        #expect(append([1], to: &buffer))
        buffer.end(HTTPFailure(.closed, method: "GET", url: "", detail: ""))
        buffer.end(nil)
        guard case .bytes([1], resumesTransfer: false) = buffer.take(), case .failure = buffer.take(),
            case .end = buffer.take()
        else {
            Issue.record("another order")
            return
        }
    }
}

@Suite("ServerNameRoute")
struct ServerNameRouteTests {
    @Test(
        "leads the connection to the host, names the server and keeps the rest",
        arguments: [
            ("https://10.0.0.1:6443/a/../b?c", "https://api:6443/a/../b?c", "api:6443:10.0.0.1:6443", "10.0.0.1:6443"),
            ("https://host/", "https://api/", "api:443:host:443", "host"),
            ("https://[::1]:8443/", "https://api:8443/", "api:8443:[::1]:8443", "[::1]:8443"),
        ]
    )
    func route(address: String, url: String, connectTo: String, host: String) throws {
        let route = try #require(ServerNameRoute(address, serverName: "api"))
        #expect(route.url == url)
        #expect(route.connectTo == connectTo)
        #expect(route.host == host)
    }
}
