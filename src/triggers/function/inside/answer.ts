import { type Emitted, maxAnswerLength, maxShownLength, mostEmitted, type Order, type Result } from "../messages.ts";

/** What was returned or emitted is no JSON, or too much. */
export class JunkError extends Error {}

/** JSON text of what can be JSON; JSON.stringify alone leaves functions out without a word. */
export function jsonOf(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, onlyData);
  } catch (error) {
    if (error instanceof JunkError) throw new JunkError(`${what} ${error.message}`);
    const why = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);
    throw new JunkError(`${what} cannot be made JSON: ${why}`);
  }
  if (text === undefined) throw new JunkError(`${what} is undefined`);
  if (text.length > maxAnswerLength) throw new JunkError(`${what} has ${text.length} characters of JSON, too many`);
  return text;
}

function onlyData(key: string, value: unknown): unknown {
  if (typeof value !== "function" && typeof value !== "symbol" && typeof value !== "bigint") return value;
  throw new JunkError(key === "" ? `is a ${typeof value}` : `has a ${typeof value} at ${JSON.stringify(key)}`);
}

/** What a call comes to. Throws a JunkError. */
export function resultOf(order: Order, value: unknown, emitted: readonly Emitted[]): Result {
  if (order.batch) {
    if (value === undefined || value === null) return { emitted };
    return { emitted, answer: jsonOf(value, "the returned value") };
  }
  if (!order.emits) return value === undefined ? { emitted } : { emitted, shown: shownOf(value) };
  const returned = returnedOf(value).map((data) => ({ data }));
  const all = [...emitted, ...returned];
  checkAmount(all);
  return { emitted: all };
}

export function checkAmount(emitted: readonly Emitted[]): void {
  if (emitted.length > mostEmitted) throw new JunkError(`${emitted.length} events are more than ${mostEmitted}`);
  let length = 0;
  for (const { data } of emitted) length += data.length;
  if (length > maxAnswerLength) throw new JunkError(`the events have ${length} characters of JSON together, too many`);
}

function returnedOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return [jsonOf(value, "the returned value")];
  if (value.length > mostEmitted) throw new JunkError(`${value.length} events are more than ${mostEmitted}`);
  return Array.from(value, (one: unknown, at) => jsonOf(one, `item ${at} of the returned list`));
}

/** Nobody needs the value: what is no JSON is no failure. */
function shownOf(value: unknown): string {
  try {
    return jsonOf(value, "it").slice(0, maxShownLength);
  } catch (error) {
    return `what was returned is not shown: ${error instanceof Error ? error.message : ""}`.slice(0, maxShownLength);
  }
}
