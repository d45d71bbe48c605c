import type { z } from "zod";
import { object, optional, whole } from "../kit/fields.ts";
import { defineTrigger } from "../kit/trigger.ts";
import type { Event } from "../lib/event.ts";

const config = object(
  {
    intervalSeconds: optional(
      whole({ description: "At most one firing in this many seconds is logged. Default: every one.", min: 0 }),
    ),
  },
  { description: "Writes events to the log." },
);

type LogConfig = z.infer<typeof config>;

/** When each trigger logged last, by namespace, sensor and trigger. */
interface LogClient extends AsyncDisposable {
  readonly lastMs: Map<string, number>;
}

/**
 * Logs the data of each event at info (reference 4, log). `intervalSeconds` holds: firings within the interval end well
 * without a line (upstream it has no effect, T6).
 */
export const log = defineTrigger<LogConfig, LogClient>({
  kind: "log",
  title: "Log line",
  summary: "Writes each event's data to the log.",
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
        name: print
        log: {}
`,
  config,
  connectionKey: () => "log",
  connect: async () => ({ lastMs: new Map(), async [Symbol.asyncDispose]() {} }),
  async fire(call) {
    const intervalMs = (call.config.intervalSeconds ?? 0) * 1000;
    const name = `${call.namespace}/${call.sensor}/${call.trigger}`;
    const nowMs = call.clock.nowMs();
    const lastMs = call.client.lastMs.get(name);
    if (intervalMs > 0 && lastMs !== undefined && nowMs >= lastMs && nowMs < lastMs + intervalMs) {
      return { said: `not logged: within ${call.config.intervalSeconds} s of the last line` };
    }
    for (const [dependencyName, event] of call.events) {
      call.log.info({ dependencyName, eventContext: contextOf(event) }, dataText(event));
    }
    if (intervalMs > 0) call.client.lastMs.set(name, nowMs);
    return { said: `logged ${call.events.size} ${call.events.size === 1 ? "event" : "events"}` };
  },
});

function contextOf(event: Event) {
  const { id, source, type, datacontenttype, subject, time } = event;
  return { id, source, specversion: "1.0", type, datacontenttype, subject, time };
}

function dataText(event: Event): string {
  const { data } = event;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
}
