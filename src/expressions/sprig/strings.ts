import { quoteText } from "../go-quote.ts";
import {
  byteLength,
  compareText,
  isDigit,
  isLetter,
  lowerText,
  sliceBytes,
  titleRune,
  trimSpace,
  upperText,
} from "../go-text.ts";
import { CallFault, fn, type GoFunction, type GoValue, type Meter, mapOf, typedList, variadic } from "../go-value.ts";
import { checkedLength, isList, stringsOf, textOf } from "./values.ts";

/** Strings and string slices. */
export const strings: readonly (readonly [string, GoFunction])[] = [
  ["hello", fn([], () => "Hello!")],
  ["trim", fn(["string"], ([text]) => trimSpace(text))],
  ["upper", fn(["string"], ([text]) => upperText(text))],
  ["lower", fn(["string"], ([text]) => lowerText(text))],
  ["title", fn(["string"], ([text]) => title(text))],
  ["trunc", fn(["int", "string"], ([count, text]) => trunc(count, text))],
  ["substr", fn(["int", "int", "string"], ([start, end, text]) => substring(start, end, text))],
  ["repeat", fn(["int", "string"], ([count, text], cx) => repeat(count, text, cx.meter))],
  ["trimall", fn(["string", "string"], ([cutset, text]) => trimAll(text, cutset))],
  ["trimAll", fn(["string", "string"], ([cutset, text]) => trimAll(text, cutset))],
  [
    "trimSuffix",
    fn(["string", "string"], ([end, text]) => (text.endsWith(end) ? text.slice(0, text.length - end.length) : text)),
  ],
  [
    "trimPrefix",
    fn(["string", "string"], ([start, text]) => (text.startsWith(start) ? text.slice(start.length) : text)),
  ],
  ["contains", fn(["string", "string"], ([part, text]) => text.includes(part))],
  ["hasPrefix", fn(["string", "string"], ([start, text]) => text.startsWith(start))],
  ["hasSuffix", fn(["string", "string"], ([end, text]) => text.endsWith(end))],
  ["quote", variadic([], "any", (args, cx) => quoted(args, (arg) => quoteText(textOf(arg, cx.meter))))],
  ["squote", variadic([], "any", (args, cx) => quoted(args, (arg) => `'${textOf(arg, cx.meter)}'`))],
  [
    "cat",
    variadic([], "any", (args, cx) =>
      present(args)
        .map((arg) => textOf(arg, cx.meter))
        .join(" "),
    ),
  ],
  ["indent", fn(["int", "string"], ([spaces, text], cx) => indent(spaces, text, cx.meter))],
  ["nindent", fn(["int", "string"], ([spaces, text], cx) => `\n${indent(spaces, text, cx.meter)}`)],
  [
    "replace",
    fn(["string", "string", "string"], ([old, with_, text], cx) => replaceAll(text, { old, with: with_ }, cx.meter)),
  ],
  ["plural", fn(["string", "string", "int"], ([one, many, count]) => (count === 1 ? one : many))],
  ["join", fn(["string", "any"], ([separator, value], cx) => join(separator, value, cx.meter))],
  ["sortAlpha", fn(["any"], ([value], cx) => sortAlpha(value, cx.meter))],
  [
    "split",
    fn(["string", "string"], ([separator, text], cx) => numbered(splitText(text, { separator, n: -1 }, cx.meter))),
  ],
  [
    "splitn",
    fn(["string", "int", "string"], ([separator, n, text], cx) =>
      numbered(splitText(text, { separator, n }, cx.meter)),
    ),
  ],
  [
    "splitList",
    fn(["string", "string"], ([separator, text], cx) =>
      typedList("string", splitText(text, { separator, n: -1 }, cx.meter)),
    ),
  ],
];

function present(args: readonly GoValue[]): readonly GoValue[] {
  return args.filter((arg) => arg !== null && arg !== undefined);
}

function quoted(args: readonly GoValue[], quote: (arg: GoValue) => string): string {
  return present(args).map(quote).join(" ");
}

/** `strings.Title`: a letter after what is neither letter, digit nor underscore becomes title case. */
function title(text: string): string {
  let out = "";
  let before = " ";
  for (const rune of text) {
    out += isSeparator(before) ? titleRune(rune) : rune;
    before = rune;
  }
  return out;
}

function isSeparator(rune: string): boolean {
  if (rune < "\x80") return !/[A-Za-z0-9_]/.test(rune);
  if (isLetter(rune) || isDigit(rune)) return false;
  return /\s|\u0085/u.test(rune);
}

/** In bytes; a negative count keeps the end. */
function trunc(count: number, text: string): string {
  const length = byteLength(text);
  if (count < 0 && length + count > 0) return sliceBytes(text, length + count);
  return count >= 0 && length > count ? sliceBytes(text, 0, count) : text;
}

function substring(start: number, end: number, text: string): string {
  const length = byteLength(text);
  const from = Math.max(start, 0);
  const to = start >= 0 && (end < 0 || end > length) ? length : end;
  if (to < 0 || to > length || from > to) {
    throw new CallFault(`runtime error: slice bounds out of range [${from}:${to}] with length ${length}`);
  }
  return sliceBytes(text, from, to);
}

function repeat(count: number, text: string, meter: Meter): string {
  checkedLength(count < 0 ? -1 : count * text.length, meter);
  return text.repeat(count);
}

function trimAll(text: string, cutset: string): string {
  const cut = new Set(cutset);
  const runes = Array.from(text);
  let start = 0;
  let end = runes.length;
  while (start < end && cut.has(runes[start] ?? "")) start += 1;
  while (end > start && cut.has(runes[end - 1] ?? "")) end -= 1;
  return runes.slice(start, end).join("");
}

function indent(spaces: number, text: string, meter: Meter): string {
  checkedLength(spaces < 0 ? -1 : spaces, meter);
  const pad = " ".repeat(spaces);
  return pad + replaceAll(text, { old: "\n", with: `\n${pad}` }, meter);
}

function replaceAll(text: string, change: { readonly old: string; readonly with: string }, meter: Meter): string {
  if (change.old === "") {
    const runes = Array.from(text);
    checkedLength(text.length + (runes.length + 1) * change.with.length, meter);
    return change.with + runes.map((rune) => rune + change.with).join("");
  }
  const parts = text.split(change.old);
  checkedLength(text.length + (parts.length - 1) * Math.max(0, change.with.length - change.old.length), meter);
  return parts.join(change.with);
}

function join(separator: string, value: GoValue, meter: Meter): string {
  const parts = stringsOf(value, meter);
  checkedLength(parts.length * separator.length, meter);
  return parts.join(separator);
}

/** Sorts a []string in place, as sprig does: the caller's list is then sorted too. */
function sortAlpha(value: GoValue, meter: Meter): GoValue {
  if (!isList(value)) return typedList("string", [textOf(value, meter)]);
  const items = stringsOf(value, meter).sort(compareText);
  meter.spend(items.length * 8);
  if (value.elem !== "string") return typedList("string", items);
  items.forEach((item, i) => {
    value.items[i] = item;
  });
  return value;
}

/** `strings.SplitN`: an empty separator splits into characters; n < 0 is no limit, 0 gives nothing. */
function splitText(text: string, at: { readonly separator: string; readonly n: number }, meter: Meter): string[] {
  const { separator, n } = at;
  if (n === 0) return [];
  const parts = separator === "" ? Array.from(text) : text.split(separator);
  meter.spend(parts.length * 4);
  if (n < 0 || parts.length <= n) return parts;
  return [...parts.slice(0, n - 1), parts.slice(n - 1).join(separator)];
}

/** `_0`, `_1`, …, so that a template can reach them as fields. */
function numbered(parts: readonly string[]): GoValue {
  return mapOf(
    parts.map((part, i) => [`_${i}`, part] as const),
    "string",
  );
}
