import type { MalformedKind } from "./malform.ts";
import type { Sent, SentLoad } from "./send.ts";
import { seqOfTrace } from "./target.ts";

/** An event as tidemill's record has it (`tidemill events ls -o json`). */
export interface Recorded {
  readonly id: string;
  readonly namespace: string;
  readonly source: string;
  readonly subject: string;
  readonly traceId: string;
  readonly receipt: "stored" | "duplicate" | "filtered" | "refused";
  readonly reason?: string | undefined;
  readonly duplicates: number;
  readonly receivedAt: string;
  readonly storedAt?: string | undefined;
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What became of messages of one sort. */
export interface Tally {
  readonly sent: number;
  /** By the target: it answered that it has it, will not have it, or did not answer so. */
  readonly taken: number;
  readonly refused: number;
  readonly failed: number;
}

/** And what was recorded of them. */
export interface RecordedTally {
  readonly stored: number;
  readonly filtered: number;
  readonly refused: number;
  /** The target has it, and nothing was recorded. */
  readonly lost: number;
  /** More events than one of the same message at the same entry. */
  readonly twice: number;
  /** Came again under its own id, and was seen to be the same: no harm. */
  readonly recognised: number;
}

export interface LoadReport {
  readonly load: string;
  readonly seed: string;
  readonly target: string;
  readonly startedAt: string;
  readonly seconds: number;
  readonly perSecond: number;
  readonly bytes: number;
  readonly behindMs: number;
  readonly valid: Tally & { readonly recorded?: RecordedTally };
  readonly malformed: Tally & { readonly recorded?: RecordedTally; readonly kinds: readonly KindTally[] };
  /** From the sending to the target's answer. */
  readonly answerMs: Percentiles;
  /** From the sending until the event was durable; absent without a record. */
  readonly delayMs?: Percentiles;
  /** What went wrong, and how often, most often first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** Some of the valid messages that are lost. */
  readonly lost: readonly { readonly seq: number; readonly traceId: string }[];
  /** Nothing valid was lost, refused, or could not be sent. */
  readonly ok: boolean;
}

export interface KindTally extends Tally {
  readonly kind: MalformedKind;
  readonly recorded?: RecordedTally;
}

/** The events of each message: at the entry where the first of them came. Events further down its trace are not the message. */
export function eventsOf(sent: SentLoad, recorded: readonly Recorded[]): ReadonlyMap<number, readonly Recorded[]> {
  const byEvent = new Map(
    sent.messages.flatMap(({ event, seq }) => (event === undefined ? [] : [[event, seq] as const])),
  );
  const found = new Map<number, Recorded[]>();
  for (const one of recorded) {
    const seq = byEvent.get(one.id) ?? seqOfTrace(sent.load, one.traceId);
    if (seq === undefined) continue;
    const those = found.get(seq);
    if (those === undefined) found.set(seq, [one]);
    else those.push(one);
  }
  return new Map([...found].map(([seq, events]) => [seq, atFirstEntry(events)]));
}

function atFirstEntry(events: readonly Recorded[]): readonly Recorded[] {
  const sorted = events.toSorted((a, b) => (a.receivedAt < b.receivedAt ? -1 : 1));
  const entry = (one: Recorded | undefined): string => `${one?.namespace}/${one?.source}/${one?.subject}`;
  return sorted.filter((one) => entry(one) === entry(sorted[0]));
}

/** Valid messages that the target has and nobody recorded: not yet, or lost. */
export function missing(sent: SentLoad, events: ReadonlyMap<number, readonly Recorded[]>): readonly Sent[] {
  return sent.messages.filter(
    ({ seq, outcome, malformed }) => malformed === undefined && outcome === "taken" && !events.has(seq),
  );
}

/** Joins what was sent with what was recorded; without a record, just what was sent. Pure. */
export function reportOf(sent: SentLoad, recorded: readonly Recorded[] | undefined): LoadReport {
  const events = recorded === undefined ? undefined : eventsOf(sent, recorded);
  const valid = sent.messages.filter(({ malformed }) => malformed === undefined);
  const spoilt = sent.messages.filter(({ malformed }) => malformed !== undefined);
  const seconds = Math.max(sent.endMs - sent.startMs, 1) / 1_000;
  const whole = tallyOf(valid, events);
  const kinds = [...Map.groupBy(spoilt, ({ malformed }) => malformed)].flatMap(([kind, those]) =>
    kind === undefined ? [] : [{ kind, ...tallyOf(those, events) }],
  );
  const lost = events === undefined ? [] : missing(sent, events);
  const delays = events === undefined ? undefined : delaysOf(valid, events);
  const { recorded: seen } = whole;
  return {
    ...{ load: sent.load, seed: sent.seed, target: sent.target },
    startedAt: new Date(sent.startMs).toISOString(),
    seconds: round(seconds),
    perSecond: round(sent.messages.length / seconds),
    bytes: sent.messages.reduce((sum, { bytes }) => sum + bytes, 0),
    behindMs: Math.round(sent.behindMs),
    valid: whole,
    malformed: { ...tallyOf(spoilt, events), kinds: kinds.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)) },
    answerMs: percentiles(sent.messages.map(({ sentMs, endedMs }) => endedMs - sentMs)),
    ...(delays === undefined ? {} : { delayMs: percentiles(delays) }),
    reasons: reasonsOf(sent, events),
    lost: lost.slice(0, 20).map(({ seq }) => ({ seq, traceId: `${sent.load}${seq.toString(16).padStart(16, "0")}` })),
    ok: whole.refused + whole.failed === 0 && (seen === undefined || seen.lost + seen.refused + seen.twice === 0),
  };
}

function tallyOf(
  messages: readonly Sent[],
  events: ReadonlyMap<number, readonly Recorded[]> | undefined,
): Tally & { readonly recorded?: RecordedTally } {
  const of = (outcome: Sent["outcome"]): number => messages.filter((one) => one.outcome === outcome).length;
  const tally = { sent: messages.length, taken: of("taken"), refused: of("refused"), failed: of("failed") };
  if (events === undefined) return tally;
  const recorded = { stored: 0, filtered: 0, refused: 0, lost: 0, twice: 0, recognised: 0 };
  for (const { seq, outcome } of messages) {
    const found = events.get(seq) ?? [];
    const held = found.filter(({ receipt }) => receipt === "stored" || receipt === "duplicate");
    if (held.length > 1) recorded.twice += 1;
    recorded.recognised += found.reduce((sum, { duplicates }) => sum + duplicates, 0);
    if (held.length > 0) recorded.stored += 1;
    else if (found.some(({ receipt }) => receipt === "filtered")) recorded.filtered += 1;
    else if (found.length > 0) recorded.refused += 1;
    else if (outcome === "taken") recorded.lost += 1;
  }
  return { ...tally, recorded };
}

function delaysOf(messages: readonly Sent[], events: ReadonlyMap<number, readonly Recorded[]>): readonly number[] {
  return messages.flatMap(({ seq, sentMs }) => {
    const [first] = events.get(seq) ?? [];
    const at = first === undefined ? Number.NaN : preciseMs(first.storedAt ?? first.receivedAt);
    return Number.isNaN(at) ? [] : [Math.max(0, at - sentMs)];
  });
}

/** RFC 3339 with microseconds: `Date.parse` knows milliseconds. */
function preciseMs(text: string): number {
  const micro = /\.\d{3}(\d{3})/.exec(text)?.[1];
  return Date.parse(text) + (micro === undefined ? 0 : Number(micro) / 1_000);
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

const mostReasons = 10;

function reasonsOf(
  { messages }: SentLoad,
  events: ReadonlyMap<number, readonly Recorded[]> | undefined,
): LoadReport["reasons"] {
  const counts = new Map<string, number>();
  const add = (reason: string): void => void counts.set(reason, (counts.get(reason) ?? 0) + 1);
  for (const { seq, outcome, malformed, reason = "" } of messages) {
    if (malformed !== undefined) continue;
    if (outcome !== "taken") add(`${outcome}: ${reason}`);
    const refused = events?.get(seq)?.find(({ receipt }) => receipt === "refused");
    if (refused !== undefined) add(`recorded as refused: ${refused.reason ?? ""}`);
  }
  const all = [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
  return all.slice(0, mostReasons);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
