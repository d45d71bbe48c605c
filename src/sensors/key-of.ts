import { asString } from "../expressions/gjson.ts";
import { digest } from "../lib/digest.ts";
import type { Event } from "../lib/event.ts";
import { EventView } from "./filters/view.ts";
import type { KeyPath } from "./plan.ts";

/** Keys are kept with each firing; a longer one counts by its hash. */
const longestKey = 128;

/**
 * The key of a firing: the text of what the path finds in the event of its dependency, or in the first event that has it
 * (in the order of the condition's names). `1` and `"1"` are one key. undefined where nothing is found, or null, or the
 * data is not JSON.
 */
export function keyOf(
  { path, dependency }: KeyPath,
  names: readonly string[],
  eventOf: (dependency: string) => Event | undefined,
): string | undefined {
  for (const name of dependency === undefined ? names : [dependency]) {
    const event = eventOf(name);
    if (event === undefined) continue;
    const view = new EventView(event);
    if (view.empty || view.json === undefined) continue;
    const found = view.find(path);
    if (!found.exists || found.type === "Null") continue;
    const key = asString(found);
    return key.length <= longestKey ? key : digest(key);
  }
  return undefined;
}
