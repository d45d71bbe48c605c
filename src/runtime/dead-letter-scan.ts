import { setImmediate as turn } from "node:timers/promises";
import type { DeadLetter, DeadLetters, DeadReason } from "../bus/bus.ts";
import { placeOf, traceIdOf } from "../lib/trace.ts";
import { newestOf } from "../sensors/firing-of.ts";
import type { BusRun } from "./bus-run.ts";
import { groupOf } from "./dead-letter-cause.ts";
import { rfc3339 } from "./event-answer.ts";
import type { Runtime } from "./runtime.ts";

/** A firing that will not be tried again by itself. */
export interface DeadLetterAnswer {
  readonly id: string;
  readonly namespace: string;
  readonly bus: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly revision: string;
  /** Of its last round. */
  readonly attempts: number;
  readonly code: string;
  /** HTTP status or the target's own word, where it answered. */
  readonly status?: string | undefined;
  readonly error: string;
  readonly deadAt: string;
  readonly parent?: string | undefined;
  /** Of its cause: those with the same one died of the same. */
  readonly group: string;
  /** How often it was tried again and died again; absent where it was not. */
  readonly rounds?: number | undefined;
  /** It was tried again, and died of the same cause again. */
  readonly cameBack?: true | undefined;
  /** The firing that an edited copy of it went on as. */
  readonly successor?: string | undefined;
  readonly events: readonly { readonly dependency: string; readonly id: string }[];
}

/** A dead letter, and where it is. */
export interface Found {
  readonly run: BusRun;
  readonly queue: string;
  readonly dead: DeadLetters;
  readonly letter: DeadLetter;
}

export async function findLetter({ buses }: Pick<Runtime, "buses">, id: string): Promise<Found | undefined> {
  for (const run of buses) {
    for (const queue of await run.bus.queues()) {
      const dead = run.bus.queue(queue).dead();
      const letter = await dead.get(id);
      if (letter !== undefined) return { run, queue, dead, letter };
    }
  }
  return undefined;
}

/** Few enough that others get their turn every few milliseconds, and that a page is small in memory. */
const lettersPerTurn = 200;

/**
 * All dead letters by bus, queue and id, from disk: what lies in memory is one page. Between pages the event loop turns.
 * What dies or goes meanwhile may or may not be among them.
 */
export async function* allLetters({ buses }: Pick<Runtime, "buses">): AsyncGenerator<Found> {
  for (const run of buses) {
    for (const queue of await run.bus.queues()) {
      const dead = run.bus.queue(queue).dead();
      for (let after: string | undefined; ; ) {
        const letters = await dead.list({ limit: lettersPerTurn, ...(after === undefined ? {} : { after }) });
        for (const letter of letters) yield { run, queue, dead, letter };
        after = letters.at(-1)?.firing.id;
        if (letters.length < lettersPerTurn) break;
        await turn();
      }
    }
  }
}

export function groupOfLetter(found: Found): string {
  return groupOfReason(found, found.letter.reason);
}

/** Whether it was tried again and died of the same. */
export function cameBack(found: Found): boolean {
  const last = found.letter.firing.retried?.last;
  return last !== undefined && groupOfReason(found, last) === groupOfLetter(found);
}

function groupOfReason({ run, letter }: Found, reason: DeadReason): string {
  const { sensor, trigger } = letter.firing;
  const { namespace, name: bus } = run;
  const { code, message } = reason;
  return groupOf({ namespace, bus, sensor, trigger, code, status: statusOf(reason), message });
}

/** Those that died before it was kept apart have it in their message alone. */
export function statusOf({ status, message }: DeadReason): string | undefined {
  return status ?? /^the target answered (\d{3})\b/.exec(message)?.[1];
}

/** The trace that its attempts are in: that of its newest event. */
export function traceIdOfLetter({ letter }: Found): string {
  const newest = newestOf(letter.firing.events);
  const brought = placeOf(newest?.event?.extensions.traceparent ?? "");
  return brought?.traceId ?? traceIdOf(newest?.id ?? letter.firing.id);
}

export function answerOf(found: Found): DeadLetterAnswer {
  const { run, letter } = found;
  const { firing, reason } = letter;
  return {
    id: firing.id,
    namespace: run.namespace,
    bus: run.name,
    sensor: firing.sensor,
    trigger: firing.trigger,
    revision: firing.revision,
    attempts: firing.attempts,
    code: reason.code,
    status: statusOf(reason),
    error: reason.message,
    deadAt: rfc3339(reason.atUs),
    parent: firing.parent,
    group: groupOfLetter(found),
    rounds: firing.retried?.rounds,
    cameBack: cameBack(found) || undefined,
    successor: firing.successor,
    events: firing.events.map(({ dependency, id }) => ({ dependency, id })),
  };
}
