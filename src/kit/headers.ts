import { byBytes, goString, goStringOfBytes } from "./go-json.ts";

/**
 * The header of an HTTP request as it stands in event data: canonical names, each with a list of values, sorted
 * (reference 1.4). What Go's server takes out of a request (`Host`, `Transfer-Encoding`, `Trailer`) is not in it.
 */
export interface HeaderWriter {
  /** `rawHeaders`: name and value in turn. `Authorization` is masked whenever it is not empty. */
  write(rawHeaders: readonly string[]): string;
}

interface Name {
  readonly canonical: string;
  /** `"Name":[` */
  readonly opening: string;
}

/** The values of one name, as JSON, with commas between them. */
interface Field {
  readonly name: Name;
  values: string;
}

const masked = goString("*** Masked Auth Secret ***");
const hidden: ReadonlySet<string> = new Set(["Host", "Transfer-Encoding", "Trailer"]);
const maxNames = 512;
const notAscii = /[^\x20-\x7e]/;

/** Remembers the names it met, since a route's callers send the same ones again; at most 512 of them. */
export function makeHeaderWriter(): HeaderWriter {
  const names = new Map<string, Name>();
  const nameOf = (raw: string): Name => {
    const known = names.get(raw);
    if (known !== undefined) return known;
    const canonical = canonicalName(raw);
    const name = { canonical, opening: `${goString(canonical)}:[` };
    if (names.size < maxNames) names.set(raw, name);
    return name;
  };
  return {
    write(rawHeaders) {
      const fields: Field[] = [];
      for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
        const name = nameOf(rawHeaders[i] as string);
        if (hidden.has(name.canonical)) continue;
        insert(fields, name, valueText(rawHeaders[i + 1] as string));
      }
      finish(fields, nameOf);
      let text = "{";
      for (const { name, values } of fields) text += `${text === "{" ? "" : ","}${name.opening}${values}]`;
      return `${text}}`;
    },
  };
}

/** Puts a value where its name belongs: sorting them afterwards takes longer. */
function insert(fields: Field[], name: Name, value: string): void {
  let from = 0;
  let to = fields.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const field = fields[middle] as Field;
    const order = byBytes(field.name.canonical, name.canonical);
    if (order === 0) {
      field.values += `,${value}`;
      return;
    }
    if (order < 0) from = middle + 1;
    else to = middle;
  }
  fields.splice(from, 0, { name, values: value });
}

/** Masks the secret, and does what Go's server does for `Pragma: no-cache`. */
function finish(fields: Field[], nameOf: (raw: string) => Name): void {
  const find = (canonical: string) => fields.find(({ name }) => name.canonical === canonical);
  const authorization = find("Authorization");
  if (authorization !== undefined && !authorization.values.startsWith('""')) authorization.values = masked;
  if (find("Pragma")?.values.startsWith('"no-cache"') && find("Cache-Control") === undefined) {
    insert(fields, nameOf("Cache-Control"), '"no-cache"');
  }
}

/** Node decodes header values as Latin-1; the sender's bytes are mostly UTF-8. */
function valueText(value: string): string {
  return notAscii.test(value) ? goStringOfBytes(Buffer.from(value, "latin1")) : goString(value);
}

/** `x-github-event` is `X-Github-Event`. A name with a character that no token has stays as it is. */
export function canonicalName(name: string): string {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return name;
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** The value of the first header with this name (in lower case). */
export function headerOf(rawHeaders: readonly string[], lowerName: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) return rawHeaders[i + 1];
  }
  return undefined;
}

/** Longer than any signature, token or id that a header is read for. */
const longestValue = 4_096;

/** The value of a header (in lower case) that is there once, and not longer than 4 KiB; undefined otherwise. */
export function onlyHeader(rawHeaders: readonly string[], lowerName: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length !== lowerName.length || name.toLowerCase() !== lowerName) continue;
    if (found !== undefined) return undefined;
    found = rawHeaders[i + 1] as string;
  }
  return found === undefined || found.length > longestValue ? undefined : found;
}
