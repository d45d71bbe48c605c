import type { z } from "zod";
import { object, optional, text } from "../kit/fields.ts";
import { needs } from "../kit/rules.ts";
import { triggerParameters } from "../kit/schemas.ts";
import {
  type BatchItem,
  type Call,
  defineTrigger,
  type NewDraft,
  type Outcome,
  type RenderCall,
  type Rendered,
} from "../kit/trigger.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import { dataOf } from "./event-data.ts";

const config = object(
  {
    source: optional(
      text({
        description: "As dependencies name it: `eventSourceName`. The Sensor's own name by default (extension).",
      }),
    ),
    event: text({ description: "As dependencies name it: `eventName` (extension)." }),
    payload: optional(
      triggerParameters({
        description:
          "Builds the data, beginning with an empty JSON object. Without it the data is that of the event; of several events an object, by dependency (extension).",
      }),
    ),
    parameters: optional(
      triggerParameters({ description: "Change these settings; `dest` is relative to them (extension)." }),
    ),
  },
  { description: "Puts a new event on the Sensor's own bus." },
);

type EventConfig = z.infer<typeof config>;

/**
 * Puts a new event on the bus of its Sensor (an extension). What it caused is in its extensions: `causationid`,
 * `correlationid`, `hops`. An attempt that is repeated puts the same event, which then is a duplicate. The filters of
 * EventSources do not see it: it comes from no source.
 */
export const event = defineTrigger<EventConfig>({
  kind: "event",
  title: "Event",
  summary: "Puts a new event on the Sensor's own bus, for other Sensors to wait for.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: shop
      eventName: order
  triggers:
    - template:
        name: accept
        event:
          source: warehouse
          event: accepted
          payload:
            - src:
                dependencyName: order
                dataKey: body
                useRawData: true
              dest: order
`,
  config,
  lint: (config) => needs(config, ["event"]),
  async fire(call) {
    if (call.batch !== undefined) return fireBatch(call, call.batch.items);
    const [receipt] = await call.emit([draftOf(call, call)]);
    if (receipt?.outcome === "refused") throw refused(receipt.reason);
    return { said: receipt?.outcome === "duplicate" ? `event ${receipt.id} was there` : `put event ${receipt?.id}` };
  },
  render: (call) =>
    call.batch === undefined ? shown(call, call) : { events: call.batch.items.map((item) => shown(item, call)) },
});

/** Each item alone, so that one that cannot be put holds up no other; the bus makes one write of them. */
async function fireBatch(
  call: Call<EventConfig, undefined>,
  items: readonly BatchItem<EventConfig>[],
): Promise<Outcome> {
  const put = items.map(async (item) => {
    const [receipt] = await call.emit([{ ...draftOf(item, call), item: item.key }]);
    if (receipt?.outcome === "refused") throw refused(receipt.reason);
  });
  const failedItems: number[] = [];
  const errors: unknown[] = [];
  for (const [at, one] of (await Promise.allSettled(put)).entries()) {
    if (one.status === "fulfilled") continue;
    failedItems.push(at);
    errors.push(one.reason);
  }
  if (failedItems.length === items.length) throw errors[0];
  if (failedItems.length > 0)
    call.log.warn({ error: messageOf(errors[0]), failed: failedItems.length }, "events of a batch could not be put");
  return { said: `put ${items.length - failedItems.length} events`, failedItems };
}

function shown(...given: Parameters<typeof draftOf>): Rendered {
  const { source, subject, data } = draftOf(...given);
  return { source, event: subject, data: new TextDecoder().decode(data) };
}

function draftOf(
  item: Pick<BatchItem<EventConfig>, "config" | "payload" | "events">,
  { sensor }: Pick<RenderCall<EventConfig>, "sensor">,
): NewDraft {
  const { source, event } = item.config;
  if (!event) throw new TideError("MESSAGE_INVALID", "event is empty");
  // alone in its firing, it keeps its id also where the firing is one of a batch
  return { source: source || sensor, subject: event, data: dataOf(item), id: "event" };
}

function refused(reason = "the bus refuses the event"): TideError {
  return new TideError("EVENT_TOO_LARGE", reason);
}
