import type { Random } from "../random.ts";

/** JSON texts: odd spaces, escapes, keys that look like syntax, numbers at every edge. */
const oddKeys = [
  "a.b",
  "a*b",
  "a\\b",
  "0",
  "1",
  "é",
  "😀",
  'x"y',
  "@this",
  "#",
  "a|b",
  "_x",
  "__proto__",
  "constructor",
  "n\nl",
  "",
  "true",
  "[0]",
  "a-b",
] as const;
const texts = [
  "",
  "a",
  "b",
  "ab",
  "abc",
  "true",
  "TRUE",
  "false",
  "1",
  "0",
  "t",
  "12.5",
  "1e3",
  "é",
  "😀z",
  'x"y\\',
  "[5]",
  '{"a":1}',
  "<b>&",
  "\u2028",
  "nan",
  "0x10",
  "a{b}c",
  "日本",
  "\uffff",
  "line\nbreak",
  "\u0001",
  '[{"a":[1,2]}]',
] as const;
const numbers = "0 1 -1 12 1.5 1e3 1E-2 -0 9007199254740993 12345678901234567890 1e400 0.1 1.0 100 -12.50e+1 1e21 1e-7";

export function text(random: Random): string {
  return random.pick(texts);
}

function spaces(random: Random): string {
  return random.chance(0.12) ? random.pick([" ", "\n", "\t", "  "]) : "";
}

function quoted(random: Random, value: string): string {
  let made = JSON.stringify(value);
  if (random.chance(0.15)) {
    made = made.replace(/[a-zé]/g, (sign) =>
      random.chance(0.3) && !made.includes("\\") ? `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}` : sign,
    );
  }
  if (random.chance(0.1)) made = made.replace("😀", "\\ud83d\\ude00");
  return random.chance(0.02) ? '"\\ud800x"' : made;
}

function key(random: Random): string {
  return random.chance(0.75) ? random.pick("a b c ab") : random.pick(oddKeys);
}

export function json(random: Random, depth: number): string {
  const kind = random.next();
  if (depth <= 0 || kind < 0.35) {
    if (random.chance(0.35)) return quoted(random, text(random));
    return random.chance(0.6) ? random.pick(numbers) : random.pick("true false null");
  }
  const inner = (): string => spaces(random) + json(random, depth - 1) + spaces(random);
  if (kind < 0.7) {
    const members = random.list(4, () => `${spaces(random)}${quoted(random, key(random))}${spaces(random)}:${inner()}`);
    return `{${members.join(",") || spaces(random)}}`;
  }
  return `[${random.list(4, inner).join(",") || spaces(random)}]`;
}

/** A document: mostly objects and arrays, sometimes several in lines (for gjson's `..`). */
export function document(random: Random): string {
  const kind = random.next();
  if (kind < 0.8) return spaces(random) + json(random, 4) + spaces(random);
  if (kind < 0.88) return random.list(3, () => json(random, 3), 1).join("\n");
  const member = (name: string): string => `"${name}":${json(random, 2)}`;
  return `[${random.list(5, () => `{${["a", "b", "c"].map(member).join(",")}}`).join(",")}]`;
}
