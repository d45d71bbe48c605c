import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { extensionsOf } from "../kit/cloudevents.ts";
import { dataOf, trial as sourceTrial, type Trial } from "../kit/testing.ts";
import type { Event } from "../lib/event.ts";
import { silentLog } from "../lib/log.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { eventJson } from "../sensors/event-json.ts";
import { replayExtension } from "../sensors/firing-of.ts";
import { webhook } from "../sources/webhook.ts";
import { http } from "../triggers/http.ts";
import { eventOf, trial as triggerTrial } from "../triggers/trial.ts";
import { createListeners, type Listeners } from "./listeners.ts";
import { standardRun } from "./standard-run.ts";

// source, listeners and trigger over a real port: tests of sources/ and triggers/ must not import runtime/

let opened: AsyncDisposableStack;
let listeners: Listeners;
let port: number;
let url: string;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  listeners = opened.use(createListeners({ log: silentLog }));
  port = await freePort();
  url = `http://127.0.0.1:${port}`;
});
afterEach(() => opened.disposeAsync());

async function hook(config: object = {}): Promise<Trial> {
  const entry = { endpoint: "/events", method: "POST", port: String(port) };
  const running = opened.use(
    sourceTrial(webhook, { ...entry, ...config }, { http: listeners, secrets: { "hook/token": "s3cret" } }),
  );
  await running.ready();
  return running;
}

describe("the handshake of web hooks", () => {
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, { method: "OPTIONS", headers });
    return {
      status: answer.status,
      allow: answer.headers.get("allow"),
      origin: answer.headers.get("webhook-allowed-origin"),
      rate: answer.headers.get("webhook-allowed-rate"),
    };
  };
  const asks = { "WebHook-Request-Origin": "eventemitter.example.com" };
  const refused = { status: 403, allow: null, origin: null, rate: null };

  test("permits any sender and any rate, on the path of every entry", async () => {
    await hook();
    await hook({ endpoint: "/shops/{shop}", method: "PUT" });
    const permitted = { status: 200, allow: "POST", origin: "*", rate: "*" };
    expect(await ask("/events", asks)).toEqual(permitted);
    expect(await ask("/events", { ...asks, "WebHook-Request-Rate": "120" })).toEqual(permitted);
    expect(await ask("/shops/7", asks)).toEqual({ ...permitted, allow: "PUT" });
    expect((await ask("/other", asks)).status).toBe(404);
  });

  test("is none without its header, or on a path that is no webhook's: 405 as before", async () => {
    await hook();
    await listeners.route({ port, path: "/sns", method: "POST", maxBytes: 1, owner: "x" }, async () => ({
      status: 200,
    }));
    const unserved = { status: 405, allow: "POST", origin: null, rate: null };
    expect(await ask("/events")).toEqual(unserved);
    expect(await ask("/events", { "WebHook-Request-Origin": "" })).toEqual(unserved);
    expect(await ask("/events", { Origin: "https://a", "Access-Control-Request-Method": "POST" })).toEqual(unserved);
    expect(await ask("/sns", asks)).toEqual(unserved);
  });

  test("permits only allowedOrigins, whatever the case of the name, and needs no token", async () => {
    await hook({ allowedOrigins: ["EventEmitter.example.com"], authSecret: { name: "hook", key: "token" } });
    expect(await ask("/events", asks)).toEqual({
      status: 200,
      allow: "POST",
      origin: "eventemitter.example.com",
      rate: "*",
    });
    expect(await ask("/events", { "WebHook-Request-Origin": "example.com" })).toEqual(refused);
  });

  test("is one answer for all entries of a path, which keep their own methods and origins", async () => {
    const posts = await hook({ allowedOrigins: ["a.example.com"] });
    const puts = await hook({ method: "PUT", allowedOrigins: ["a.example.com", "b.example.com"] });
    const options = await hook({ method: "OPTIONS", allowedOrigins: [] });
    const from = (origin: string) => ask("/events", { "WebHook-Request-Origin": origin });
    expect(await from("a.example.com")).toMatchObject({ status: 200, allow: "POST, PUT", origin: "a.example.com" });
    expect(await from("b.example.com")).toMatchObject({ status: 200, allow: "PUT" });
    expect(await from("c.example.com")).toEqual(refused);
    const deliver = async (method: string, origin: string) => {
      const headers = { "WebHook-Request-Origin": origin };
      return (await fetch(`${url}/events`, { method, headers, body: "{}" })).status;
    };
    expect(await deliver("POST", "b.example.com")).toBe(403);
    expect(await deliver("PUT", "b.example.com")).toBe(200);
    expect([posts.emits, puts.emits, options.emits]).toEqual([0, 1, 0]);
    await expect(
      listeners.route({ port, path: "/events", method: "POST", maxBytes: 1, owner: "x" }, async () => ({
        status: 200,
      })),
    ).rejects.toMatchObject({ code: "ROUTE_TAKEN" });
    await posts.stop();
    expect(await from("a.example.com")).toMatchObject({ allow: "PUT" });
  });
});

describe("what the trigger sends, the source understands", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
  // what a manifest or an event can say; the canonical text of an attribute is well-formed
  const attributes = fc.record({ type: text, source: text, subject: text });
  const data = fc.json();

  test.each(["binary", "structured", "batch"] as const)(
    "in mode %s: the same attributes, the same data",
    async (contentMode) => {
      const source = await hook();
      await using client = await triggerTrial(http, { url: `${url}/events` });
      let number = 0;
      await fc.assert(
        fc.asyncProperty(attributes, data, async (cloudEvent, json) => {
          const key = `firing ${++number}`;
          const config = { url: `${url}/events`, contentMode, cloudEvent };
          const call = { config, payload: Buffer.from(json), key, events: new Map([["d", eventOf("{}")]]) };
          expect(await client.fire(call as object)).toMatchObject({ status: 200 });
          const taken = await source.next();
          expect(taken.draft.extensions).toEqual({
            ceid: key,
            cesource: cloudEvent.source,
            cetype: cloudEvent.type,
            cesubject: cloudEvent.subject,
            cetime: "2026-01-05T09:00:00Z",
            cedatacontenttype: "application/json",
            // by the distributed tracing extension, the same in all modes
            traceparent: taken.draft.trace?.traceparent,
          });
          expect(taken.draft.trace?.traceparent).toMatch(/^00-a{32}-b{16}-01$/);
          const { body } = dataOf(taken).json as { body: unknown };
          const envelope = body as { data: unknown };
          expect(contentMode === "binary" ? body : envelope.data).toEqual(JSON.parse(json));
        }),
        { numRuns: 60 },
      );
    },
  );

  test("a repeated attempt is a duplicate there", async () => {
    const source = await hook();
    for (const contentMode of ["binary", "structured", "batch"]) {
      await using client = await triggerTrial(http, { url: `${url}/events`, contentMode });
      await client.fire({ payload: Buffer.from("{}"), events: new Map([["d", eventOf("{}")]]) });
    }
    expect(source.taken.map(({ receipt }) => receipt.outcome)).toEqual(["stored", "duplicate", "duplicate"]);
  });
});

describe("a whole run", () => {
  interface Call {
    readonly path: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }

  /** A target that keeps what it is sent; `next` waits for it. */
  async function target() {
    const calls: Call[] = [];
    let wake = (): void => undefined;
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        calls.push({ path: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
        response.end();
        wake();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    opened.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    return {
      address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async to(path: string): Promise<Call> {
        for (;;) {
          const found = calls.findIndex((call) => call.path === path);
          if (found >= 0) return calls.splice(found, 1)[0] as Call;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      },
    };
  }

  test("an event keeps its attributes on its way, batches are split and made, and sensors see what Argo's see", async () => {
    const { address, to } = await target();
    const manifest = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    in: {endpoint: /in, method: POST, port: "${port}"}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - {name: d, eventSourceName: web, eventName: in}
  triggers:
    - template:
        name: forward
        http:
          url: ${address}/forward
          contentMode: batch
          payload: [{src: {dependencyName: d, dataKey: body.data, useRawData: true}, dest: data}]
      batch: {size: 2, window: 10s}
    - template:
        name: whole
        http:
          url: ${address}/whole
          payload: [{src: {dependencyName: d, contextKey: id}, dest: id}, {src: {dependencyName: d}, dest: event}]
`;
    const planned = planTexts([{ file: "ce.yaml", folder: ".", named: true, text: manifest }], lists);
    expect(planned.findings).toEqual([]);
    const run = await standardRun({ manifests: { ...planned, files: [] }, dataDir: undefined, drainTimeoutMs: 20 });
    opened.defer(() => run.stop());
    const event = { specversion: "1.0", source: "/shops/7", type: "order.made", tenant: "blue" };
    const events = ["1", "2"].map((id) => ({ ...event, id, subject: `order ${id}`, data: Number(id) }));
    const send = async () => {
      const answer = await fetch(`${url}/in`, {
        method: "POST",
        headers: { "Content-Type": "application/cloudevents-batch+json", Accept: "application/json" },
        body: JSON.stringify([...events, events[0]]),
      });
      expect(answer.status).toBe(200);
      const { items } = (await answer.json()) as { items: { id: string; outcome: string }[] };
      return items;
    };
    const receipts = await send();
    expect(receipts.map(({ outcome }) => outcome)).toEqual(["stored", "stored", "duplicate"]);
    expect((await send()).map(({ outcome }) => outcome)).toEqual(["duplicate", "duplicate", "duplicate"]);

    const forwarded = await to("/forward");
    expect(forwarded.headers["content-type"]).toBe("application/cloudevents-batch+json; charset=utf-8");
    const sent = JSON.parse(forwarded.body) as Record<string, unknown>[];
    expect(sent).toMatchObject([
      { source: "/default/s/forward", type: "order.made", subject: "order 1", data: { data: 1 } },
      { source: "/default/s/forward", type: "order.made", data: { data: 2 } },
    ]);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(2);
    for (const { id } of sent) expect(id).toMatch(/^[0-9a-f]{32}$/);

    const whole = JSON.parse((await to("/whole")).body) as { id: string; event: string };
    const { context } = JSON.parse(whole.event) as { context: object };
    expect(receipts.map(({ id }) => id)).toContain(whole.id);
    expect(Object.keys(context)).toEqual(["id", "source", "specversion", "type", "datacontenttype", "subject", "time"]);
  });
});

test("a sensor's view of an event has no extensions, whatever they are", () => {
  const plain: Event = eventOf('{"body":1}');
  const marked: Event = { ...plain, extensions: { ceid: "1", tenant: "blue" } };
  expect(eventJson(marked)).toBe(eventJson(plain));
});

test("a sender cannot write the extensions that are ours", () => {
  const kept = extensionsOf(new Map([replayExtension, "senttime", "ceid"].map((name) => [name, "theirs"])));
  expect(Object.keys(kept)).toEqual(["cereplayid", "cesenttime", "ceceid"]);
});
