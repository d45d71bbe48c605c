import type { Parser } from "./parser.ts";
import type { Entry, Pattern, PatternEntry, Query } from "./syntax.ts";

/** `{a, $x, "b": 1, (.k): 2}`. */
export function objectTerm(parser: Parser): Query {
  parser.expect("{");
  const entries: Entry[] = [];
  while (!parser.is("}")) {
    entries.push(entry(parser));
    if (!parser.take(",")) break;
  }
  parser.expect("}");
  return { type: "object", entries };
}

function entry(parser: Parser): Entry {
  const { kind, at, text, value } = parser.tokens.current;
  if (kind === "sign" && parser.take("(")) {
    const key = parser.query();
    parser.expect(")");
    parser.expect(":");
    return { key, value: entryValue(parser) };
  }
  if (kind === "string" || kind === "string-start") {
    const key = parser.string();
    return parser.take(":") ? { key, value: entryValue(parser) } : { key, value: memberNamed(key) };
  }
  if (kind === "variable" && !text.includes("::")) {
    parser.tokens.advance();
    const variable: Query = { type: "variable", name: value, at };
    return parser.take(":") ? { key: variable, value: entryValue(parser) } : { key: value.slice(1), value: variable };
  }
  const key = plainKey(parser);
  const named: Query = { type: "literal", value: key };
  return { key, value: parser.take(":") ? entryValue(parser) : memberNamed(named) };
}

function memberNamed(key: Query): Query {
  return { type: "index", target: { type: "identity" }, key };
}

function plainKey(parser: Parser): string {
  const { kind, text } = parser.tokens.current;
  if (kind !== "keyword" && (kind !== "name" || text.includes("::"))) throw parser.unexpected();
  return parser.tokens.advance().text;
}

/** Expressions joined by `|`; a comma ends the value. */
function entryValue(parser: Parser): Query {
  const parts = [parser.tokens.nested(() => parser.expression())];
  while (parser.take("|")) parts.push(parser.tokens.nested(() => parser.expression()));
  return parts.reduceRight((right, left): Query => ({ type: "pipe", left, right }));
}

/** `$x`, `[$a, {b: $c}] ?// $d`; `most` of them. */
export function patternsOf(parser: Parser, most = Number.POSITIVE_INFINITY): Pattern[] {
  const patterns = [pattern(parser)];
  while (patterns.length < most && parser.take("?//")) patterns.push(pattern(parser));
  return patterns;
}

function pattern(parser: Parser): Pattern {
  return parser.tokens.nested(() => {
    if (parser.take("[")) {
      const items = [pattern(parser)];
      while (parser.take(",")) items.push(pattern(parser));
      parser.expect("]");
      return { type: "array", items };
    }
    if (parser.take("{")) {
      const entries = [patternEntry(parser)];
      while (parser.take(",")) entries.push(patternEntry(parser));
      parser.expect("}");
      return { type: "object", entries };
    }
    return { type: "variable", name: parser.variable().value };
  });
}

function patternEntry(parser: Parser): PatternEntry {
  const { kind, value } = parser.tokens.current;
  if (kind === "variable") {
    const name = parser.variable().value;
    const inner = parser.take(":") ? pattern(parser) : undefined;
    return { key: name.slice(1), name, pattern: inner };
  }
  let key: string | Query = value;
  if (kind === "sign" && parser.take("(")) {
    key = parser.query();
    parser.expect(")");
  } else if (kind === "string" || kind === "string-start") key = parser.string();
  else key = plainKey(parser);
  parser.expect(":");
  const found = typeof key !== "string" && key.type === "literal" && typeof key.value === "string" ? key.value : key;
  return { key: found, name: undefined, pattern: pattern(parser) };
}

/** The data of a `module` header: read and forgotten. */
export function constantObject(parser: Parser): void {
  parser.expect("{");
  while (!parser.is("}")) {
    if (parser.tokens.current.kind === "string") parser.tokens.advance();
    else plainKey(parser);
    parser.expect(":");
    parser.tokens.nested(() => constantTerm(parser));
    if (!parser.take(",")) break;
  }
  parser.expect("}");
}

function constantTerm(parser: Parser): void {
  if (parser.is("{")) {
    constantObject(parser);
    return;
  }
  if (parser.take("[")) {
    if (parser.take("]")) return;
    do constantTerm(parser);
    while (parser.take(","));
    parser.expect("]");
    return;
  }
  const { kind } = parser.tokens.current;
  const isWord = parser.isWord("null") || parser.isWord("true") || parser.isWord("false");
  if (kind !== "number" && kind !== "string" && !isWord) throw parser.unexpected();
  parser.tokens.advance();
}
