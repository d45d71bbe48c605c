import { TideError } from "../lib/errors.ts";

/** The query of a request: each name once or several times. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The value of a name; undefined when it is not there. Throws USAGE when it is there twice. */
export function one(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === "string") return value;
  throw new TideError("USAGE", `${name} is given twice`);
}

export function flag(query: Query, name: string): boolean {
  const value = one(query, name);
  return value === "" || value === "true" || value === "1";
}

/** A whole number within bounds. Throws USAGE. */
export function whole(
  query: Query,
  name: string,
  bounds: { readonly min: number; readonly max: number },
): number | undefined {
  const text = one(query, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d{1,16}$/.test(text) || value < bounds.min || value > bounds.max) {
    throw new TideError("USAGE", `${name} is a whole number from ${bounds.min} to ${bounds.max}`);
  }
  return value;
}

/** One of these words. Throws USAGE. */
export function word<const W extends string>(query: Query, name: string, words: readonly W[]): W | undefined {
  const text = one(query, name);
  if (text === undefined) return undefined;
  const found = words.find((candidate) => candidate === text);
  if (found === undefined) throw new TideError("USAGE", `${name} is one of ${words.join(", ")}`);
  return found;
}

/** A range of the record; times are Unix microseconds. */
export function rangeOf(query: Query): {
  readonly fromUs?: number;
  readonly toUs?: number;
  readonly namespace?: string;
} {
  const fromUs = whole(query, "fromUs", micros);
  const toUs = whole(query, "toUs", micros);
  const namespace = one(query, "namespace");
  return {
    ...(fromUs === undefined ? {} : { fromUs }),
    ...(toUs === undefined ? {} : { toUs }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

const micros = { min: 0, max: Number.MAX_SAFE_INTEGER };
