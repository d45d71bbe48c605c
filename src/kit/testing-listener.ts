import { TideError } from "../lib/errors.ts";
import type { ClientCertificate } from "./client-certificate.ts";
import type { Listener, Route, WebRequest, WebResponse } from "./webhook.ts";
import { guarded } from "./webhook-guard.ts";

/** A listener without a network: tests hand requests to the routes that sources add. */
export interface MemoryListener extends Listener {
  readonly routes: readonly Route[];
  /** Hands a request to the route of this path; rejects as the route's source does. */
  request(request: MemoryRequest): Promise<WebResponse>;
}

export interface MemoryRequest {
  readonly path: string;
  readonly method?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly remoteAddress?: string;
  readonly certificate?: ClientCertificate;
}

export function memoryListener(): MemoryListener {
  const live: { readonly route: Route; readonly handle: (request: WebRequest) => Promise<WebResponse> }[] = [];
  const add: Listener["route"] = async (route, handle) => {
    const entry = { route, handle: guarded(route, handle) };
    live.push(entry);
    return {
      [Symbol.asyncDispose]: async () => {
        live.splice(live.indexOf(entry), 1);
      },
    };
  };
  return {
    get routes() {
      return live.map(({ route }) => route);
    },
    route: add,
    // each entry has the route for itself
    share: async ({ owner, member: value, route, serve, away }) =>
      add(await route(), (request) => serve(request, [{ owner, value, away: away?.() }])),
    async request({ path, method = "POST", query = "", headers = {}, body = "", ...from }) {
      const found = live.find(({ route }) => route.path === path && (route.method ?? method) === method);
      if (found === undefined) throw new TideError("ROUTE_INVALID", `no route for ${method} ${path}`);
      const rawHeaders = Object.entries(headers).flat();
      const { remoteAddress = "127.0.0.1", certificate } = from;
      const head = { method, rawHeaders, remoteAddress, clientCertificate: () => certificate };
      const refused = await found.route.guard?.admit(head);
      if (refused !== undefined) {
        found.route.refused?.(refused.reason, remoteAddress);
        return refused.answer;
      }
      return found.handle({
        method,
        path,
        query,
        rawHeaders,
        body: typeof body === "string" ? Buffer.from(body) : body,
        remoteAddress,
        receivedUs: 1_767_603_600_000_000,
        signal: new AbortController().signal,
      });
    },
  };
}
