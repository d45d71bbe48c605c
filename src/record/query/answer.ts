import type { ServerPlace, SqlitePlace } from "../options.ts";

/** A value of a row as JSON has it. Times of a database are RFC 3339, bytes base64, integers beyond 2^53 texts. */
export type Cell = string | number | boolean | null;

export interface QueryAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** There are more rows than were asked for. */
  readonly truncated: boolean;
}

/** One statement, for one database. Plain data: it is sent to the process that runs it. */
export interface QueryCall {
  readonly place: SqlitePlace | ServerPlace;
  readonly sql: string;
  readonly limit: number;
  readonly timeoutMs: number;
}

export type Asked = { readonly answer: QueryAnswer } | { readonly code: string; readonly message: string };

/** Takes rows until there are enough. */
export class Taken {
  readonly #limit: number;
  readonly #rows: Cell[][] = [];
  #more = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether more is wanted. */
  take(row: readonly unknown[]): boolean {
    if (this.#rows.length < this.#limit) this.#rows.push(row.map(cell));
    else this.#more = true;
    return !this.#more;
  }

  answer(columns: readonly string[]): QueryAnswer {
    return { columns: distinct(columns), rows: this.#rows, truncated: this.#more };
  }
}

function cell(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return JSON.stringify(value);
}

/** A name that comes again gets a number: each is a key of the row's object. */
function distinct(names: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let n = 2; seen.has(own); n++) own = `${name}_${n}`;
    seen.add(own);
    return own;
  });
}
