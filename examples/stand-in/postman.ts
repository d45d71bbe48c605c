import { setTimeout as pause } from "node:timers/promises";
import { Agent, request } from "undici";
import type { Letter } from "./envelope.ts";

/** A letter given up, and what the last try met. */
export interface Undelivered {
  readonly url: string;
  readonly messageId: string;
  readonly reason: string;
}

export interface PostmanOptions {
  /** The pause before each further try; one try more than there are pauses. */
  readonly retryDelaysMs: readonly number[];
  readonly onUndelivered: (letter: Undelivered) => void;
}

/** Delivers letters in the background: any 2xx is delivered, anything else is tried again. */
export interface Postman {
  post(letter: Letter): void;
  /** Gives up what is under way and waits until nothing is. */
  stop(): Promise<void>;
}

export function hirePostman({ retryDelaysMs, onUndelivered }: PostmanOptions): Postman {
  const stopping = new AbortController();
  // 15 s is what SNS gives an endpoint to answer
  const agent = new Agent({ connections: 32, connectTimeout: 5_000, headersTimeout: 15_000, bodyTimeout: 15_000 });
  const underWay = new Set<Promise<void>>();

  async function attempt(letter: Letter): Promise<string | undefined> {
    try {
      const { statusCode, body } = await request(letter.url, {
        method: "POST",
        headers: letter.headers,
        body: letter.body,
        dispatcher: agent,
        signal: stopping.signal,
      });
      await body.dump();
      return statusCode >= 200 && statusCode < 300 ? undefined : `answered ${statusCode}`;
    } catch (error) {
      return error instanceof Error ? error.message || error.name : String(error);
    }
  }

  async function deliver(letter: Letter): Promise<void> {
    let reason = await attempt(letter);
    for (const delayMs of retryDelaysMs) {
      if (reason === undefined || stopping.signal.aborted) return;
      await pause(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      reason = await attempt(letter);
    }
    if (reason !== undefined && !stopping.signal.aborted) {
      onUndelivered({ url: letter.url, messageId: letter.messageId, reason });
    }
  }

  return {
    post(letter) {
      const delivery: Promise<void> = deliver(letter).finally(() => underWay.delete(delivery));
      underWay.add(delivery);
    },
    async stop() {
      stopping.abort();
      await Promise.allSettled(underWay);
      await agent.destroy();
    },
  };
}
