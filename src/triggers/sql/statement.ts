export type SqlKind = "mysql" | "postgres" | "sqlite";

/** What a database is sent: never made of an event's text; values stand beside it. */
export interface Statement {
  readonly sql: string;
  /** The names of the values, in the order of their marks. */
  readonly names: readonly string[];
}

/** The shortest of the limits of the three. */
const longestName = 63;

/** A name that can be quoted; undefined where none can be. */
export function identifier(name: string): string | undefined {
  const fits = name !== "" && !name.includes("\0") && Buffer.byteLength(name) <= longestName && name.isWellFormed();
  return fits ? name : undefined;
}

export function quoted(name: string, kind: SqlKind): string {
  return kind === "mysql" ? `\`${name.replaceAll("`", "``")}\`` : `"${name.replaceAll('"', '""')}"`;
}

function mark(kind: SqlKind, at: number): string {
  return kind === "postgres" ? `$${at + 1}` : "?";
}

export interface Insert {
  /** `TABLE` or `SCHEMA.TABLE`. */
  readonly table: string;
  readonly columns: readonly string[];
  readonly onConflict: "error" | "ignore" | "update";
  /** Of the unique index; empty: any, where the database knows that. */
  readonly conflictColumns: readonly string[];
}

/**
 * An insert of one row. MySQL's INSERT IGNORE would let every fault through, so that there a row which is there already sets
 * a column to itself.
 */
export function insertStatement({ table, columns, onConflict, conflictColumns }: Insert, kind: SqlKind): Statement {
  const name = (one: string): string => quoted(one, kind);
  const into = table.split(".").map(name).join(".");
  const marks = columns.map((_, at) => mark(kind, at));
  const sql = `INSERT INTO ${into} (${columns.map(name).join(", ")}) VALUES (${marks.join(", ")})`;
  if (onConflict === "error") return { sql, names: columns };
  const others = columns.filter((column) => !conflictColumns.includes(column));
  if (kind === "mysql") {
    const sets = onConflict === "update" ? others : [];
    const written = sets.map((column) => `${name(column)} = VALUES(${name(column)})`);
    const same = name(columns[0] ?? "");
    return { sql: `${sql} ON DUPLICATE KEY UPDATE ${written.join(", ") || `${same} = ${same}`}`, names: columns };
  }
  const at = conflictColumns.length === 0 ? "" : ` (${conflictColumns.map(name).join(", ")})`;
  const sets = others.map((column) => `${name(column)} = excluded.${name(column)}`);
  const then = onConflict === "update" && sets.length > 0 ? `UPDATE SET ${sets.join(", ")}` : "NOTHING";
  return { sql: `${sql} ON CONFLICT${at} DO ${then}`, names: columns };
}

/** A written statement with the database's marks in place of `:name`, or why it cannot be sent. */
export function namedStatement(text: string, kind: SqlKind): Statement | { readonly problem: string } {
  const parts = namedParts(text, kind);
  if ("problem" in parts) return parts;
  let sql = parts.texts[0] ?? "";
  for (const at of parts.names.keys()) sql += mark(kind, at) + (parts.texts[at + 1] ?? "");
  return { sql, names: parts.names };
}

const quotes: Readonly<Record<string, string>> = { "'": "'", '"': '"', "`": "`" };

/**
 * Takes a statement apart at its `:name`s: those in texts, names and comments are none, and `::` is Postgres' cast. One
 * statement only. Reads each character once.
 */
export function namedParts(
  text: string,
  kind: SqlKind,
): { readonly texts: readonly string[]; readonly names: readonly string[] } | { readonly problem: string } {
  const texts: string[] = [];
  const names: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const skipped = skip(text, at, kind);
    if (skipped === undefined) return { problem: "a text, name or comment of the statement does not end" };
    if (skipped > at) {
      at = skipped;
      continue;
    }
    const character = text[at];
    if (character === ";" && text.slice(at + 1).trim() !== "") return { problem: "there is more than one statement" };
    if (character === "?" && kind !== "postgres") return { problem: "there is a ?: values are written as :name" };
    const name = character === ":" ? /^:([A-Za-z_]\w*)/.exec(text.slice(at, at + 65))?.[1] : undefined;
    if (name === undefined) {
      at += 1;
      continue;
    }
    texts.push(text.slice(from, at));
    names.push(name);
    at += name.length + 1;
    from = at;
  }
  texts.push(text.slice(from));
  return { texts, names };
}

/** The end of the text, quoted name, comment or cast that begins here; `at` where none does, undefined where it has no end. */
function skip(text: string, at: number, kind: SqlKind): number | undefined {
  const character = text[at] ?? "";
  const two = text.slice(at, at + 2);
  if (two === "::") return at + 2;
  if (two === "--" || (character === "#" && kind === "mysql")) return after(text, "\n", at) ?? text.length;
  if (two === "/*") return after(text, "*/", at + 2);
  if (character === "$" && kind === "postgres") {
    const tag = /^\$(?:[A-Za-z_]\w{0,62})?\$/.exec(text.slice(at, at + 66))?.[0];
    return tag === undefined ? at : after(text, tag, at + tag.length);
  }
  const quote = quotes[character];
  if (quote === undefined) return at;
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === "\\" && kind === "mysql" && character !== "`") end += 1;
    else if (text[end] === quote && text[end + 1] === quote) end += 1;
    else if (text[end] === quote) return end + 1;
  }
  return undefined;
}

function after(text: string, found: string, from: number): number | undefined {
  const at = text.indexOf(found, from);
  return at < 0 ? undefined : at + found.length;
}
