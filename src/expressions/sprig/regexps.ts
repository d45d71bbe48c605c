import { RE2JS, RE2JSException } from "re2js";
import {
  type CallContext,
  CallFault,
  fn,
  type GoFunction,
  type GoValue,
  type Meter,
  nilList,
  typedList,
} from "../go-value.ts";
import { both } from "./lists.ts";

/** Regular expressions in Go's syntax, in linear time. */
export const regexps: readonly (readonly [string, GoFunction])[] = [
  ["regexMatch", fn(["string", "string"], ([pattern, text], cx) => matches(pattern, text, cx))],
  ["mustRegexMatch", fn(["string", "string"], ([pattern, text], cx) => compiled(pattern, cx).matcher(text).find())],
  ...both(
    "regexFind",
    fn(["string", "string"], ([pattern, text], cx) => find(compiled(pattern, cx), text)),
  ),
  ...both(
    "regexFindAll",
    fn(["string", "string", "int"], ([pattern, text, n], cx) => {
      const found = findAll(compiled(pattern, cx), { text, n }, cx.meter);
      return found.length === 0
        ? nilList("string")
        : typedList(
            "string",
            found.map(({ start, end }) => text.slice(start, end)),
          );
    }),
  ),
  ...both(
    "regexReplaceAll",
    fn(["string", "string", "string"], ([pattern, text, template], cx) =>
      replace(compiled(pattern, cx), { text, with: (match) => expand(template, match) }, cx.meter),
    ),
  ),
  ...both(
    "regexReplaceAllLiteral",
    fn(["string", "string", "string"], ([pattern, text, literal], cx) =>
      replace(compiled(pattern, cx), { text, with: () => literal }, cx.meter),
    ),
  ),
  ...both(
    "regexSplit",
    fn(["string", "string", "int"], ([pattern, text, n], cx) =>
      split(compiled(pattern, cx), { text, n, pattern }, cx.meter),
    ),
  ),
  ["regexQuoteMeta", fn(["string"], ([text]) => text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&"))],
];

function compiled(pattern: string, cx: CallContext): RE2JS {
  return cx.remember(`regexp ${pattern}`, () => {
    cx.meter.spend(pattern.length * 16);
    try {
      return RE2JS.compile(pattern);
    } catch (cause) {
      if (cause instanceof RE2JSException) throw new CallFault(cause.message);
      throw cause;
    }
  });
}

/** A pattern that does not compile matches nothing. */
function matches(pattern: string, text: string, cx: CallContext): boolean {
  try {
    return compiled(pattern, cx).matcher(text).find();
  } catch (cause) {
    if (cause instanceof CallFault) return false;
    throw cause;
  }
}

function find(pattern: RE2JS, text: string): string {
  const matcher = pattern.matcher(text);
  return matcher.find() ? (matcher.group() ?? "") : "";
}

interface Match {
  readonly start: number;
  readonly end: number;
  group(name: string | number): string;
}

function matchFrom(pattern: RE2JS, text: string, at: number): Match | undefined {
  const matcher = pattern.matcher(text);
  if (!matcher.find(at)) return undefined;
  const named = pattern.namedGroups();
  return {
    start: matcher.start(),
    end: matcher.end(),
    group: (name) => {
      const isKnown = typeof name === "number" ? name <= matcher.groupCount() : Object.hasOwn(named, name);
      return isKnown ? (matcher.group(name) ?? "") : "";
    },
  };
}

function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** Go's successive matches: an empty one right after another match does not count. */
function findAll(pattern: RE2JS, on: { readonly text: string; readonly n: number }, meter: Meter): Match[] {
  const { text } = on;
  const limit = on.n < 0 ? Number.POSITIVE_INFINITY : on.n;
  const found: Match[] = [];
  let previousEnd = -1;
  for (let at = 0; found.length < limit && at <= text.length; ) {
    const match = matchFrom(pattern, text, at);
    if (match === undefined) break;
    meter.spend(64 + match.end - at);
    const accepted = match.end !== at || match.start !== previousEnd;
    at = match.end === at ? at + widthAt(text, at) : match.end;
    previousEnd = match.end;
    if (accepted) found.push(match);
  }
  return found;
}

function replace(
  pattern: RE2JS,
  change: { readonly text: string; readonly with: (match: Match) => string },
  meter: Meter,
): string {
  const { text } = change;
  let out = "";
  let copied = 0;
  for (let at = 0; at <= text.length; ) {
    const match = matchFrom(pattern, text, at);
    if (match === undefined) break;
    out += text.slice(copied, match.start);
    if (match.end > copied || match.start === 0) {
      const put = change.with(match);
      meter.spend(put.length);
      out += put;
    }
    meter.spend(64 + match.end - at);
    copied = match.end;
    at = Math.max(match.end, at + (at < text.length ? widthAt(text, at) : 1));
  }
  return out + text.slice(copied);
}

/** `$1`, `${name}`, `$$`; the longest run of letters, digits and underscores is the name, so "$1x" is a group "1x". */
function expand(template: string, match: Match): string {
  return template.replace(
    /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu,
    (whole, braced?: string, bare?: string) => {
      const name = braced ?? bare;
      if (whole === "$$" || name === undefined) return "$";
      return match.group(/^[0-9]+$/.test(name) ? Number(name) : name);
    },
  );
}

/** `regexp.Split`: a leading empty match splits nothing off. */
function split(
  pattern: RE2JS,
  on: { readonly text: string; readonly n: number; readonly pattern: string },
  meter: Meter,
): GoValue {
  const { text, n } = on;
  if (n === 0) return nilList("string");
  if (on.pattern.length > 0 && text.length === 0) return typedList("string", [""]);
  const parts: string[] = [];
  let start = 0;
  let end = 0;
  for (const match of findAll(pattern, { text, n }, meter)) {
    if (n > 0 && parts.length === n - 1) break;
    end = match.start;
    if (match.end !== 0) parts.push(text.slice(start, end));
    start = match.end;
  }
  if (end !== text.length) parts.push(text.slice(start));
  return typedList("string", parts);
}
