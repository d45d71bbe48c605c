import { ExpressionError } from "../fault.ts";

/** The way to a value inside a pattern: member names and indexes from its root. */
export type PatternPath = readonly (string | number)[];

/** A fault of a pattern: `path` leads to what is wrong; `position` is there where the pattern came as JSON text. */
export class PatternError extends ExpressionError {
  readonly path: PatternPath;

  constructor(message: string, path: PatternPath, options: { position?: number | undefined; cause?: unknown } = {}) {
    const { position, cause } = options;
    super("EXPRESSION_INVALID", message, { cause, ...(position === undefined ? {} : { position }) });
    this.path = path;
  }
}

/** A value of a pattern in a message: short, on one line. */
export function shown(value: unknown): string {
  const text = typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
