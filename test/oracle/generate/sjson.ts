import { setRaw, setString } from "../../../src/expressions/sjson.ts";
import { type Language, staged } from "../language.ts";
import { mutate, type Random } from "../random.ts";
import { document, text, json as value } from "./documents.ts";
import { path } from "./gjson.ts";

const scraps = ["", " ", "5", "null", "{}", "[]", "[ ]", "{ }", '"x"'] as const;
const odd = [
  ":1",
  ":0",
  "01",
  ":-1",
  "",
  ":",
  "-2",
  "\\:1",
  "<b>",
  "é",
  "a b",
  "\\-1",
  "[0]",
  "{a",
  "!true",
  "x\\y",
  '"q"',
  "a\\",
  "a\\.b",
  "__proto__",
] as const;

export const sjson: Language = {
  name: "sjson",
  make(random) {
    const json = random.chance(0.05) ? random.pick(scraps) : document(random);
    const chosen = random.chance(0.3) ? path(random, 1) : plainPath(random);
    const dest = random.chance(0.05) ? mutate(random, chosen, ". : # \\ | * 0 -1 a") : chosen;
    const raw = random.chance(0.5);
    return { lang: "sjson", text: dest, json, op: raw ? "raw" : "text", value: raw ? value(random, 1) : text(random) };
  },
  ours: ({ op, text: dest, json = "", value: put = "" }) =>
    staged(
      () => dest,
      () => (op === "raw" ? setRaw(json, dest, put) : setString(json, dest, put)),
    ),
};

function plainPath(random: Random): string {
  return random.list(5, () => part(random), 1).join(".");
}

function part(random: Random): string {
  if (random.chance(0.5)) return random.pick("a b c ab");
  return random.chance(0.6) ? random.pick("0 1 2 5 -1") : random.pick(odd);
}
