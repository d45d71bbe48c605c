import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asValue, compilePath, get, isValid } from "./gjson.ts";
import { setRaw, setString } from "./sjson.ts";

/** Document, path, value, and what sjson 1.2.5 (Go) printed. */
const raw = [
  ['{"a": 1, "b":{"c" :[1, 2]} }', "a", "2", '{"a": 2, "b":{"c" :[1, 2]} }'],
  ['{"a": 1, "b":{"c" :[1, 2]} }', "b.c.1", "9007199254740993", '{"a": 1, "b":{"c" :[1, 9007199254740993]} }'],
  ['{"a": 1, "b":{"c" :[1, 2]} }', "b.d.e", "true", '{"a": 1, "b":{"c" :[1, 2],"d":{"e":true}} }'],
  ['{"a":[1, 2]}', "a.4", "5", '{"a":[1,2,null,null,5]}'],
  ['{"a":[1, 2]}', "a.2", "5", '{"a":[1,2,5]}'],
  ['{"a":[1, 2] }', "a.-1", "5", '{"a":[1, 2,5] }'],
  ['{"a":[]}', "a.-1", "5", '{"a":[5]}'],
  ['{"a":[]}', "a.1", "5", '{"a":[null,5]}'],
  ['{"a":[1]}', "a.:0", "5", '{"a":[5]}'],
  ["", "a.b", "1", '{"a":{"b":1}}'],
  ["", "0", "1", "[1]"],
  [" \n", "1.b", "1", '[null,{"b":1}]'],
  ["", "-1", "1", '{"-1":1}'],
  ["", "a.-1", "1", '{"a":[1]}'],
  ["", "a.2.b", "1", '{"a":[null,null,{"b":1}]}'],
  ["", "a.:2", "1", '{"a":{"2":1}}'],
  ["", "a.", "1", '{"a":[1]}'],
  ["{}", ":1", "5", '{"1":5}'],
  ['{"1":0}', "1", "5", '{"1":5}'],
  ['{"1":0}', ":1", "5", '{"1":5}'],
  ['{"a":5}', "a.b", "1", '{"a":{"b":1}}'],
  ['{"a":"x"}', "a.0", "1", '{"a":[1]}'],
  ['{"a":null}', "a.b.1", "1", '{"a":{"b":[null,1]}}'],
  ["5", "a", "1", '{"a":1}'],
  ["null", "0", "1", "[1]"],
  ["[1,2]", "0", "{}", "[{},2]"],
  ['[{"a":1}]', "0.b", "2", '[{"a":1,"b":2}]'],
  ['{"a.b":1}', "a\\.b", "2", '{"a.b":2}'],
  ["{}", "a\\.b.c\\*d", "2", '{"a.b":{"c*d":2}}'],
  ['{"a":1,"a":2}', "a", "3", '{"a":3,"a":2}'],
  [' {"a":1} ', "b", "2", '{"a":1,"b":2}'],
  [' {"a":1} ', "a", "2", ' {"a":2} '],
  ['{"p":[{"n":"x","v":1},{"n":"y","v":2}]}', 'p.#(n=="y").v', "7", '{"p":[{"n":"x","v":1},{"n":"y","v":7}]}'],
  ['{"p":[{"n":"x","v":1},{"n":"x","v":2}]}', 'p.#(n=="x")#.v', "7", '{"p":[{"n":"x","v":7},{"n":"x","v":7}]}'],
  ['{"p":[{"n":"x","v":1},{"n":"y","v":2}]}', "p.#.v", "[0, 0]", '{"p":[{"n":"x","v":[0, 0]},{"n":"y","v":[0, 0]}]}'],
  ['{"p":[{"n":"x"}]}', 'p.#(n=="z").v', "7", '{"p":[{"n":"x"}]}'],
  ['{"p":[{"n":"x"}]}', "p.#.v", "7", '{"p":[{"n":"x"}]}'],
  ['{"ab":1,"ac":2}', "a*", "3", '{"ab":3,"ac":2}'],
  ['{"ab":1,"ac":2}', "a?", "3", '{"ab":3,"ac":2}'],
  ['{"ab":1}', "x*", "3", '{"ab":1}'],
  ['{"a":[1,2]}', "a.#", "3", '{"a":[1,2]}'],
  ['{"a":{"b":1}}', "a|b", "3", '{"a":{"b":1}}'],
  ['{"a":{"b":1}}', "a.@this", "3", '{"a":{"b":1}}'],
  ['{"p":[{"n":"x","v":1}]}', 'p.#(n=="x").@this.v', "3", '{"p":[{"n":"x","v":3}]}'],
  ['{"a":{"b":1}}', "[a,b]", "3", '{"a":{"b":1},"[a,b]":3}'],
] as const;

const string = [
  ["{}", "a", "<b>&", '{"a":"<b>&"}'],
  ["{}", "a", '<b>"&', '{"a":"\\u003cb\\u003e\\"\\u0026"}'],
  ["{}", "a", "é<", '{"a":"é\\u003c"}'],
  ["{}", "a", "\u2028\u2029", '{"a":"\\u2028\\u2029"}'],
  ["{}", "a", "\x7f<", '{"a":"\x7f<"}'],
  ["{}", "a", "a\n\t\b\f\r\u0001\\/", '{"a":"a\\n\\t\\b\\f\\r\\u0001\\\\/"}'],
  ["{}", "a", "😀", '{"a":"😀"}'],
  ["{}", "a", "", '{"a":""}'],
  ["{}", 'k"é<', "v", '{"k\\"é\\u003c":"v"}'],
  ["{}", "<k>", "v", '{"<k>":"v"}'],
  ['{"a":[{"b":"x"}]}', "a.#.b", "y", '{"a":[{"b":"y"}]}'],
] as const;

describe("sjson sets what sjson 1.2.5 sets", () => {
  it.each(raw)("raw: %s at %s = %s", (json, path, value, expected) => {
    expect(setRaw(json, path, value)).toBe(expected);
  });
  it.each(string)("string: %s at %s = %s", (json, path, value, expected) => {
    expect(setString(json, path, value)).toBe(expected);
  });
});

describe("sjson", () => {
  it("writes a string that is not Unicode as Go writes bytes that are not UTF-8", () => {
    expect(setString("{}", "a", "x\ud800y")).toBe('{"a":"x\\ufffdy"}');
  });

  it("refuses a key of an array, naming it", () => {
    const message = "cannot set array element for non-numeric key";
    expect(() => setRaw('{"a":[1]}', "a.b", "5")).toThrow(`${message} 'b'`);
    expect(() => setRaw('{"a":[1]}', "a.:3", "5")).toThrow(`${message} '3'`);
  });

  it("refuses the empty path", () => {
    expect(() => setRaw("{}", "", "5")).toThrow(expect.objectContaining({ code: "EXPRESSION_INVALID" }));
  });

  it("refuses where the real library would overwrite the wrong bytes", () => {
    const failed = expect.objectContaining({ code: "EXPRESSION_FAILED" });
    expect(() => setRaw('{"a":[{"b":[{"c":1}]}]}', "a.#.b.#.c", "9")).toThrow(failed);
    expect(() => setRaw('{"x":1,"a":[{"b":2}]}', "a|#.b", "9")).toThrow(failed);
  });

  it("refuses to fill an array with more than a million nulls, at once or in sum", () => {
    expect(() => setRaw("{}", "a.99999999999999999999", "1")).toThrow("at most 1000000 nulls");
    expect(() => setRaw("[]", "99999999", "1")).toThrow("at most 1000000 nulls");
    expect(() => setRaw("{}", Array(3000).fill("1000000").join("."), "1")).toThrow("at most 1000000 nulls");
  });

  it("builds and follows paths of any length without recursion", () => {
    const path = Array(20_000).fill("a").join(".");
    const json = setRaw("{}", path, "1");
    expect(json.length).toBe(20_000 * 6 + 1);
    expect(setRaw(json, Array(300).fill("a").join("."), "2")).toBe(`${'{"a":'.repeat(300)}2${"}".repeat(300)}`);
  });

  it("reads back what it set, keeps the document valid and all other members as they were", () => {
    const key = fc.stringMatching(/^[a-z]{1,3}$/);
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.jsonValue({ maxDepth: 2 })),
        fc.array(key, { minLength: 1, maxLength: 3 }),
        fc.string(),
        (document, keys, value) => {
          const before = JSON.stringify(document, undefined, 1);
          const path = keys.join(".");
          let after: string;
          try {
            after = setString(before, path, value);
          } catch {
            return Array.isArray(
              keys.slice(0, -1).reduce<unknown>((at, name) => (Array.isArray(at) ? at : Object(at)[name]), document),
            );
          }
          expect(isValid(after)).toBe(true);
          expect(asValue(get(after, compilePath(path)))).toBe(value);
          const [first = ""] = keys;
          for (const other of Object.keys(document)) {
            if (other !== first) {
              const at = compilePath(other);
              expect(get(after, at).raw).toBe(get(before, at).raw);
            }
          }
          return true;
        },
      ),
    );
  });
});
