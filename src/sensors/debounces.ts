import type { Event } from "../lib/event.ts";

/** A satisfied condition that waits until its window has passed without another of the same key. */
export interface Debounced {
  readonly key: string;
  /** In the order of their dependencies' names, whole and as transformed. */
  readonly events: readonly DebouncedEvent[];
  /** When it was satisfied: the window begins. */
  readonly sinceMs: number;
  readonly endsAtMs: number;
  /** Of a replayed event; empty otherwise. */
  readonly replayId: string;
}

export interface DebouncedEvent {
  readonly dependency: string;
  readonly event: Event;
  readonly seq: number;
  /** `DependencyPlan.hash` at that time. */
  readonly hash: string;
}

/**
 * The debounced firings of one trigger by key; immutable. There may be as many as keys come in one window, and each event
 * changes one: in buckets, so that a change copies a small part (with 30,000 keys in a hundredth of the time of one map).
 */
export interface Debounces {
  readonly size: number;
  /** The earliest end; Infinity when there is none. */
  readonly endsAtMs: number;
  readonly buckets: ReadonlyMap<number, Bucket>;
}

interface Bucket {
  readonly byKey: ReadonlyMap<string, Debounced>;
  readonly endsAtMs: number;
}

export const noDebounces: Debounces = { size: 0, endsAtMs: Number.POSITIVE_INFINITY, buckets: new Map() };

export function debouncedOf({ buckets }: Debounces, key: string): Debounced | undefined {
  return buckets.get(bucketOf(key))?.byKey.get(key);
}

export function* allDebounced({ buckets }: Debounces): Iterable<Debounced> {
  for (const { byKey } of buckets.values()) yield* byKey.values();
}

/** With another value of one key; undefined takes it away. */
export function withDebounced(of: Debounces, key: string, value: Debounced | undefined): Debounces {
  const at = bucketOf(key);
  const byKey = new Map(of.buckets.get(at)?.byKey);
  const before = byKey.size;
  if (value === undefined) byKey.delete(key);
  else byKey.set(key, value);
  const buckets = new Map(of.buckets);
  if (byKey.size === 0) buckets.delete(at);
  else buckets.set(at, { byKey, endsAtMs: earliest(byKey.values()) });
  const size = of.size + byKey.size - before;
  return size === 0 ? noDebounces : { size, endsAtMs: earliest(buckets.values()), buckets };
}

/** What is due at `nowMs`, in the order of the windows' ends, then of the events. */
export function dueOf({ buckets }: Debounces, nowMs: number): readonly Debounced[] {
  const due: Debounced[] = [];
  for (const { byKey, endsAtMs } of buckets.values()) {
    if (endsAtMs > nowMs) continue;
    for (const one of byKey.values()) if (one.endsAtMs <= nowMs) due.push(one);
  }
  return due.sort((a, b) => a.endsAtMs - b.endsAtMs || lastSeq(a) - lastSeq(b));
}

/** The event that satisfied the condition: the newest. */
export function newestOf({ events }: Debounced): DebouncedEvent {
  return events.reduce((newest, one) => (one.seq > newest.seq ? one : newest));
}

function lastSeq(one: Debounced): number {
  return newestOf(one).seq;
}

/** Keys whose value is another one afterwards; buckets that are the same are not looked into. */
export function changesOf(
  before: Debounces,
  after: Debounces,
): readonly { readonly key: string; readonly value: Debounced | undefined }[] {
  if (before === after) return [];
  const changes: { readonly key: string; readonly value: Debounced | undefined }[] = [];
  for (const at of new Set([...before.buckets.keys(), ...after.buckets.keys()])) {
    const [old, now] = [before.buckets.get(at), after.buckets.get(at)];
    if (old === now) continue;
    for (const [key, value] of now?.byKey ?? []) if (old?.byKey.get(key) !== value) changes.push({ key, value });
    for (const key of old?.byKey.keys() ?? [])
      if (now?.byKey.has(key) !== true) changes.push({ key, value: undefined });
  }
  return changes;
}

function earliest(all: Iterable<{ readonly endsAtMs: number }>): number {
  let endsAtMs = Number.POSITIVE_INFINITY;
  for (const one of all) endsAtMs = Math.min(endsAtMs, one.endsAtMs);
  return endsAtMs;
}

const bucketCount = 256;

/** FNV-1a. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % bucketCount;
}
