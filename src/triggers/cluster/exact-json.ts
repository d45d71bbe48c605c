type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
/** Of ES2026, and in every Node that runs this; TypeScript's library does not name them yet. */
interface SourceJson {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
}
const sourceJson = JSON as unknown as SourceJson;

/**
 * JSON whose large integers (64 bits, such as nanoseconds) are written again digit by digit: an object that is read,
 * changed and written must not change elsewhere. Throws a SyntaxError for what is no JSON.
 */
export function parseExact(text: string): unknown {
  // a reviver costs three times as much, and hardly any object has such a number
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return sourceJson.parse(text, (_, value, { source = "" }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
      ? sourceJson.rawJSON(source)
      : value,
  );
}

/** Whether it is a number that `parseExact` kept as it was written. */
export function isExactNumber(value: unknown): boolean {
  return sourceJson.isRawJSON(value);
}
