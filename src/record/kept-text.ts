import { maxTextLength } from "./schema.ts";

/** A text of others as it is kept. */
export function text(value: string | undefined): string | null {
  return value === undefined ? null : cut(value);
}

export function cut(value: string): string {
  return value.length <= maxTextLength ? value : `${value.slice(0, maxTextLength - 1)}…`;
}
