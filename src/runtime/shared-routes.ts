import type { Joining, Listener, Member, Route, WebRequest, WebResponse } from "../kit/webhook.ts";
import type { Clock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import { retryLater } from "./http-answers.ts";

/** So long an entry that left is still counted: it is probably restarted or reloaded, as with paths (routes.ts). */
const restartMs = 30_000;

interface Joined {
  readonly joining: Joining<unknown>;
  /** When it left. */
  leftMs: number | undefined;
}

/** The route of one group, port and path, as long as anybody is there. */
interface Opened {
  readonly route: Route;
  readonly live: AsyncDisposable;
}

/** Routes that several entries share. What this makes is `Listener.share`. */
export function shareRoutes(parts: { readonly route: Listener["route"]; readonly clock: Clock }): Listener["share"] {
  const shared = new Map<string, SharedRoute>();
  return async (joining) => {
    const { group, port, path } = joining;
    const key = JSON.stringify([group, port, path]);
    const there = shared.get(key) ?? new SharedRoute(parts);
    shared.set(key, there);
    return there.join(joining);
  };
}

class SharedRoute {
  readonly #open: Listener["route"];
  readonly #clock: Clock;
  readonly #joined = new Map<string, Joined>();
  #opened: Promise<Opened> | undefined;
  #closing: Promise<void> = Promise.resolve();

  constructor({ route, clock }: { readonly route: Listener["route"]; readonly clock: Clock }) {
    this.#open = route;
    this.#clock = clock;
  }

  async join<M>(joining: Joining<M>): Promise<AsyncDisposable> {
    const joined: Joined = { joining, leftMs: undefined };
    this.#joined.set(joining.owner, joined);
    const leave = async (): Promise<void> => {
      if (joined.leftMs !== undefined) return;
      joined.leftMs = this.#clock.nowMs();
      await this.#closeIfEmpty();
    };
    try {
      const route = await joining.route();
      this.#opened ??= this.#make(route);
      const opened = await this.#opened;
      if (opened.route.tls?.cert !== route.tls?.cert || opened.route.tls?.key !== route.tls?.key) {
        throw new TideError(
          "ROUTE_INVALID",
          `${route.path} on port ${route.port} is served for ${opened.route.owner} with another certificate`,
        );
      }
      return { [Symbol.asyncDispose]: leave };
    } catch (error) {
      await leave();
      throw error;
    }
  }

  #make(route: Route): Promise<Opened> {
    const made = (async () => {
      await this.#closing;
      return { route, live: await this.#open(route, (request) => this.#answer(request)) };
    })();
    made.catch(() => {
      if (this.#opened === made) this.#opened = undefined;
    });
    return made;
  }

  #closeIfEmpty(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined || this.#present().length > 0) return Promise.resolve();
    this.#opened = undefined;
    const closed = opened.then(
      ({ live }) => live[Symbol.asyncDispose](),
      // it never was open
      () => undefined,
    );
    this.#closing = closed;
    return closed;
  }

  #present(): readonly Joined[] {
    return [...this.#joined.values()].filter(({ leftMs }) => leftMs === undefined);
  }

  async #answer(request: WebRequest): Promise<WebResponse> {
    const nowMs = this.#clock.nowMs();
    for (const [owner, { leftMs }] of this.#joined) {
      if (leftMs !== undefined && nowMs - leftMs > restartMs) this.#joined.delete(owner);
    }
    const [first] = this.#present();
    if (first === undefined) return retryLater;
    const members = [...this.#joined.values()].map(
      ({ joining, leftMs }): Member<unknown> => ({
        owner: joining.owner,
        value: joining.member,
        away: leftMs === undefined ? joining.away?.() : "the source is starting again",
      }),
    );
    // what comes first must not depend on who started first
    members.sort((a, b) => (a.owner < b.owner ? -1 : 1));
    return first.joining.serve(request, members);
  }
}
