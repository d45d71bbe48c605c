import { compileGovaluate } from "../../../src/expressions/govaluate.ts";
import { type Language, staged } from "../language.ts";
import { plain } from "../plain.ts";
import { mutate, type Random } from "../random.ts";

const data = {
  a: 1,
  b: "x",
  c: true,
  d: null,
  e: [1, "x", true],
  f: { g: 1 },
  n: -2.5,
  z: 0,
  big: 12345678901,
  s: "2020-01-01",
  t: "hello world",
  "x-y": 3,
  fl: false,
  "p q": "sp",
} as const;
const json = JSON.stringify(data);
const parameters: ReadonlyMap<string, unknown> = new Map(Object.entries(data));
const atoms = [
  "1",
  "0",
  "2.5",
  "0x1F",
  "'x'",
  '"hello"',
  "true",
  "false",
  "a",
  "b",
  "c",
  "d",
  "e",
  "f",
  "n",
  "z",
  "big",
  "s",
  "t",
  "[x-y]",
  "x\\-y",
  "[p q]",
  "fl",
  "'2020-01-01'",
  "'2014-01-02T14:12:22Z'",
  "missing",
  "'^h.*d$'",
  ".5",
  "3",
  "10",
  "'3:04PM'",
  "(1, 2)",
  "('x', 'y', 3)",
  "1.",
  "a.b",
  "0x",
  "f(1)",
  "'Mon Jan  2 15:04:05 2006'",
  "'2020-13-01'",
  "'2020-02-30'",
  '"2021-05-06 07:08"',
  "-1",
  "'é'",
  "'\\''",
] as const;
const signs = "== != < <= > >= =~ !~ in && || + - * / % ** & | ^ << >> ? : ?? ,";

export const govaluate: Language = {
  name: "govaluate",
  make(random) {
    const kind = random.next();
    let text =
      kind < 0.3
        ? anything(random, 3)
        : kind < 0.7
          ? bool(random, 4)
          : kind < 0.85
            ? number(random, 3)
            : string(random, 3);
    if (random.chance(0.1)) text = mutate(random, text, "( ) [ ] ' \" \\ ! ~ - && = ? : , in 1 . é a _");
    return { lang: "govaluate", text, json };
  },
  ours: ({ text }) =>
    staged(
      () => compileGovaluate(text),
      (compiled) => ({ is: plain(compiled.evaluate(parameters)) }),
    ),
};

/** Mostly wrong types; the others make mostly right ones. */
function anything(random: Random, depth: number): string {
  const inner = (): string => anything(random, depth - 1);
  const kind = random.next();
  if (depth <= 0 || kind < 0.25) return (random.chance(0.12) ? random.pick("- ! ~") : "") + random.pick(atoms);
  if (kind < 0.4) return `(${inner()})`;
  if (kind < 0.5) return `(${inner()} ? ${inner()} : ${inner()})`;
  if (kind < 0.53) return `${random.pick("! - ~")}(${inner()})`;
  const space = random.chance(0.9) ? " " : "";
  return inner() + space + random.pick(signs) + space + inner();
}

function number(random: Random, depth: number): string {
  const inner = (): string => number(random, depth - 1);
  if (depth <= 0 || random.chance(0.3)) return random.pick("1 0 2 3 a n z big 10 2.5 [x-y]");
  if (random.chance(0.15)) return `(${inner()})`;
  if (random.chance(0.08)) return `-(${inner()})`;
  if (random.chance(0.1)) return `(${bool(random, depth - 1)} ? ${inner()} : ${inner()})`;
  return `${inner()} ${random.pick("+ - * / % ** & | ^ << >>")} ${inner()}`;
}

function string(random: Random, depth: number): string {
  if (depth <= 0 || random.chance(0.6)) return random.pick("b t 'x' 'hello' s");
  return `${string(random, depth - 1)} + ${random.pick([string, number, bool])(random, depth - 1)}`;
}

function bool(random: Random, depth: number): string {
  const inner = (): string => bool(random, depth - 1);
  const kind = random.next();
  if (depth <= 0 || kind < 0.15) return random.pick("c fl true false");
  if (kind < 0.3) return `!(${inner()})`;
  if (kind < 0.55) return `${inner()} ${random.pick("&& ||")} ${inner()}`;
  if (kind < 0.75) return `${number(random, depth - 1)} ${random.pick("< <= > >= == !=")} ${number(random, depth - 1)}`;
  if (kind < 0.85) return `${string(random, depth - 1)} ${random.pick("< == != >")} ${string(random, depth - 1)}`;
  if (kind < 0.92) return `${string(random, depth - 1)} ${random.pick("=~ !~")} ${random.pick("'h' '^x$' b")}`;
  const member = random.pick([number, string])(random, depth - 1);
  return `${member} in ${random.pick(["e", "(1, 2, 3)", "('x', 'hello')"])}`;
}
