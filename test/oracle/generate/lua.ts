import { compileLua } from "../../../src/expressions/lua.ts";
import { type Language, staged } from "../language.ts";
import { mutate, type Random } from "../random.ts";
import { formats, json, numbers, patterns, texts } from "./lua-words.ts";

export const lua: Language = {
  name: "lua",
  make(random) {
    const made = new Maker(random);
    const op = random.chance(0.2) ? "passes" : "transform";
    const result = op === "passes" ? `return ${made.bool(3)}` : `return ${made.result()}`;
    const body = `${random.list(4, () => made.statement(3)).join("\n")}\n${result}`;
    // globals: gopher-lua now and then cuts a function off from the locals around it, after a pcall above all
    const script = `x, s, t = 7, "str", {1, 2, k = "v"}\n${body}`;
    const signs =
      "( ) [ ] { } = == ~= .. ... , ; : . # \" ' [[ ]] -- end do then nil local function return break 0x 1e not and or \\ %";
    return { lang: "lua", op, text: random.chance(0.08) ? mutate(random, script, signs) : script, json };
  },
  ours: ({ op, text }) =>
    staged(
      () => compileLua(text),
      (script) => (op === "passes" ? { passes: script.passes(json) } : script.transform(json)),
    ),
};

class Maker {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A table for the transform; what no JSON can hold is in few. */
  result(): string {
    const random = this.#random;
    const field = (): string =>
      random.pick<() => string>([
        () => `${random.pick("a b c")} = ${this.any(2)}`,
        () => `["k"] = ${this.any(1)}`,
        () => `[${random.pick(["1", "2", "5", "1.5", "-1", "0", "true", "x", '"q"', "'1'"])}] = ${this.scalar(1)}`,
        () => this.any(2),
        () => `r = {pcall(function() return ${this.any(2)} end)}`,
      ])();
    const kind = random.next();
    if (kind < 0.08)
      return random.pick([
        "event",
        "t",
        "x, {s}",
        "event.mixed",
        "{}",
        "setmetatable({}, {__is_array = true})",
        "{nil, 2}",
        "nil",
        "{x = nil}",
        "{1, nil, 3}",
        "{[1.5] = 1}",
        "{[true] = 1, [2.0] = 3}",
        "{event.nul}",
      ]);
    if (kind < 0.7)
      return `{ v = {pcall(function(...) ${this.statement(2)} return ${this.any(3)}, ${this.any(2)} end, ${this.any(1)}, ${this.any(1)})}, x = x, s = s, t = t }`;
    // fields without a key come last: gopher-lua's constructor goes wrong otherwise (see differences)
    const fields = random.list(4, field, 1);
    const keyed = fields.filter((one) => /^(\w+|\[.*?\]) = /.test(one));
    return `{ ${[...keyed, ...fields.filter((one) => !keyed.includes(one))].join(", ")} }`;
  }

  block(depth: number): string {
    return this.#random.list(2, () => this.statement(depth), 1).join(" ");
  }

  statement(depth: number): string {
    const random = this.#random;
    const d = depth - 1;
    if (depth <= 0 || random.chance(0.4)) {
      return random.pick<() => string>([
        () => `x = ${this.num(1)}`,
        () => `s = ${this.str(1)}`,
        () =>
          `t[${random.pick<() => string>([() => "#t + 1", () => random.pick(["1", "3", "s", "0", "-1", "2.5", "true", "x", "nil", "0/0"])])()}] = ${this.any(1)}`,
        () => `t.${random.pick("k v end_")} = ${this.any(1)}`,
        () => `x = ${this.any(1)}`,
        () => `x, s = ${this.num(1)}, ${this.str(1)}`,
        () => `x, s = s, x`,
        () => `table.insert(t, ${this.any(1)})`,
        () => `table.remove(t${random.pick(["", ", 1", ", 5"])})`,
        () => `t = {${this.any(0)}, ${this.any(0)}, ${this.any(0)}}`,
        () => `event.a = ${this.num(1)}`,
      ])();
    }
    return random.pick<() => string>([
      () =>
        `if ${this.bool(d)} then ${this.block(d)}${random.chance(0.3) ? ` elseif ${this.bool(d)} then ${this.block(d)}` : ""}${random.chance(0.5) ? ` else ${this.block(d)}` : ""} end`,
      () =>
        `for i = ${random.pick("1 3 10 0")}, ${random.pick(["5", "1", "#t"])}${random.pick(["", ", 2", ", -1", ", 0.5"])} do ${this.block(d)} if i > 20 then break end end`,
      () => `for i, v in ipairs({unpack(${this.table(d)})}) do ${this.block(d)} t[#t + 1] = v end`,
      () =>
        `for k, v in pairs({${this.any(0)}, ${this.any(0)}, k = ${this.any(0)}, z = 1}) do t[#t + 1] = tostring(k) end`,
      () => `local n = 0 while n < 3 do n = n + 1 ${this.block(d)} end`,
      () => `local n = 0 repeat local m = n n = n + 1 ${this.block(d)} until m >= 2`,
      () => `do local y = ${this.any(d)} ${this.block(d)} s = y end`,
      () =>
        `local function f(a, b, ...) ${this.block(d)} return a, select("#", ...), ... end x = f(${this.any(d)}, ${this.any(d)}, 1, nil)`,
      () => `local function f(n) if n < 2 then return 1 end return n * f(n - 1) end x = f(${random.pick("5 10 20")})`,
      () => `local c = (function() local n = 0 return function() n = n + 1 return n end end)() c() x = c()`,
      () =>
        `local m = setmetatable({v = ${this.num(d)}}, {${random.pick(["__index = function(_, k) return k .. '!' end", "__add = function(a, b) return 42 end", "__call = function(self, a) return a end", "__eq = function() return true end", "__lt = function() return true end", "__concat = function(a, b) return 'cat' end", "__tostring = function() return 'meta' end", "__len = function() return 9 end", "__unm = function() return 'neg' end", "__newindex = function(t, k, v) rawset(t, k, v) end", "__index = {q = 5}"])}}) s = ${random.pick(["m.zz", "m .. 'x'", "#m", "-m", "m + 1", "m(3)", "m.q", "m == m", "m < m", "rawget(m, 'zz')"])}`,
      () => `for k, v in string.gmatch(${this.str(0)}, ${random.pick(patterns)}) do t[#t + 1] = k end`,
      () =>
        `local ok, err = pcall(function() ${this.block(d)} error(${random.pick(["'boom'", "{code = 1}", "'boom', 0", "'x', 2", "nil", "42"])}) end) s = type(err) == "table" and err.code or tostring(err)`,
      () =>
        `do local q = {${this.num(1)}, ${this.num(1)}, ${this.num(0)}} table.sort(q${random.pick(["", ", function(a, b) return a > b end"])}) x, s = q[1], q[3] end`,
    ])();
  }

  num(depth: number): string {
    const random = this.#random;
    const d = depth - 1;
    const num = (): string => this.num(d);
    if (depth <= 0 || random.chance(0.3)) return random.pick(numbers);
    if (random.chance(0.4)) return `${num()} ${random.pick("+ - * / % ^ + -")} ${num()}`;
    return random.pick<() => string>([
      () => `-${num()}`.replace("--", "- -"),
      () => `(${num()})`,
      () => `${this.str(d)} + ${num()}`,
      () => `math.${random.pick("floor ceil abs sqrt exp log log10 sin cos tan deg rad")}(${num()})`,
      () => `math.${random.pick("max min fmod pow mod")}(${num()}, ${num()})`,
      () => `tonumber(${this.any(d)}${random.pick(["", "", ", 16", ", 2", ", 36"])})`,
      () => `#${this.str(0)}`,
      () => `#${this.table(d)}`,
      () => `string.len(${this.str(d)})`,
      () => `string.byte(${this.str(d)}${random.pick(["", ", 2", ", -1", ", 99"])})`,
      () => `select("#", ${this.any(d)}, ${this.any(d)})`,
      () => `(string.find(${this.str(d)}, ${random.pick(patterns)}))`,
      () => `select(2, string.gsub(${this.str(d)}, ${random.pick(patterns)}, ""))`,
      () => `table.getn(${this.table(d)})`,
      () => `table.maxn(${this.table(d)})`,
      () => `(${this.bool(d)} and ${num()} or ${num()})`,
      () => `unpack({${num()}, ${num()}})`,
      () => `(math.modf(${num()}))`,
      () => `(math.frexp(${num()}))`,
      () => `math.ldexp(${num()}, 3)`,
    ])();
  }

  str(depth: number): string {
    const random = this.#random;
    const d = depth - 1;
    const str = (): string => this.str(d);
    if (depth <= 0 || random.chance(0.3)) return random.pick(texts);
    if (random.chance(0.2)) return `${str()} .. ${random.chance(0.5) ? str() : this.num(d)}`;
    return random.pick<() => string>([
      () => `string.${random.pick("upper lower reverse")}(${str()})`,
      () => `(${str()}):${random.pick("upper lower reverse")}()`,
      () => `string.rep(${str()}, ${random.pick("2 0 -1 3")})`,
      () => `string.sub(${str()}, ${random.pick("1 2 -2 0 5")}${random.pick(["", ", 3", ", -1", ", -2", ", 99"])})`,
      () => `string.format(${random.pick(formats)}, ${random.chance(0.6) ? this.num(d) : str()})`,
      () => `string.format("%s %d", ${this.scalar(0)}, ${this.num(d)})`,
      () => `tostring(${random.chance(0.6) ? this.num(d) : this.scalar(d)})`,
      () => `type(${this.any(d)})`,
      () => `string.char(${random.pick(["65", "72, 105", "48 + 1", "256", "-1"])})`,
      () => `table.concat(${this.table(d)}${random.pick(["", ', ","', ', "-", 2', ', "", 1, 2'])})`,
      () => `string.match(${str()}, ${random.pick(patterns)})`,
      () =>
        `(string.gsub(${str()}, ${random.pick(patterns).replace(/, .*/, "")}, ${random.pick(['"<%0>"', '"%1"', "string.upper", '{o = "0", h = false}', '"x"', 'function(a) return a .. "!" end', '"%%"', '"%2"', '"x", 1'])}))`,
      () => `(${this.bool(d)} and ${str()} or ${str()})`,
      () => `(${str()}) .. ""`,
    ])();
  }

  table(depth: number): string {
    const random = this.#random;
    if (depth <= 0 || random.chance(0.6))
      return random.pick([
        "event.arr",
        "event.strs",
        "event.mixed",
        "t",
        "{1, 2, 3}",
        '{"a", "b"}',
        "{}",
        "{n = 1}",
        "{1, nil, 3}",
        "event.objs",
        "{3, 1, 2}",
      ]);
    return `{${this.any(depth - 1)}, ${this.any(depth - 1)}}`;
  }

  bool(depth: number): string {
    const random = this.#random;
    const d = depth - 1;
    const bool = (): string => this.bool(d);
    if (depth <= 0 || random.chance(0.2))
      return random.pick(["event.b", "event.zz", "not event.b", "event.nul == nil", "event.missing", "x == 7"]);
    return random.pick<() => string>([
      () => `not ${bool()}`,
      () => `(${bool()} ${random.pick("and or")} ${bool()})`,
      () => `${this.num(d)} ${random.pick("< <= > >= == ~=")} ${this.num(d)}`,
      () => `${this.str(d)} ${random.pick("< == ~= >=")} ${this.str(d)}`,
      () => `${this.scalar(d)} == ${this.scalar(d)}`,
      () => `string.find(${this.str(d)}, ${random.pick(patterns)}) ~= nil`,
      () => `type(${this.any(d)}) == "string"`,
      () => `rawequal(${this.any(d)}, ${this.any(d)})`,
      () => `(pcall(error, ${this.any(d)}))`,
      () => `next(${this.table(d)}) == nil`,
    ])();
  }

  scalar(depth: number): string {
    return this.#random.pick<() => string>([
      () => this.num(depth),
      () => this.str(depth),
      () => this.bool(depth),
      () => "nil",
    ])();
  }

  any(depth: number): string {
    return this.#random.pick<() => string>([
      () => this.num(depth),
      () => this.str(depth),
      () => this.bool(depth),
      () => this.table(depth),
      () => this.num(depth),
      () => "nil",
      () => "event.objs[1]",
    ])();
  }
}
