/** A field of a Go layout; `frac0` and `frac9` carry their digits in the text (".000"). */
export interface Field {
  readonly name: string;
  readonly text: string;
}

export interface Chunk {
  /** Literal text before the field. */
  readonly prefix: string;
  /** Undefined at the end of the layout. */
  readonly field: Field | undefined;
}

/** By first letter, longest first. The name is the layout's own spelling. */
const FIELDS: ReadonlyMap<string, readonly string[]> = new Map([
  ["J", ["January", "Jan"]],
  ["M", ["Monday", "Mon", "MST"]],
  ["0", ["002", "01", "02", "03", "04", "05", "06"]],
  ["1", ["15", "1"]],
  ["2", ["2006", "2"]],
  ["_", ["__2", "_2"]],
  ["3", ["3"]],
  ["4", ["4"]],
  ["5", ["5"]],
  ["P", ["PM"]],
  ["p", ["pm"]],
  ["-", ["-07:00:00", "-070000", "-07:00", "-0700", "-07"]],
  ["Z", ["Z07:00:00", "Z070000", "Z07:00", "Z0700", "Z07"]],
]);

/** Splits a layout into literal text and fields. The last chunk has no field. */
export function chunksOf(layout: string): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  for (let i = 0; i < layout.length; ) {
    // "_2006" is an underscore before a year, not a padded day.
    if (layout.startsWith("_2006", i)) i += 1;
    const field = fieldAt(layout, i);
    if (field === undefined) {
      i += 1;
      continue;
    }
    chunks.push({ prefix: layout.slice(start, i), field });
    i += field.text.length;
    start = i;
  }
  chunks.push({ prefix: layout.slice(start), field: undefined });
  return chunks;
}

function fieldAt(layout: string, at: number): Field | undefined {
  const first = layout.charAt(at);
  if (first === "." || first === ",") return fractionAt(layout, at);
  for (const name of FIELDS.get(first) ?? []) {
    if (!layout.startsWith(name, at)) continue;
    // "Jan" and "Mon" inside a longer word are not fields.
    if ((name === "Jan" || name === "Mon") && /^[a-z]/.test(layout.slice(at + 3, at + 4))) return undefined;
    return { name, text: name };
  }
  return undefined;
}

/** A point or comma and a run of 0 or of 9, where no other digit follows. */
function fractionAt(layout: string, at: number): Field | undefined {
  const digit = layout.charAt(at + 1);
  if (digit !== "0" && digit !== "9") return undefined;
  let end = at + 1;
  while (layout.charAt(end) === digit) end += 1;
  if (/^[0-9]/.test(layout.slice(end, end + 1))) return undefined;
  return { name: digit === "0" ? "frac0" : "frac9", text: layout.slice(at, end) };
}
