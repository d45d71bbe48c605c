import type { Bus } from "../bus/bus.ts";
import type { ChildSpan } from "../kit/trigger.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { partLater, withoutSecrets } from "./span-facts.ts";

/**
 * Keeps parts of attempts that they told of after their end (`CallTrace.ticket`), in the fact log of the bus that they ran
 * for. Nobody waits for it: a part that cannot be kept is told in the log, and what it is a part of goes on.
 */
export function tellLater(parts: {
  readonly bus: (namespace: string, name: string) => Pick<Bus, "commit">;
  /** Takes secrets out of what is kept. */
  readonly clean: (text: string) => string;
  readonly clock: Clock;
  readonly log: Log;
}): (ticket: string, span: ChildSpan) => void {
  const keep = async (ticket: string, span: ChildSpan): Promise<void> => {
    try {
      const { namespace, bus, fact } = partLater(ticket, withoutSecrets(span, parts.clean), nowUs(parts.clock));
      await parts.bus(namespace, bus).commit({ facts: [fact] });
    } catch (error) {
      parts.log.warn({ err: error, span: span.name }, "a part of a trace is not kept");
    }
  };
  return (ticket, span) => void keep(ticket, span);
}
