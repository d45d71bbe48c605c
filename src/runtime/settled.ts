import type { Settled } from "../kit/source.ts";

/**
 * Knows when all firings of an event are settled, for `ackPolicy: onTriggered`. Only events that somebody asked for are
 * followed. What was decided before the question is answered by the bus: live and dead firings of the event. An event that the
 * upstream brings again is a new occurrence for its dead firings, and for no others: each is tried again from the start, in
 * a new round and under its own key, and the answer is what these come to.
 */
export interface SettledWatch {
  /** Resolves when the event is decided and its last firing has settled. */
  watch(eventId: string, signal: AbortSignal): Promise<Settled>;
  /** The event was decided and made these firings. */
  decided(eventId: string, firings: readonly string[]): void;
  /** A firing settled for good. */
  settled(firing: FiringPlace & { readonly events: readonly { readonly id: string }[] }, outcome: Settled): void;
  /** Whether anybody waits at all: the hot path asks this first. */
  readonly idle: boolean;
}

interface Watched {
  open: Set<string>;
  /** What settled before it was known to be the event's, or while the bus was asked. */
  readonly early: Map<string, { readonly outcome: Settled; readonly queue: string }>;
  decided: boolean;
  /** Those of its firings that died while it was watched. */
  readonly died: FiringPlace[];
  waiting: ((outcome: Settled) => void)[];
}

/** A firing, and the queue that it is in. */
export interface FiringPlace {
  readonly queue: string;
  readonly id: string;
}

export interface SettledSource {
  /** What the bus knows now: whether the event is decided, its live firings and its dead ones. */
  ask(
    eventId: string,
  ): Promise<{ readonly decided: boolean; readonly live: readonly string[]; readonly dead: readonly FiringPlace[] }>;
  /** Whether the firing is a dead letter that nobody has dealt with. */
  isDead(firing: FiringPlace): Promise<boolean>;
  /** Tries a dead firing of the event again; false when it is not there any more. */
  retryDead(firing: FiringPlace): Promise<boolean>;
}

/**
 * Of so many failed events it is remembered what died, for when they come again: to find it means to look through all dead
 * letters, which is only done after a restart, and where a person had a hand in it.
 */
const maxRemembered = 10_000;

export function createSettledWatch(source: SettledSource): SettledWatch {
  const watched = new Map<string, Watched>();
  const remembered = new Map<string, readonly FiringPlace[]>();
  const remember = (eventId: string, died: readonly FiringPlace[]): void => {
    const [oldest] = remembered.keys();
    if (remembered.size >= maxRemembered && oldest !== undefined) remembered.delete(oldest);
    remembered.set(eventId, died);
  };
  const close = (eventId: string, entry: Watched): void => {
    if (!entry.decided || entry.open.size > 0) return;
    watched.delete(eventId);
    const failed = entry.died.length > 0;
    if (failed) remember(eventId, entry.died);
    for (const resolve of entry.waiting) resolve(failed ? "failed" : "done");
  };
  /** From now on the event waits for these, but for those that have settled already. */
  const awaitAll = (entry: Watched, firings: readonly string[]): void => {
    for (const id of firings) if (!entry.early.has(id)) entry.open.add(id);
    for (const [id, { outcome, queue }] of entry.early) if (outcome === "failed") entry.died.push({ queue, id });
    entry.early.clear();
  };
  /** What the bus knows of the event, by the shortest way. */
  const ask: SettledSource["ask"] = async (eventId) => {
    const dead = remembered.get(eventId) ?? [];
    remembered.delete(eventId);
    if (dead.length > 0 && (await Promise.all(dead.map(source.isDead))).every(Boolean))
      return { decided: true, live: [], dead };
    return source.ask(eventId);
  };
  const catchUp = async (eventId: string, entry: Watched): Promise<void> => {
    const now = await ask(eventId);
    if (!now.decided || entry.decided) return;
    // what dies from here on has had this delivery's try
    const dead = now.dead.filter(({ id }) => !entry.early.has(id));
    awaitAll(entry, [...now.live, ...dead.map(({ id }) => id)]);
    entry.decided = true;
    for (const letter of dead) {
      if (await source.retryDead(letter)) continue;
      // somebody took it away meanwhile: it was dropped, or runs
      const { live } = await source.ask(eventId);
      if (!live.includes(letter.id)) entry.open.delete(letter.id);
    }
    close(eventId, entry);
  };
  return {
    get idle() {
      return watched.size === 0;
    },
    async watch(eventId, signal) {
      signal.throwIfAborted();
      const known = watched.get(eventId);
      const entry: Watched = known ?? {
        open: new Set(),
        early: new Map(),
        decided: false,
        died: [],
        waiting: [],
      };
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
      awaitAll(entry, firings);
      entry.decided = true;
      close(eventId, entry);
    },
    settled({ id, queue, events }, outcome) {
      for (const event of events) {
        const entry = watched.get(event.id);
        if (entry?.decided === false) entry.early.set(id, { outcome, queue });
        if (entry === undefined || !entry.open.delete(id)) continue;
        if (outcome === "failed") entry.died.push({ queue, id });
        close(event.id, entry);
      }
    },
  };
}
