import { afterEach, describe, expect, it } from "vitest";
import type { Event } from "../../lib/event.ts";
import { http } from "../http.ts";
import { eventOf } from "../trial.ts";
import { fireOnce, header, jsonBody, payload, trialTargets } from "./trial-targets.ts";

const { target, close } = trialTargets();
afterEach(close);

const plain = eventOf("{}");
const fromOutside: Event = {
  ...plain,
  extensions: { cetype: "order.made", cesubject: "größe 7", cetime: "2026-01-01T00:00:00.5+01:00", ceid: "theirs" },
};
const events = (event: Event) => new Map([["d", event]]);
const call = { payload: jsonBody, events: events(plain), key: "firing-1" };
const traceOf = (digit: string) => ({ traceparent: `00-${digit.repeat(32)}-${"b".repeat(16)}-01` });

const ceHeaders = (headers: readonly string[] = []) =>
  Object.fromEntries(
    headers.flatMap((name, at) => (at % 2 === 0 && name.startsWith("ce-") ? [[name, headers[at + 1]]] : [])),
  );

describe("contentMode binary", () => {
  it("sends the attributes as headers, and body and content type as without it", async () => {
    const { url, seen } = await target();
    await fireOnce({ url, payload, contentMode: "binary" }, call);
    expect(ceHeaders(seen[0]?.headers)).toEqual({
      "ce-specversion": "1.0",
      "ce-id": "firing-1",
      "ce-source": "/default/shop/act",
      "ce-type": "webhook",
      "ce-subject": "order",
      "ce-time": "2026-01-05T09:00:00Z",
      "ce-traceparent": traceOf("a").traceparent,
    });
    expect(header(seen[0], "traceparent")).toBe(traceOf("a").traceparent);
    expect(seen[0]?.body).toBe('{"a":1}');
    expect(header(seen[0], "Content-Type")).toBe("application/json");
    expect(header(seen[0], "Idempotency-Key")).toBe("firing-1");
    expect(header(seen[0], "ce-datacontenttype")).toBeUndefined();
  });

  it("has type, subject and time as the sender of a CloudEvent gave them, percent-encoded", async () => {
    const { url, seen } = await target();
    await fireOnce({ url, contentMode: "binary" }, { events: events(fromOutside), trigger: "send it" });
    expect(ceHeaders(seen[0]?.headers)).toMatchObject({
      "ce-source": "/default/shop/send%2520it",
      "ce-type": "order.made",
      "ce-subject": "gr%C3%B6%C3%9Fe%207",
      "ce-time": "2026-01-01T00:00:00.5+01:00",
    });
    expect(seen[0]?.body).toBe("");
    expect(header(seen[0], "Content-Type")).toBeUndefined();
  });

  it("has what the manifest says instead, and the manifest's own headers before all", async () => {
    const { url, seen } = await target();
    const cloudEvent = { type: "com.example.packed", source: "urn:pack", subject: "S" };
    const headers = { "CE-Type": "mine", "ce-tenant": "blue", "content-type": "application/vnd.order+json" };
    await fireOnce({ url, payload, contentMode: "binary", cloudEvent, headers }, call);
    expect(ceHeaders(seen[0]?.headers)).toMatchObject({
      "ce-source": "urn:pack",
      "ce-subject": "S",
      "ce-tenant": "blue",
    });
    expect(header(seen[0], "CE-Type")).toBe("mine");
    expect(header(seen[0], "ce-type")).toBeUndefined();
    expect(header(seen[0], "content-type")).toBe("application/vnd.order+json");
    expect(header(seen[0], "Content-Type")).toBeUndefined();
  });
});

describe("contentMode structured", () => {
  it("sends one envelope with the body byte for byte", async () => {
    const { url, seen } = await target();
    await fireOnce({ url, payload, contentMode: "structured" }, { ...call, payload: Buffer.from('{"a": 1.0}') });
    expect(seen[0]?.body).toBe(
      '{"specversion":"1.0","id":"firing-1","source":"/default/shop/act","type":"webhook","subject":"order",' +
        `"time":"2026-01-05T09:00:00Z","traceparent":"${traceOf("a").traceparent}",` +
        '"datacontenttype":"application/json","data":{"a": 1.0}}',
    );
    expect(header(seen[0], "Content-Type")).toBe("application/cloudevents+json; charset=utf-8");
    expect(ceHeaders(seen[0]?.headers)).toEqual({});
  });

  it.each([
    [Buffer.from('say "hi"\n'), { datacontenttype: "text/plain; charset=utf-8", data: 'say "hi"\n' }],
    [Buffer.from([0xff, 0]), { datacontenttype: "application/octet-stream", data_base64: "/wA=" }],
    // too long for a look at every byte elsewhere: here a mistake would break the envelope
    [Buffer.from(`{${"x".repeat(2 ** 20)}`), { datacontenttype: "text/plain; charset=utf-8" }],
    [Buffer.from("12"), { datacontenttype: "application/json", data: 12 }],
  ])("has other data as text or base64 (%#)", async (body, members) => {
    const { url, seen } = await target();
    await fireOnce({ url, contentMode: "structured" }, { ...call, payload: body });
    expect(JSON.parse(seen[0]?.body ?? "")).toMatchObject(members);
  });

  it("has no data where there is no body", async () => {
    const { url, seen } = await target();
    await fireOnce({ url, contentMode: "structured" }, { ...call, payload: undefined });
    const sent = JSON.parse(seen[0]?.body ?? "");
    expect(sent).not.toHaveProperty("data");
    expect(sent).not.toHaveProperty("datacontenttype");
  });
});

describe("contentMode batch", () => {
  it("sends an array of one event for one firing", async () => {
    const { url, seen } = await target();
    await fireOnce({ url, payload, contentMode: "batch" }, call);
    expect(JSON.parse(seen[0]?.body ?? "")).toMatchObject([{ id: "firing-1", data: { a: 1 } }]);
    expect(header(seen[0], "Content-Type")).toBe("application/cloudevents-batch+json; charset=utf-8");
  });

  it("sends an event for each firing of a call for several", async () => {
    const { url, seen } = await target();
    const items = ["1", "2", "3"].map((digit) => ({ trace: traceOf(digit) }));
    const batch = { size: 3, keys: ["f1", "f2", "f3"], items };
    const bodies = Buffer.from('[{"a": 1.0}, "x,]" ,null]');
    await fireOnce({ url, payload, contentMode: "batch" }, { ...call, payload: bodies, key: "b", batch } as never);
    expect(seen[0]?.body).toContain('"data":{"a": 1.0}}');
    const sent = JSON.parse(seen[0]?.body ?? "") as { id: string; traceparent: string; data?: unknown }[];
    expect(sent.map(({ traceparent }) => traceparent)).toEqual(items.map(({ trace }) => trace.traceparent));
    expect(sent.map(({ id, data }) => [id, data])).toEqual([
      ["f1", { a: 1 }],
      ["f2", "x,]"],
      ["f3", undefined],
    ]);
    expect(header(seen[0], "Tidemill-Batch-Size")).toBe("3");
  });
});

describe("what is shown of it", () => {
  const render = (contentMode: string) => {
    const config = http.config.parse({ url: "http://localhost/x", contentMode, payload });
    const none = async () => "";
    return http.render?.({
      config,
      namespace: "default",
      folder: "/nowhere",
      sensor: "shop",
      trigger: "act",
      payload: jsonBody,
      events: events(plain),
      resolve: () => new Map(),
      secret: none,
      configMap: none,
      // what else a call has is not looked at
    } as unknown as Parameters<NonNullable<typeof http.render>>[0]);
  };

  it("is the request without the id, which each firing has anew", async () => {
    expect(await render("binary")).toEqual({
      method: "POST",
      url: "http://localhost/x",
      headers: {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-source": "/default/shop/act",
        "ce-type": "webhook",
        "ce-subject": "order",
        "ce-time": "2026-01-05T09:00:00Z",
      },
      body: '{"a":1}',
    });
    const structured = (await render("structured"))?.body;
    expect(structured).toMatch(/^\{"specversion":"1.0","source":.*"data":\{"a":1\}\}$/);
    expect((await render("batch"))?.body).toBe(`[${structured}]`);
  });
});

describe("lint", () => {
  const warnings = (config: object) =>
    [...(http.lint?.(http.config.parse({ url: "http://x/", ...config })) ?? [])].map(({ severity, path }) => [
      severity,
      path.join("."),
    ]);

  it("warns of attributes without a mode, and of a content type that hides the mode", () => {
    expect(warnings({ cloudEvent: { type: "x" } })).toEqual([["warning", "cloudEvent"]]);
    const headers = { "content-TYPE": "application/json" };
    expect(warnings({ contentMode: "structured", headers })).toEqual([["warning", "headers.content-TYPE"]]);
    expect(warnings({ contentMode: "binary", headers })).toEqual([]);
    const own = { "Content-Type": "application/cloudevents+json" };
    expect(warnings({ contentMode: "structured", cloudEvent: { type: "x" }, headers: own })).toEqual([]);
    expect(http.config.safeParse({ contentMode: "xml" }).success).toBe(false);
  });
});
