import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { BatchItem, Call } from "../../kit/trigger.ts";
import type { Event } from "../../lib/event.ts";

/* For tests of the triggers that send to AWS. */

export const secrets = { "aws/id": "test", "aws/secret": "test-secret-key" };
export const keys = { accessKey: { name: "aws", key: "id" }, secretKey: { name: "aws", key: "secret" } };
export const account = {
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
} as const;

/** Of the trace of a call. */
export const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
export const awsTrace = `Root=1-${"a".repeat(8)}-${"a".repeat(24)};Parent=${"b".repeat(16)};Sampled=1`;

/** One request that went through. */
export interface Passed {
  /** `SendMessageBatch`; "" where it cannot be told. */
  readonly action: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Pass extends AsyncDisposable {
  readonly endpoint: string;
  readonly passed: Passed[];
  /** Answers in place of the server when it returns something; with `hold`, never. */
  instead: (asked: Passed) => { readonly status: number; readonly body: string; readonly hold?: boolean } | undefined;
}

/** Stands before a server on loopback: counts what goes to it, and can answer in its place. */
export async function passTo(endpoint: string): Promise<Pass> {
  const passed: Passed[] = [];
  const server = createServer(async (from, to) => {
    const parts: Buffer[] = [];
    for await (const part of from) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const asked = { action: actionOf(from, body.toString()), headers: from.headers, body: body.toString() };
    passed.push(asked);
    const own = pass.instead(asked);
    if (own?.hold === true) return;
    if (own !== undefined) {
      return void to.writeHead(own.status, { "content-type": "application/x-amz-json-1.0" }).end(own.body);
    }
    forward(endpoint, { from, body, to });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const pass: Pass = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    instead: () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return pass;
}

function actionOf({ headers }: IncomingMessage, body: string): string {
  const target = headers["x-amz-target"]?.toString();
  return target?.split(".").at(-1) ?? /(?:^|&)Action=(\w+)/.exec(body)?.[1] ?? "";
}

interface Forwarded {
  readonly from: IncomingMessage;
  readonly body: Buffer;
  readonly to: ServerResponse;
}

function forward(endpoint: string, { from, body, to }: Forwarded): void {
  const { method = "", headers, url = "" } = from;
  const there = request(new URL(url, endpoint), { method, headers }, (answer) => {
    to.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(to);
  });
  there.on("error", () => to.destroy());
  there.end(body);
}

export const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A call for several firings, each with its own key `KEY` and body. */
export function batchOf(
  config: object,
  bodies: readonly (readonly [key: string, body: string, more?: object])[],
): Partial<Call<never, never>> {
  const items = bodies.map(([key, body, more = {}]) => ({
    key,
    config: { ...config, ...more },
    payload: bytes(body),
    events: new Map<string, Event>(),
    trace: { traceparent },
  }));
  const payload = bytes(`[${bodies.map(([, body]) => body).join()}]`);
  const batch = {
    size: items.length,
    keys: items.map(({ key }) => key),
    items: items as unknown as readonly BatchItem<never>[],
  };
  return { payload, key: "batch", batch };
}
