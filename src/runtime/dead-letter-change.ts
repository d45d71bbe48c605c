import { randomBytes } from "node:crypto";
import type { DeadLetter, FiringEvent, NewFiring } from "../bus/bus.ts";
import { nowUs } from "../lib/clock.ts";
import type { FiringFact } from "../lib/facts.ts";
import { pairsOf } from "../sensors/firing-of.ts";
import { failureName } from "../sensors/notify-failure.ts";
import { type Found, findLetter } from "./dead-letter-scan.ts";
import { triggerOf } from "./plan-store.ts";
import type { Runtime } from "./runtime.ts";

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
  /** The operation that does it. */
  readonly by?: string | undefined;
}

export interface DropOptions {
  /** Why, in the words of who does it. */
  readonly reason?: string | undefined;
}

type Parts = Pick<Runtime, "buses" | "clock">;

/** Puts them back into their queues, attempts from zero, with the facts that say so. */
export async function retryDeadLetters(
  runtime: Parts,
  ids: readonly string[],
  options: RetryOptions,
): Promise<readonly DeadLetterResult[]> {
  const results: DeadLetterResult[] = [];
  for (const id of ids) {
    const found = await findLetter(runtime, id);
    results.push(found === undefined ? unknown(id) : await retryOne(found, options, nowUs(runtime.clock)));
  }
  return results;
}

export async function dropDeadLetters(
  runtime: Parts,
  ids: readonly string[],
  options: DropOptions = {},
): Promise<readonly DeadLetterResult[]> {
  const results: DeadLetterResult[] = [];
  for (const id of ids) {
    const found = await findLetter(runtime, id);
    results.push(found === undefined ? unknown(id) : await dropOne(found, options, nowUs(runtime.clock)));
  }
  return results;
}

export async function retryOne(found: Found, options: RetryOptions, atUs: number): Promise<DeadLetterResult> {
  const { dead, letter } = found;
  const { id } = letter.firing;
  const revision = revisionFor(found, options.current);
  if (revision === undefined) return { id, outcome: "refused", reason: nobodyTries(letter) };
  const newId = options.newKey ? newKey() : undefined;
  const by = options.by === undefined ? {} : { by: options.by };
  const reason = options.by === undefined ? "retried by hand" : `retried by hand (${options.by})`;
  const facts = newId === undefined ? [again(id, atUs, reason)] : renamed(letter, { newId, revision, atUs, reason });
  const done = await dead.retry(id, { dueUs: atUs, revision, facts, ...by, ...(newId === undefined ? {} : { newId }) });
  return done ? { id, outcome: "retried", newId } : unknown(id);
}

export async function dropOne({ dead, letter }: Found, { reason }: DropOptions, atUs: number) {
  const { id } = letter.firing;
  const why = reason === undefined ? "dropped by hand" : `dropped by hand: ${reason}`;
  const fact: FiringFact = { k: "firing", firing: id, state: "dropped", atUs, reason: why };
  const gone = await dead.drop(id, [fact]);
  return gone ? ({ id, outcome: "dropped" } as const) : unknown(id);
}

/** The plan that it would be tried by; undefined when nobody works its queue, or today's manifests lack its trigger. */
export function revisionFor({ run, queue, letter }: Found, current: boolean): string | undefined {
  const { firing } = letter;
  const work = run.queues().find((one) => one.queue === queue);
  if (work === undefined) return undefined;
  const plan = run.sensors.find(({ name }) => name === firing.sensor);
  const today = plan !== undefined && triggerOf(plan, firing.trigger, work.dlq) ? plan.revision : undefined;
  return current ? today : firing.revision;
}

export function nobodyTries({ firing }: DeadLetter): string {
  return `${firing.sensor}/${firing.trigger} is not among the manifests that run: nobody would try it`;
}

/** An idempotency key that no target has seen. */
export function newKey(): string {
  return randomBytes(16).toString("hex");
}

function again(id: string, atUs: number, reason: string): FiringFact {
  return { k: "firing", firing: id, state: "pending", atUs, dueUs: atUs, reason };
}

/** Under a new key the old firing is over, and the new one names it as its parent. */
function renamed(
  { firing }: DeadLetter,
  of: { readonly newId: string; readonly revision: string; readonly atUs: number; readonly reason: string },
): readonly FiringFact[] {
  const { newId, revision, atUs, reason } = of;
  const { id, sensor, trigger } = firing;
  const created = { sensor, trigger, revision, events: pairsOf(occurrences(firing)), parent: id };
  return [
    { k: "firing", firing: id, state: "dropped", atUs, reason: `${reason} under the new key ${newId}` },
    { k: "firing", firing: newId, state: "pending", atUs, dueUs: atUs, reason, created },
  ];
}

/** The events that the bus had: the failure that a `dlqTrigger` is told of is none. */
export function occurrences({ events }: Pick<NewFiring, "events">): readonly FiringEvent[] {
  return events.filter(({ dependency }) => dependency !== failureName);
}

function unknown(id: string): DeadLetterResult {
  return { id, outcome: "unknown", reason: "no dead letter has this id" };
}
