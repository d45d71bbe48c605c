import { describe, expect, test } from "vitest";
import { dataOf, type TrialOptions, trial } from "../kit/testing.ts";
import { type MemoryRequest, memoryListener } from "../kit/testing-listener.ts";
import { webhook } from "./webhook.ts";

const entry = { endpoint: "/orders", method: "POST", port: "12000" };
const single = "application/cloudevents+json";
const many = "application/cloudevents-batch+json";

async function open(config: object = {}, options: TrialOptions = {}) {
  const http = memoryListener();
  const running = trial(webhook, { ...entry, ...config }, { ...options, http });
  await running.ready();
  return {
    running,
    http,
    send: (request: Partial<MemoryRequest> = {}) => http.request({ path: "/orders", ...request }),
    sendJson: (type: string, body: unknown, headers: object = {}) =>
      http.request({
        path: "/orders",
        headers: { "Content-Type": type, ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: () => running.stop(),
  };
}

const required = { "ce-specversion": "1.0", "ce-id": "A-1", "ce-source": "/shops/7", "ce-type": "order.made" };
const event = { specversion: "1.0", id: "A-1", source: "/shops/7", type: "order.made" };

describe("binary mode", () => {
  test("keeps header and body as of any request, and the attributes as extensions", async () => {
    await using hook = await open();
    const answer = await hook.send({
      headers: {
        ...required,
        "CE-Subject": "Euro%20%E2%82%AC",
        "Ce-Time": "2026-01-05T09:00:00.123456Z",
        "ce-dataschema": "urn:x",
        "ce-tenant": "blue",
        "ce-senttime": "theirs",
        "ce-my-own": "no attribute",
        "Content-Type": "application/json",
      },
      body: '{ "b": 1.0 }',
    });
    expect(answer).toMatchObject({ status: 200, body: "success" });
    const taken = await hook.running.next();
    expect(dataOf(taken).text).toBe(
      '{"header":{"Ce-Dataschema":["urn:x"],"Ce-Id":["A-1"],"Ce-My-Own":["no attribute"],"Ce-Senttime":["theirs"],' +
        '"Ce-Source":["/shops/7"],"Ce-Specversion":["1.0"],"Ce-Subject":["Euro%20%E2%82%AC"],"Ce-Tenant":["blue"],' +
        '"Ce-Time":["2026-01-05T09:00:00.123456Z"],"Ce-Type":["order.made"],"Content-Type":["application/json"]},' +
        '"body":{"b":1.0}}',
    );
    expect(taken.draft).toMatchObject({ upstreamId: '["/shops/7","A-1"]', sentUs: 1_767_603_600_123_456 });
    expect(taken.draft.extensions).toEqual({
      ceid: "A-1",
      cesource: "/shops/7",
      cetype: "order.made",
      cesubject: "Euro €",
      cetime: "2026-01-05T09:00:00.123456Z",
      cedataschema: "urn:x",
      cedatacontenttype: "application/json",
      tenant: "blue",
      cesenttime: "theirs",
    });
  });

  test("takes an event without data, and other data as of any request", async () => {
    await using hook = await open();
    const bodyAfter = async (headers: Record<string, string>, body: string) => {
      expect(await hook.send({ headers: { ...required, ...headers }, body })).toMatchObject({ status: 200 });
      return (dataOf(await hook.running.next()).json as { body: unknown }).body;
    };
    expect(await bodyAfter({}, "")).toBe(null);
    expect(await bodyAfter({ "Content-Type": "application/json" }, "")).toBe(null);
    expect(await bodyAfter({ "Content-Type": "text/plain" }, "hello")).toBe("hello");
    expect(await bodyAfter({ "Content-Type": "application/octet-stream" }, "\u0000")).toBe("AA==");
    // a format that is not understood is data like any other
    expect(await bodyAfter({ "Content-Type": "application/cloudevents+avro" }, "\u0000")).toBe("AA==");
  });

  test.each<[string, Record<string, string>, string]>([
    ["a missing id", { "ce-id": "-" }, "the CloudEvent has no id"],
    ["a missing source", { "ce-source": "-" }, "the CloudEvent has no source"],
    ["a missing type", { "ce-type": "-" }, "the CloudEvent has no type"],
    ["an empty id", { "ce-id": "" }, "the CloudEvent has an empty id"],
    ["another specversion", { "ce-specversion": "0.3" }, 'specversion "0.3"'],
    ["an empty specversion", { "ce-specversion": "" }, "empty specversion"],
    ["a time that is none", { "ce-time": "yesterday" }, "time"],
    ["bytes that are no UTF-8", { "ce-subject": "%C0%A0" }, "ce-subject that is not UTF-8"],
    ["the same attribute twice", { "Ce-Type": "x" }, "two headers ce-type"],
    ["a broken body", { "Content-Type": "application/json" }, "the body is not JSON"],
  ])("answers %s with 400 and what is wrong", async (_what, change, why) => {
    await using hook = await open();
    const headers = Object.fromEntries(Object.entries({ ...required, ...change }).filter(([, value]) => value !== "-"));
    expect(await hook.send({ headers, body: "{" })).toMatchObject({ status: 400, body: expect.stringContaining(why) });
    expect(hook.running.emits).toBe(0);
  });

  test("is only what says ce-specversion: anything else is a request as before, and no duplicate", async () => {
    await using hook = await open();
    const { "ce-specversion": _, ...rest } = required;
    for (let i = 0; i < 2; i++) expect((await hook.send({ headers: rest, body: "{}" })).status).toBe(200);
    expect(hook.running.taken.map(({ receipt }) => receipt.outcome)).toEqual(["stored", "stored"]);
    expect(hook.running.taken[0]?.draft).not.toHaveProperty("extensions");
    await using query = await open({ method: "GET" });
    expect((await query.send({ method: "GET", headers: { "ce-specversion": "?" } })).status).toBe(200);
  });
});

describe("structured mode", () => {
  test("has the envelope as it came as body, and the same attributes", async () => {
    await using hook = await open();
    const text = `{ "specversion":"1.0", "id":"A-1","source":"/shops/7","type":"order.made","subject":null,
      "time":"2026-01-05T09:00:00Z","datacontenttype":"text/xml","tenant":"blue","retries":3,"paid":true,
      "Capital":"x","deep":{"a":1},"amount":1.50,"__proto__":"x","constructor":"y","data":"<a/>" }`;
    expect(await hook.sendJson("Application/CloudEvents+JSON; charset=UTF-8", text)).toMatchObject({ status: 200 });
    const taken = await hook.running.next();
    expect(dataOf(taken).text).toBe(
      '{"header":{"Content-Type":["Application/CloudEvents+JSON; charset=UTF-8"]},"body":{"specversion":"1.0",' +
        '"id":"A-1","source":"/shops/7","type":"order.made","subject":null,"time":"2026-01-05T09:00:00Z",' +
        '"datacontenttype":"text/xml","tenant":"blue","retries":3,"paid":true,"Capital":"x","deep":{"a":1},' +
        '"amount":1.50,"__proto__":"x","constructor":"y","data":"\\u003ca/\\u003e"}}',
    );
    expect(taken.draft).toMatchObject({ upstreamId: '["/shops/7","A-1"]', sentUs: 1_767_603_600_000_000 });
    expect(Object.entries(taken.draft.extensions ?? {})).toEqual([
      ["ceid", "A-1"],
      ["cesource", "/shops/7"],
      ["cetype", "order.made"],
      ["cetime", "2026-01-05T09:00:00Z"],
      ["cedatacontenttype", "text/xml"],
      ["tenant", "blue"],
      ["retries", "3"],
      ["paid", "true"],
      ["constructor", "y"],
    ]);
  });

  test.each<[string, unknown, string]>([
    ["no object", [event], "the CloudEvent is no JSON object"],
    ["a missing id", { ...event, id: undefined }, "the CloudEvent has no id"],
    ["a null id", { ...event, id: null }, "the CloudEvent has no id"],
    ["an id that is a number", { ...event, id: 1 }, "a number as id, not a string"],
    ["a source that is a list", { ...event, source: [] }, "a list as source"],
    ["specversion 1", { ...event, specversion: "1" }, 'specversion "1"'],
    ["an empty subject", { ...event, subject: "" }, "an empty subject"],
    ["a date without a time", { ...event, time: "2026-01-05" }, "time"],
    ["data twice", { ...event, data: 1, data_base64: "MQ==" }, "both data and data_base64"],
    ["nothing", "", "the body is empty"],
    ["broken JSON", "{", "the body is not JSON"],
    ["JSON 100,000 levels deep", "[".repeat(100_000), "nested deeper"],
  ])("answers %s with 400 and what is wrong", async (_what, body, why) => {
    await using hook = await open();
    expect(await hook.sendJson(single, body)).toMatchObject({ status: 400, body: expect.stringContaining(why) });
    expect(hook.running.emits).toBe(0);
  });

  test("a time that no delay can be counted from is kept, and not counted from", async () => {
    await using hook = await open();
    for (const time of ["1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"]) {
      expect((await hook.sendJson(single, { ...event, id: time, time })).status).toBe(200);
      const { draft } = await hook.running.next();
      expect(draft.extensions?.cetime).toBe(time);
      expect(draft).not.toHaveProperty("sentUs");
    }
  });
});

describe("batch mode", () => {
  test("makes an event of each element, with its own envelope as body", async () => {
    await using hook = await open({ metadata: { team: "a" } });
    const body = `[ {"specversion":"1.0","id":"1","source":"s","type":"t","data":[1.0, 2]} ,
      {"specversion":"1.0","id":"2","source":"s","type":"t"} ]`;
    expect(await hook.sendJson(many, body)).toMatchObject({ status: 200, body: "success" });
    expect(hook.running.emits).toBe(1);
    expect(hook.running.taken.map(({ draft }) => draft.extensions?.ceid)).toEqual(["1", "2"]);
    expect(dataOf(await hook.running.next()).text).toBe(
      `{"header":{"Content-Type":["${many}"]},"body":{"specversion":"1.0","id":"1","source":"s","type":"t",` +
        '"data":[1.0,2]},"metadata":{"team":"a"}}',
    );
  });

  test("may be empty", async () => {
    await using hook = await open();
    expect(await hook.sendJson(many, [])).toMatchObject({ status: 200, body: "success" });
    expect(hook.running.emits).toBe(0);
  });

  test.each<[string, unknown, string]>([
    ["no list", event, "the batch is no JSON array"],
    ["one element without type", [event, { ...event, type: "" }], "event 1 of the batch: the CloudEvent has an empty"],
    ["one element that is no object", [event, event, 1], "event 2 of the batch: the CloudEvent is no JSON object"],
  ])("takes nothing of a batch that is %s", async (_what, body, why) => {
    await using hook = await open();
    expect(await hook.sendJson(many, body)).toMatchObject({ status: 400, body: expect.stringContaining(why) });
    expect(hook.running.emits).toBe(0);
  });

  test("names the events that were refused, and tells of each to who asks for JSON", async () => {
    await using hook = await open();
    hook.running.answer(({ extensions }) =>
      extensions?.ceid === "2" ? { outcome: "refused", reason: "it is too large" } : { outcome: "stored" },
    );
    const batch = ["1", "2", "3"].map((id) => ({ ...event, id }));
    expect(await hook.sendJson(many, batch)).toMatchObject({
      status: 422,
      body: "event 1 of the batch: it is too large\n",
    });
    const answer = await hook.sendJson(many, batch, { Accept: "application/json" });
    expect(answer.status).toBe(200);
    expect(JSON.parse(String(answer.body))).toEqual({
      items: hook.running.taken.slice(3).map(({ receipt }) => ({ id: receipt.id, outcome: "duplicate" })),
    });
  });

  test("is told 200 only when all of a large one is durable; what was stored before is then a duplicate", async () => {
    await using hook = await open();
    const batch = Array.from({ length: 1_000 }, (_, i) => ({ ...event, id: String(i) }));
    let seen = 0;
    hook.running.answer(() => {
      if (++seen === 600) hook.running.break();
      return { outcome: "stored" };
    });
    await expect(hook.sendJson(many, batch)).rejects.toThrow("the trial's bus is down");
    const before = hook.running.taken.length;
    expect(before).toBeLessThan(1_000);
    hook.running.mend();
    expect((await hook.sendJson(many, batch)).status).toBe(200);
    const outcomes = hook.running.taken.map(({ receipt }) => receipt.outcome);
    expect(outcomes.filter((outcome) => outcome === "stored")).toHaveLength(1_000);
    expect(outcomes.filter((outcome) => outcome === "duplicate")).toHaveLength(before);
  });
});

describe("a repeated delivery", () => {
  test("is a visible duplicate answered with 200, in whatever mode it comes", async () => {
    await using hook = await open();
    await hook.send({ headers: required, body: "{}" });
    const again = await hook.sendJson(single, event, { Accept: "application/json" });
    expect(again.status).toBe(200);
    expect(JSON.parse(String(again.body))).toMatchObject({ outcome: "duplicate" });
    expect((await hook.sendJson(many, [event])).status).toBe(200);
    expect((await hook.sendJson(single, { ...event, source: "/shops/8" })).status).toBe(200);
    const outcomes = hook.running.taken.map(({ receipt }) => receipt.outcome);
    expect(outcomes).toEqual(["stored", "duplicate", "duplicate", "stored"]);
  });
});

describe("allowedOrigins", () => {
  const restricted = { allowedOrigins: ["Events.Example.com"] };

  test("lets in only deliveries that name one of them", async () => {
    await using hook = await open(restricted);
    const status = async (headers: Record<string, string>) => (await hook.send({ headers, body: "{}" })).status;
    expect(await status({ "WebHook-Request-Origin": "events.example.com" })).toBe(200);
    expect(await status({ Origin: "events.example.com" })).toBe(200);
    expect(await status({ "WebHook-Request-Origin": "evil.example.com" })).toBe(403);
    expect(await status({})).toBe(403);
    expect(hook.running.emits).toBe(2);
  });

  test("does not tell a sender without the token which origins may deliver", async () => {
    const authSecret = { name: "hook", key: "token" };
    await using hook = await open({ ...restricted, authSecret }, { secrets: { "hook/token": "s3cret" } });
    expect((await hook.send({ body: "{}" })).status).toBe(401);
  });

  test("is for all of them with *, and without the field", async () => {
    for (const config of [{ allowedOrigins: ["*"] }, {}]) {
      await using hook = await open(config);
      expect((await hook.send({ headers: { Origin: "x" }, body: "{}" })).status).toBe(200);
    }
  });
});

describe("the trace of a CloudEvent", () => {
  const own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const request = "00-11111111222222222222222222222222-3333333333333333-01";

  test("is that of its extensions, then that of the request", async () => {
    await using hook = await open();
    const traced = async (attributes: object, headers: Record<string, string> = {}) => {
      await hook.sendJson(single, { ...event, ...attributes }, headers);
      const { trace, extensions } = (await hook.running.next()).draft;
      return { trace, traceparent: extensions?.traceparent, tracestate: extensions?.tracestate };
    };
    expect(await traced({})).toEqual({});
    expect(await traced({ traceparent: own, tracestate: "a=1" }, { traceparent: request })).toEqual({
      trace: { traceparent: own, tracestate: "a=1" },
      traceparent: own,
      tracestate: "a=1",
    });
    expect(await traced({}, { traceparent: request })).toEqual({ trace: { traceparent: request } });
  });

  test("is not mixed of the two where the extensions are damaged", async () => {
    await using hook = await open();
    await hook.send({
      headers: { ...required, "ce-traceparent": "junk", "ce-tracestate": "a=1", traceparent: request },
      body: "{}",
    });
    const { trace, extensions } = (await hook.running.next()).draft;
    expect(trace).toEqual({ traceparent: request });
    expect(extensions).not.toHaveProperty("tracestate");
  });

  test("is each event's own in a batch", async () => {
    await using hook = await open();
    await hook.sendJson(
      many,
      [
        { ...event, traceparent: own },
        { ...event, id: "A-2" },
      ],
      { traceparent: request },
    );
    expect([(await hook.running.next()).draft.trace, (await hook.running.next()).draft.trace]).toEqual([
      { traceparent: own },
      { traceparent: request },
    ]);
  });
});
