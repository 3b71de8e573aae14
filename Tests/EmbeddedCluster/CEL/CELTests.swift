import CEL
import JSON
import Testing

struct CELTests {
    private func evaluate(_ text: String, _ value: JSONValue = .null) throws(CELError) -> CELValue {
        try CELProgram(text).evaluate(self: value)
    }

    @Test(
        "an expression holds",
        arguments: [
            // Literals and operators
            "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9", "-9223372036854775808 < 0", "0x1F == 31",
            "7 % 3 == 1 && -7 / 2 == -3",
            "1.5e2 == 150.0", "1u + 2u == 3u", "'a' + \"b\" == 'ab'", "r'\\n' == '\\\\n'", "'''a\nb''' == 'a\\nb'",
            "b'\\xff' == b'\\377'", "'\\u00e9' != 'e\\u0301'", "!false && !!true", "1 < 2 ? true : 1 / 0 > 0",
            "[1, 2] + [3] == [1, 2, 3]", "{'a': 1}.a == 1", "{'a': 1}['a'] == 1", "{1: 'x'}[1u] == 'x'",
            "2 in [1, 2]", "'k' in {'k': null}", "[1, 'a', null][2] == null",
            // Equality and order across numbers
            "dyn(1) == 1.0 && 1u == dyn(1)", "dyn(1) != 'a'", "2 > 1.5", "strings.quote('a\\n') == '\"a\\\\n\"'",
            "'b' > 'a'",
            "[1, 2.0] == [1.0, 2]", "{'a': [1]} == {'a': [1]}", "double('NaN') != double('NaN')",
            // Logic makes up for errors
            "true || 1 / 0 > 0", "1 / 0 > 0 || true", "!(false && 1 / 0 > 0)", "!(1 / 0 > 0 && false)",
            // Macros
            "has({'a': 1}.a) && !has({}.a)", "[1, 2, 3].all(x, x > 0)", "[1, 2].exists(x, x == 2)",
            "[1, 2, 2].exists_one(x, x == 1) && ![1, 2, 2].exists_one(x, x == 2)", "[1, 2].map(x, x * 2) == [2, 4]",
            "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]", "[1, 2, 3].filter(x, x > 1) == [2, 3]",
            "{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])", "[0, 1].exists(x, 1 / x > 0)", "![0, 1].all(x, 1 / x > 1)",
            "[[1], [2, 3]].all(x, x.all(y, y > 0))", "['a', 'b'].all(i, v, v == ['a', 'b'][i])",
            "cel.bind(x, 3, x * x) == 9",
            // Texts
            "'hello'.contains('ell') && 'hello'.startsWith('he') && 'hello'.endsWith('lo')",
            "'a1'.matches('^[a-z][0-9]$')",
            "matches('xay', 'a')", "size('é🎉') == 2 && 'ab'.size() == 2", "'ABC'.lowerAscii() == 'abc'",
            "'aé'.upperAscii() == 'Aé'", "'a,b,c'.split(',') == ['a', 'b', 'c']",
            "'a,b,c'.split(',', 2) == ['a', 'b,c']",
            "'abc'.split('') == ['a', 'b', 'c']", "'aXbX'.replace('X', '-') == 'a-b-'",
            "'aaa'.replace('a', 'b', 2) == 'bba'",
            "'ab'.replace('', '_') == '_a_b_'", "' a '.trim() == 'a'",
            "'abcb'.indexOf('b') == 1 && 'abcb'.lastIndexOf('b') == 3",
            "'abc'.indexOf('z') == -1 && 'abcb'.indexOf('b', 2) == 3", "'abcd'.substring(1, 3) == 'bc'",
            "'abcd'.substring(2) == 'cd'", "['a', 'b'].join('-') == 'a-b'",
            "'abc'.charAt(1) == 'b' && 'abc'.charAt(3) == ''",
            "'a12b3'.find('[0-9]+') == '12' && 'a12b3'.findAll('[0-9]+') == ['12', '3']",
            "'%s has %d, %.2f %x'.format(['it', 2, 1.005, 255]) == 'it has 2, 1.00 ff'",
            // Lists
            "[1, 2, 2].isSorted() && ![2, 1].isSorted()", "[1, 2, 3].sum() == 6 && [].sum() == 0",
            "['b', 'a'].min() == 'a' && [1, 3, 2].max() == 3",
            "[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2",
            "sets.contains([1, 2], [2]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])",
            // Conversions
            "int('-5') == -5 && int(2.9) == 2 && int(7u) == 7", "uint(3) == 3u",
            "double('1.5') == 1.5 && double(2) == 2.0",
            "string(1.0) == '1' && string(12) == '12' && string(true) == 'true'", "bool('true')",
            "type(1) == int && type('') == string",
            "type([]) == list && type(null) == null_type", "bytes('é') == b'\\xc3\\xa9' && string(b'abc') == 'abc'",
            "dyn(1) == 1",
            // Times
            "duration('1h30m') == duration('90m') && duration('1h') > duration('59m')",
            "duration('90s').getMinutes() == 1",
            "string(duration('90m')) == '5400s'", "timestamp('2024-02-29T12:30:45.5Z').getFullYear() == 2024",
            "timestamp('2024-02-29T12:30:45.5Z').getMonth() == 1 && timestamp('2024-02-29T12:30:45.5Z').getDate() == 29",
            "timestamp('2024-02-29T12:30:45.5Z').getDayOfWeek() == 4 && timestamp('2024-02-29T00:00:00Z').getDayOfYear() == 59",
            "timestamp('2024-02-29T23:30:00Z').getHours('+01:00') == 0",
            "timestamp('2024-01-01T00:00:00Z') + duration('1h') == timestamp('2024-01-01T01:00:00Z')",
            "timestamp('2024-01-01T01:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('1h')",
            "timestamp('2024-01-01T01:00:00+01:00') == timestamp('2024-01-01T00:00:00Z')",
            "string(timestamp(0)) == '1970-01-01T00:00:00Z'",
            // Quantities
            "quantity('1500m').isLessThan(quantity('2')) && quantity('1Gi').isGreaterThan(quantity('1G'))",
            "quantity('1k') == quantity('1000') && quantity('1').add(quantity('500m')).compareTo(quantity('1.5')) == 0",
            "isQuantity('2e3') && !isQuantity('x') && quantity('2Ki').asInteger() == 2048 && !quantity('1m').isInteger()",
            // Optional values
            "optional.of(1).hasValue() && optional.none().orValue(2) == 2", "{'a': {'b': 1}}.?a.?b.value() == 1",
            "!{}.?a.?b.hasValue() && [1][?3].orValue(5) == 5", "optional.of(2).optMap(x, x * 2).value() == 4",
            "{?'a': optional.none(), 'b': 1} == {'b': 1}",
            "true // a comment",
        ]
    )
    func truths(expression: String) throws {
        #expect(try evaluate(expression).bool == true)
    }

    @Test(
        "what has no value fails in the words of cel-go",
        arguments: [
            ("{'a': 1}.b", "no such key: b"), ("[1][1]", "index out of bounds: 1"), ("1 / 0", "division by zero"),
            ("1 % 0", "modulus by zero"), ("9223372036854775807 + 1", "integer overflow"),
            ("1u - 2u", "unsigned integer overflow"),
            ("-9223372036854775808 / -1", "integer overflow"), ("dyn(1) + 'a'", "no such overload"),
            ("dyn(1) && true", "no such overload"),
            ("'a'.matches(dyn('('))", "error parsing regexp: missing closing ): `(`"),
            ("int('x')", "strconv.ParseInt: parsing \"x\": invalid syntax"),
            ("int(1e30)", "integer overflow"), ("'abc'.substring(4)", "index out of range: 4"),
            ("optional.none().value()", "optional.none() dereference"),
            ("[].min()", "min called on empty list"), ("{'a': 1, 'a': 2}", "repeated key: a"),
            ("false || 1 / 0 > 0", "division by zero"),
            ("[0, 1].all(x, 1 / x > 0)", "division by zero"),
            ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "timestamp overflow"),
        ]
    )
    func failures(expression: String, message: String) {
        let error = #expect(throws: CELError.self) { try evaluate(expression) }
        #expect(error?.message == message)
        #expect(error?.reason == .evaluation)
    }

    @Test(
        "a wrong expression is refused, with its place",
        arguments: [
            ("self.x >", "1:9: Syntax error: mismatched input '<EOF>'"),
            ("foo > 1", "1:1: undeclared reference to 'foo' (in container '')"),
            ("true &&\n  bar(1)", "2:3: undeclared reference to 'bar' (in container '')"),
            ("1 + 'a' == 2", "1:3: found no matching overload for '_+_' applied to '(int, string)'"),
            ("1 == 'a'", "1:3: found no matching overload for '_==_' applied to '(int, string)'"), ("self.for", ""),
            ("for", "1:1: Syntax error: reserved identifier: for"),
            ("has(self)", "1:5: invalid argument to has() macro"),
            ("'abc", "1:1: Syntax error: token recognition error at: unterminated string"),
            ("1 && true", "1:1: expected type 'bool' but found 'int'"),
            ("[1].all(1, true)", "1:9: argument must be a simple name"),
            ("a # b", "1:3: Syntax error: token recognition error at: '#'"),
        ]
    )
    func refusals(expression: String, message: String) throws {
        if message.isEmpty {
            #expect(throws: Never.self) { try CELProgram(expression) }
            return
        }
        let error = #expect(throws: CELError.self) { try CELProgram(expression) }
        #expect(error?.reason == .compilation)
        #expect(error?.message.hasPrefix("ERROR: <input>:" + message + "\n") == true, "\(error?.message ?? "")")
    }

    @Test("the line of an error is shown with a mark below its place")
    func marks() {
        let error = #expect(throws: CELError.self) { try CELProgram("true &&\n  bar(1)") }
        let text = "ERROR: <input>:2:3: undeclared reference to 'bar' (in container '')\n |   bar(1)\n | ..^"
        #expect(error?.message == text)
    }

    @Test("fields that self cannot have are refused, and operators between its fields' types")
    func types() throws {
        let type = CELType.object(["size": .int, "names": .list(.string), "inner": .object(["on": .bool])])
        #expect(throws: Never.self) { try CELProgram("self.size > 1 && self.inner.on", selfType: type) }
        #expect(throws: Never.self) { try CELProgram("self.names.all(n, n.startsWith('a'))", selfType: type) }
        for wrong in [
            "self.sise > 1", "has(self.inner.off)", "self.size == 'a'", "self.names.all(n, n > 1)", "self.size.x",
        ] {
            #expect(throws: CELError.self, "\(wrong)") { try CELProgram(wrong, selfType: type) }
        }
        #expect(try CELProgram("self.size", selfType: type).resultType == .int)
        #expect(try CELProgram("self.size + 1 > 2", selfType: type).resultType == .bool)
    }

    @Test("a rule sees what was before, and tells whether it looks at it")
    func oldSelf() throws {
        let program = try CELProgram("self.name == oldSelf.name")
        #expect(program.usesOldSelf)
        #expect(try program.evaluate(self: ["name": "a"], oldSelf: ["name": "a"]).bool == true)
        #expect(try program.evaluate(self: ["name": "a"], oldSelf: ["name": "b"]).bool == false)
        #expect(throws: CELError.self) { try program.evaluate(self: ["name": "a"]) }
        #expect(try !CELProgram("self.name == 'oldSelf'").usesOldSelf)
    }

    @Test(
        "field names are escaped where expressions could not say them",
        arguments: [
            ("name", "name"), ("a_b", "a_b"), ("a__b", "a__underscores__b"), ("a.b", "a__dot__b"),
            ("a-b", "a__dash__b"),
            ("a/b", "a__slash__b"), ("namespace", "__namespace__"), ("in", "__in__"), ("1a", nil), ("a b", nil),
        ] as [(String, String?)]
    )
    func escaping(field: String, name: String?) { #expect(CELName.escaped(field) == name) }

    @Test(
        "hostile expressions end",
        arguments: [
            "self.all(a, self.all(b, self.all(c, self.all(d, a + b + c + d >= 0))))",
            "cel.bind(x, self.map(a, self), cel.bind(y, self.map(a, x), y == y && y in [y]))",
            "self.map(a, self.map(b, self)).distinct() == []",
            "self.map(a, self.map(b, self.map(c, self))).size() > 0",
            String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000),
            String(repeating: "!", count: 90_000) + "true", Array(repeating: "1", count: 20_000).joined(separator: "+"),
            String(repeating: "[", count: 5000), String(repeating: "a", count: 200_000),
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('(a*)*(a*)*(a*)*b') || self.all(x, 'aaaa'.matches('(x+x+)+y'))",
        ]
    )
    func hostile(expression: String) {
        let numbers = JSONValue.array((0..<500).map(JSONValue.integer))
        let result = Result { () throws(CELError) in try evaluate(expression, numbers) }
        if case .failure(let error) = result { #expect([.costLimit, .compilation].contains(error.reason)) }
    }
}
