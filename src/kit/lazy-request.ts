import type { WebRequest } from "./webhook.ts";

/**
 * A request whose signal is made when it is first asked for: most handlers never do, and it costs more than the rest. It is a
 * class because an object literal with a getter has a hidden class of its own, in the old generation, which keeps whatever
 * the getter sees until the next full collection: 5 KB of each request were copied there.
 */
export class LazyRequest implements WebRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
  readonly remoteAddress: string;
  declare readonly deliveryId?: string;
  readonly receivedUs: number;
  readonly #makeSignal: () => AbortSignal;
  #signal: AbortSignal | undefined;

  constructor(known: Omit<WebRequest, "signal">, makeSignal: () => AbortSignal) {
    this.method = known.method;
    this.path = known.path;
    this.query = known.query;
    this.rawHeaders = known.rawHeaders;
    this.body = known.body;
    this.remoteAddress = known.remoteAddress;
    if (known.deliveryId !== undefined) this.deliveryId = known.deliveryId;
    this.receivedUs = known.receivedUs;
    this.#makeSignal = makeSignal;
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#makeSignal();
    return this.#signal;
  }
}
