import { describe, expect, test } from "vitest";
import { dataOf, type TrialOptions, trial } from "../kit/testing.ts";
import { type MemoryRequest, memoryListener } from "../kit/testing-listener.ts";
import { webhook } from "./webhook.ts";

const entry = { endpoint: "/orders", method: "POST", port: "12000" };

/** A running webhook, and a way to send it requests. */
async function open(config: object = {}, options: TrialOptions = {}) {
  const http = memoryListener();
  const running = trial(webhook, { ...entry, ...config }, { ...options, http });
  await running.ready();
  return {
    running,
    http,
    send: (request: Partial<MemoryRequest> = {}) => http.request({ path: "/orders", ...request }),
    async dataOf(request: Partial<MemoryRequest>) {
      const answer = await http.request({ path: "/orders", ...request });
      expect(answer).toMatchObject({ status: 200, body: "success" });
      return dataOf(await running.next()).text;
    },
    [Symbol.asyncDispose]: () => running.stop(),
  };
}

describe("the event", () => {
  test("of a POST has header, body and metadata as Argo Events marshals them", async () => {
    await using hook = await open({ metadata: { team: "a&b", area: "eu" } });
    const text = await hook.dataOf({
      headers: { Host: "x", "user-agent": "curl/8", "content-type": "text/anything", Accept: "*/*" },
      body: '{ "b": 1.0, "a": [ 12345678901234567890, "<x>" ] }',
    });
    expect(text).toBe(
      '{"header":{"Accept":["*/*"],"Content-Type":["text/anything"],"User-Agent":["curl/8"]},' +
        '"body":{"b":1.0,"a":[12345678901234567890,"\\u003cx\\u003e"]},' +
        '"metadata":{"area":"eu","team":"a\\u0026b"}}',
    );
  });

  test("of a GET has the query", async () => {
    await using hook = await open({ method: "GET" });
    expect(await hook.dataOf({ method: "GET", query: "b=2&a=1&b=x+y" })).toBe(
      '{"header":{},"body":{"a":["1"],"b":["2","x y"]}}',
    );
    expect(await hook.dataOf({ method: "GET" })).toBe('{"header":{},"body":{}}');
  });

  test("of a form has its fields, with or without a charset", async () => {
    await using hook = await open();
    for (const type of ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"]) {
      expect(await hook.dataOf({ headers: { "Content-Type": type }, body: "a=1&a=2&b=%26" })).toBe(
        `{"header":{"Content-Type":["${type}"]},"body":{"a":["1","2"],"b":["\\u0026"]}}`,
      );
    }
  });

  test.each([
    ["text/plain", "hello <world>", '"hello \\u003cworld\\u003e"'],
    ["text/plain", "123", "123"],
    ["application/xml", "<a/>", '"\\u003ca/\\u003e"'],
    ["image/svg+xml; charset=utf-8", "<svg/>", '"\\u003csvg/\\u003e"'],
    ["text/plain; charset=iso-8859-1", Buffer.from([0x63, 0xe9]), '"cé"'],
    ["application/octet-stream", Buffer.from([0, 255, 1]), '"AP8B"'],
    ["image/png", Buffer.from([0x89, 0x50]), '"iVA="'],
    ["application/octet-stream", '{"still": "json"}', '{"still":"json"}'],
  ])("of %s keeps what was sent (%j)", async (type, body, json) => {
    await using hook = await open();
    expect(await hook.dataOf({ headers: { "Content-Type": type }, body })).toBe(
      `{"header":{"Content-Type":["${type}"]},"body":${json}}`,
    );
  });

  test("of other methods has the body, or the query where there is none", async () => {
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      await using hook = await open({ method });
      expect(await hook.dataOf({ method, body: '{"a":1}' })).toBe('{"header":{},"body":{"a":1}}');
    }
    await using hook = await open({ method: "DELETE" });
    expect(await hook.dataOf({ method: "DELETE", query: "id=5" })).toBe('{"header":{},"body":{"id":["5"]}}');
  });

  test("keeps __proto__ keys as data", async () => {
    await using hook = await open();
    expect(await hook.dataOf({ body: '{"__proto__":{"polluted":1},"constructor":2}' })).toBe(
      '{"header":{},"body":{"__proto__":{"polluted":1},"constructor":2}}',
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe("the sender hears", () => {
  test("200 with the event's id, or the receipt as JSON", async () => {
    await using hook = await open();
    const answer = await hook.send({ body: "{}" });
    const { receipt } = await hook.running.next();
    expect(answer).toEqual({ status: 200, headers: { "Tidemill-Event-Id": receipt.id }, body: "success" });
    hook.running.answer(() => ({ outcome: "filtered", reason: "filter.expression is false" }));
    const filtered = await hook.send({ body: "{}", headers: { accept: "application/json" } });
    expect(filtered.status).toBe(200);
    expect(JSON.parse(String(filtered.body))).toEqual({
      id: filtered.headers?.["Tidemill-Event-Id"],
      outcome: "filtered",
      reason: "filter.expression is false",
    });
  });

  test("nothing but a rejection while the bus is down, which the listener answers with 503", async () => {
    await using hook = await open();
    hook.running.break();
    await expect(hook.send({ body: "{}" })).rejects.toThrow("the trial's bus is down");
    expect(hook.running.taken).toEqual([]);
    hook.running.mend();
    expect((await hook.send({ body: "{}" })).status).toBe(200);
  });

  test("422 and why when the bus refuses the event", async () => {
    await using hook = await open();
    hook.running.answer(() => ({ outcome: "refused", reason: "the event is larger than 1 MiB" }));
    expect(await hook.send({ body: "{}" })).toMatchObject({ status: 422, body: "the event is larger than 1 MiB\n" });
  });

  test.each([
    ["no body", {}, "the body is empty"],
    ["broken JSON", { body: "{", headers: { "Content-Type": "application/json" } }, "the body is not JSON"],
    ["broken JSON of a +json type", { body: "{", headers: { "Content-Type": "application/x+json" } }, "not JSON"],
    ["broken JSON without a type", { body: "hello" }, "the body is not JSON"],
    ["JSON that is no UTF-8", { body: Buffer.from([0x22, 0xff, 0x22]) }, "the body is not UTF-8"],
    ["text in another charset", { body: Buffer.from([0xff]), headers: { "Content-Type": "text/plain" } }, "utf-8"],
    ["an unknown charset", { body: "é", headers: { "Content-Type": "text/plain; charset=x" } }, "the body is not x"],
    ["a malformed form", { body: "a=%z", headers: { "Content-Type": "application/x-www-form-urlencoded" } }, "form"],
    ["JSON 100,000 levels deep", { body: "[".repeat(100_000) }, "nested deeper than 10000 levels"],
  ])("400 and why for %s", async (_what, request, why) => {
    await using hook = await open();
    expect(await hook.send(request)).toMatchObject({ status: 400, body: expect.stringContaining(why) });
    expect(hook.running.emits).toBe(0);
  });
});

describe("authSecret", () => {
  const secured = { authSecret: { name: "hook", key: "token" } };
  const secrets = { "hook/token": "s3cret" };

  test("lets in only who has the token, and keeps it out of the event", async () => {
    await using hook = await open(secured, { secrets });
    const answer = (authorization?: string) =>
      hook.send({ body: "{}", ...(authorization === undefined ? {} : { headers: { Authorization: authorization } }) });
    expect(await answer()).toMatchObject({ status: 401, body: "Invalid Authorization Header\n" });
    expect(await answer("Basic s3cret")).toMatchObject({ status: 401, body: "Invalid Authorization Header\n" });
    expect(await answer("Bearer s3cre")).toMatchObject({ status: 401, body: "Invalid Auth token\n" });
    expect(hook.running.emits).toBe(0);
    expect(await answer("Bearer s3cret")).toMatchObject({ status: 200 });
    expect(dataOf(await hook.running.next()).text).toBe(
      '{"header":{"Authorization":["*** Masked Auth Secret ***"]},"body":{}}',
    );
    expect(JSON.stringify(hook.running.log)).not.toContain("s3cret");
  });

  test("lets nobody in while it cannot be read, or is empty", async () => {
    await using hook = await open(secured);
    expect(await hook.send({ body: "{}" })).toEqual({ status: 500, body: "Error loading auth token\n" });
    await using empty = await open(secured, { secrets: { "hook/token": "" } });
    expect(await empty.send({ body: "{}", headers: { Authorization: "Bearer " } })).toMatchObject({ status: 401 });
  });
});

test("the route is what the entry says, and is gone after the stop", async () => {
  await using hook = await open({ endpoint: "orders", maxPayloadSize: 10 });
  expect(hook.http.routes).toEqual([
    { port: 12000, path: "/orders", method: "POST", maxBytes: 10, owner: "default/trial/example", handshake: {} },
  ]);
  await hook.running.stop();
  expect(hook.http.routes).toEqual([]);
});

test("a missing method is taken for POST, and lint says so", async () => {
  const { method: _, ...rest } = entry;
  const config = webhook.config.parse(rest);
  expect([...(webhook.lint?.(config) ?? [])]).toMatchObject([{ severity: "warning", code: "METHOD_MISSING" }]);
  expect([...(webhook.lint?.(webhook.config.parse(entry)) ?? [])]).toEqual([]);
  expect(webhook.ports?.(config)).toEqual([12000]);
  const http = memoryListener();
  await using running = trial(webhook, rest, { http });
  await running.ready();
  expect(http.routes[0]?.method).toBe("POST");
});

test("a trace is taken from the headers, W3C's before X-Ray's, and changes nothing that a target sees", async () => {
  await using hook = await open();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const aws = "Root=1-11111111-222222222222222222222222;Parent=3333333333333333;Sampled=0";
  const traced = async (headers: Record<string, string>) => {
    await hook.send({ headers, body: "{}" });
    return (await hook.running.next()).draft;
  };
  expect((await traced({})).trace).toBeUndefined();
  expect((await traced({ traceparent: "00-junk" })).trace).toBeUndefined();
  expect((await traced({ "X-Amzn-Trace-Id": aws })).trace).toEqual({
    traceparent: "00-11111111222222222222222222222222-3333333333333333-00",
  });
  const draft = await traced({ Traceparent: traceparent, Tracestate: "a=1", "X-Amzn-Trace-Id": aws });
  expect(draft.trace).toEqual({ traceparent, tracestate: "a=1" });
  expect(draft.extensions).toBeUndefined();
  expect(Buffer.from(draft.data).toString()).toBe(
    `{"header":{"Traceparent":["${traceparent}"],"Tracestate":["a=1"],"X-Amzn-Trace-Id":["${aws}"]},"body":{}}`,
  );
});
