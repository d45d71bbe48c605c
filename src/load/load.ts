import type { Clock } from "../lib/clock.ts";
import { systemClock } from "../lib/clock.ts";
import { eventsOf, type LoadReport, missing, type Recorded, reportOf } from "./join.ts";
import { openTarget } from "./open-target.ts";
import { makeMessage, type SendOptions, type SentLoad, sendLoad } from "./send.ts";
import type { Target } from "./target.ts";
import type { AwsPlace, LoadSdk } from "./targets/aws.ts";
import type { SendEvent } from "./targets/http.ts";

/** Where to look what was recorded: pages of events, newest first, as the admin API answers them. */
export interface RecordedEvents {
  events(query: { readonly fromUs: number; readonly limit: number; readonly cursor?: string }): Promise<{
    readonly items: readonly Recorded[];
    readonly next?: string | undefined;
  }>;
}

export interface LoadOptions extends Omit<SendOptions, "target" | "clock" | "inFlight" | "signal" | "seed">, AwsPlace {
  /** An address (docs/specs/load.md), or a target of one's own. */
  readonly target: string | Target;
  readonly inFlight?: number | undefined;
  readonly seed?: string | undefined;
  readonly clock?: Clock | undefined;
  /** Ends the sending; the report is made all the same. */
  readonly signal?: AbortSignal | undefined;
  /** The record to join with; without it the report tells just what was sent. */
  readonly recorded?: RecordedEvents | undefined;
  /** How long to wait for what is not recorded yet. */
  readonly settleMs?: number | undefined;
  /** Ends that waiting. */
  readonly settleSignal?: AbortSignal | undefined;
  /** Told while it is waited for, with how many messages are not recorded yet. */
  readonly settling?: ((missing: number) => void) | undefined;
  readonly sdk?: LoadSdk | undefined;
  readonly sendEvent?: SendEvent | undefined;
}

const unending = new AbortController().signal;
const defaultSettleMs = 30_000;
const defaultInFlight = 64;

/**
 * Sends messages made of a template to a target, at a rate or in bursts, some of them spoilt, and reports what became of each:
 * at the target, and in the record. Rejects with USAGE, SDK_MISSING and LOAD_TEMPLATE before anything is sent.
 */
export async function load(options: LoadOptions): Promise<LoadReport> {
  const { clock = systemClock, seed = "tidemill", signal = unending, inFlight = defaultInFlight } = options;
  // what cannot be made is told before the first message is sent
  makeMessage({ ...options, seed }, { load: "0".repeat(16), seq: 1, nowMs: clock.nowMs() });
  const sdk: LoadSdk = options.sdk ?? ((_, load) => load());
  await using target =
    typeof options.target === "string"
      ? await openTarget(options.target, { ...options, inFlight, sdk })
      : options.target;
  const sent = await sendLoad({ ...options, target, clock, seed, signal, inFlight });
  return reportOf(sent, options.recorded === undefined ? undefined : await settled(sent, options, clock));
}

/** What is recorded once all that was taken is, or nothing more is waited for. */
async function settled(sent: SentLoad, options: LoadOptions, clock: Clock): Promise<readonly Recorded[]> {
  const { recorded, settleMs = defaultSettleMs, settleSignal = unending, settling } = options;
  if (recorded === undefined) return [];
  const untilMs = clock.nowMs() + settleMs;
  for (;;) {
    const startedMs = clock.nowMs();
    const all = await readAll(recorded, Math.floor((sent.startMs - aheadMs) * 1_000));
    const left = missing(sent, eventsOf(sent, all)).length;
    settling?.(left);
    const endedMs = clock.nowMs();
    if (left === 0 || endedMs >= untilMs || settleSignal.aborted) return all;
    const pauseMs = Math.max(200, 3 * (endedMs - startedMs));
    await clock.sleep(Math.min(pauseMs, untilMs - endedMs), settleSignal).catch(() => undefined);
  }
}

/** The clock of the machine that records may be behind this one. */
const aheadMs = 60_000;
const perPage = 10_000;

async function readAll(recorded: RecordedEvents, fromUs: number): Promise<readonly Recorded[]> {
  const all: Recorded[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await recorded.events({ fromUs, limit: perPage, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.items);
    if (page.next === undefined) return all;
    cursor = page.next;
  }
}
