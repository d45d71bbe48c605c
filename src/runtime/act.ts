import type { Claimed } from "../bus/bus.ts";
import { within } from "../lib/abort.ts";
import { Wakeup } from "../lib/wakeup.ts";
import { createActors } from "./actors.ts";
import { gather } from "./batch.ts";
import type { ActStageParts, QueueRun } from "./queue-run.ts";
import type { QueueWork } from "./queue-work.ts";
import { createRateLimit, type RateLimit } from "./rate-limit.ts";
import { giveBack, runCall } from "./run-call.ts";

/**
 * Works one queue until `soft` aborts: claims as many firings as may run, tries each alone (or, with `batch`, many in one
 * call), and settles it with its facts. A failure with tries left goes back with its due time; without, it becomes a dead
 * letter and makes the firing of the `dlqTrigger`. At the soft end, what runs may finish until `hard` aborts; then it is
 * given back untouched.
 */
export async function workQueue(
  parts: ActStageParts,
  work: QueueWork,
  signals: { readonly soft: AbortSignal; readonly hard: AbortSignal },
): Promise<void> {
  const { soft, hard } = signals;
  const queue = parts.bus.queue(work.queue);
  const run: QueueRun = {
    parts,
    work,
    queue,
    metrics: parts.metrics.trigger({ namespace: parts.namespace, sensor: work.sensor, trigger: work.trigger }),
    limit: rateLimitOf(parts, work),
    actorOf: createActors(parts, work.dlq),
    soft,
    hard,
  };
  const calls = new Calls(run);
  while (!soft.aborted) {
    if (calls.room < 1) {
      await calls.change(soft);
      continue;
    }
    if (work.batch !== undefined) {
      const firings = await gather(queue, work.batch, { clock: parts.clock, signal: soft });
      for (const call of await callsOf(run, firings)) calls.launch(call);
      continue;
    }
    const claimed = await queue.claim({ max: calls.room, serial: work.serial, signal: soft });
    for (const firing of claimed) calls.launch([firing]);
  }
  while (calls.underWay && !hard.aborted) await calls.change(hard);
  // a trigger ends within a second of the abort, or is left behind: its firing runs again under the same key
  using late = within(unending, lateMs);
  while (calls.underWay && !late.signal.aborted) await calls.change(late.signal);
  calls.over();
}

const unending = new AbortController().signal;
const lateMs = 1_000;

/** Results on their way to the disk; with more of them no new firing starts. */
const mostSettling = 256;

/** The calls of one queue that are under way. */
class Calls {
  readonly #run: QueueRun;
  readonly #changed = new Wakeup();
  #acting = 0;
  #settling = 0;

  constructor(run: QueueRun) {
    this.#run = run;
  }

  /** How many more may begin now. */
  get room(): number {
    return this.#settling >= mostSettling ? 0 : this.#run.work.concurrency - this.#acting;
  }

  get underWay(): boolean {
    return this.#acting + this.#settling > 0;
  }

  /** The next end of a call or of its result; at the abort of `signal` as well. */
  change(signal: AbortSignal): Promise<void> {
    return this.#changed.wait(this.#changed.rings, signal);
  }

  /** What is left behind is waited for no more. */
  over(): void {
    this.#changed.forget();
  }

  launch(firings: readonly Claimed[]): void {
    this.#acting += 1;
    void this.#call(firings);
  }

  async #call(firings: readonly Claimed[]): Promise<void> {
    let acted = false;
    // the place is free once the target has answered: keeping the result is no load on it
    const freePlace = (): void => {
      acted = true;
      this.#acting -= 1;
      this.#settling += 1;
      this.#changed.ring();
    };
    try {
      await runCall(this.#run, firings, freePlace);
    } catch (error) {
      await giveBack(this.#run, firings, error).catch(() => undefined);
    }
    if (acted) this.#settling -= 1;
    else this.#acting -= 1;
    this.#changed.ring();
  }
}

/** One call, or one for each where the plan that made them knows no batch. */
async function callsOf(run: QueueRun, firings: readonly Claimed[]): Promise<readonly (readonly Claimed[])[]> {
  const [first] = firings;
  if (first === undefined) return [];
  const actor = await run.actorOf(first);
  return actor?.trigger.batch === undefined ? firings.map((firing) => [firing]) : [firings];
}

function rateLimitOf(parts: ActStageParts, work: QueueWork): RateLimit | undefined {
  if (work.rateLimit === undefined) return undefined;
  return createRateLimit({ ...work.rateLimit, clock: parts.clock, state: parts.bus.state("rate"), key: work.queue });
}
