import type { Bus, DeadLetters } from "../bus/bus.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { isNotifyQueue } from "../sensors/firing-of.ts";
import { mainGroup } from "./enrol.ts";
import { createSettledWatch, type FiringPlace, type SettledWatch } from "./settled.ts";

/** Tells upstreams that wait what became of their events, by what one bus has of them. */
export function settledWatchOf(bus: Bus, clock: Clock): SettledWatch {
  return createSettledWatch({
    async ask(eventId) {
      const seq = await bus.seqOf(eventId);
      const place = await bus.events(mainGroup).place();
      if (seq === undefined || place === undefined || seq > place) return { decided: false, live: [], dead: [] };
      const live: string[] = [];
      const dead: FiringPlace[] = [];
      for (const queue of await bus.queues()) {
        // whether somebody was told of a failure is nothing that the upstream waits for
        if (isNotifyQueue(queue)) continue;
        live.push(...(await bus.queue(queue).firingsOf(eventId)));
        for await (const id of deadOf(bus.queue(queue).dead(), eventId)) dead.push({ queue, id });
      }
      return { decided: true, live, dead };
    },
    async isDead({ queue, id }) {
      const letter = await bus.queue(queue).dead().get(id);
      return letter !== undefined && letter.firing.successor === undefined;
    },
    async retryDead({ queue, id }) {
      const atUs = nowUs(clock);
      const reason = "the upstream brought the event again";
      const fact = { k: "firing", firing: id, state: "pending", atUs, dueUs: atUs, reason } as const;
      return bus
        .queue(queue)
        .dead()
        .retry(id, { dueUs: atUs, facts: [fact] });
    },
  });
}

/** Dead firings of an event; not those that a person edited, which go on as another firing. */
async function* deadOf(letters: DeadLetters, eventId: string): AsyncGenerator<string> {
  const limit = 1_000;
  for (let after: string | undefined; ; ) {
    const page = await letters.list({ limit, ...(after === undefined ? {} : { after }) });
    for (const { firing } of page) {
      if (firing.successor === undefined && firing.events.some(({ id }) => id === eventId)) yield firing.id;
    }
    after = page.at(-1)?.firing.id;
    if (page.length < limit || after === undefined) return;
  }
}
