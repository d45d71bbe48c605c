type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
/** Of ES2026, and in every Node that runs this; TypeScript's library does not name them yet. */
interface SourceJson {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON(text: string): unknown;
}
const sourceJson = JSON as unknown as SourceJson;

/**
 * JSON as a value whose numbers are written again as they were (`12345678901234567890`, `1.0`): for showing an event's
 * data. Throws a SyntaxError for what is no JSON.
 */
function exactJson(text: string): unknown {
  return sourceJson.parse(text, (_, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? sourceJson.rawJSON(source) : value,
  );
}

/** Bytes as an answer shows them: JSON as it was written, else text. */
export function shownData(data: Uint8Array): unknown {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
  try {
    return exactJson(text);
  } catch {
    return text;
  }
}
