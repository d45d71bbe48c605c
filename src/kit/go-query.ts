import { goTextOfBytes } from "./go-json.ts";

/** Pairs of a query or a form, in Go's way, and whether a pair had to be left out because it was malformed. */
export interface Query {
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly malformed: boolean;
}

/**
 * `key=value&…` as Go's `url.ParseQuery` reads it: `+` is a space, a pair with a bad `%` escape or with a `;` is left
 * out, a key without `=` has the value "".
 */
export function parseQuery(text: string): Query {
  const values = new Map<string, string[]>();
  let malformed = false;
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const cut = pair.indexOf("=");
    const key = unescapeText(cut < 0 ? pair : pair.slice(0, cut));
    const value = unescapeText(cut < 0 ? "" : pair.slice(cut + 1));
    if (pair.includes(";") || key === undefined || value === undefined) {
      malformed = true;
      continue;
    }
    const list = values.get(key);
    if (list === undefined) values.set(key, [value]);
    else list.push(value);
  }
  return { values, malformed };
}

function unescapeText(text: string): string | undefined {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  if (/%(?![0-9a-fA-F]{2})/.test(spaced)) return undefined;
  // percent-escapes are bytes, and may together be no UTF-8
  const latin = Buffer.from(spaced, "utf8")
    .toString("latin1")
    .replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return goTextOfBytes(Buffer.from(latin, "latin1"));
}
