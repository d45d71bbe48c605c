import { compileRegexp } from "../../../src/expressions/go-regexp.ts";
import { type Language, staged } from "../language.ts";
import { mutate, type Random } from "../random.ts";

const atoms = [
  "a",
  "b",
  "ab",
  "é",
  "日",
  "😀",
  ".",
  "\\d",
  "\\w",
  "\\s",
  "\\D",
  "\\W",
  "\\S",
  "[a-c]",
  "[^a]",
  "[[:alpha:]]",
  "[[:^digit:]]",
  "[\\d_]",
  "\\pL",
  "\\p{Greek}",
  "\\PN",
  "\\p{Lu}",
  "\\x41",
  "\\x{1F600}",
  "\\.",
  "\\Qa.b\\E",
  "\\b",
  "\\B",
  "^",
  "$",
  "\\A",
  "\\z",
  "1",
  "_",
  " ",
  "\\n",
  "\\t",
  "-",
  "[a\\-z]",
  "[]a]",
  "[^]a]",
  "\\C",
  "\\a",
  "\\071",
  "[é-ü]",
  "(?i:É)",
  "K",
  "ſ",
] as const;
const repeats = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,}", "{0,2}", "{1,3}?", "{,2}", "{0}"] as const;
const groups = ["(", "(?:", "(?i)(", "(?i:", "(?s:", "(?m:", "(?U:", "(?-i:", "(?P<n>", "(?<m>", "(?im:"] as const;
const subjects = [
  "a",
  "b",
  "ab",
  "é",
  "É",
  "日",
  "😀",
  "1",
  "_",
  " ",
  "\n",
  "A",
  "B",
  "k",
  "K",
  "s",
  "S",
  ".",
  "-",
  "\t",
  "α",
  "Ω",
  "ü",
  "x",
  "\u212a",
  "ſ",
] as const;

export const regexp: Language = {
  name: "regexp",
  make(random) {
    const made = pattern(random, 3);
    const text = random.chance(0.15) ? mutate(random, made, "( ) [ ] { } * + ? | \\ ^ $ . - (? \\p [: a 1 ,") : made;
    return { lang: "regexp", text, value: random.list(8, () => random.pick(subjects)).join("") };
  },
  ours: ({ text, value = "" }) =>
    staged(
      () => compileRegexp(text),
      (compiled) => compiled.test(value),
    ),
};

function pattern(random: Random, depth: number): string {
  const sequence = random.list(4, () => item(random, depth), 1).join("");
  return depth > 0 && random.chance(0.2) ? `${sequence}|${pattern(random, depth - 1)}` : sequence;
}

function item(random: Random, depth: number): string {
  const grouped = depth > 0 && random.chance(0.25);
  const one = grouped ? `${random.pick(groups)}${pattern(random, depth - 1)})` : random.pick(atoms);
  return random.chance(0.35) ? one + random.pick(repeats) : one;
}
