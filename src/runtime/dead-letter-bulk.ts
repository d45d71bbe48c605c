import { nowUs } from "../lib/clock.ts";
import { type DeadLetterResult, dropOne, nobodyTries, retryOne, revisionFor } from "./dead-letter-change.ts";
import { chooseBy, type DeadLetterChoice, type DeadLetterFilter } from "./dead-letter-filter.ts";
import { targetOfTrigger } from "./dead-letter-render.ts";
import { allLetters, answerOf, type DeadLetterAnswer, type Found } from "./dead-letter-scan.ts";
import { rfc3339 } from "./event-answer.ts";
import type { OperationWork, Working } from "./operations.ts";
import type { Runtime } from "./runtime.ts";

/** What is to be done with all dead letters of a filter. */
export interface BulkSpec {
  readonly action: "retry" | "drop";
  readonly filter: DeadLetterFilter;
  /** Retry under today's manifest. */
  readonly current: boolean;
  readonly newKey: boolean;
  /** Also those that an edited copy went on from. */
  readonly edited: boolean;
  readonly reason?: string | undefined;
}

/** What it would come to. */
export interface BulkPlan {
  readonly action: "retry" | "drop";
  readonly count: number;
  readonly oldestAt?: string | undefined;
  readonly newestAt?: string | undefined;
  readonly by: readonly BulkShare[];
  /** The first few. */
  readonly sample: readonly DeadLetterAnswer[];
  /** Left alone because an edited copy went on from them. */
  readonly edited: number;
  /** Of `count`: nobody would try them, so that they stay. */
  readonly refused: number;
  /** For how many `where` could not be evaluated; they are left alone. */
  readonly unevaluated?: { readonly count: number; readonly error: string } | undefined;
  /** What dies after this is not meant: for `untilUs` of the filter. */
  readonly asOfUs: number;
}

export interface BulkShare {
  readonly namespace: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly code: string;
  /** Where it would be sent, where that does not depend on the event. */
  readonly target?: string | undefined;
  readonly count: number;
}

const mostSample = 5;
/** Shares that are told apart; the letters of others are in the count alone. */
const mostShares = 200;

/** Looks at all dead letters once, and changes nothing. Throws USAGE for a filter that cannot be read. */
export async function planBulk(
  runtime: Pick<Runtime, "buses" | "clock" | "triggers">,
  spec: BulkSpec,
): Promise<BulkPlan> {
  const asOfUs = spec.filter.untilUs ?? nowUs(runtime.clock);
  const choice = chooseBy({ ...spec.filter, untilUs: asOfUs }, runtime.clock.nowMs());
  const shares = new Map<string, { readonly first: Found; count: number }>();
  const sample: DeadLetterAnswer[] = [];
  let [count, edited, refused, oldestUs, newestUs] = [0, 0, 0, Number.POSITIVE_INFINITY, 0];
  for await (const found of allLetters(runtime)) {
    if (!choice.matches(found)) continue;
    if (leftAlone(found, spec)) {
      edited += 1;
      continue;
    }
    count += 1;
    if (spec.action === "retry" && revisionFor(found, spec.current) === undefined) refused += 1;
    if (sample.length < mostSample) sample.push(answerOf(found));
    const { atUs, code } = found.letter.reason;
    oldestUs = Math.min(oldestUs, atUs);
    newestUs = Math.max(newestUs, atUs);
    const key = JSON.stringify([found.run.namespace, found.run.name, found.queue, code]);
    const share = shares.get(key);
    if (share !== undefined) share.count += 1;
    else if (shares.size < mostShares) shares.set(key, { first: found, count: 1 });
  }
  const { failed } = choice;
  return {
    action: spec.action,
    count,
    ...(count === 0 ? {} : { oldestAt: rfc3339(oldestUs), newestAt: rfc3339(newestUs) }),
    by: await sharesOf(runtime, [...shares.values()], spec),
    sample,
    edited,
    refused,
    ...(failed === undefined ? {} : { unevaluated: { count: failed.count, error: failed.error } }),
    asOfUs,
  };
}

async function sharesOf(
  runtime: Pick<Runtime, "triggers">,
  shares: readonly { readonly first: Found; readonly count: number }[],
  { action, current }: BulkSpec,
): Promise<readonly BulkShare[]> {
  const told: BulkShare[] = [];
  for (const { first, count } of shares.toSorted((a, b) => b.count - a.count)) {
    const { sensor, trigger } = first.letter.firing;
    told.push({
      ...{ namespace: first.run.namespace, sensor, trigger, code: first.letter.reason.code },
      target: action === "retry" ? await targetOfTrigger(runtime, first, current) : undefined,
      count,
    });
  }
  return told;
}

/** A retry of what an edited copy went on from would do it twice. */
function leftAlone({ letter }: Found, { action, edited }: BulkSpec): boolean {
  return action === "retry" && letter.firing.successor !== undefined && !edited;
}

/** Commits that are under way at once: they share their writes. */
const atOnce = 128;

/**
 * Does a bulk plan as an operation. Each letter is taken and put back (or dropped) in one commit, so that a crash leaves it
 * where it was or where it is to be. A letter that this operation has put back, and that died again, is not its business
 * any more: it carries the operation's name.
 */
export function bulkWork(runtime: Pick<Runtime, "buses" | "clock">): OperationWork {
  return async (working) => {
    const spec = working.operation.spec as BulkSpec;
    const choice = chooseBy(spec.filter, runtime.clock.nowMs());
    if (working.resumed) await countAgain(runtime, { working, choice, spec });
    let waiting: Found[] = [];
    for await (const found of allLetters(runtime)) {
      if (!isMeant(found, { working, choice, spec })) continue;
      waiting.push(found);
      if (waiting.length < working.pace.share(atOnce)) continue;
      await changeAll(waiting, { working, spec });
      waiting = [];
    }
    if (waiting.length > 0) await changeAll(waiting, { working, spec });
  };
}

interface Bulk {
  readonly working: Working;
  readonly choice: DeadLetterChoice;
  readonly spec: BulkSpec;
}

function isMeant(found: Found, { working, choice, spec }: Bulk): boolean {
  if (found.letter.firing.retried?.by === working.operation.id) return false;
  return choice.matches(found) && !leftAlone(found, spec);
}

/** What is left tells what was done: the last count before a crash was not kept. */
async function countAgain(runtime: Pick<Runtime, "buses">, bulk: Bulk): Promise<void> {
  let left = 0;
  for await (const found of allLetters(runtime)) if (isMeant(found, bulk)) left += 1;
  const { working } = bulk;
  working.signal.throwIfAborted();
  working.progress({
    anew: true,
    done: Math.max(0, working.operation.total - left),
    note: "it went on after a restart",
  });
}

async function changeAll(
  found: readonly Found[],
  { working, spec }: { readonly working: Working; readonly spec: BulkSpec },
): Promise<void> {
  const { pace, signal, clock, operation } = working;
  await pace.turn(found.length, signal);
  const { current, newKey, reason } = spec;
  const change = (one: Found): Promise<DeadLetterResult> =>
    spec.action === "drop"
      ? dropOne(one, { reason }, nowUs(clock))
      : retryOne(one, { current, newKey, by: operation.id }, nowUs(clock));
  const results = await Promise.all(found.map(change));
  const failed = results.filter(({ outcome }) => outcome === "refused" || outcome === "unknown");
  const refused = found.find((_, at) => results[at]?.outcome === "refused");
  working.progress({
    done: results.length - failed.length,
    failed: failed.length,
    ...(refused === undefined ? {} : { note: nobodyTries(refused.letter) }),
  });
}
