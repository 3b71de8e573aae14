/// `$(NAME)` in commands, arguments and values, as Kubernetes expands it.
enum VariableExpansion {
    /// The text with each `$(NAME)` that is known put in; `$$` stands for one `$`, and what is not known stays.
    static func expand(_ text: String, _ value: (String) -> String?) -> String {
        var out = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            out += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                out += "$"
                rest = rest.dropFirst()
            } else if rest.first == "(", let end = rest.firstIndex(of: ")") {
                let name = String(rest[rest.index(after: rest.startIndex)..<end])
                out += value(name) ?? "$(\(name))"
                rest = rest[rest.index(after: end)...]
            } else {
                out += "$"
            }
        }
        return out + rest
    }
}
