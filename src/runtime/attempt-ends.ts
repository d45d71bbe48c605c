import type { Claimed, SettleResult } from "../bus/bus.ts";
import type { AttemptFact } from "../lib/facts.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { placeOfEvent } from "../telemetry/span-place.ts";
import type { Actor } from "./attempt.ts";
import type { QueueRun } from "./queue-run.ts";
import type { AttemptEnd } from "./settlement.ts";
import { untilKept } from "./until-kept.ts";

/** Settles attempts, in the same commit makes the notifications of their failures, and then tells of them. */
export async function settleEnds(run: QueueRun, ends: readonly AttemptEnd[], actor: Actor | undefined): Promise<void> {
  const { work } = run;
  const plan = work.notify === true ? undefined : actor?.plan;
  const noted = plan === undefined || plan.notifications.length === 0 ? undefined : note(run, ends, plan);
  const results = ends.map(({ result }) => result);
  await settle(run, noted === undefined ? () => results : () => noted.map((make) => make()));
  for (const { firing, fact } of ends) tell(run, firing, fact);
}

/** Their results, with the notifications of their failures; asked for at each try. */
function note(
  { parts, work }: QueueRun,
  ends: readonly AttemptEnd[],
  plan: SensorPlan,
): readonly (() => SettleResult)[] {
  return ends.map(({ firing, fact, result }) => {
    const noted = parts.notify.note({ plan, firing, fact, dlq: work.dlq });
    return noted === undefined ? () => result : () => parts.notify.into(result, noted);
  });
}

/** The attempts were made and must be kept: `make` is asked for their results at each try. */
export function settle({ parts, queue, hard }: QueueRun, make: () => readonly SettleResult[]): Promise<void> {
  let results: readonly SettleResult[] = [];
  const write = (): Promise<void> => {
    results = make();
    return queue.settle(results);
  };
  const failed = (error: unknown): void =>
    parts.log.warn({ err: error, firing: results[0]?.id }, "the result of an attempt is not yet kept");
  return untilKept(write, { clock: parts.clock, signal: hard, failed });
}

function tell(run: QueueRun, firing: Claimed, fact: AttemptFact): void {
  const { parts, metrics, work } = run;
  if (fact.state === "done" || fact.state === "dead") metrics.ended(fact.state, (fact.endedUs - firing.madeUs) / 1000);
  if (fact.state !== "done") logFailure(run, firing, fact);
  // whether somebody was told of it is nothing that its upstream waits for
  if (fact.state !== "pending" && work.notify !== true && !parts.watch.idle)
    parts.watch.settled(firing, fact.state === "done" ? "done" : "failed");
  parts.told?.(firing, fact);
}

function logFailure({ parts, work }: QueueRun, firing: Claimed, fact: AttemptFact): void {
  const of = { sensorName: firing.sensor, triggerName: firing.trigger, firing: firing.id, ...traced(firing) };
  const batch = fact.batch === undefined ? {} : { batch: fact.batch.id, batchSize: fact.batch.size };
  if (fact.state === "dead") {
    const { code, error, n: attempts } = fact;
    const what = work.notify === true ? "a notification could not be sent" : "Failed to execute a trigger";
    parts.log.error({ ...of, ...batch, code, error, attempts }, what);
  } else if (fact.state === "pending") {
    const { error, dueUs } = fact;
    parts.log.debug({ ...of, ...batch, error, dueUs }, "an attempt failed and will be tried again");
  }
}

/** By which its lines are found beside its spans. */
function traced({ loaded }: Claimed): object {
  const event = loaded.at(-1)?.event;
  if (event === undefined) return {};
  return { "event.id": event.id, "trace.id": placeOfEvent(event.id, event.extensions.traceparent).traceId };
}
