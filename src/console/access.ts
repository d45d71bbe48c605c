import type { Clock } from "../lib/clock.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { FailedTries } from "./access-tries.ts";
import { allows, idOf, isExpired, isTokenOf, makeToken, type Scope, type TokenRecord } from "./tokens.ts";
import type { TokensFolder } from "./tokens-folder.ts";

export interface AccessOptions {
  /** undefined: no token can be right. */
  readonly tokens: TokensFolder | undefined;
  /** Nobody without a token; else who is on this machine may do everything. */
  readonly required: boolean;
  /** Whether the last use of tokens is written down: only by who owns the data folder. */
  readonly keepLastUse: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who asks, as the audit log names them. */
export interface Who {
  /** The token's name, or `local`. */
  readonly name: string;
  readonly scope: Scope;
  readonly tokenId?: string | undefined;
}

/** Whoever may open a port of this machine, where nobody is asked for a token. */
export const local: Who = { name: "local", scope: "admin" };

/** Times of last use are as coarse as this, and written as seldom. */
const useMs = 60_000;

/** Tells who asks, by their token. */
export class Access {
  readonly #options: AccessOptions;
  readonly #tries: FailedTries;
  /** The token of this run, for verbs of the same user on this machine. */
  readonly #own: ReturnType<typeof makeToken>;
  /** By token id, what is written or about to be. */
  readonly #uses = new Map<string, string>();
  #writing: Promise<void> = Promise.resolve();

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#tries = new FailedTries(options.clock);
    this.#own = makeToken({ name: "local", scope: "admin", nowMs: options.clock.nowMs() });
  }

  get required(): boolean {
    return this.#options.required;
  }

  /** A token that is right until this process ends: for the file beside `admin.json`, which this user alone may read. */
  get ownToken(): string {
    return this.#own.token;
  }

  /**
   * Who asks. A wrong token is refused also where none is needed: whoever sends one means it.
   * Rejects with TOKEN_REQUIRED, TOKEN_REFUSED and TOKEN_TRIES, which do not tell whether such a token ever was.
   */
  async who(authorization: string | undefined, address: string): Promise<Who> {
    if (authorization === undefined) {
      if (!this.#options.required) return local;
      throw new TideError("TOKEN_REQUIRED", "the admin API asks for a token here");
    }
    const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "";
    const id = idOf(token);
    if (id === this.#own.record.id && isTokenOf(this.#own.record, token)) return local;
    const record = id === undefined ? undefined : await this.#options.tokens?.find(id);
    // one name for all that are unknown: a stranger's guesses are counted together
    const about = record?.id ?? "";
    const pauseMs = this.#tries.pauseMs(address, about);
    if (pauseMs > 0) throw new TideError("TOKEN_TRIES", "too many wrong tokens", { retry: { afterMs: pauseMs } });
    if (record === undefined || !isTokenOf(record, token)) {
      this.#tries.failed(address, about);
      throw new TideError("TOKEN_REFUSED", "no such token");
    }
    this.#tries.succeeded(address, about);
    const nowMs = this.#options.clock.nowMs();
    if (isExpired(record, nowMs)) throw new TideError("TOKEN_REFUSED", `the token ${record.name} has expired`);
    this.#used(record, nowMs);
    return { name: record.name, scope: record.scope, tokenId: record.id };
  }

  /** Resolves once nothing is left to write. */
  settled(): Promise<void> {
    return this.#writing;
  }

  #used({ id }: TokenRecord, nowMs: number): void {
    const { tokens, keepLastUse, log } = this.#options;
    const at = new Date(Math.floor(nowMs / useMs) * useMs).toISOString();
    if (!keepLastUse || tokens === undefined || this.#uses.get(id) === at) return;
    this.#uses.set(id, at);
    this.#writing = this.#writing
      .then(async () => tokens.writeLastUse(new Map([...(await tokens.lastUse()), ...this.#uses])))
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, "the last use of a token was not written down"));
  }
}

/** Throws SCOPE_MISSING. */
export function refuseWithout(scope: Scope, who: Who): void {
  if (allows(who.scope, scope)) return;
  throw new TideError("SCOPE_MISSING", `this needs the scope ${scope}; the token ${who.name} has ${who.scope}`);
}

/** What changes the flow and can be done again or undone. */
const operating: ReadonlySet<string> = new Set([
  "POST /send",
  "POST /replay",
  "POST /pause",
  "POST /resume",
  "POST /deadletters/retry",
  "POST /operations/:id/cancel",
]);

/** The scope that a route of the API needs: what is not listed and changes something needs the highest. */
export function scopeOf(method: string, route: string): Scope {
  if (method === "GET" || method === "HEAD") return "view";
  return operating.has(`${method} ${route}`) ? "operate" : "admin";
}
