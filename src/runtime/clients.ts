import type { KeyRef } from "../kit/fields.ts";
import type { ConnectContext, Trigger } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";

type Client = AsyncDisposable;
// the list of triggers forgets their types; each trigger gets back the client that it made itself
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnyTrigger = Trigger<any, any>;

interface Kept {
  readonly client: Promise<Client | undefined>;
  /** The same, once it is there. */
  open?: Client;
  /** The secrets that connecting read, with their values then. */
  readonly secrets: Map<string, { readonly ref: KeyRef; readonly value: string }>;
  checkedMs: number;
  usedMs: number;
  users: number;
  retired: boolean;
  /** What each of its users gets, once it is open. */
  lease?: Lease;
}

/** A client in use by one firing, to be given back. */
export interface Lease {
  readonly client: unknown;
  giveBack(): Promise<void> | undefined;
}

/** A connection that no firing used for this long is closed: parameters may name ever new targets. */
const idleMs = 60_000;

/** How often the secrets of a kept connection are compared with what they are now. */
const checkEveryMs = 5_000;

/**
 * The connections that triggers keep between firings: one per trigger type and connection key, opened at the first
 * firing that needs it, never shared between namespaces (one name of a Secret means two there), folders, or what may connect
 * to different places, opened anew
 * when a secret that it read has changed (the peer keeps the first for ever, T12).
 */
export class Clients {
  readonly #kept = new Map<string, Kept>();
  readonly #lasting = new Map<string, AsyncDisposable>();
  readonly #clock: Clock;
  #sweptMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sweptMs = clock.nowMs();
  }

  /** What is open and needs no look at its secrets is given at once: that is every firing but a few. */
  lease(trigger: AnyTrigger, key: string, cx: ConnectContext<unknown>): Lease | Promise<Lease> {
    if (trigger.connect === undefined) return nothing;
    const at = `${trigger.kind}\n${cx.namespace}\n${cx.folder}\n${cx.egress.key}\n${key}`;
    const kept = this.#kept.get(at);
    if (kept?.open === undefined || this.#due(kept)) return this.#opened(at, trigger, cx);
    return this.#use(kept, kept.open);
  }

  async #opened(at: string, trigger: AnyTrigger, cx: ConnectContext<unknown>): Promise<Lease> {
    const kept = (await this.#current(at, cx)) ?? this.#open(at, trigger, cx);
    try {
      const client = await kept.client;
      if (client !== undefined) kept.open = client;
      return this.#use(kept, client);
    } catch (error) {
      // a connection that could not be opened is not kept: the next firing tries again
      if (this.#kept.get(at) === kept) this.#kept.delete(at);
      throw error;
    }
  }

  #use(kept: Kept, client: Client | undefined): Lease {
    kept.users += 1;
    kept.lease ??= this.#leaseOf(kept, client);
    return kept.lease;
  }

  #leaseOf(kept: Kept, client: Client | undefined): Lease {
    const giveBack = (): Promise<void> | undefined => {
      kept.users -= 1;
      kept.usedMs = this.#clock.nowMs();
      if (kept.retired && kept.users === 0) return close(kept);
      return kept.usedMs - this.#sweptMs < idleMs ? undefined : this.#closeIdle(kept.usedMs);
    };
    return { client, giveBack };
  }

  /** Whether the secrets of the connection are to be compared again. */
  #due(kept: Kept): boolean {
    return kept.secrets.size > 0 && this.#clock.nowMs() - kept.checkedMs >= checkEveryMs;
  }

  /** The secrets of every connection are compared at its next use: they may have changed just now. */
  recheck(): void {
    for (const kept of this.#kept.values()) kept.checkedMs = Number.NEGATIVE_INFINITY;
  }

  /** `ConnectContext.keep`. */
  keep<T extends AsyncDisposable>(name: string, open: () => T): T {
    const lasting = this.#lasting.get(name) ?? open();
    this.#lasting.set(name, lasting);
    return lasting as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#kept.values()];
    const lasting = [...this.#lasting.values()];
    this.#kept.clear();
    this.#lasting.clear();
    await Promise.all([...all.map(close), ...lasting.map((one) => one[Symbol.asyncDispose]())]);
  }

  #open(at: string, trigger: AnyTrigger, cx: ConnectContext<unknown>): Kept {
    const secrets: Kept["secrets"] = new Map();
    const watching: ConnectContext<unknown> = {
      ...cx,
      async secret(ref) {
        const value = await cx.secret(ref);
        secrets.set(`${ref.name}/${ref.key}`, { ref, value });
        return value;
      },
    };
    const client = Promise.resolve().then(() => trigger.connect?.(watching));
    const nowMs = this.#clock.nowMs();
    const kept: Kept = { client, secrets, checkedMs: nowMs, usedMs: nowMs, users: 0, retired: false };
    this.#kept.set(at, kept);
    return kept;
  }

  async #closeIdle(nowMs: number): Promise<void> {
    this.#sweptMs = nowMs;
    for (const [at, kept] of this.#kept) {
      if (kept.users > 0 || nowMs - kept.usedMs < idleMs) continue;
      this.#kept.delete(at);
      await close(kept);
    }
  }

  async #current(at: string, cx: ConnectContext<unknown>): Promise<Kept | undefined> {
    const kept = this.#kept.get(at);
    if (kept === undefined || !this.#due(kept)) return kept;
    kept.checkedMs = this.#clock.nowMs();
    for (const { ref, value } of kept.secrets.values()) {
      if ((await cx.secret(ref)) === value) continue;
      if (this.#kept.get(at) === kept) this.#kept.delete(at);
      kept.retired = true;
      if (kept.users === 0) await close(kept);
      return this.#kept.get(at);
    }
    return kept;
  }
}

const nothing: Lease = { client: undefined, giveBack: () => undefined };

async function close(kept: Kept): Promise<void> {
  const client = await kept.client.catch(() => undefined);
  await client?.[Symbol.asyncDispose]();
}
