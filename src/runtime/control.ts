import { abortable, within } from "../lib/abort.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { Wakeup } from "../lib/wakeup.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { Held } from "./hold.ts";
import { findPausable, type PausedThing, type PauseWish } from "./pausable.ts";
import type { Pauses } from "./pauses.ts";
import { createReloads, type ReloadParts } from "./reload.ts";
import type { ReloadReport } from "./reload-report.ts";

/** What can be changed while tidemill runs; one change at a time. */
export interface Control {
  reload(manifests: Manifests, options?: { readonly signal?: AbortSignal }): Promise<ReloadReport>;
  /** What the last reload did; undefined: there was none. */
  readonly lastReload: () => ReloadReport | undefined;
  /**
   * Events wait from now on, and nothing of them is lost; kept over restarts and reloads. Answers with what is paused.
   * Rejects with PAUSABLE_UNKNOWN.
   */
  pause(wish: PauseWish, how: PauseHow): Promise<readonly PausedThing[]>;
  /** What waited goes on. Answers with what was meant, also where it was not paused. Rejects with PAUSABLE_UNKNOWN. */
  resume(wish: PauseWish): Promise<readonly PausedThing[]>;
  /** Why a sensor does not decide. */
  sensorHeld(namespace: string, sensor: string): Held | undefined;
  /** Resolves, after the abort, once no change is under way. */
  readonly ended: Promise<void>;
}

export interface PauseHow {
  /** It ends by itself after this. */
  readonly forMs?: number | undefined;
  readonly reason?: string | undefined;
}

/** Wall clocks are set: a wait for a moment looks again this often. */
const longestWaitMs = 60_000;
const retryMs = 1_000;

export function createControl(
  parts: ReloadParts & {
    readonly manifests: Manifests;
    readonly pauses: Pauses;
    readonly log: Log;
    readonly signal: AbortSignal;
  },
): Control {
  const { pauses, signal, buses, sources, clock, log } = parts;
  const reloads = createReloads(parts.manifests, parts);
  const changed = new Wakeup();
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(change: (signal: AbortSignal) => Promise<T>, asked: AbortSignal = signal): Promise<T> => {
    const mine = turn.then(async () => {
      using either = within(signal);
      const stop = (): void => either.abort(asked.reason);
      if (asked.aborted) stop();
      asked.addEventListener("abort", stop, { once: true });
      try {
        either.signal.throwIfAborted();
        return await change(either.signal);
      } finally {
        asked.removeEventListener("abort", stop);
      }
    });
    turn = mine.catch(() => undefined);
    return mine;
  };
  /** Answers when to look again. */
  const hold = async (): Promise<number | undefined> => {
    await pauses.sweep();
    sources.hold();
    let nextMs = pauses.nextEndMs();
    for (const bus of buses) {
      const busMs = await bus.hold();
      if (busMs !== undefined) nextMs = Math.min(busMs, nextMs ?? busMs);
    }
    return nextMs;
  };
  const keepHolds = async (): Promise<void> => {
    while (!signal.aborted) {
      const seen = changed.rings;
      const nextMs = await inTurn(hold).catch((error: unknown) => {
        if (!signal.aborted)
          log.warn({ error: messageOf(error) }, "pauses and maintenance windows cannot be applied yet");
        return clock.nowMs() + retryMs;
      });
      using pause = within(signal);
      const waits = [changed.wait(seen, pause.signal)];
      if (nextMs !== undefined) {
        const waitMs = Math.min(Math.max(1, nextMs - clock.nowMs()), longestWaitMs);
        waits.push(clock.sleep(waitMs, pause.signal).catch(() => undefined));
      }
      await Promise.race(waits);
      pause.abort(undefined);
    }
  };
  const holds = keepHolds();
  return {
    async reload(manifests, options = {}) {
      const reloading = inTurn((either) => reloads.apply(manifests, either), options.signal);
      const report = await (options.signal === undefined ? reloading : abortable(reloading, options.signal));
      changed.ring();
      return report;
    },
    lastReload: () => reloads.last,
    async pause(wish, { forMs, reason }) {
      const targets = findPausable({ buses, sources: sources.running }, wish);
      return inTurn(async () => {
        const untilMs = forMs === undefined ? undefined : clock.nowMs() + forMs;
        const until = untilMs === undefined ? undefined : new Date(untilMs).toISOString();
        const paused: PausedThing[] = [];
        for (const target of targets)
          paused.push({ ...target, pause: await pauses.pause(target, { untilMs, reason }) });
        await hold();
        changed.ring();
        for (const { kind, names } of targets) log.info({ kind, name: names.join("/"), until, reason }, "paused");
        return paused;
      });
    },
    async resume(wish) {
      const targets = findPausable({ buses, sources: sources.running }, wish);
      return inTurn(async () => {
        for (const target of targets) await pauses.resume(target);
        await hold();
        changed.ring();
        for (const { kind, names } of targets) log.info({ kind, name: names.join("/") }, "resumed");
        return targets;
      });
    },
    sensorHeld(namespace, sensor) {
      const found = pauses.of({ kind: "sensor", namespace, names: [sensor] });
      return found && { by: "pause", untilMs: found.untilMs, reason: found.reason };
    },
    get ended() {
      return Promise.all([holds, turn]).then(
        () => undefined,
        () => undefined,
      );
    },
  };
}
