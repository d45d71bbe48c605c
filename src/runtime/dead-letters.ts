import type { Event } from "../lib/event.ts";
import { normalised } from "./dead-letter-cause.ts";
import { chooseBy, type DeadLetterFilter } from "./dead-letter-filter.ts";
import { type WouldSend, wouldSend } from "./dead-letter-render.ts";
import {
  allLetters,
  answerOf,
  cameBack,
  type DeadLetterAnswer,
  type Found,
  findLetter,
  groupOfLetter,
  statusOf,
  traceIdOfLetter,
} from "./dead-letter-scan.ts";
import { dataOf, rfc3339 } from "./event-answer.ts";
import type { Runtime } from "./runtime.ts";
import { dlqIdOf } from "./settlement.ts";

export type { DeadLetterAnswer } from "./dead-letter-scan.ts";

/** An event of a dead letter, whole: a dead letter outlives the retention of the bus. */
export interface DeadLetterEvent {
  readonly dependency: string;
  readonly id: string;
  readonly source?: string | undefined;
  readonly subject?: string | undefined;
  readonly type?: string | undefined;
  readonly time?: string | undefined;
  readonly extensions?: Readonly<Record<string, string>> | undefined;
  readonly data?: unknown;
  readonly dataBase64?: string | undefined;
}

/** With its events whole, as `export` writes it. */
export interface DeadLetterWhole extends Omit<DeadLetterAnswer, "events"> {
  readonly traceId: string;
  readonly events: readonly DeadLetterEvent[];
}

/** And with what is known of it elsewhere. */
export interface DeadLetterWithEvents extends DeadLetterWhole {
  /** Of all rounds, from the record; absent without one. */
  readonly tries?: readonly DeadLetterTry[] | undefined;
  /** The firing of its `dlqTrigger`, where it has one. */
  readonly dlq?: { readonly id: string; readonly state: string } | undefined;
  readonly wouldSend?: WouldSend | undefined;
}

export interface DeadLetterTry {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly outcome: "done" | "failed";
  readonly code?: string | undefined;
  readonly status?: string | undefined;
  readonly error?: string | undefined;
}

/** Dead letters of one cause. */
export interface DeadLetterGroup {
  readonly id: string;
  readonly namespace: string;
  readonly bus: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly code: string;
  readonly status?: string | undefined;
  /** The message without what varies. */
  readonly cause: string;
  /** The message of the first one found. */
  readonly sample: string;
  readonly count: number;
  /** Of these, how many were tried again and died of the same again. */
  readonly cameBack: number;
  readonly firstAt: string;
  readonly lastAt: string;
}

export interface DeadLetterGroups {
  /** The largest first. */
  readonly items: readonly DeadLetterGroup[];
  /** In all, also of those that are not among `items`. */
  readonly groups: number;
  readonly letters: number;
  /** Letters of further groups, which were not told apart any more. */
  readonly further: number;
}

type Parts = Pick<Runtime, "buses" | "clock">;

/** One page of dead letters, oldest death first; `next` is the cursor of the page after it. Throws USAGE. */
export async function listDeadLetters(
  runtime: Parts,
  filter: DeadLetterFilter,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<{ readonly items: readonly DeadLetterAnswer[]; readonly next?: string | undefined }> {
  const choice = chooseBy(filter, runtime.clock.nowMs());
  const first = new Smallest<DeadLetterAnswer>(limit + 1);
  for await (const found of allLetters(runtime)) {
    const { firing, reason } = found.letter;
    const key = `${rfc3339(reason.atUs)} ${firing.id}`;
    if (cursor !== undefined && key <= cursor) continue;
    if (first.wants(key) && choice.matches(found)) first.add(key, answerOf(found));
  }
  const rows = first.sorted();
  const items = rows.slice(0, limit).map(([, answer]) => answer);
  const last = rows[limit - 1]?.[0];
  return rows.length <= limit || last === undefined ? { items } : { items, next: last };
}

/** The smallest keys of a long series: what is kept in memory is twice as many at most. */
class Smallest<T> {
  readonly #most: number;
  #rows: (readonly [key: string, value: T])[] = [];
  /** No key from here on can be among them. */
  #end: string | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  wants(key: string): boolean {
    return this.#end === undefined || key < this.#end;
  }

  add(key: string, value: T): void {
    this.#rows.push([key, value]);
    if (this.#rows.length < this.#most * 2) return;
    this.#rows = [...this.sorted()];
    this.#end = this.#rows.at(-1)?.[0];
  }

  sorted(): readonly (readonly [key: string, value: T])[] {
    return this.#rows.toSorted(([a], [b]) => (a < b ? -1 : 1)).slice(0, this.#most);
  }
}

/** Groups that are told apart; letters of more are counted together. */
const mostGroups = 10_000;
const mostSampleLength = 300;

/** Groups all dead letters of a filter by cause: one look at each, and in memory just the groups. Throws USAGE. */
export async function groupDeadLetters(
  runtime: Parts,
  filter: DeadLetterFilter,
  limit: number,
): Promise<DeadLetterGroups> {
  const choice = chooseBy(filter, runtime.clock.nowMs());
  const groups = new Map<string, Gathered>();
  let [letters, further] = [0, 0];
  for await (const found of allLetters(runtime)) {
    if (!choice.matches(found)) continue;
    letters += 1;
    const id = groupOfLetter(found);
    const known = groups.get(id);
    if (known !== undefined) gather(known, found);
    else if (groups.size < mostGroups) groups.set(id, gathered(found));
    else further += 1;
  }
  const largest = [...groups].sort(([, a], [, b]) => b.count - a.count || b.lastUs - a.lastUs).slice(0, limit);
  return { items: largest.map(([id, group]) => groupAnswer(id, group)), groups: groups.size, letters, further };
}

interface Gathered
  extends Pick<DeadLetterGroup, "namespace" | "bus" | "sensor" | "trigger" | "code" | "status" | "cause" | "sample"> {
  count: number;
  cameBack: number;
  firstUs: number;
  lastUs: number;
}

function gathered(found: Found): Gathered {
  const { run, letter } = found;
  const { firing, reason } = letter;
  return {
    ...{ namespace: run.namespace, bus: run.name, sensor: firing.sensor, trigger: firing.trigger },
    ...{ code: reason.code, status: statusOf(reason), cause: normalised(reason.message) },
    sample: reason.message.slice(0, mostSampleLength),
    ...{ count: 1, cameBack: cameBack(found) ? 1 : 0, firstUs: reason.atUs, lastUs: reason.atUs },
  };
}

function gather(group: Gathered, found: Found): void {
  const { atUs } = found.letter.reason;
  group.count += 1;
  if (cameBack(found)) group.cameBack += 1;
  group.firstUs = Math.min(group.firstUs, atUs);
  group.lastUs = Math.max(group.lastUs, atUs);
}

function groupAnswer(id: string, { firstUs, lastUs, ...group }: Gathered): DeadLetterGroup {
  return { id, ...group, firstAt: rfc3339(firstUs), lastAt: rfc3339(lastUs) };
}

/** One dead letter with all that is known of it; undefined when there is none of this id. */
export async function showDeadLetter(
  runtime: Pick<Runtime, "buses" | "record" | "triggers">,
  id: string,
): Promise<DeadLetterWithEvents | undefined> {
  const found = await findLetter(runtime, id);
  if (found === undefined) return undefined;
  const recorded = await runtime.record?.firing(id).catch(() => undefined);
  const dlq = await runtime.record?.firing(dlqIdOf(found.letter.firing)).catch(() => undefined);
  return {
    ...wholeOf(found),
    tries: recorded?.attempts.map(({ startedUs, endedUs, outcome, code, status, error }) => ({
      ...{ startedAt: rfc3339(startedUs), endedAt: rfc3339(endedUs) },
      ...{ outcome, code, status, error },
    })),
    ...(dlq === undefined ? {} : { dlq: { id: dlq.id, state: dlq.state } }),
    wouldSend: await wouldSend(runtime, found),
  };
}

/** All dead letters of a filter with their events whole, from disk: by bus, queue and id. Throws USAGE. */
export async function* exportDeadLetters(runtime: Parts, filter: DeadLetterFilter): AsyncGenerator<DeadLetterWhole> {
  const choice = chooseBy(filter, runtime.clock.nowMs());
  for await (const found of allLetters(runtime)) if (choice.matches(found)) yield wholeOf(found);
}

function wholeOf(found: Found): DeadLetterWhole {
  const whole = new Map(found.letter.events.map(({ dependency, event }) => [dependency, event]));
  return {
    ...answerOf(found),
    traceId: traceIdOfLetter(found),
    events: found.letter.firing.events.map(({ dependency, id }) => {
      const event = whole.get(dependency);
      return { dependency, id, ...(event === undefined ? {} : eventParts(event)) };
    }),
  };
}

function eventParts(event: Event) {
  const { source, subject, type, time, extensions } = event;
  const more = Object.keys(extensions).length === 0 ? {} : { extensions };
  return { source, subject, type, time, ...more, ...dataOf(event) };
}
