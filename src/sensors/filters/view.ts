import { ExpressionError } from "../../expressions/fault.ts";
import { type GjsonPath, type GjsonResult, get } from "../../expressions/gjson.ts";
import type { Event } from "../../lib/event.ts";
import { jsonTextOf } from "../data-text.ts";

/**
 * One event's data as the filters of all sensors see it: decoded and checked at most once, each path looked up at most
 * once. Lives as long as the decision about the event.
 */
export class EventView {
  readonly event: Event;
  #json: string | undefined;
  #read = false;
  #decoded: { readonly value: unknown } | undefined;
  readonly #found = new Map<string, GjsonResult>();

  constructor(event: Event) {
    this.event = event;
  }

  /** No bytes at all: filters on data pass then. */
  get empty(): boolean {
    return this.event.data.length === 0;
  }

  /** The data's text; undefined when it is not JSON. */
  get json(): string | undefined {
    if (!this.#read) {
      this.#read = true;
      this.#json = jsonTextOf(this.event.data);
    }
    return this.#json;
  }

  /** The data, decoded: numbers are float64. Only for data that is JSON. */
  get decoded(): unknown {
    this.#decoded ??= { value: JSON.parse(this.json ?? "null") };
    return this.#decoded.value;
  }

  /** What `path` finds. Only for data that is JSON. */
  find(path: GjsonPath): GjsonResult {
    let result = this.#found.get(path.text);
    if (result === undefined) {
      result = search(this.json ?? "", path);
      this.#found.set(path.text, result);
    }
    return result;
  }
}

const nothing: GjsonResult = { exists: false, type: "Null", raw: "" };

/** A document too deep for a modifier of the path has no value there. */
function search(json: string, path: GjsonPath): GjsonResult {
  try {
    return get(json, path);
  } catch (cause) {
    if (cause instanceof ExpressionError) return nothing;
    throw cause;
  }
}

/** The view that came along, where it is of this event. */
export function viewOf(event: Event, view: EventView | undefined): EventView {
  return view?.event === event ? view : new EventView(event);
}
