import { asBool, asNumber, asString, asValue, compilePath, isValid, locate } from "../../../src/expressions/gjson.ts";
import { isAscii } from "../../../src/expressions/go-text.ts";
import { type Answer, type Case, type Language, staged } from "../language.ts";
import { floatText, plain } from "../plain.ts";
import { mutate, type Random } from "../random.ts";
import { document } from "./documents.ts";

const literals = [
  '"a"',
  "a",
  '"ab"',
  "1",
  "0",
  "12",
  "true",
  "false",
  "null",
  "~true",
  "~false",
  "~null",
  "~*",
  "~x",
  '"a*"',
  "a*",
  '"?b"',
  "1.5",
  '"\\"x"',
  "",
  '"é"',
  "b*\\",
  '"~true"',
  '"😀*"',
  "9007199254740993",
  '"\uffff"',
] as const;
const modifiers = [
  "@this",
  "@reverse",
  "@flatten",
  '@flatten:{"deep":true}',
  "@join",
  '@join:{"preserve":true}',
  "@keys",
  "@values",
  "@tostr",
  "@fromstr",
  "@group",
  "@pretty",
  '@pretty:{"sortKeys":true}',
  '@pretty:{"indent":"\\t","prefix":" ","width":20}',
  "@ugly",
  "@valid",
  "@dig:a",
  "@dig:b.0",
  "@dig:#",
  "@nope",
  "@this:x",
  "@dig:@this",
  "@",
  "@this:",
] as const;
const constants = ["!true", "!null", "!5", '!"s"', "![1,2]", '!{"a":1}', "!nan", "!x", "!-3.50"] as const;
const escapable = ["a.b", "a*b", "a\\b", "é", 'x"y', "@this", "#", "a|b", "[0]", "__proto__", "n\nl"] as const;

export const gjson: Language = {
  name: "gjson",
  make(random) {
    const json = document(random);
    if (random.chance(0.08)) return { lang: "gjson", op: "valid", text: "", json: broken(random, json) };
    let text = path(random, 2);
    // a path that finds something tries more than one that finds nothing
    for (let tries = 0; tries < 4 && !finds(json, text); tries++) text = path(random, 2);
    return {
      lang: "gjson",
      text: random.chance(0.05) ? mutate(random, text, '. | # ( ) [ ] { } " \\ @ * ? : , ! ~ = %') : text,
      json,
    };
  },
  ours,
};

function ours({ op, text, json = "" }: Case): Answer {
  if (op === "valid") return { v: { valid: isValid(json) } };
  return staged(
    () => compilePath(text),
    (compiled) => {
      const found = locate(json, compiled);
      const { exists, type, raw, index, indexes = [] } = found;
      const number = floatText(asNumber(found));
      // the other side counts bytes
      const places = isAscii(json + text) ? { index, indexes } : {};
      return {
        exists,
        type,
        raw,
        text: asString(found),
        number,
        bool: asBool(found),
        value: plain(asValue(found)),
        ...places,
      };
    },
  );
}

function finds(json: string, text: string): boolean {
  const { v } = ours({ lang: "gjson", text, json });
  return typeof v === "object" && v !== null && "exists" in v && v.exists === true;
}

function broken(random: Random, json: string): string {
  return random.chance(0.3) ? json : mutate(random, json, '1 0 - . e " { ] , \\ n tru 1.');
}

/** Any path, of `depth` levels of queries and multipaths. */
export function path(random: Random, depth: number): string {
  const parts = random.list(random.chance(0.5) ? 2 : 4, () => part(random, depth), 1);
  const joined = parts.reduce((made, one) => made + (random.chance(0.8) ? "." : "|") + one);
  return random.chance(0.05) ? `..${joined}` : joined;
}

function part(random: Random, depth: number): string {
  const kind = random.next();
  if (kind < 0.6) return key(random);
  if (kind < 0.75) return query(random, depth);
  if (kind < 0.87) return random.pick(modifiers);
  return kind < 0.95 && depth > 0 ? multipath(random, depth) : random.pick(constants);
}

function key(random: Random): string {
  const kind = random.next();
  if (kind < 0.5) return random.pick("a b c ab 0 1 2");
  if (kind < 0.6) return random.pick("* ? a* *b ?b a? ** a*b* é ? 1*");
  if (kind < 0.75)
    return random.pick(escapable).replace(/[^A-Za-z0-9_]/g, (sign) => (random.chance(0.7) ? `\\${sign}` : sign));
  return random.pick(["#", "a", "b", "0", "1", "3", "-1", "01", ":1", ""]);
}

function query(random: Random, depth: number): string {
  const inner =
    depth > 0 && random.chance(0.3) ? path(random, depth - 1) : random.pick(["a", "b", "", "c", "a.b", "0", "#", "*"]);
  const comparison = random.chance(0.8) ? random.pick("== = != < <= > >= % !%") + random.pick(literals) : "";
  const space = random.chance(0.1) ? " " : "";
  return `#(${space}${inner}${space}${comparison}${space})${random.chance(0.5) ? "#" : ""}`;
}

function multipath(random: Random, depth: number): string {
  const object = random.chance(0.5);
  const named = (): string =>
    object && random.chance(0.5) ? random.pick(['"n":', "x:", '"a b":', "é:", '"<":', ":"]) : "";
  const parts = random.list(3, () => named() + path(random, depth - 1), 1).join(",");
  return object ? `{${parts}}` : `[${parts}]`;
}
