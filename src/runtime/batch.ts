import type { Claimed, Queue } from "../bus/bus.ts";
import type { BatchAnswer } from "../kit/batch.ts";
import type { BatchItem, Call, Outcome } from "../kit/trigger.ts";
import { within } from "../lib/abort.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { digest } from "../lib/digest.ts";
import { TideError } from "../lib/errors.ts";
import type { BatchPlan, TriggerPlan } from "../sensors/plan.ts";
import { withTimeout } from "./attempt-timeout.ts";
import type { ResolvedFiring } from "./resolve.ts";
import { contextOfCall } from "./trace-of-call.ts";
import { doneWith, judge, type Verdict } from "./verdict.ts";

/** The verdicts of firings that failed by the same call: their retries are due together, and so form a batch again. */
export type Failed = (firings: readonly Claimed[], error: unknown, status?: number) => readonly Verdict[];

/** What a call is beside what its firing resolves to; `firing` is the first of a batch, `others` are those after it. */
export type FireOf = { readonly firing: Claimed; readonly others?: readonly Claimed[] } & Pick<
  Call<unknown, unknown>,
  "key" | "attempt" | "batch" | "deadlineMs"
>;

export interface BatchParts {
  readonly trigger: TriggerPlan;
  readonly limits: { readonly clock: Clock; readonly timeoutMs: number | undefined };
  readonly resolve: (firing: Claimed, signal: AbortSignal) => ResolvedFiring | Promise<ResolvedFiring>;
  readonly fire: (resolved: ResolvedFiring, of: FireOf, signal: AbortSignal) => Promise<Outcome>;
  readonly failed: Failed;
  readonly complain: (error: unknown, firing: Claimed) => void;
}

interface Item {
  readonly firing: Claimed;
  readonly resolved: ResolvedFiring;
}

/**
 * One call for several firings. Its body is the list of the bodies that they would have alone; everything else is of the
 * first one. A firing whose own body cannot be made fails alone and is not in the call. A call that fails fails all; one
 * that succeeds may name items that did not (`BatchAnswer`), and a name that is none of them counts for all.
 */
export function createBatch({ trigger, limits, resolve, fire, failed, complain }: BatchParts) {
  return async (firings: readonly Claimed[], signal: AbortSignal): Promise<readonly Verdict[]> => {
    const verdicts = new Map<string, Verdict>();
    let batch: Verdict["batch"];
    const settle = (some: readonly Claimed[], as: readonly Verdict[]): void => {
      for (const [at, { id }] of some.entries()) {
        const verdict = as[at];
        if (verdict !== undefined) verdicts.set(id, batch === undefined ? verdict : { ...verdict, batch });
      }
    };
    const items: Item[] = [];
    const take = async (firing: Claimed, limited: AbortSignal): Promise<void> => {
      try {
        items.push({ firing, resolved: await resolve(firing, limited) });
      } catch (error) {
        complain(error, firing);
        settle([firing], failed([firing], error));
      }
    };
    const call = async (limited: AbortSignal, deadline: Pick<FireOf, "deadlineMs">): Promise<Outcome | undefined> => {
      for (const firing of firings) await take(firing, limited);
      const [first] = items;
      if (first === undefined) return undefined;
      const payload = listOf(items.map(({ resolved }) => resolved.payload));
      const keys = items.map(({ firing }) => firing.id);
      batch = { id: batchKey(keys), size: items.length };
      const of = {
        ...deadline,
        others: items.slice(1).map(({ firing }) => firing),
        key: batch.id,
        attempt: first.firing.attempts + 1,
        batch: { size: items.length, keys, items: items.map(itemOf) },
      };
      return fire({ ...first.resolved, payload }, { firing: first.firing, ...of }, signal);
    };
    try {
      const outcome = await withTimeout(limits, signal, call);
      const sent = items.map(({ firing }) => firing);
      if (outcome !== undefined) settle(sent, judged(sent, { trigger, outcome, failed }));
    } catch (error) {
      const open = firings.filter(({ id }) => !verdicts.has(id));
      if (open[0] !== undefined) complain(error, open[0]);
      settle(open, failed(open, error));
    }
    return firings.flatMap(({ id }) => verdicts.get(id) ?? []);
  };
}

function itemOf({ firing, resolved: { config, payload, events } }: Item): BatchItem<unknown> {
  const trace = contextOfCall(firing, firing.attempts + 1);
  return { key: firing.id, config, payload, events, trace };
}

/** A verdict for each firing of a call. */
function judged(
  firings: readonly Claimed[],
  { trigger, outcome, failed }: { readonly outcome: Outcome } & Pick<BatchParts, "trigger" | "failed">,
): readonly Verdict[] {
  const { status, failedItems = [] } = outcome;
  const failure = judge(trigger, outcome);
  if (failure !== undefined) return failed(firings, failure, status);
  const named = namedBy(failedItems, firings);
  if (named instanceof TideError) return failed(firings, named, status);
  const bad = firings.filter((_, at) => named.has(at));
  const error = new TideError("BATCH_ITEM_FAILED", `the target named this one of ${firings.length} as failed`);
  const of = new Map(failed(bad, error, status).map((verdict, at) => [bad[at], verdict]));
  return firings.map((firing) => of.get(firing) ?? doneWith(status));
}

/** Indexes of the firings that the answer names; the error when it cannot be trusted item by item. */
function namedBy(answer: BatchAnswer, firings: readonly Claimed[]): ReadonlySet<number> | TideError {
  if (answer === "unreadable")
    return new TideError("BATCH_ANSWER_INVALID", "batchItemFailures of the answer cannot be read");
  const named = new Set<number>();
  if (answer.length === 0) return named;
  const byId = new Map<string | number, number[]>();
  for (const [at, { id, events }] of firings.entries()) {
    for (const name of new Set([at, id, ...events.map((event) => event.id)])) {
      const there = byId.get(name);
      if (there === undefined) byId.set(name, [at]);
      else there.push(at);
    }
  }
  for (const id of answer) {
    const found = byId.get(id);
    if (found === undefined) {
      const shown = JSON.stringify(id).slice(0, 100);
      return new TideError("BATCH_ANSWER_INVALID", `batchItemFailures names ${shown}, which is not in the batch`);
    }
    for (const at of found) named.add(at);
  }
  return named;
}

/** In the order of the call: an answer that a target keeps under this key may speak of indexes. */
function batchKey(ids: readonly string[]): string {
  return digest(ids.join("\n"));
}

/** A JSON list of bodies, each byte for byte; one that is no JSON is in it as text, none at all as null. */
export function listOf(bodies: readonly (Uint8Array | undefined)[]): Uint8Array {
  return Buffer.concat([
    Buffer.from("["),
    ...bodies.flatMap((body, at) => [Buffer.from(at === 0 ? "" : ","), item(body)]),
    Buffer.from("]"),
  ]);
}

function item(body: Uint8Array | undefined): Uint8Array {
  if (body === undefined || body.byteLength === 0) return Buffer.from("null");
  const text = new TextDecoder().decode(body);
  try {
    JSON.parse(text);
    return body;
  } catch {
    return Buffer.from(JSON.stringify(text));
  }
}

/** Events of one call together: as much as AWS Lambda takes. */
const mostBytes = 6 * 1024 * 1024;
/** At most so many are claimed at once while a batch is gathered, so that large events do not fill the memory. */
const claimAtOnce = 64;

/**
 * Claims what makes up the next call: up to `size` firings, waiting for them until the one that is longest due is
 * `windowMs` old. What is claimed but not in the call (its events are too large, or its plan is another one) is given back.
 * Nothing at the abort.
 */
export async function gather(
  queue: Queue,
  { size, windowMs }: BatchPlan,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly Claimed[]> {
  const claimed: Claimed[] = [];
  const room = (): number => Math.min(claimAtOnce, size - claimed.length);
  claimed.push(...(await queue.claim({ max: room(), signal })));
  while (!signal.aborted && claimed.length > 0 && claimed.length < size && bytesOf(claimed) < mostBytes) {
    const endUs = Math.min(...claimed.map(({ dueUs }) => dueUs)) + windowMs * 1000;
    const more = await claimUntil(queue, { max: room(), endUs, clock, signal });
    if (more.length === 0) break;
    claimed.push(...more);
  }
  const call = signal.aborted ? [] : fitting(claimed);
  const inCall = new Set(call);
  queue.release(claimed.filter((firing) => !inCall.has(firing)).map(({ id }) => id));
  return call;
}

/** What is due now, or becomes due before `endUs`; nothing once that time is over. */
async function claimUntil(
  queue: Queue,
  how: { readonly max: number; readonly endUs: number; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly Claimed[]> {
  const { max, endUs, clock, signal } = how;
  using limit = within(signal);
  const leftMs = (endUs - nowUs(clock)) / 1000;
  // with no time left what is due already still comes along: the claim looks before it waits
  const claim = queue.claim({ max, signal: limit.signal });
  if (leftMs <= 0) limit.abort(undefined);
  else
    clock.sleep(leftMs, limit.signal).then(
      () => limit.abort(undefined),
      () => undefined,
    );
  const more = await claim;
  limit.abort(undefined);
  return more;
}

/** The first firing and those after it that may share its call. */
function fitting(claimed: readonly Claimed[]): readonly Claimed[] {
  const [first] = claimed;
  const call: Claimed[] = [];
  let bytes = 0;
  for (const firing of claimed) {
    bytes += bytesOf([firing]);
    if (call.length > 0 && bytes > mostBytes) break;
    if (firing.revision === first?.revision) call.push(firing);
  }
  return call;
}

function bytesOf(firings: readonly Claimed[]): number {
  let bytes = 0;
  for (const { loaded } of firings) for (const { event } of loaded) bytes += event.data.byteLength;
  return bytes;
}
