import type { QueueWork } from "./queue-work.ts";
import { Tasks } from "./tasks.ts";

export interface ActSignals {
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
}

interface Worker {
  readonly work: QueueWork;
  readonly life: AbortController;
}

/** Works a queue until the soft end, and what runs then until the hard one. */
export type WorkQueue = (work: QueueWork, signals: ActSignals) => Promise<void>;

/**
 * The workers of the queues of one bus. Which queues are worked, and how, changes while they run: a worker whose queue is as
 * it was goes on undisturbed; another finishes what it runs, and the next one of that queue begins after it, so that
 * order and concurrency hold across the change.
 */
export class QueueWorkers {
  readonly #workQueue: WorkQueue;
  readonly #tasks = new Tasks();
  readonly #workers = new Map<string, Worker>();
  /** The end of the last worker of each queue. */
  readonly #ends = new Map<string, Promise<void>>();
  #works: readonly QueueWork[] = [];
  #held: ReadonlySet<string> = new Set();
  #signals: ActSignals | undefined;

  constructor(workQueue: WorkQueue) {
    this.#workQueue = workQueue;
  }

  get works(): readonly QueueWork[] {
    return this.#works;
  }

  /** What is worked from now on, but for the queues that are held. */
  set(works: readonly QueueWork[], held: ReadonlySet<string>): void {
    this.#works = works;
    this.#held = held;
    this.#adjust();
  }

  /** Ends when everything has stopped, after `soft`. */
  async run(signals: ActSignals): Promise<void> {
    this.#signals = signals;
    this.#adjust();
    // one listener for all: a signal looks through those that it has at each that it gets
    const stop = (): void => {
      for (const { life } of this.#workers.values()) life.abort(signals.soft.reason);
      void this.#tasks.close();
    };
    if (signals.soft.aborted) stop();
    else signals.soft.addEventListener("abort", stop, { once: true });
    await this.#tasks.ended;
  }

  #adjust(): void {
    const signals = this.#signals;
    if (signals === undefined || signals.soft.aborted) return;
    const wanted = new Map(this.#works.filter(({ queue }) => !this.#held.has(queue)).map((work) => [work.queue, work]));
    for (const [queue, { work, life }] of this.#workers) {
      if (sameWork(wanted.get(queue), work)) continue;
      this.#workers.delete(queue);
      life.abort(new Error("the queue is worked otherwise from now on"));
    }
    for (const work of wanted.values()) if (!this.#workers.has(work.queue)) this.#start(work, signals);
  }

  #start(work: QueueWork, { hard }: ActSignals): void {
    const life = new AbortController();
    this.#workers.set(work.queue, { work, life });
    const before = this.#ends.get(work.queue);
    const end = (async () => {
      await before?.catch(() => undefined);
      if (!life.signal.aborted) await this.#workQueue(work, { soft: life.signal, hard });
    })();
    this.#ends.set(work.queue, end);
    this.#tasks.add(end);
    const forget = (): void => {
      if (this.#ends.get(work.queue) === end) this.#ends.delete(work.queue);
    };
    end.then(forget, forget);
  }
}

function sameWork(one: QueueWork | undefined, other: QueueWork): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
