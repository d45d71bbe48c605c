import {
  EventBridgeClient,
  ListRulesCommand,
  PutEventsCommand,
  type PutEventsRequestEntry,
} from "@aws-sdk/client-eventbridge";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { dataOf, type Trial, type TrialOptions, trial } from "../kit/testing.ts";
import { TideError } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";
import { eventBridge } from "../sources/event-bridge.ts";
import { createListeners, type Listeners } from "./listeners.ts";

const keys = { accessKey: { name: "aws", key: "id" }, secretKey: { name: "aws", key: "secret" } };
const secrets = { "aws/id": "AKIDEXAMPLE", "aws/secret": "word-of-the-secret-key" };

let stack: AsyncDisposableStack;
let http: Listeners;
let port = 0;
let number = 0;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  http = stack.use(createListeners({ log: silentLog }));
  port = await freePort();
});
afterEach(() => stack.disposeAsync());

async function serve(config: object = {}, options: TrialOptions = {}): Promise<Trial> {
  const entry = { namespace: "default", eventSource: "shop", event: `entry-${++number}` };
  const source = stack.use(trial(eventBridge, { port: String(port), ...config }, { http, secrets, entry, ...options }));
  await source.ready();
  return source;
}

function clientWith(credentials: object = {}, more: object = {}): EventBridgeClient {
  const client = new EventBridgeClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    maxAttempts: 1,
    credentials: { accessKeyId: secrets["aws/id"], secretAccessKey: secrets["aws/secret"], ...credentials },
    ...more,
  });
  stack.defer(() => client.destroy());
  return client;
}

const put = (entries: readonly PutEventsRequestEntry[], client = clientWith()) =>
  client.send(new PutEventsCommand({ Entries: [...entries] }));
const job = (n: unknown = 1, more: PutEventsRequestEntry = {}): PutEventsRequestEntry => ({
  Source: "jobs",
  DetailType: "job",
  Detail: JSON.stringify({ n }),
  ...more,
});
const details = (source: Trial): unknown[] =>
  source.taken.map((one) => (dataOf(one).json as { readonly detail: { readonly n: unknown } }).detail.n);

async function raw(body: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`http://127.0.0.1:${port}/`, {
    method: "POST",
    body,
    headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSEvents.PutEvents", ...headers },
  });
  const text = await answer.text();
  return { status: answer.status, type: answer.headers.get("x-amzn-errortype"), text, headers: answer.headers };
}

describe("an event", () => {
  test("has the envelope of EventBridge, and its detail as it was written", async () => {
    const source = await serve({ region: "eu-central-1", account: "123456789012", metadata: { team: "x" } });
    const Detail = '{ "big": 12345678901234567890, "b": 1, "a": "<é>" }';
    const Time = new Date("2026-01-05T09:00:00.250Z");
    const answer = await put(
      [job(0, { Detail, Time, Resources: ["arn:x", "y"] })],
      clientWith({}, { region: "eu-central-1" }),
    );
    expect(answer).toMatchObject({
      FailedEntryCount: 0,
      Entries: [{ EventId: expect.stringMatching(/^[\da-f-]{36}$/) }],
    });
    expect(answer.$metadata.requestId).toMatch(/^[\da-f-]{36}$/);
    const one = await source.next();
    const id = answer.Entries?.[0]?.EventId;
    expect(dataOf(one).text).toBe(
      `{"version":"0","id":"${id}","detail-type":"job","source":"jobs","account":"123456789012",` +
        `"time":"2026-01-05T09:00:00Z","region":"eu-central-1","resources":["arn:x","y"],"detail":${Detail},"metadata":{"team":"x"}}`,
    );
    expect(one.draft).toMatchObject({ upstreamId: id, sentUs: Time.getTime() * 1000 });
  });

  test("without a time has that of its arrival, and no time of sending", async () => {
    const source = await serve();
    await put([job()]);
    const one = await source.next();
    const { time, account, region, resources } = dataOf(one).json as Record<string, unknown>;
    expect(Math.abs(Date.parse(String(time)) - Date.now())).toBeLessThan(60_000);
    expect({ account, region, resources }).toEqual({ account: "000000000000", region: "us-east-1", resources: [] });
    expect(one.draft.sentUs).toBeUndefined();
  });

  test("keeps keys such as __proto__ as data", async () => {
    const source = await serve({ pattern: { detail: { n: [1] } } });
    await put([job(0, { Detail: '{"__proto__":{"x":1},"n":1}' })]);
    expect(dataOf(await source.next()).text).toContain('"detail":{"__proto__":{"x":1},"n":1}');
  });
});

describe("a request", () => {
  test("brings up to ten entries, in order", async () => {
    const source = await serve();
    const answer = await put(Array.from({ length: 10 }, (_, n) => job(n)));
    expect(answer.FailedEntryCount).toBe(0);
    expect(details(source)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(source.emits).toBe(1);
    expect(new Set(answer.Entries?.map(({ EventId }) => EventId)).size).toBe(10);
  });

  test("with eleven entries, none, or no list is refused as a whole", async () => {
    const source = await serve();
    await expect(put(Array.from({ length: 11 }, () => job()))).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringContaining("less than or equal to 10"),
      $metadata: { httpStatusCode: 400 },
    });
    await expect(put([])).rejects.toMatchObject({ name: "ValidationException" });
    for (const [body, type] of [
      ["{}", "ValidationException"],
      ['{"Entries":{}}', "SerializationException"],
      ['{"Entries":[1]}', "SerializationException"],
      ['{"Entries":[{"Source":1}]}', "SerializationException"],
      ['{"Entries":[{"Time":"soon"}]}', "SerializationException"],
      ['{"Entries":[{"Resources":"x"}]}', "SerializationException"],
      ['{"Entries":[{"EventBusName":""}]}', "ValidationException"],
      [`{"Entries":[{"TraceHeader":"${"x".repeat(501)}"}]}`, "ValidationException"],
      ["[", "SerializationException"],
      ["", "SerializationException"],
      ["null", "SerializationException"],
    ]) {
      const answer = await raw(body ?? "");
      expect([body, answer.status, answer.type]).toEqual([body, 400, type]);
      expect(JSON.parse(answer.text)).toMatchObject({ __type: type, message: expect.any(String) });
    }
    expect(source.taken).toEqual([]);
  });

  test("tells of each entry that is wrong, and takes the others", async () => {
    const source = await serve();
    const answer = await put([
      job(0),
      { DetailType: "job", Detail: "{}" },
      { Source: "jobs", Detail: "{}" },
      { Source: "jobs", DetailType: "job" },
      job(0, { Detail: "{" }),
      job(0, { Detail: "[1]" }),
      job(0, { Source: "aws.s3" }),
      job(0, { EventBusName: "elsewhere" }),
      job(0, { DetailType: "x".repeat(129) }),
      job(9),
    ]);
    expect(answer.FailedEntryCount).toBe(8);
    const required = (name: string) => `Parameter ${name} is not valid. Reason: ${name} is a required argument.`;
    expect(answer.Entries?.map(({ ErrorCode, ErrorMessage }) => [ErrorCode, ErrorMessage])).toEqual([
      [undefined, undefined],
      ["InvalidArgument", required("Source")],
      ["InvalidArgument", required("DetailType")],
      ["InvalidArgument", required("Detail")],
      ["MalformedDetail", "Detail is malformed."],
      ["MalformedDetail", "Detail is malformed."],
      ["NotAuthorizedForSourceException", "Not authorized for the source."],
      ["ResourceNotFoundException", "Event bus elsewhere does not exist."],
      ["InvalidArgument", expect.stringContaining("128")],
      [undefined, undefined],
    ]);
    expect(details(source)).toEqual([0, 9]);
  });

  test("may have less than 1 MiB of entries, in bytes of UTF-8", async () => {
    const source = await serve();
    // 14 for the time, 4 and 3 for source and type
    const detail = (bytes: number) => `{"x":"${"é".repeat((bytes - 8) / 2)}"}`;
    const sized = (total: number) => job(0, { Time: new Date(), Detail: detail(total - 14 - 7) });
    await expect(put([sized(1_048_577)])).rejects.toMatchObject({
      name: "ValidationException",
      message: "Total size of the entries in the request is over the limit.",
    });
    await expect(put([sized(524_289), sized(524_287)])).rejects.toMatchObject({ name: "ValidationException" });
    expect((await put([sized(1_048_575)])).FailedEntryCount).toBe(0);
    expect((await put([sized(524_287), sized(524_287)])).FailedEntryCount).toBe(0);
    expect(source.taken.length).toBe(3);
  });

  test("for another operation hears that only PutEvents is served", async () => {
    await serve();
    await expect(clientWith().send(new ListRulesCommand({}))).rejects.toMatchObject({
      name: "UnknownOperationException",
      message: expect.stringContaining("AWSEvents.ListRules is not served here"),
    });
    expect((await raw("{}", { "X-Amz-Target": "" })).type).toBe("UnknownOperationException");
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(405);
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe("OK");
  });

  test("for a bus named by its ARN finds it by name, and by region and account where both are known", async () => {
    const source = await serve({ eventBusName: "arn:aws:events:eu-west-1:123456789012:event-bus/jobs" });
    const arn = (region: string, account: string) => `arn:aws:events:${region}:${account}:event-bus/jobs`;
    const names = [
      "jobs",
      arn("eu-west-1", "123456789012"),
      arn("us-east-1", "123456789012"),
      arn("eu-west-1", "000000000000"),
    ];
    const answer = await put([...names.map((EventBusName) => job(0, { EventBusName })), job()]);
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      undefined,
      ...Array(3).fill("ResourceNotFoundException"),
    ]);
    expect(dataOf(await source.next()).json).toMatchObject({ account: "123456789012", region: "eu-west-1" });
  });
});

describe("the bus", () => {
  test("is asked before the sender is answered", async () => {
    const source = await serve();
    source.hold();
    let answered = false;
    const sent = put([job()]).finally(() => {
      answered = true;
    });
    await source.until(({ emits }) => emits === 1);
    expect(answered).toBe(false);
    source.mend();
    await sent;
    expect(source.taken.length).toBe(1);
  });

  test("that takes nothing is a failure of the request, which the SDK repeats by itself under the same ids", async () => {
    const source = await serve();
    source.break();
    await expect(put([job()])).rejects.toMatchObject({ name: "InternalException", $metadata: { httpStatusCode: 500 } });
    source.break(new TideError("BUS_FULL", "no room"));
    await expect(put([job()])).rejects.toMatchObject({ name: "ThrottlingException" });
    const client = clientWith({}, { maxAttempts: 20 });
    const sent = put([job(1), job(2)], client);
    await source.until(({ emits }) => emits >= 4);
    source.mend();
    expect((await sent).FailedEntryCount).toBe(0);
    expect(details(source)).toEqual([1, 2]);
  });

  test("that refuses an event for good is a failure of that entry alone, and not to be tried again", async () => {
    const source = await serve();
    source.answer(({ data }) =>
      Buffer.from(data).includes('"n":2') ? { outcome: "refused", reason: "it is too large" } : { outcome: "stored" },
    );
    const answer = await put([job(1), job(2)]);
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([undefined, "InvalidArgument"]);
    expect(answer.Entries?.[1]?.ErrorMessage).toContain("it is too large");
  });

  test("has an entry once, if its answer was lost and the SDK sent it again", async () => {
    const source = await serve();
    const headers = { "amz-sdk-invocation-id": "0a0b0c0d-1111-2222-3333-444455556666" };
    const body = JSON.stringify({ Entries: [job(1), job(1)] });
    const first = JSON.parse((await raw(body, headers)).text) as { readonly Entries: readonly { EventId: string }[] };
    const second = JSON.parse((await raw(body, headers)).text) as typeof first;
    expect(second).toEqual(first);
    expect(first.Entries[0]?.EventId).not.toBe(first.Entries[1]?.EventId);
    expect(source.taken.map(({ receipt }) => receipt.outcome)).toEqual(["stored", "stored", "duplicate", "duplicate"]);
    // the id alone proves nothing
    await raw(JSON.stringify({ Entries: [job(2)] }), headers);
    expect(source.taken.at(-1)?.receipt.outcome).toBe("stored");
  });
});

describe("patterns", () => {
  test("say which entries of one port get an event; it goes to each of them", async () => {
    const all = await serve();
    const big = await serve({ pattern: { detail: { n: [{ numeric: [">", 5] }] } } });
    const text = await serve({ pattern: '{"source":["jobs"],"detail-type":["job"]}' });
    const other = await serve({ eventBusName: "other" });
    const answer = await put([job(1), job(9), job(3, { EventBusName: "other" }), job(7, { Source: "shop" })]);
    expect(answer.FailedEntryCount).toBe(0);
    expect(details(all)).toEqual([1, 9, 7]);
    expect(details(big)).toEqual([9, 7]);
    expect(details(text)).toEqual([1, 9]);
    expect(details(other)).toEqual([3]);
    expect(new Set([all, big, text].map(({ taken }) => taken[1]?.draft.upstreamId)).size).toBe(2);
  });

  test("that match an event nowhere leave it recorded as filtered, by one entry", async () => {
    const first = await serve({ pattern: { source: ["a"] } });
    const second = await serve({ pattern: { source: ["b"] } });
    const answer = await put([job()]);
    expect(answer).toMatchObject({ FailedEntryCount: 0, Entries: [{ EventId: expect.any(String) }] });
    const receipts = [...first.taken, ...second.taken].map(({ receipt }) => receipt);
    expect(receipts).toMatchObject([{ outcome: "filtered", reason: "no pattern of event bus default matches" }]);
  });

  test("of an entry that was stopped a moment ago still hold its events back; the others go on", async () => {
    const rest = await serve({ pattern: { source: [{ "anything-but": "jobs" }] } });
    const jobs = await serve({ pattern: { source: ["jobs"] } });
    await jobs.stop();
    const answer = await put([job(1), job(2, { Source: "shop" })]);
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual(["InternalFailure", undefined]);
    expect(details(rest)).toEqual([2]);
  });

  test("fail one entry of a batch exactly, where the bus of one of two addressees does not take it", async () => {
    const well = await serve();
    const ill = await serve({ pattern: { detail: { n: [2] } } });
    ill.break();
    const answer = await put([job(1), job(2), job(3)]);
    expect(answer.FailedEntryCount).toBe(1);
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([undefined, "InternalFailure", undefined]);
    expect(details(well)).toEqual([1, 2, 3]);
  });

  test("that cannot look into an event, for its lists nest too deep, fail that entry alone", async () => {
    const source = await serve({ pattern: { detail: { n: [{ exists: true }] } } });
    const Detail = `{"n":${"[".repeat(600)}1${"]".repeat(600)}}`;
    const answer = await put([job(1), job(0, { Detail })]);
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([undefined, "InvalidArgument"]);
    expect(details(source)).toEqual([1]);
  });

  test("and what else may be wrong in a manifest is found by lint, with its place", () => {
    const found = (config: object) =>
      [...(eventBridge.lint?.(eventBridge.config.parse({ port: "1", ...config })) ?? [])].map(({ path, code }) => [
        code,
        ...path,
      ]);
    expect(found({ pattern: { source: "jobs" } })).toEqual([["EXPRESSION_INVALID", "pattern", "source"]]);
    expect(found({ pattern: '{"source":' })).toEqual([["EXPRESSION_INVALID", "pattern"]]);
    expect(found({ eventBusName: "a b" })).toEqual([["FIELD_VALUE", "eventBusName"]]);
    expect(found({ account: "1" })).toEqual([["FIELD_VALUE", "account"]]);
    expect(found({ accessKey: keys.accessKey })).toEqual([["FIELD_CONFLICT", "accessKey"]]);
    expect(found({ port: "x" })).toEqual([["FIELD_VALUE", "port"]]);
    expect(found({})).toEqual([]);
  });
});

describe("keys", () => {
  test("let in who signs with them, and nobody else", async () => {
    const source = await serve(keys);
    expect((await put([job(1)])).FailedEntryCount).toBe(0);
    const refused = async (name: string, client: EventBridgeClient) =>
      expect(put([job(2)], client)).rejects.toMatchObject({ name });
    await refused("InvalidSignatureException", clientWith({ secretAccessKey: "wrong" }));
    await refused("UnrecognizedClientException", clientWith({ accessKeyId: "somebody" }));
    await refused("InvalidSignatureException", clientWith({}, { systemClockOffset: -301_000 }));
    expect((await raw(JSON.stringify({ Entries: [job(2)] }))).type).toBe("MissingAuthenticationTokenException");
    expect(details(source)).toEqual([1]);
    expect(JSON.stringify(source.log)).not.toContain(secrets["aws/secret"]);
  });

  test("of a region let in only what is signed for that region", async () => {
    await serve({ ...keys, region: "eu-west-1" });
    await expect(put([job()])).rejects.toMatchObject({ message: expect.stringContaining("valid region") });
    expect((await put([job()], clientWith({}, { region: "eu-west-1" }))).FailedEntryCount).toBe(0);
  });

  test("that cannot be read are nobody's, and a failure that passes", async () => {
    await serve(keys, { secrets: {} });
    await expect(put([job()])).rejects.toMatchObject({ name: "InternalException" });
  });

  test("of one entry open no other that shares the port", async () => {
    const mine = await serve({ ...keys, pattern: { source: ["jobs"] } });
    const theirs = await serve(
      { ...keys, pattern: { source: ["pay"] } },
      { secrets: { "aws/id": "OTHER", "aws/secret": "other" } },
    );
    const free = await serve({ pattern: { source: ["free"] } });
    const answer = await put([
      job(1),
      job(2, { Source: "pay" }),
      job(3, { Source: "free" }),
      job(4, { Source: "none" }),
    ]);
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      "AccessDeniedException",
      undefined,
      undefined,
    ]);
    expect(details(mine)).toContain(1);
    expect(details(free)).toContain(3);
    expect(theirs.taken).toEqual([]);
  });
});

describe("a trace", () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const aws = `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Parent=b7ad6b7169203331;Sampled=1`;
  const parent = (trace: string) => `00-${trace}-b7ad6b7169203331-01`;
  const other = parent("11111111111111111111111111111111");

  test("is that of the entry, then of the request: W3C's before X-Ray's", async () => {
    const source = await serve();
    const traces = async (headers: Record<string, string>, entry: PutEventsRequestEntry = {}) => {
      await raw(JSON.stringify({ Entries: [job(0, entry)] }), headers);
      return (await source.next()).draft.trace;
    };
    expect(await traces({})).toBeUndefined();
    expect(await traces({}, { TraceHeader: aws })).toEqual({ traceparent: parent(traceId) });
    expect(await traces({ "X-Amzn-Trace-Id": aws })).toEqual({ traceparent: parent(traceId) });
    expect(await traces({ "X-Amzn-Trace-Id": aws, traceparent: other, tracestate: "a=1" })).toEqual({
      traceparent: other,
      tracestate: "a=1",
    });
    expect(await traces({ traceparent: other }, { TraceHeader: aws })).toEqual({ traceparent: parent(traceId) });
    expect(await traces({ traceparent: "junk" }, { TraceHeader: "junk" })).toBeUndefined();
  });
});
