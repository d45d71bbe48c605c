import { compileJq } from "../../../src/expressions/jq.ts";
import { type Language, staged } from "../language.ts";
import { floatText } from "../plain.ts";
import { mutate, type Random } from "../random.ts";

const data = {
  a: 1,
  b: "x",
  c: true,
  d: null,
  n: -2.5,
  z: 0,
  s: "hello wörld",
  e: "",
  arr: [3, 1, 2],
  strs: ["b", "a", "c"],
  mixed: [1, "x", null, true, { k: 1 }, [2]],
  objs: [
    { id: 1, name: "x", tags: ["p"] },
    { id: 2, name: "y" },
    { id: 1, name: "z", tags: [] },
  ],
  o: { k: "v", "x-y": { q: [1, { r: 2 }] } },
  js: '{"a":[1,2,{"b":"c"}]}',
  num: "42",
  big: 12345678901234,
  date: "2024-02-29T23:59:58Z",
  csv: 'a,"b",<c>&',
  nested: [
    [1, [2]],
    [[3], []],
  ],
  empty: {},
  none: [],
} as const;
const json = JSON.stringify(data);

export const jq: Language = {
  name: "jq",
  make(random) {
    const made = new Maker(random);
    const op = random.chance(0.6) ? "all" : random.pick("first transform");
    const text = op === "transform" && random.chance(0.8) ? made.object(3) : made.pipe(3);
    const signs =
      '( ) [ ] { } . .. | , : ; " \\( ? // ?// as $x $ | def if then else end try catch reduce foreach label @ @base64 -1 1e 0x # and or not |= //= = == .. é';
    return { lang: "jq", op, text: random.chance(0.1) ? mutate(random, text, signs) : text, json };
  },
  ours: ({ op, text }) =>
    staged(
      () => compileJq(text),
      (program) => {
        if (op === "transform") return program.transform(json);
        const input: unknown = JSON.parse(json);
        if (op === "all") return { outputs: program.all(input).map(plain) };
        const first = program.first(input);
        return { outputs: first === undefined ? [] : [plain(first)] };
      },
    ),
};

/** As the Go program writes it: numbers are of one type. */
function plain(value: unknown): unknown {
  if (typeof value === "number") return `n:${floatText(value)}`;
  if (typeof value === "bigint") return `n:${value}`;
  if (typeof value === "string") return `s:${value}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [`s:${key}`, plain(one)]));
}

const fields =
  '. .a .b .c .d .n .z .s .e .arr .strs .mixed .objs .o .js .num .big .date .csv .nested .empty .none .missing .arr[0] .arr[-1] .arr[7] .strs[1:] .s[1:3] .arr[:2] .o.k .o["x-y"].q .objs[0].name .arr[] .strs[] .mixed[] .objs[] .objs[].tags .objs[].tags? .[]? .o[] .mixed[-1][0] .o."x-y" .nested[][] $__loc__ .date .a?';
const literals = [
  "1",
  "0",
  "-1",
  "2.5",
  "1e3",
  '"x"',
  '"a,b"',
  '"é"',
  "null",
  "true",
  "false",
  "[]",
  "{}",
  "[1,2,3]",
  '["a","b"]',
  "{a:1,b:[2]}",
  '"%Y-%m-%d"',
  "100000000000000000000",
  "nan",
  "infinite",
  '"1"',
  '""',
  "3",
  "[[1,2],[3,4]]",
  '"\\u00e9\\n"',
  "1.0",
  "1e1000",
  ".1e1",
] as const;
/** Functions without arguments, and what they are given: mostly what they take. */
const nullary = {
  any: 'length not type tojson tostring to_entries? keys? add? any? all? recurse values nulls booleans numbers strings arrays objects iterables scalars paths leaf_paths tostream toarray @base64? @uri @html @json @text walk(.) getpath([]) isvalid(.a) error? error empty first? last? tonumber? fromjson? halt ascii? abs? flatten? reverse? implode? combinations? env|type infinite nan $__loc__ @sh? @csv? @tsv? splits("a")? not,not trim? have_literal_numbers error(null)? utf8bytelength?',
  number:
    "floor sqrt ceil round fabs isinfinite isnan isnormal todate gmtime exp log log2 exp2 exp10 log10 significand logb trunc sin cos atan cbrt abs tostring @text frexp modf gmtime|mktime tojson -. .%3 ./7 .*1e300 gamma lgamma tgamma drem(.;2)? ldexp(.;2) scalb(.;1)? nearbyint rint",
  string:
    'length utf8bytelength explode ascii_downcase ascii_upcase tonumber? fromjson? fromdate? @base64 @base64d? @base32 @base32d? @uri @urid? @html @sh @json @text @csv? trim ltrim rtrim reverse test("l") ascii? ltrimstr("h") split("l") .[1:3] .*2 ./"l" tojson explode|implode strptime("%Y-%m-%dT%H:%M:%SZ")? [match("o";"g").offset] ltrimstr(1) trimstr("x") dateadd("seconds";1)? date?',
  array:
    'length reverse sort min max unique add any all first last flatten transpose? join(",")? @csv? @tsv? @sh? to_entries keys tojson .[1:] .[-1] implode? combinations? group_by(.) unique_by(type) min_by(.) max_by(.) sort_by(.) tostream getpath([0]) paths leaf_paths index(1) indices(1) contains([1])? inside([1,2,3])? has(0) map(.+1)? map_values(.)? del(.[0]) flatten(1) bsearch(2) recurse nth(0) first(.[]) limit(2;.[]) tojson|fromjson from_entries? any(.==1) all(.>0) IN(.[];2) fromstream(tostream) pick(.[1])? add(.[]) skip(1;.[]) isempty(.[]) .[2:]=[9] .[0]|=5',
  object:
    'length keys keys_unsorted to_entries with_entries(.value|=tostring) map_values(.) add? del(.k) has("k") paths leaf_paths tojson tostream recurse any all .[] .k getpath(["k"]) contains({}) walk(.) map(.)? .*{k:{z:1}} .+{z:1} to_entries|from_entries pick(.k) delpaths([["k"]]) .k=1 .new.x=1 min? sort? @json @text',
} as const;
const given: Readonly<Record<keyof typeof nullary, string>> = {
  any: ". .a .b .c .d .arr .mixed[] .o .missing .objs[] .nested",
  number: ".a .n .z .big .arr[] .objs[].id 1709251198 2.5 -7 0",
  string: '.b .s .e .num .js .date .csv .strs[] "a-b" "é😀" .o.k',
  array: ".arr .strs .mixed .objs .nested .none .objs[0].tags [1,1,2] .arr[1:]",
  object: '.o .objs[] .empty .objs[0] {} {k:1,j:null} .o["x-y"]',
};

class Maker {
  readonly #random: Random;
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  pipe(depth: number): string {
    const random = this.#random;
    const kind = random.next();
    if (depth <= 0 || kind < 0.35) return this.term(depth);
    if (kind < 0.6) return `${this.term(depth - 1)} | ${this.pipe(depth - 1)}`;
    if (kind < 0.68) return `${this.term(depth - 1)}, ${this.pipe(depth - 1)}`;
    if (kind < 0.8)
      return `${this.term(depth - 1)} ${random.pick("+ - * / % == != < <= > >= and or // + - *")} ${this.term(depth - 1)}`;
    if (kind < 0.88) return `${this.path()} ${random.pick("= |= += -= *= /= %= //= |= |=")} ${this.term(depth - 1)}`;
    return this.#binding(depth);
  }

  #binding(depth: number): string {
    const random = this.#random;
    const name = `$v${this.#names++ % 3}`;
    const [source, body] = [this.term(depth - 1), this.pipe(depth - 1)];
    return random.pick<() => string>([
      () => `${source} as ${name} | ${name}, (${body})`,
      () => `${source} as [${name}, [$w]] | ${name}, $w`,
      () => `${source} as {a: ${name}, $b, "o": {k: $w}} | [${name}, $b, $w]`,
      () => `${source} as [$w] ?// {a: $w} ?// $w | $w | ${body}`,
      () =>
        `reduce ${source} as ${name} (${random.pick("0 null [] . {}")}; ${random.pick([`. + ${name}`, `[., ${name}]`, body])})`,
      () =>
        `foreach ${source} as ${name} (${random.pick("0 null .")}; ${random.pick([`. + ${name}`, `[., ${name}]`, body])}${random.chance(0.5) ? "" : `; [., ${name}]`})`,
      () => `def f: ${body}; ${source} | f`,
      () => `def f(g; $p): g, $p, (${body}); f(${source}; ${this.term(0)})`,
      () => `label $out | ${source} | (${body}), break $out`,
      () => `[limit(3; ${source} | ${body})]`,
    ])();
  }

  term(depth: number): string {
    const random = this.#random;
    const made = this.#term(depth);
    return random.chance(0.06) ? `${made}${random.pick("? .a [0] [] [1:]")}` : made;
  }

  #term(depth: number): string {
    const random = this.#random;
    const kind = random.next();
    if (depth <= 0 || kind < 0.2) return random.chance(0.65) ? random.pick(fields) : random.pick(literals);
    const inner = (): string => this.pipe(depth - 1);
    if (kind < 0.45) return this.#plain();
    if (kind < 0.62) return this.#call(inner);
    if (kind < 0.68) return `[${inner()}]`;
    if (kind < 0.74) return this.object(depth - 1);
    if (kind < 0.79)
      return `if ${inner()} then ${inner()}${random.chance(0.2) ? ` elif ${inner()} then ${inner()}` : ""}${random.chance(0.7) ? ` else ${inner()}` : ""} end`;
    if (kind < 0.84) return `(try (${inner()})${random.chance(0.7) ? " catch ." : ""})`;
    if (kind < 0.88)
      return `${random.pick(["", "", "@json ", "@base64 ", "@html ", "@uri ", "@sh ", "@csv "])}"<\\(${inner()})>&"`;
    if (kind < 0.9) return `-(${inner()})`;
    return `(${inner()})`;
  }

  #plain(): string {
    const random = this.#random;
    const kind = random.pick<keyof typeof nullary>(["any", "number", "string", "array", "object"]);
    const source = random.chance(0.95) ? random.pick(given[kind]) : random.pick(fields);
    return `(${source} | ${random.pick(nullary[kind])})`;
  }

  #call(inner: () => string): string {
    const random = this.#random;
    const from = random.chance(0.8) ? `${random.pick(fields)} | ` : "";
    return random.pick<() => string>([
      () =>
        `(${from}${random.pick("map map_values select sort_by group_by min_by max_by unique_by any all recurse first last with_entries walk add has contains inside range isempty")}(${inner()}))`,
      () => `(${from}${random.pick("path del paths pick to_entries getpath delpaths")}(${this.path()}))`,
      () =>
        `(${random.pick(".s .b .strs[] .csv .js .date .num .arr .mixed[]")} | ${random.pick("startswith endswith ltrimstr rtrimstr split join index rindex indices test match capture scan splits strftime strptime trimstr flatten nth bsearch IN in error ascii_downcase,has combinations")}(${random.pick(['"l"', '"[a-z]+"', '"(?<x>o)(?<y>z)?"', '""', '"%Y-%m-%dT%H:%M:%SZ"', "1", '", "', "inner", '"a"', '"\\\\s"'] as const).replace("inner", inner())}))`,
      () =>
        `(${random.pick(".s .b .csv .js .strs[]")} | ${random.pick("sub gsub test match split capture scan splits")}(${random.pick(['"l"', '"[aeiou]"', '"(?<x>o)"', '""', '"^"', '"L"'])}; ${random.pick(['"g"', '"gi"', '"<\\(.x)>"', '"x"', "null", '"z"', '"\\(.x),y"', '"n"'])}))`,
      () =>
        `(${random.pick("limit first nth skip until while recurse range pow fmin fmax ldexp atan2 any all IN INDEX setpath fmod")}(${random.pick("0 1 2 3 .a .arr[] 5")}; ${inner()}))`,
      () => `([limit(5; ${random.pick(["repeat", "recurse"])}(${inner()}))])`,
      () => `(range(${random.pick("0 1 5")}; ${random.pick("3 0 10")}; ${random.pick("1 2 -1 0.5")}))`,
      () =>
        `setpath(${random.pick(['["a"]', '["o","k"]', '["arr",1]', '["new",2,"x"]', "[]", '["a","b"]', '["arr",-9]'])}; ${inner()})`,
      () => `getpath(${random.pick(['["a"]', '["o","x-y","q"]', '["zz",0]', '["a","b"]'])})`,
      () => `(${this.#plain()} | ${random.pick(nullary.any)})`,
      () => `([${from}tostream] | ${random.pick(["fromstream(.[])", "length", "fromstream(1|truncate_stream(.[]))"])})`,
      () =>
        `(${random.pick(".date .big .num .a")} | ${random.pick(["todate", "fromdate", 'strptime("%Y-%m-%dT%H:%M:%SZ")', "gmtime", "gmtime|mktime", 'gmtime|strftime("%A %B %d %j %H:%M:%S %Z %e %y")', "gmtime|todate", 'strftime("%c")', "date", 'dateadd("seconds"; 10)', 'strftime("%s %u %U %p %I")'])})`,
    ])();
  }

  /** Something that an assignment takes. */
  path(): string {
    return this.#random.pick([
      ".a",
      ".o.k",
      ".arr[0]",
      ".arr[]",
      ".objs[].id",
      '.["b"]',
      ".new.x[1]",
      ".arr[1:]",
      ".. | .k?",
      ".objs[] | select(.id == 1)",
      ".a, .b",
      "first(.arr[])",
      'getpath(["o","k"])',
      ".mixed[4].k",
      "(.a // .zz)",
      ".zz // .a",
      "if .c then .a else .b end",
      "paths",
      "empty",
      ".arr[-1]",
      "recurse",
      ".objs[1:][0]",
      ".s",
      ".arr | last",
      "limit(1; .arr[])",
      "to_entries",
      ".[]?",
      ".o | .. | numbers",
    ]);
  }

  object(depth: number): string {
    const random = this.#random;
    const member = (): string =>
      random.pick<() => string>([
        () =>
          `${random.pick('a b if and "q r" @base64 __loc__ or')}: ${this.term(depth - 1)}`.replace(
            "@base64",
            '@base64 "x"',
          ),
        () => `(${random.pick([".b", '"k"', ".strs[]", ".num"])}): ${this.term(depth - 1)}`,
        () => random.pick(["a", "b", "$__loc__", '"s"', '"x\\(.a)"', "arr", "objs"]),
        () => `a: (${this.pipe(depth - 1)})`,
      ])();
    return `{${random.list(3, member, 1).join(", ")}}`;
  }
}
