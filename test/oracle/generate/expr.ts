import { compileFilterExpr } from "../../../src/expressions/expr-sprig.ts";
import { type Language, staged } from "../language.ts";
import { plain } from "../plain.ts";
import { mutate, type Random } from "../random.ts";
import { bodies, bounds, data, predicates, sprig } from "./expr-words.ts";

const json = JSON.stringify(data);

export const expr: Language = {
  name: "expr",
  make(random) {
    const made = new Maker(random);
    const kind = random.next();
    let text =
      kind < 0.45
        ? made.bool(3)
        : kind < 0.6
          ? made.any(3)
          : kind < 0.75
            ? made.num(3)
            : kind < 0.9
              ? made.str(3)
              : made.list(3);
    if (random.chance(0.1))
      text = mutate(random, text, "( ) [ ] . ? : # not in | ' \\ .. 0 1. a - , { } // /* */ = ?? ?. & ; let é ` ~");
    return { lang: "expr", text, json };
  },
  ours: ({ text }) =>
    staged(
      () => compileFilterExpr(text),
      (compiled) => ({ is: plain(compiled.evaluateAny(data, { nowMs: 0, random: () => 0.5 })) }),
    ),
};

/** Expressions by the type that they are meant to have. */
class Maker {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A call of sprig, now and then. */
  #sprig(kind: keyof typeof sprig, depth: number): string | undefined {
    const random = this.#random;
    if (depth <= 0 || !random.chance(0.08)) return undefined;
    const made = {
      NUM: () => this.num(depth - 1),
      STR: () => this.str(depth - 1),
      LIST: () => this.list(depth - 1),
      ANY: () => this.any(depth - 1),
      BOOL: () => this.bool(depth - 1),
    };
    const call = random.pick<string>(sprig[kind]);
    return `sprig.${call.replace(/NUM|STR|LIST|ANY|BOOL/g, (word) => made[word as keyof typeof made]())}`;
  }

  num(depth: number): string {
    const random = this.#random;
    const sprigged = this.#sprig("num", depth);
    if (sprigged !== undefined) return sprigged;
    const d = depth - 1;
    const num = (): string => this.num(d);
    if (depth <= 0 || random.chance(0.25))
      return random.pick("1 2 0 3 2.5 0x1f 1_000 1e2 a n z arr[0] m.in objs[1].id 10 7 dash_ed dot.ted dot.ty.q");
    const kind = random.next();
    if (kind < 0.12) return `(${num()})`;
    if (kind < 0.18) return random.pick("- +") + num();
    if (kind < 0.55) return `${num()}${random.pick([" ", ""])}${random.pick("+ - * / % ** ^")} ${num()}`;
    if (kind < 0.75) return `${random.pick("int float abs round ceil floor")}(${num()})`;
    return random.pick<() => string>([
      () => `len(${random.chance(0.5) ? this.list(d) : this.str(d)})`,
      () => `len(${this.map(d)})`,
      () => `${random.pick("max min")}(${num()}, ${num()})`,
      () => `${random.pick("sum mean median first last")}(${this.list(d)})`,
      () => `${random.pick("count findIndex findLastIndex")}(${this.list(d)}, ${this.predicate(d)})`,
      () => `${random.pick("indexOf lastIndexOf")}(${this.str(d)}, ${this.str(d)})`,
      () => `(${this.bool(d)} ? ${num()} : ${num()})`,
      () => `reduce(${this.list(d)}, #acc + #${random.chance(0.5) ? "" : `, ${num()}`})`,
      () => `(${this.any(d)} ?? ${num()})`,
      () => `asInt(${random.chance(0.5) ? num() : this.str(d)})`,
      () => `${this.list(d)} | sum()`,
      () =>
        random.pick([
          "int(num)",
          "asFloat(fl)",
          "int('0x1f')",
          "float('1e3')",
          "duration('90s').Minutes()",
          "date(when).Unix()",
        ]),
      () => `${this.list(d)}[${num()}]`,
      () => `get(${random.chance(0.5) ? this.list(d) : this.map(d)}, ${random.chance(0.5) ? num() : this.str(d)})`,
    ])();
  }

  str(depth: number): string {
    const random = this.#random;
    const sprigged = this.#sprig("str", depth);
    if (sprigged !== undefined) return sprigged;
    const d = depth - 1;
    const str = (): string => this.str(d);
    if (depth <= 0 || random.chance(0.35)) {
      return random.pick([
        "s",
        "t",
        "e",
        '"x"',
        "'hello'",
        '"a\\tb\\u00e9"',
        "num",
        "m.k",
        "objs[0].name",
        "long",
        '"h.*o"',
        "'é'",
        "strs[1]",
        "js",
        "when",
      ]);
    }
    if (random.chance(0.25)) return `${str()} + ${str()}`;
    return random.pick<() => string>([
      () => `${random.pick("upper lower trim toBase64 fromBase64")}(${str()})`,
      () => `${random.pick("trim trimPrefix trimSuffix")}(${str()}, ${str()})`,
      () => `replace(${str()}, ${str()}, ${str()}${random.chance(0.5) ? "" : `, ${this.num(0)}`})`,
      () => `repeat(${str()}, ${random.pick("2 0 a 3")})`,
      () => `join(${this.list(d)}${random.pick(["", ', ","'])})`,
      () => `${random.pick("string type toJSON toJson")}(${this.any(d)})`,
      () => `(${str()})[${random.pick(bounds)}:${random.pick(bounds)}]`,
      () => `(${str()} | ${random.pick("upper lower trim")}())`,
      () => `(${this.bool(d)} ? ${str()} : ${str()})`,
      () =>
        random.pick([
          "m?.k",
          "nul?.foo.bar",
          "m['x-y']",
          "m.zz",
          "string(duration('1h30m'))",
          "string(date('2024-01-02') + duration('1h'))",
        ]),
    ])();
  }

  list(depth: number): string {
    const random = this.#random;
    const sprigged = this.#sprig("list", depth);
    if (sprigged !== undefined) return sprigged;
    const d = depth - 1;
    const list = (): string => this.list(d);
    if (depth <= 0 || random.chance(0.35)) {
      return random.pick(["arr", "strs", "mixed", "objs", "[1, 2, 3]", '["a", "b"]', "1..3", "[]", "[1, 2.5, n]"]);
    }
    return random.pick<() => string>([
      () => `filter(${list()}, ${this.predicate(d)})`,
      () => `filter(${list()}, {${this.predicate(d)}})`,
      () => `map(${list()}, ${this.body(d)})`,
      () => `sort(${list()}${random.pick(["", ', "desc"', ', "asc"', ', "x"'])})`,
      () => `sortBy(objs, ${random.pick(['"id"', '"name", "desc"', '"zz"', '"tags"'])})`,
      () =>
        `${random.pick("split splitAfter")}(${this.str(d)}, ${this.str(d)}${random.chance(0.7) ? "" : `, ${this.num(0)}`})`,
      () => `take(${list()}, ${random.pick("1 2 10 0 a")})`,
      () => `${list()}[${random.pick(bounds)}:${random.pick(bounds)}]`,
      () => `[${this.any(d)}, ${this.any(d)}]`,
      () => `(${this.num(d)}..${this.num(d)})`,
      () => `sort(keys(${this.map(d)}))`,
      () => `(${list()} | filter(${this.predicate(d)}))`,
      () => "fromJSON(js).a",
      () => `sort(map(toPairs(${this.map(d)}), #[0]))`,
    ])();
  }

  map(depth: number): string {
    const random = this.#random;
    if (depth > 0 && random.chance(0.2)) return `groupBy(${this.list(depth - 1)}, ${this.body(depth - 1)})`;
    return random.pick([
      "m",
      "objs[0]",
      "{a: 1, 'b': 2, (s): 3}",
      "{}",
      "fromJSON(js)",
      "groupBy(objs, .name)",
      "groupBy(arr, # % 2)",
      "fromPairs([[1, 2], ['a', 3]])",
      "fromPairs(toPairs(m))",
    ]);
  }

  bool(depth: number): string {
    const random = this.#random;
    const sprigged = this.#sprig("bool", depth);
    if (sprigged !== undefined) return sprigged;
    const d = depth - 1;
    const bool = (): string => this.bool(d);
    const kind = random.next();
    if (depth <= 0 || kind < 0.1) return random.pick(["b", "true", "false", "a == 1", "s == 'hello'"]);
    if (kind < 0.2) return `${random.pick(["not ", "!"])}(${bool()})`;
    if (kind < 0.25) return random.pick(["not ", "!"]) + bool();
    if (kind < 0.4) return `${bool()} ${random.pick("&& || and or")} ${bool()}`;
    if (kind < 0.55) return `${this.num(d)} ${random.pick("< <= > >= == !=")} ${this.num(d)}`;
    if (kind < 0.65) {
      const sign = random.pick([
        "<",
        "==",
        "!=",
        ">",
        ">=",
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "not contains",
        "not matches",
      ]);
      return `${this.str(d)} ${sign} ${this.str(d)}`;
    }
    if (kind < 0.75)
      return `${this.any(d)} ${random.pick(["in", "not in"])} ${random.chance(0.7) ? this.list(d) : this.map(d)}`;
    if (kind < 0.82) return `${this.any(d)} == ${this.any(d)}`;
    return random.pick<() => string>([
      () => `${random.pick("all any none one")}(${this.list(d)}, ${this.predicate(d)})`,
      () => `${random.pick("hasPrefix hasSuffix")}(${this.str(d)}, ${this.str(d)})`,
      () => `(let v = ${this.any(d)}; v == ${this.any(d)})`,
      () => `(${bool()} ? ${bool()} : ${bool()})`,
      () => `(${bool()} ?: ${bool()})`,
      () => `${this.any(d)} | type() == "int"`,
    ])();
  }

  any(depth: number): string {
    const random = this.#random;
    const d = depth - 1;
    return random.pick<() => string>([
      () => this.num(depth),
      () => this.str(depth),
      () => this.list(depth),
      () => this.map(depth),
      () => this.bool(depth),
      () => random.pick("nil nul missing missing.x missing?.x"),
      () => `${random.pick("find findLast")}(${this.list(d)}, ${this.predicate(d)})`,
      () => `filter(${this.list(d)}, ${this.predicate(d)})[${random.pick("0 -1")}]`,
      () => `first(filter(${this.list(d)}, ${this.predicate(d)}))`,
      () => `jsonpath(js, ${random.pick(["'$.a[0]'", "'$.a[*]'", "'$..b'", "'$.a.length'", "'$.zz'"])})`,
    ])();
  }

  predicate(depth: number): string {
    return this.#random.chance(0.35) || depth <= 0 ? this.#random.pick(predicates) : this.bool(depth - 1);
  }

  body(depth: number): string {
    return this.#random.chance(0.5) || depth <= 0 ? this.#random.pick(bodies) : this.any(depth - 1);
  }
}
