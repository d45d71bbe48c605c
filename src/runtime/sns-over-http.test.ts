import { createSign } from "node:crypto";
import {
  CreateTopicCommand,
  ListSubscriptionsByTopicCommand,
  PublishCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeIdentity } from "../../examples/stand-in/certificate.ts";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { describeWithServer } from "../../test/servers/describe.ts";
import { startLocalstack } from "../../test/servers/localstack.ts";
import { startMinistack } from "../../test/servers/ministack.ts";
import { freePort } from "../../test/servers/server.ts";
import { dataOf, type Trial, type TrialOptions, trial } from "../kit/testing.ts";
import type { Taken } from "../kit/testing-bench.ts";
import { silentLog } from "../lib/log.ts";
import { sns } from "../sources/sns.ts";
import { createListeners } from "./listeners.ts";

// the source, our listeners and a real SNS: a test of sources/ must not import runtime/, so it stands here

const secrets = { "aws/id": "test", "aws/secret": "test-secret-key" };
const keys = { accessKey: { name: "aws", key: "id" }, secretKey: { name: "aws", key: "secret" } };

interface Aws extends AsyncDisposable {
  readonly endpoint: string;
}

interface Can {
  /** Its signatures verify against the certificate it serves. */
  readonly signs: boolean;
  readonly signatureVersions: readonly string[];
  /** It delivers again what was answered with 503. */
  readonly redelivers: boolean;
  readonly raw: boolean;
}

function suite(start: () => Promise<Aws>, can: Can): void {
  let aws: Aws;
  let client: SNSClient;
  let running: AsyncDisposableStack;
  let topicArn = "";
  let port = 0;
  let number = 0;

  beforeAll(async () => {
    aws = await start();
    client = new SNSClient({
      endpoint: aws.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
  });
  afterAll(async () => {
    client?.destroy();
    await aws?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    running = new AsyncDisposableStack();
    topicArn = (await client.send(new CreateTopicCommand({ Name: `orders-${++number}` }))).TopicArn ?? "";
    port = await freePort();
  });
  afterEach(() => running.disposeAsync());

  const subscribe = (config: object = {}, options: TrialOptions = {}): Trial => {
    const http = running.use(createListeners({ log: silentLog }));
    const webhook = { endpoint: "/sns", port: String(port), url: `http://127.0.0.1:${port}/` };
    return running.use(
      trial(
        sns,
        { region: "us-east-1", endpoint: aws.endpoint, topicArn, webhook, ...keys, ...config },
        { secrets, http, ...options },
      ),
    );
  };
  const publish = async (message: string, more: object = {}): Promise<string> =>
    (await client.send(new PublishCommand({ TopicArn: topicArn, Message: message, ...more }))).MessageId ?? "";
  const subscriptions = async () =>
    (await client.send(new ListSubscriptionsByTopicCommand({ TopicArn: topicArn }))).Subscriptions ?? [];
  interface Data {
    readonly header: Record<string, readonly string[]>;
    readonly body: Record<string, unknown>;
    readonly metadata?: unknown;
  }
  const read = (one: Taken): Data => dataOf(one).json as Data;

  test("a trace is taken from the attributes of the message", async () => {
    const source = subscribe();
    await source.ready();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const value = (StringValue: string) => ({ DataType: "String", StringValue });
    await publish("x", { MessageAttributes: { traceparent: value(traceparent), tracestate: value("a=1") } });
    expect((await source.next()).draft.trace).toEqual({ traceparent, tracestate: "a=1" });
    await publish("y");
    expect((await source.next()).draft.trace).toBeUndefined();
  });

  test("an envelope of EventBridge becomes the event's data where the entry says so, and nothing else does", async () => {
    const source = subscribe({ envelope: "eventBridge" });
    await source.ready();
    const envelope = '{"version":"0","id":"e-1","detail-type":"job","source":"jobs","detail":{"n": 1.0}}';
    await publish(envelope);
    const one = await source.next();
    expect(dataOf(one).text).toBe(envelope);
    expect(one.draft.upstreamId).toBe("e-1");
    expect(Math.abs((one.draft.sentUs ?? 0) / 1000 - Date.now())).toBeLessThan(60_000);
    await publish("hello");
    await source.until(({ refusals }) => refusals.length >= 1);
    expect(source.refusals[0]?.reason).toContain("envelope is set, but the message is no EventBridge envelope");
    expect(source.taken.length).toBe(1);
  });

  test("subscribes once its route is up, confirms, and takes what is published", async () => {
    const source = subscribe({ metadata: { team: "x" } });
    await source.ready();
    const id = await publish("hello <b>", { Subject: "a subject" });
    const one = await source.next();
    expect(Object.keys(read(one))).toEqual(["header", "body", "metadata"]);
    expect(read(one)).toMatchObject({
      header: { "X-Amz-Sns-Message-Type": ["Notification"] },
      body: {
        Type: "Notification",
        MessageId: id,
        TopicArn: topicArn,
        Message: "hello <b>",
        Subject: "a subject",
        Timestamp: expect.any(String),
      },
      metadata: { team: "x" },
    });
    expect(one.draft.upstreamId).toBe(id);
    expect(one.draft.sentUs).toBe(Date.parse(String(read(one).body.Timestamp)) * 1000);
    expect(dataOf(one).text).toContain("hello \\u003cb\\u003e");
  });

  test("stays subscribed when it stops, and goes on without a new confirmation", async () => {
    const first = subscribe();
    await first.ready();
    await first.stop();
    expect((await subscriptions()).map(({ Endpoint }) => Endpoint)).toEqual([`http://127.0.0.1:${port}/sns`]);
    const second = subscribe();
    await second.ready();
    const id = await publish("again");
    expect((await second.next()).draft.upstreamId).toBe(id);
    expect(await subscriptions()).toHaveLength(1);
  });

  test("unsubscribes only when asked", async () => {
    const source = subscribe({ unsubscribeOnStop: true });
    await source.ready();
    await source.stop();
    await expect.poll(subscriptions).toEqual([]);
  });

  if (can.redelivers)
    test("a notification that the bus could not take is delivered again", async () => {
      const source = subscribe();
      await source.ready();
      source.break();
      const id = await publish("kept");
      await source.until(({ emits }) => emits > 0);
      expect(source.taken).toEqual([]);
      source.mend();
      expect((await source.next(20_000)).draft.upstreamId).toBe(id);
    });

  if (can.signs)
    describe("with validateSignature", () => {
      test.each(can.signatureVersions)("a message with signature version %s is taken", async (version) => {
        await client.send(
          new SetTopicAttributesCommand({
            TopicArn: topicArn,
            AttributeName: "SignatureVersion",
            AttributeValue: version,
          }),
        );
        const source = subscribe({ validateSignature: true });
        await source.ready();
        await publish("signed", { Subject: "é" });
        const one = await source.next();
        expect(read(one).body).toMatchObject({ Message: "signed", SignatureVersion: version });
      });

      test("what was changed on its way is refused", async () => {
        const source = subscribe({ validateSignature: true });
        await source.ready();
        await publish("genuine");
        const body = read(await source.next()).body;
        const post = async (changed: object | string) => {
          const answer = await fetch(`http://127.0.0.1:${port}/sns`, {
            method: "POST",
            body: typeof changed === "string" ? changed : JSON.stringify(changed),
          });
          return `${answer.status} ${await answer.text()}`;
        };
        expect(await post(body)).toBe("200 success");
        expect(source.taken.at(-1)?.receipt.outcome).toBe("duplicate");
        const taken = source.taken.length;
        expect(await post({ ...body, Message: "forged" })).toContain("403 the signature is not of this message");
        expect(await post({ ...body, Signature: "AAAA" })).toContain("403 the signature");
        expect(await post({ ...body, Signature: undefined })).toContain("403");
        expect(await post({ ...body, SignatureVersion: "9" })).toContain("403 SignatureVersion 9");
        expect(await post({ ...body, SigningCertURL: "http://127.0.0.1:1/x.pem" })).toContain("neither AWS nor");
        expect(
          await post({ ...body, SigningCertURL: "https://sns.us-east-1.amazonaws.com.evil.test/x.pem" }),
        ).toContain("neither AWS nor");
        // gjson reads the first of two keys, JSON.parse the last
        const twice = `{"Message":"forged",${JSON.stringify(body).slice(1)}`;
        expect(await post(twice)).toContain("403 the message has a key twice");
        expect(await post("[]")).toContain("400");
        expect(source.taken.length).toBe(taken);
      });
    });

  if (can.raw)
    test("raw messages are taken as they are", async () => {
      const source = subscribe({ rawMessageDelivery: true });
      await source.ready();
      await publish('{ "n": 1 }');
      const json = await source.next();
      expect(read(json).body).toEqual({ n: 1 });
      expect(json.draft.upstreamId).toEqual(expect.any(String));
      await publish("plain text");
      expect(read(await source.next()).body).toBe("plain text");
    });

  test("a subscription that another one made is taken too", async () => {
    const source = subscribe({ webhook: { endpoint: "/sns", port: String(port) } });
    await source.ready();
    const Endpoint = `http://127.0.0.1:${port}/sns`;
    await client.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: "http", Endpoint }));
    await source.until(({ log }) => log.some(({ message }) => message === "subscription confirmed"));
    await publish("x");
    await source.next();
  });

  test("keys never reach a log line", async () => {
    const source = subscribe();
    await source.ready();
    await source.stop();
    const wrong = subscribe({ topicArn: "arn:aws:sns:us-east-1:000000000000:nowhere" });
    const error: unknown = await wrong.ready().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining("nowhere") });
    expect(JSON.stringify([source.log, wrong.log, String(error)])).not.toContain("test-secret-key");
  });
}

describe("with the stand-in of the examples", () => {
  suite(() => startStandIn({ queues: [], topics: [], retryDelaysMs: [50, 200, 1_000] }), {
    signs: true,
    signatureVersions: ["1", "2"],
    redelivers: true,
    raw: true,
  });
});

describeWithServer("ministack", () =>
  suite(startMinistack, { signs: false, signatureVersions: [], redelivers: false, raw: false }),
);

describeWithServer("localstack", () =>
  suite(startLocalstack, { signs: true, signatureVersions: ["1"], redelivers: false, raw: true }),
);

test("an expired certificate is refused", async () => {
  const port = await freePort();
  await using http = createListeners({ log: silentLog });
  const identity = await makeIdentity("sns.amazonaws.com", new Date(Date.now() - 20 * 365 * 86_400_000));
  await http.route({ port, path: "/old.pem", maxBytes: 0, owner: "test" }, async () => ({
    status: 200,
    body: identity.certificate,
  }));
  const endpoint = `http://127.0.0.1:${port}`;
  const topicArn = "arn:aws:sns:us-east-1:000000000000:t";
  const webhook = { endpoint: "/sns", port: String(port) };
  const entry = { region: "us-east-1", endpoint, topicArn, webhook, validateSignature: true, ...keys };
  await using source = trial(sns, entry, { secrets, http });
  await source.ready();
  const fields = { Message: "m", MessageId: "1", Timestamp: "2026-01-05T09:00:00.000Z", TopicArn: topicArn };
  const text = Object.entries({ ...fields, Type: "Notification" })
    .map(([key, value]) => `${key}\n${value}\n`)
    .join("");
  const Signature = createSign("RSA-SHA256").update(text).sign(identity.privateKey, "base64");
  const answer = await fetch(`${endpoint}/sns`, {
    method: "POST",
    body: JSON.stringify({
      ...fields,
      Type: "Notification",
      SignatureVersion: "2",
      SigningCertURL: `${endpoint}/old.pem`,
      Signature,
    }),
  });
  expect(answer.status).toBe(403);
  expect(await answer.text()).toContain("the certificate is valid from");
});
