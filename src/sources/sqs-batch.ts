import { graceMs, handOver } from "../kit/hand-over.ts";
import type { Draft, SourceContext } from "../kit/source.ts";
import { type Within, within } from "../lib/abort.ts";
import { backoffMs } from "../lib/backoff.ts";
import { messageOf } from "../lib/errors.ts";
import type { Receipt } from "../lib/event.ts";
import type { SqsConfig } from "./sqs-config.ts";
import { sortOut } from "./sqs-draft.ts";
import type { Held, SqsQueue } from "./sqs-queue.ts";

type Context = SourceContext<SqsConfig>;

/**
 * One batch, from receipt to deletion: hidden by extension as long as it takes, handed to the bus, then deleted. What is
 * not through when the source stops is given back, so that the next process need not wait for the whole timeout.
 */
export async function takeBatch(
  cx: Context,
  queue: SqsQueue,
  { messages, until }: { readonly messages: readonly Held[]; readonly until: AbortSignal },
): Promise<void> {
  const open = new Set(messages);
  using hiding = keepHidden(cx, queue, open);
  try {
    const { drafts, refusals, drafted, refused } = sortOut(messages, cx.config);
    const receipts = await handOver(cx, { drafts, refusals });
    const finished = await Promise.all([
      ...drafted.map((held, i) =>
        isFinished(cx, receipts[i], until).then((done) =>
          done ? remove({ held, draft: receipts[i]?.outcome === "filtered" ? undefined : drafts[i] }) : leave(held),
        ),
      ),
      ...refused.map((held) => (cx.config.dlq ? leave(held) : remove({ held, draft: undefined }))),
    ]);
    await deleteAll(
      cx,
      queue,
      finished.flatMap((one) => one ?? []),
    );
  } catch (error) {
    if (until.aborted) await giveBack(cx, queue, open);
    throw error;
  } finally {
    hiding.abort("the batch is through");
  }

  /** Not extended any more, not deleted: it comes again, and the queue's redrive policy counts that. */
  async function leave(held: Held): Promise<undefined> {
    open.delete(held);
    const { retryAfterSeconds } = cx.config;
    if (retryAfterSeconds === undefined) return undefined;
    using stop = graceOf(cx.signal);
    await queue.hide([held], retryAfterSeconds, stop.signal).catch((error: unknown) => {
      cx.log.debug({ error: messageOf(error) }, "a message could not be made visible; it comes after its timeout");
    });
    return undefined;
  }

  /** With `onTriggered` each is deleted when its own firings are done, not with the slowest of its batch. */
  async function remove(finished: Finished): Promise<Finished | undefined> {
    if (cx.config.ackPolicy !== "onTriggered") return finished;
    await deleteAll(cx, queue, [finished]);
    open.delete(finished.held);
    return undefined;
  }
}

/** A message that may be deleted, and what the bus knows it by; undefined where it holds nothing of it. */
interface Finished {
  readonly held: Held;
  readonly draft: Draft | undefined;
}

/** Whether the message may go: its event is durable (and, with `onTriggered`, all it fired is done). */
async function isFinished(cx: Context, receipt: Receipt | undefined, until: AbortSignal): Promise<boolean> {
  if (receipt === undefined) return false;
  const { id, outcome, reason } = receipt;
  if (outcome === "refused") {
    cx.log.warn({ event: id, reason }, "a message was refused by the bus");
    return cx.config.dlq !== true;
  }
  if (outcome === "filtered" || cx.config.ackPolicy !== "onTriggered") return true;
  return (await cx.settled(id, until)) === "done";
}

/** Extends what is in `open` at half its time, again and again, until the returned thing is aborted. */
function keepHidden(cx: Context, queue: SqsQueue, open: ReadonlySet<Held>): Within {
  const hiding = within(cx.signal);
  const extend = async (): Promise<void> => {
    for (;;) {
      await cx.clock.sleep(queue.visibilitySeconds * 500, hiding.signal);
      if (open.size === 0) continue;
      try {
        await queue.hide([...open], queue.visibilitySeconds, hiding.signal);
        cx.log.debug({ messages: open.size }, "visibility extended");
      } catch (error) {
        hiding.signal.throwIfAborted();
        cx.log.warn({ error: messageOf(error) }, "visibility could not be extended; messages may come twice");
      }
    }
  };
  // ends by the abort, and by nothing else
  extend().catch(() => undefined);
  return hiding;
}

const pauses = { baseMs: 100, factor: 3, maxMs: 3_000 };
const deleteTries = 5;
/** What is left for deleting when the stop came before the bus had answered. */
const lastMs = 250;

/**
 * Deletes, again for those that failed. What stays comes again and is a duplicate: that is said, and no reason to stop.
 * A stop leaves `graceMs` for it. After the delete a redrive may bring an id again as a new occurrence.
 */
async function deleteAll(cx: Context, queue: SqsQueue, finished: readonly Finished[]): Promise<void> {
  const left = new Set(
    await tryToDelete(
      cx,
      queue,
      finished.map(({ held }) => held),
    ),
  );
  cx.acknowledged(finished.flatMap(({ held, draft }) => (draft === undefined || left.has(held) ? [] : [draft])));
}

/** Returns those that could not be deleted. */
async function tryToDelete(cx: Context, queue: SqsQueue, held: readonly Held[]): Promise<readonly Held[]> {
  using stop = graceOf(cx.signal);
  let left = held;
  for (let tries = 1; left.length > 0; tries++) {
    let why = {};
    try {
      left = await queue.delete(left, stop.signal);
    } catch (error) {
      why = { error: messageOf(error) };
    }
    if (left.length > 0 && (tries === deleteTries || stop.signal.aborted)) {
      cx.log.warn(
        { messages: left.length, ...why },
        "messages could not be deleted; they will come again as duplicates",
      );
      break;
    }
    if (left.length > 0)
      await cx.clock.sleep(backoffMs(pauses, tries, Math.random()), stop.signal).catch(() => undefined);
  }
  return left;
}

/** A signal that aborts a little after `signal`: what was begun may still be finished. */
function graceOf(signal: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const after = (ms: number) => (): void => {
    timer = setTimeout(() => stop.abort(signal.reason), ms);
  };
  const late = after(graceMs);
  if (signal.aborted) after(lastMs)();
  else signal.addEventListener("abort", late, { once: true });
  return {
    signal: stop.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", late);
    },
  };
}

/**
 * Visible again shortly, not at once: a long poll of ours that was just aborted may live on at the server for its waiting
 * time, and would take the messages into the void (seen with LocalStack).
 */
async function giveBack(cx: Context, queue: SqsQueue, open: ReadonlySet<Held>): Promise<void> {
  if (open.size === 0) return;
  using soon = within(new AbortController().signal, 200);
  const seconds = Math.min((cx.config.waitTimeSeconds || 3) + 1, queue.visibilitySeconds);
  await queue.hide([...open], seconds, soon.signal).catch((error: unknown) => {
    cx.log.debug({ error: messageOf(error) }, "messages could not be given back; they come after their timeout");
  });
}
