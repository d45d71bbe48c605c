import type { Event } from "../lib/event.ts";
import { compileSensor } from "./compile.ts";
import type { SensorPlan } from "./plan.ts";

/** An event for tests: JSON data unless bytes are given. */
export function testEvent(fields: Partial<Omit<Event, "data">> & { readonly data?: unknown } = {}): Event {
  const { data = {}, ...rest } = fields;
  return {
    id: "e1",
    source: "src",
    type: "webhook",
    subject: "ev",
    time: "2026-01-05T09:00:00.5Z",
    datacontenttype: "application/json",
    extensions: {},
    ...rest,
    data: data instanceof Uint8Array ? data : new TextEncoder().encode(JSON.stringify(data)),
  };
}

export const testPlace = { namespace: "default", name: "sensor", bus: "default", folder: "/" } as const;

/** The plan of a spec that must be valid. */
export function testPlan(
  spec: unknown,
  place: Partial<Omit<typeof testPlace, "name">> & { readonly name?: string } = {},
): SensorPlan {
  const { plan, findings } = compileSensor({ spec }, { ...testPlace, ...place });
  if (plan === undefined) throw new Error(`invalid: ${JSON.stringify(findings)}`);
  return plan;
}

export interface TestSensor {
  readonly dependencies: readonly string[] | readonly object[];
  /** Conditions of each trigger, by name. */
  readonly triggers?: Readonly<Record<string, string | undefined>>;
  /** Further fields of each trigger's template. */
  readonly template?: object;
  readonly trigger?: object;
}

/** A spec of log triggers; dependency `a` is of the event `a` of `src`. */
export function testSpec({ dependencies, triggers = { t: undefined }, template = {}, trigger = {} }: TestSensor) {
  return {
    dependencies: dependencies.map((one) =>
      typeof one === "string" ? { name: one, eventSourceName: "src", eventName: one } : one,
    ),
    triggers: Object.entries(triggers).map(([name, conditions]) => ({
      ...trigger,
      template: { name, ...(conditions === undefined ? {} : { conditions }), log: {}, ...template },
    })),
  };
}
