import type { Settled } from "../kit/source.ts";

/**
 * Knows when all firings of an event are settled, for `ackPolicy: onTriggered`. Only events that somebody asked for are
 * followed. What was decided before the question is answered by the bus: live and dead firings of the event.
 */
export interface SettledWatch {
  /** Resolves when the event is decided and its last firing has settled. */
  watch(eventId: string, signal: AbortSignal): Promise<Settled>;
  /** The event was decided and made these firings. */
  decided(eventId: string, firings: readonly string[]): void;
  /** A firing settled for good. */
  settled(firing: { readonly id: string; readonly events: readonly { readonly id: string }[] }, outcome: Settled): void;
  /** Whether anybody waits at all: the hot path asks this first. */
  readonly idle: boolean;
}

interface Watched {
  open: Set<string>;
  decided: boolean;
  failed: boolean;
  waiting: ((outcome: Settled) => void)[];
}

export interface SettledSource {
  /** What the bus knows now: whether the event is decided, its live firings and its dead ones. */
  ask(
    eventId: string,
  ): Promise<{ readonly decided: boolean; readonly live: readonly string[]; readonly dead: readonly string[] }>;
  /** Tries the event's dead firings again: the upstream brought it once more. */
  retryDead(ids: readonly string[]): Promise<void>;
}

export function createSettledWatch(source: SettledSource): SettledWatch {
  const watched = new Map<string, Watched>();
  const close = (eventId: string, entry: Watched): void => {
    if (!entry.decided || entry.open.size > 0) return;
    watched.delete(eventId);
    for (const resolve of entry.waiting) resolve(entry.failed ? "failed" : "done");
  };
  const catchUp = async (eventId: string, entry: Watched): Promise<void> => {
    const now = await source.ask(eventId);
    if (!now.decided || entry.decided) return;
    entry.decided = true;
    for (const id of [...now.live, ...now.dead]) entry.open.add(id);
    if (now.dead.length > 0) await source.retryDead(now.dead);
    close(eventId, entry);
  };
  return {
    get idle() {
      return watched.size === 0;
    },
    async watch(eventId, signal) {
      signal.throwIfAborted();
      const known = watched.get(eventId);
      const entry: Watched = known ?? { open: new Set(), decided: false, failed: false, waiting: [] };
      watched.set(eventId, entry);
      const outcome = new Promise<Settled>((resolve, reject) => {
        const stop = (): void => {
          const at = entry.waiting.indexOf(done);
          if (at >= 0) entry.waiting.splice(at, 1);
          if (entry.waiting.length === 0) watched.delete(eventId);
          reject(signal.reason);
        };
        const done = (settled: Settled): void => {
          signal.removeEventListener("abort", stop);
          resolve(settled);
        };
        entry.waiting.push(done);
        signal.addEventListener("abort", stop, { once: true });
      });
      try {
        if (known === undefined) await catchUp(eventId, entry);
      } catch (error) {
        outcome.catch(() => undefined);
        watched.delete(eventId);
        throw error;
      }
      return outcome;
    },
    decided(eventId, firings) {
      const entry = watched.get(eventId);
      if (entry === undefined || entry.decided) return;
      entry.decided = true;
      for (const id of firings) entry.open.add(id);
      close(eventId, entry);
    },
    settled({ id, events }, outcome) {
      for (const event of events) {
        const entry = watched.get(event.id);
        if (entry === undefined || !entry.open.delete(id)) continue;
        if (outcome === "failed") entry.failed = true;
        close(event.id, entry);
      }
    },
  };
}
