import { z } from "zod";
import { TideError } from "../lib/errors.ts";

/** The body of a request as its schema reads it. Throws USAGE, naming what is wrong and where. */
export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
  throw new TideError("USAGE", `${place}${issue?.message ?? "the body cannot be read"}`);
}

/** Unix microseconds. */
export const micros = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** How many in a second; below 1 is one in several. */
export const perSecond = z.number().min(0.001).max(1_000_000);

export const name = z.string().max(2_000);
/** An expression, or a value. */
export const long = z.string().max(20_000);
