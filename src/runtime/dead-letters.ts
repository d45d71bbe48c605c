import { randomBytes } from "node:crypto";
import type { DeadLetter, DeadLetters } from "../bus/bus.ts";
import { nowUs } from "../lib/clock.ts";
import type { Event } from "../lib/event.ts";
import type { FiringFact } from "../lib/facts.ts";
import type { BusRun } from "./bus-run.ts";
import { dataOf, rfc3339 } from "./event-answer.ts";
import { triggerOf } from "./plan-store.ts";
import type { Runtime } from "./run.ts";

/** A firing that will not be tried again by itself. */
export interface DeadLetterAnswer {
  readonly id: string;
  readonly namespace: string;
  readonly bus: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly revision: string;
  readonly attempts: number;
  readonly code: string;
  readonly error: string;
  readonly deadAt: string;
  readonly parent?: string | undefined;
  readonly events: readonly { readonly dependency: string; readonly id: string }[];
}

/** With its events whole: a dead letter outlives the retention of the bus. */
export interface DeadLetterWithEvents extends Omit<DeadLetterAnswer, "events"> {
  readonly events: readonly {
    readonly dependency: string;
    readonly id: string;
    readonly source?: string | undefined;
    readonly subject?: string | undefined;
    readonly type?: string | undefined;
    readonly time?: string | undefined;
    readonly data?: unknown;
    readonly dataBase64?: string | undefined;
  }[];
}

export interface DeadLetterFilter {
  readonly namespace?: string | undefined;
  readonly sensor?: string | undefined;
  readonly trigger?: string | undefined;
}

/** What was done with one dead letter. */
export interface DeadLetterResult {
  readonly id: string;
  readonly outcome: "retried" | "dropped" | "unknown" | "refused";
  /** The idempotency key of the retry, where it is a new one. */
  readonly newId?: string | undefined;
  readonly reason?: string | undefined;
}

export interface RetryOptions {
  /** Under today's manifest instead of the one that fired. */
  readonly current: boolean;
  /** Under a new idempotency key: the target takes it for a new call. */
  readonly newKey: boolean;
}

interface Found {
  readonly run: BusRun;
  readonly queue: string;
  readonly dead: DeadLetters;
  readonly letter: DeadLetter;
}

/** One page of dead letters, oldest death first; `next` is the cursor of the page after it. */
export async function listDeadLetters(
  runtime: Pick<Runtime, "buses">,
  filter: DeadLetterFilter,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<{ readonly items: readonly DeadLetterAnswer[]; readonly next?: string | undefined }> {
  const found: DeadLetterAnswer[] = [];
  for await (const one of allLetters(runtime)) if (matches(one, filter)) found.push(answerOf(one));
  const keyOf = ({ deadAt, id }: DeadLetterAnswer): string => `${deadAt} ${id}`;
  found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const { cursor, limit } = page;
  const rest = cursor === undefined ? found : found.filter((one) => keyOf(one) > cursor);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return last === undefined || rest.length <= limit ? { items } : { items, next: keyOf(last) };
}

export async function showDeadLetter(
  runtime: Pick<Runtime, "buses">,
  id: string,
): Promise<DeadLetterWithEvents | undefined> {
  const found = await find(runtime, id);
  if (found === undefined) return undefined;
  const whole = new Map(found.letter.events.map(({ dependency, event }) => [dependency, event]));
  return {
    ...answerOf(found),
    events: found.letter.firing.events.map(({ dependency, id: eventId }) => {
      const event = whole.get(dependency);
      return { dependency, id: eventId, ...(event === undefined ? {} : eventParts(event)) };
    }),
  };
}

/** Puts them back into their queues, attempts from zero, with the facts that say so. */
export async function retryDeadLetters(
  runtime: Pick<Runtime, "buses" | "clock">,
  ids: readonly string[],
  options: RetryOptions,
): Promise<readonly DeadLetterResult[]> {
  const results: DeadLetterResult[] = [];
  for (const id of ids) {
    const found = await find(runtime, id);
    results.push(found === undefined ? unknown(id) : await retryOne(found, options, nowUs(runtime.clock)));
  }
  return results;
}

export async function dropDeadLetters(
  runtime: Pick<Runtime, "buses" | "clock">,
  ids: readonly string[],
): Promise<readonly DeadLetterResult[]> {
  const results: DeadLetterResult[] = [];
  for (const id of ids) {
    const found = await find(runtime, id);
    const fact: FiringFact = {
      k: "firing",
      firing: id,
      state: "dropped",
      atUs: nowUs(runtime.clock),
      reason: "dropped by hand",
    };
    const gone = (await found?.dead.drop(id, [fact])) === true;
    results.push(gone ? { id, outcome: "dropped" } : unknown(id));
  }
  return results;
}

async function retryOne(
  { run, queue, dead, letter }: Found,
  options: RetryOptions,
  atUs: number,
): Promise<DeadLetterResult> {
  const { firing } = letter;
  const { id } = firing;
  const work = run.queues().find((one) => one.queue === queue);
  const plan = run.sensors.find(({ name }) => name === firing.sensor);
  const today = plan !== undefined && triggerOf(plan, firing.trigger, work?.dlq === true) ? plan.revision : undefined;
  if (work === undefined || (options.current && today === undefined)) {
    const reason = `${firing.sensor}/${firing.trigger} is not among the manifests that run: nobody would try it`;
    return { id, outcome: "refused", reason };
  }
  const revision = options.current && today !== undefined ? today : firing.revision;
  const newId = options.newKey ? randomBytes(16).toString("hex") : undefined;
  const facts = newId === undefined ? [again(id, atUs)] : renamed(letter, { newId, revision, atUs });
  const done = await dead.retry(id, { dueUs: atUs, revision, facts, ...(newId === undefined ? {} : { newId }) });
  return done ? { id, outcome: "retried", newId } : unknown(id);
}

function again(id: string, atUs: number): FiringFact {
  return { k: "firing", firing: id, state: "pending", atUs, dueUs: atUs, reason: "retried by hand" };
}

/** Under a new key the old firing is over, and the new one names it as its parent. */
function renamed(
  { firing }: DeadLetter,
  { newId, revision, atUs }: { readonly newId: string; readonly revision: string; readonly atUs: number },
): readonly FiringFact[] {
  const { id, sensor, trigger } = firing;
  const events = firing.events.map((event) => [event.dependency, event.id] as const);
  const created = { sensor, trigger, revision, events, parent: id };
  return [
    { k: "firing", firing: id, state: "dropped", atUs, reason: `retried by hand under the new key ${newId}` },
    { k: "firing", firing: newId, state: "pending", atUs, dueUs: atUs, reason: "retried by hand", created },
  ];
}

function unknown(id: string): DeadLetterResult {
  return { id, outcome: "unknown", reason: "no dead letter has this id" };
}

async function find({ buses }: Pick<Runtime, "buses">, id: string): Promise<Found | undefined> {
  for (const run of buses) {
    for (const queue of await run.bus.queues()) {
      const dead = run.bus.queue(queue).dead();
      const letter = await dead.get(id);
      if (letter !== undefined) return { run, queue, dead, letter };
    }
  }
  return undefined;
}

const lettersPerRead = 500;

async function* allLetters({ buses }: Pick<Runtime, "buses">): AsyncIterable<Found> {
  for (const run of buses) {
    for (const queue of await run.bus.queues()) {
      const dead = run.bus.queue(queue).dead();
      for (let after: string | undefined; ; ) {
        const letters = await dead.list(
          after === undefined ? { limit: lettersPerRead } : { after, limit: lettersPerRead },
        );
        for (const letter of letters) yield { run, queue, dead, letter };
        after = letters.at(-1)?.firing.id;
        if (letters.length < lettersPerRead) break;
      }
    }
  }
}

function matches({ run, letter }: Found, { namespace, sensor, trigger }: DeadLetterFilter): boolean {
  return (
    (namespace === undefined || run.namespace === namespace) &&
    (sensor === undefined || letter.firing.sensor === sensor) &&
    (trigger === undefined || letter.firing.trigger === trigger)
  );
}

function answerOf({ run, letter }: Found): DeadLetterAnswer {
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
    error: reason.message,
    deadAt: rfc3339(reason.atUs),
    parent: firing.parent,
    events: firing.events.map(({ dependency, id }) => ({ dependency, id })),
  };
}

function eventParts(event: Event) {
  const { source, subject, type, time } = event;
  return { source, subject, type, time, ...dataOf(event) };
}
