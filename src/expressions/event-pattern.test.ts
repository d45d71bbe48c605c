import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileEventPattern, PatternError } from "./event-pattern.ts";

/** Pattern, event, and what aws/event-ruler 1.8.1 answered (both as JSON text, so that spellings of numbers are kept). */
const answered: readonly (readonly [pattern: string, event: string, matches: boolean])[] = [
  ['{"a":["x","y"]}', '{"a":"y"}', true],
  ['{"a":["x"]}', '{"a":"X"}', false],
  ['{"a":["x"]}', '{"b":"x"}', false],
  ['{"a":[""]}', '{"a":""}', true],
  ['{"a":[null]}', '{"a":null}', true],
  ['{"a":[null]}', "{}", false],
  ['{"a":[true]}', '{"a":"true"}', false],
  ['{"a":[300]}', '{"a":3.0e2}', true],
  ['{"a":[300.0]}', '{"a":300}', true],
  ['{"a":[300]}', '{"a":"300"}', false],
  ['{"a":[0]}', '{"a":-0}', true],
  ['{"a":[1],"b":[2]}', '{"a":1,"b":3}', false],
  ['{"a":{"b":{"c":[1]}}}', '{"a":{"b":{"c":1}}}', true],
  ['{"a":[{"prefix":"us-"}]}', '{"a":"us-east-1"}', true],
  ['{"a":[{"prefix":""}]}', '{"a":5}', false],
  ['{"a":[{"prefix":{"equals-ignore-case":"EventB"}}]}', '{"a":"eventbridge"}', true],
  ['{"a":[{"suffix":".png"}]}', '{"a":"x.png"}', true],
  ['{"a":[{"suffix":{"equals-ignore-case":".PnG"}}]}', '{"a":"x.png"}', true],
  ['{"a":[{"equals-ignore-case":"alice"}]}', '{"a":"ALICE"}', true],
  ['{"a":[{"equals-ignore-case":"straße"}]}', '{"a":"STRASSE"}', true],
  ['{"a":[{"equals-ignore-case":"k"}]}', '{"a":"\\u212a"}', false],
  ['{"a":[{"anything-but":"x"}]}', '{"a":"x"}', false],
  ['{"a":[{"anything-but":"x"}]}', '{"a":5}', true],
  ['{"a":[{"anything-but":"x"}]}', "{}", false],
  ['{"a":[{"anything-but":["x","y"]}]}', '{"a":"z"}', true],
  ['{"a":[{"anything-but":["x","y"]}]}', '{"a":["x","z"]}', true],
  ['{"a":[{"anything-but":[1,2]}]}', '{"a":1.0}', false],
  ['{"a":[{"anything-but":[1]}]}', '{"a":true}', true],
  ['{"a":[{"anything-but":{"prefix":"init"}}]}', '{"a":"initializing"}', false],
  ['{"a":[{"anything-but":{"prefix":["init","term"]}}]}', '{"a":"running"}', true],
  ['{"a":[{"anything-but":{"suffix":[".png",".jpg"]}}]}', '{"a":"a.jpg"}', false],
  ['{"a":[{"anything-but":{"equals-ignore-case":["A","B"]}}]}', '{"a":"b"}', false],
  ['{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}', '{"a":"dir/lib/x"}', false],
  ['{"a":[{"anything-but":{"wildcard":["*/lib/*","*/bin/*"]}}]}', '{"a":"dir/src/x"}', true],
  ['{"a":[{"numeric":["=",5]}]}', '{"a":5.0}', true],
  ['{"a":[{"numeric":[">",0,"<=",5]}]}', '{"a":5}', true],
  ['{"a":[{"numeric":[">",0,"<=",5]}]}', '{"a":0}', false],
  ['{"a":[{"numeric":[">",0]}]}', '{"a":"5"}', false],
  ['{"a":[{"numeric":["<",-1.5]}]}', '{"a":-2e3}', true],
  ['{"a":[{"exists":true}]}', '{"a":null}', true],
  ['{"a":[{"exists":true}]}', '{"a":{"b":1}}', false],
  ['{"a":[{"exists":false}]}', '{"a":{"b":1}}', true],
  ['{"a":[{"exists":false}]}', '{"a":[]}', true],
  ['{"a":{"b":[{"exists":false}]}}', '{"c":1}', true],
  ['{"a":{"b":[{"exists":false}]}}', '{"a":{"b":null}}', false],
  ['{"a":[{"exists":false},"x"]}', '{"a":"x"}', true],
  ['{"a":[{"cidr":"10.0.0.0/24"}]}', '{"a":"10.0.0.255"}', true],
  ['{"a":[{"cidr":"10.0.0.0/24"}]}', '{"a":"10.0.1.0"}', false],
  ['{"a":[{"cidr":"10.0.0.77/24"}]}', '{"a":"10.0.0.1"}', true],
  ['{"a":[{"cidr":"2001:db8::/32"}]}', '{"a":"2001:db8:0:0::1"}', true],
  ['{"a":[{"cidr":"0.0.0.0/0"}]}', '{"a":"localhost"}', false],
  ['{"a":["::1"]}', '{"a":"0:0:0:0:0:0:0:1"}', true],
  ['{"a":["1.2.3.4"]}', '{"a":"::ffff:102:304"}', true],
  ['{"a":[{"wildcard":"dir/*.png"}]}', '{"a":"dir/a/b.png"}', true],
  ['{"a":[{"wildcard":"a*b*c"}]}', '{"a":"abbc"}', true],
  ['{"a":[{"wildcard":"a*a"}]}', '{"a":"a"}', false],
  ['{"a":[{"wildcard":"*"}]}', '{"a":""}', true],
  ['{"a":[{"wildcard":"a\\\\*\\\\\\\\"}]}', '{"a":"a*\\\\"}', true],
  ['{"a":[{"exactly":"x"}]}', '{"a":"x"}', true],
  ['{"$or":[{"a":[1]},{"b":[2]}]}', '{"b":2}', true],
  ['{"c":[1],"$or":[{"a":[1]},{"b":[2]}]}', '{"b":2}', false],
  ['{"$or":[{"a":[1]},{"$or":[{"b":[2]},{"c":[3]}]}]}', '{"c":3}', true],
  ['{"d":{"$or":[{"a":[1]},{"b":{"c":[2]}}]}}', '{"d":{"b":{"c":2}}}', true],
  ['{"a":["x"]}', '{"a":["y","x"]}', true],
  ['{"a":["x"]}', '{"a":[["y"],["x"]]}', true],
  ['{"a":{"b":["x"]}}', '{"a":[{"b":"y"},{"b":["z","x"]}]}', true],
  // Fields of one object of the pattern are looked for in one element of a list.
  ['{"a":{"b":[1],"c":[2]}}', '{"a":[{"b":1,"c":3},{"b":4,"c":2}]}', false],
  ['{"a":{"b":[1],"c":[2]}}', '{"a":[{"b":1,"c":3},{"b":1,"c":2}]}', true],
  ['{"a":{"b":{"c":[1]},"d":{"e":[2]}}}', '{"a":[{"b":[{"c":1}],"d":[{"e":2}]}]}', true],
  ['{"a":{"b":{"c":[1],"d":[2]}}}', '{"a":[{"b":[{"c":1},{"d":2}]}]}', false],
  // What must not exist is looked for in that element only behind a name that settled which; else in all.
  ['{"a":{"b":[1],"c":[{"exists":false}]}}', '{"a":[{"b":1},{"c":1}]}', true],
  ['{"a":{"b":[{"exists":false}],"c":[1]}}', '{"a":[{"b":1},{"c":1}]}', false],
  ['{"a":{"b":[{"exists":false}]}}', '{"a":[{"b":1},{"c":1}]}', false],
  // A name with a dot is that name, or the way through two objects.
  ['{"a.b":[1]}', '{"a":{"b":1}}', true],
  ['{"a.b":[1]}', '{"a.b":1}', true],
  ['{"a.b":[{"exists":false}]}', '{"a":{"b":1}}', false],
  ['{"a":{"b.c":[{"exists":false}]}}', '{"a":[[],{"b.c":5}]}', false],
  ['{"a":{"b.c":[{"exists":false}]}}', '{"a":[{"d":1},{"b":{"c":5}}]}', false],
  ['{"a":{"b.c":{"d":[{"exists":true}],"e":[{"exists":false}]}}}', '{"a":[1,{"b.c":{"d":1,"e":2}}]}', false],
  ['{"__proto__":{"x":[1]}}', '{"__proto__":{"x":1}}', true],
  ['{"__proto__":{"toString":[{"exists":true}]}}', "{}", false],
  ['{"constructor":{"name":["Object"]}}', "{}", false],
];

/** Pattern, where it is wrong, and what is said. */
const refused: readonly (readonly [pattern: unknown, path: string, message: string])[] = [
  [5, "", "a pattern is an object: { member: [values] }"],
  [[{ a: [1] }], "", "a pattern is an object: { member: [values] }"],
  [{}, "", "an empty object matches nothing"],
  [{ a: {} }, "a", "an empty object matches nothing"],
  [{ a: [] }, "a", "an empty list matches nothing"],
  [{ a: "x" }, "a", '"a" must be a list of values or an object: write ["x"]'],
  [{ a: [["x"]] }, "a/0", "a value is a text, a number, true, false, null or one operator"],
  [{ a: ["x", {}] }, "a/1", "an operator is missing: { } matches nothing"],
  [{ a: [{ prefx: "x" }] }, "a/0/prefx", 'there is no operator "prefx" here; did you mean "prefix"?'],
  [
    { a: [{ prefix: "x", suffix: "y" }] },
    "a/0",
    "an operator stands alone in its { }, but here are 2: list them one by one",
  ],
  [{ a: [{ prefix: 5 }] }, "a/0/prefix", "prefix takes a text, not 5"],
  [{ a: [{ prefix: ["x"] }] }, "a/0/prefix", 'prefix takes a text, not ["x"]'],
  [
    { a: [{ prefix: { wildcard: "x" } }] },
    "a/0/prefix/wildcard",
    'there is no operator "wildcard" here; there are equals-ignore-case',
  ],
  [{ a: [{ exists: "true" }] }, "a/0/exists", 'exists is true or false, not "true"'],
  [{ a: [{ wildcard: "a**" }] }, "a/0/wildcard", 'two stars in a row, at character 2 of "a**"'],
  [
    { a: [{ wildcard: "a\\d" }] },
    "a/0/wildcard",
    'a backslash stands only before a star or a backslash, at character 2 of "a\\\\d"',
  ],
  [{ a: [{ cidr: "10.0.0.0" }] }, "a/0/cidr", "a CIDR is an address, a slash and the number of its fixed bits"],
  [{ a: [{ cidr: "10.0.0/8" }] }, "a/0/cidr", '"10.0.0" is no IP address'],
  [{ a: [{ cidr: "10.0.0.0/x" }] }, "a/0/cidr", "what follows the slash must be a whole number"],
  [{ a: [{ cidr: "10.0.0.0/32" }] }, "a/0/cidr", "an IPv4 mask has at most 31 bits; for one address, write it alone"],
  [{ a: [{ cidr: "::/128" }] }, "a/0/cidr", "an IPv6 mask has at most 127 bits; for one address, write it alone"],
  [{ a: [{ numeric: [">"] }] }, "a/0/numeric", "numeric needs a sign and a number"],
  [{ a: [{ numeric: { ">": 5 } }] }, "a/0/numeric", 'numeric takes a list such as [">", 0, "<=", 5]'],
  [{ a: [{ numeric: ["!=", 5] }] }, "a/0/numeric/0", '"!=" is no comparison; there are = > >= < <='],
  [{ a: [{ numeric: [">", "5"] }] }, "a/0/numeric/1", '"5" is no number that can be compared'],
  [
    { a: [{ numeric: ["<", 5, ">", 1] }] },
    "a/0/numeric",
    "a range is a lower bound (> or >=) and then an upper bound (< or <=)",
  ],
  [{ a: [{ numeric: [">", 5, "<", 5] }] }, "a/0/numeric", "the lower bound 5 is not below the upper bound 5"],
  [{ a: [{ "anything-but": [] }] }, "a/0/anything-but", "an empty list says nothing"],
  [
    { a: [{ "anything-but": [1, "x"] }] },
    "a/0/anything-but",
    "anything-but takes texts or numbers, not both in one list",
  ],
  [{ a: [{ "anything-but": [null] }] }, "a/0/anything-but/0", "anything-but takes texts or numbers, not null"],
  [
    { a: [{ "anything-but": { prefix: "" } }] },
    "a/0/anything-but/prefix",
    "every text has the empty prefix: nothing could match",
  ],
  [
    { a: [{ "anything-but": { numeric: [">", 5] } }] },
    "a/0/anything-but/numeric",
    'there is no operator "numeric" here; there are equals-ignore-case, prefix, suffix, wildcard',
  ],
  [{ $or: [{ a: [1] }] }, "$or", "$or needs at least two objects"],
  [
    { $or: [{ prefix: ["a"] }, { b: [1] }] },
    "$or/0/prefix",
    `"prefix" is an operator's name: inside $or no member may have it`,
  ],
  [{ $or: { a: [1] } }, "$or", "$or is a list of objects"],
  [{ $or: [{ a: [1] }, 5] }, "$or/1", "$or is a list of objects"],
  [
    { a: [1], $or: [{ a: [2] }, { b: [3] }] },
    "$or/0/a",
    '"a" is asked twice: beside $or and in it, or in two of them; join the two',
  ],
  [{ a: [Number.NaN] }, "a/0", "null is no number that can be compared"],
  [{ a: undefined }, "a", '"a" must be a list of values or an object: write [undefined]'],
];

const decode = (text: string): unknown => JSON.parse(text);

function fault(pattern: unknown): PatternError {
  try {
    compileEventPattern(pattern);
  } catch (error) {
    if (error instanceof PatternError) return error;
    throw error;
  }
  throw new Error("the pattern was taken");
}

describe("event patterns", () => {
  it.each(answered)("%s on %s is %s", (pattern, event, expected) => {
    expect(compileEventPattern(pattern).matches(decode(event))).toBe(expected);
    expect(compileEventPattern(decode(pattern)).matches(decode(event))).toBe(expected);
    const clauses = compileEventPattern(pattern).explain(decode(event));
    expect(clauses.length).toBeGreaterThan(0);
    if (!pattern.includes("$or")) expect(clauses.every(({ passed }) => passed)).toBe(expected);
  });

  it.each(refused)("%j is refused at %s: %s", (pattern, path, message) => {
    const error = fault(pattern);
    expect(error.code).toBe("EXPRESSION_INVALID");
    expect(error.message).toBe(message);
    expect(error.path.join("/")).toBe(path);
    expect(error.position).toBeUndefined();
  });

  it("says where in the text of a pattern the fault is", () => {
    const at = (text: string): string => text.slice(fault(text).position);
    expect(at('{"a": [1,], "b": [2]}')).toBe('], "b": [2]}');
    expect(at('{"a": [1] "b": [2]}')).toBe('"b": [2]}');
    expect(at('{"a": [1')).toBe("");
    expect(at("{'a': [1]}")).toBe("'a': [1]}");
    expect(at('{"a": ["x\ny"]}')).toBe('"x\ny"]}');
    expect(at('{"a": [1]} x')).toBe("x");
    expect(at('{"a.b": {"c d": [1, {"prefix": 5}]}}')).toBe("5}]}}");
    expect(at('{"a": [{"wildcard": "**"}]}')).toBe('"**"}]}');
    expect(at(' {"a": {}}')).toBe("{}}");
    expect(fault('{"a": [1,]}').message).toBe('the pattern is no JSON: at "]}"');
  });

  it("a range of IPv4 addresses has no IPv6 address, which event-ruler lets into some", () => {
    expect(compileEventPattern({ a: [{ cidr: "0.0.0.0/0" }] }).matches({ a: "::1" })).toBe(false);
    expect(compileEventPattern({ a: [{ cidr: "::/0" }] }).matches({ a: "0.0.0.0" })).toBe(false);
  });

  it("data that are no object never match", () => {
    const pattern = compileEventPattern({ a: [{ exists: false }] });
    for (const data of [null, 5, "x", [{ b: 1 }], undefined]) expect(pattern.matches(data)).toBe(false);
    expect(pattern.matches({})).toBe(true);
  });
});

describe("explain of event patterns", () => {
  it("tells for each member what was wanted and what was there", () => {
    const pattern = compileEventPattern({
      source: ["shop", { prefix: "eu-" }],
      detail: { amount: [{ numeric: [">", 100] }], test: [{ exists: false }] },
    });
    expect(pattern.explain({ source: "us", detail: { amount: [1, 500], test: null } })).toEqual([
      { path: ["source"], passed: false, value: '"us"', reason: 'is not what is wanted: "shop" or prefix "eu-"' },
      { path: ["detail", "amount"], passed: true, value: "[1, 500]", reason: "wanted: a number > 100" },
      { path: ["detail", "test"], passed: false, value: "null", reason: "is not what is wanted: no value" },
    ]);
    expect(pattern.explain({})).toEqual([
      { path: ["source"], passed: false, reason: 'there is no value; wanted: "shop" or prefix "eu-"' },
      { path: ["detail", "amount"], passed: false, reason: "there is no value; wanted: a number > 100" },
      { path: ["detail", "test"], passed: true, reason: "there is no value, as wanted" },
    ]);
  });

  it("tells which alternative of $or matches", () => {
    const pattern = compileEventPattern({ $or: [{ a: [1] }, { b: [2] }] });
    expect(pattern.explain({ b: 2 }).map(({ path, passed, reason }) => [path.join("/"), passed, reason])).toEqual([
      ["$or/0/a", false, "there is no value; wanted: 1"],
      ["$or/1/b", true, "wanted: 2"],
      ["$or", true, "alternative 2 of 2 matches"],
    ]);
    expect(pattern.explain({}).at(-1)).toEqual({
      path: ["$or"],
      passed: false,
      reason: "none of the 2 alternatives matches",
    });
  });

  it("tells that members match only in different elements of a list", () => {
    const pattern = compileEventPattern({ items: { sku: ["a"], qty: [2] } });
    expect(
      pattern
        .explain({
          items: [
            { sku: "a", qty: 1 },
            { sku: "b", qty: 2 },
          ],
        })
        .at(-1),
    ).toEqual({
      path: [],
      passed: false,
      reason: "each member matches, but not all within one element of a list",
    });
  });
});

const key = fc.constantFrom("a", "b", "c", "a.b", "__proto__", "constructor");
const scalar = fc.oneof(fc.constantFrom("", "x", "xy", "10.0.0.1", null, true, false), fc.integer({ min: -3, max: 3 }));
const { event } = fc.letrec<{ event: unknown }>((tie) => ({
  event: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie("event"), { maxLength: 4 }),
    fc.uniqueArray(fc.tuple(key, tie("event")), { maxLength: 4, selector: ([name]) => name }).map(fromEntries),
  ),
}));
const operator = fc.oneof(
  scalar,
  fc.constantFrom({ exists: true }, { exists: false }, { "anything-but": ["x"] }, { wildcard: "x*" }, { prefix: "x" }),
);
const { pattern } = fc.letrec<{ pattern: unknown }>((tie) => ({
  pattern: fc
    .uniqueArray(
      fc.tuple(key, fc.oneof({ maxDepth: 3 }, fc.array(operator, { minLength: 1, maxLength: 3 }), tie("pattern"))),
      { minLength: 1, maxLength: 3, selector: ([name]) => name },
    )
    .map(fromEntries),
}));

function fromEntries(entries: readonly (readonly [string, unknown])[]): unknown {
  return Object.fromEntries(entries);
}

describe("event patterns on anything", () => {
  it("matches exactly when a clause for each member says so, and $or is any of its alternatives", () => {
    fc.assert(
      fc.property(pattern, pattern, event, (one, other, data) => {
        const [first, second] = [compileEventPattern(one), compileEventPattern(other)];
        const either = compileEventPattern({ $or: [one, other] });
        expect(either.matches(data)).toBe(first.matches(data) || second.matches(data));
        if (typeof data !== "object" || data === null || Array.isArray(data)) return;
        expect(first.explain(data).every(({ passed }) => passed)).toBe(first.matches(data));
      }),
      { numRuns: 2000 },
    );
  });

  it("takes or refuses any JSON without a crash, and changes no prototype", () => {
    const own = Reflect.ownKeys(Object.prototype);
    fc.assert(
      fc.property(fc.json(), event, (text, data) => {
        try {
          compileEventPattern(text).matches(data);
        } catch (error) {
          expect(error).toBeInstanceOf(PatternError);
        }
      }),
      { numRuns: 1000 },
    );
    expect(Reflect.ownKeys(Object.prototype)).toEqual(own);
  });

  it("finds where any broken JSON breaks, as JSON.parse does", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom("", ",", "}", '"', "x", "\n", "1"), (json, place, sign) => {
        const at = place % (json.length + 1);
        const text = json.slice(0, at) + sign + json.slice(at + 1);
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (valid) return;
        const { position } = fault(text);
        expect(position).toBeGreaterThanOrEqual(0);
        expect(position).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("hostile event patterns and events", () => {
  const within = (limitMs: number, run: () => void): void => {
    const started = performance.now();
    run();
    expect(performance.now() - started).toBeLessThan(limitMs);
  };

  it("wildcards take linear time", () => {
    const stars = compileEventPattern({ a: [{ wildcard: `${"*a".repeat(1000)}*b` }] });
    const long = compileEventPattern({ a: [{ wildcard: `*b${"a".repeat(30_000)}*` }] });
    within(1000, () => {
      expect(stars.matches({ a: "a".repeat(1_000_000) })).toBe(false);
      expect(long.matches({ a: "a".repeat(1_000_000) })).toBe(false);
    });
  });

  it("long lists take linear time, also where what must not exist is looked for in all elements", () => {
    const some = compileEventPattern({ a: { b: [{ exists: false }], c: [1], d: { e: [{ exists: false }], f: [2] } } });
    const items = Array.from({ length: 50_000 }, () => ({ c: 1, d: [{ f: 1 }, { f: 3 }] }));
    within(1000, () => {
      expect(some.matches({ a: items })).toBe(false);
      expect(some.matches({ a: [...items, { c: 1, d: [{ f: 2 }] }] })).toBe(true);
    });
  });

  it("deep nesting is refused with a clear error", () => {
    const deep = decode(`${'{"a":'.repeat(5000)}[1]${"}".repeat(5000)}`);
    expect(fault(deep).message).toBe("nested more than 100 deep");
    const lists = decode(`{"a":${"[".repeat(5000)}1${"]".repeat(5000)}}`);
    for (const wanted of [{ a: [1] }, { a: { b: [1] } }]) {
      const compiled = compileEventPattern(wanted);
      expect(() => compiled.matches(lists)).toThrow("data nested more than 500 deep");
      expect(() => compiled.explain(lists)).toThrow("data nested more than 500 deep");
    }
  });

  it("names with dots do not multiply", () => {
    const wanted = decode(`${'{"a.b.c":'.repeat(90)}[1]${"}".repeat(90)}`);
    const data = decode(`${'{"a":{"b.c":'.repeat(90)}1${"}}".repeat(90)}`);
    within(1000, () => {
      expect(compileEventPattern(wanted).matches(data)).toBe(true);
      expect(compileEventPattern(wanted).explain(data)[0]?.passed).toBe(true);
      expect(compileEventPattern(wanted).matches({ "a.b.c": { a: { b: { c: 1 } } } })).toBe(false);
    });
  });

  it("too many alternatives and values are refused before they are made", () => {
    const two = { $or: [{ x: [1] }, { y: [1] }] };
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`k${index}`, two]));
    within(1000, () => expect(fault(many).message).toBe("the alternatives of $or make more than 1000 combinations"));
    expect(fault({ a: new Array(5000).fill(1) }).message).toBe("a pattern has at most 4000 values");
  });
});
