import { mkdtemp, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { SMTPServer } from "smtp-server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { freePort } from "../../test/servers/server.ts";
import type { Fact } from "../lib/facts.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { handIn } from "./hand-in.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { type HttpTarget, openHttpTarget } from "./target-testing.ts";
import { why } from "./why.ts";

interface Call {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly key: string | undefined;
  /** By the virtual clock. */
  readonly atMs: number;
}

let target: HttpTarget;
let address = "";
let port = 0;
let calls: Call[] = [];
let answer: (call: Call, response: ServerResponse) => void;
let clock: VirtualClock;
let run: StandardRun | undefined;
let folder: string | undefined;

/** The job fails, and whoever is told says thanks. */
const jobFails = ({ path }: Call, response: ServerResponse): void =>
  void response.writeHead(path === "/job" ? 500 : 200).end();

beforeAll(async () => {
  target = await openHttpTarget(({ path, body: text, headers }, response) => {
    const body = JSON.parse(text || "{}") as Call["body"];
    const call = { path, body, key: String(headers["idempotency-key"]), atMs: clock.nowMs() };
    calls.push(call);
    answer(call, response);
  });
  ({ address, port } = target);
});
afterAll(() => target[Symbol.asyncDispose]());
beforeEach(() => {
  clock = new VirtualClock();
  calls = [];
  answer = jobFails;
});
afterEach(async () => {
  target.dropConnections();
  await end();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
});

async function end(): Promise<void> {
  await run?.stop();
  run = undefined;
}

interface Given {
  /** `spec.notifications`, or an entry of it without its name and template. */
  readonly notify?: string;
  readonly trigger?: string;
  readonly dependency?: string;
  readonly keep?: boolean;
}

async function start({ notify = "", trigger = "", dependency = "", keep = false }: Given = {}) {
  if (keep) folder ??= await mkdtemp(join(tmpdir(), "tidemill-notify-"));
  const manifest = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    a: {endpoint: /a, method: POST, port: "${await freePort()}"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: xoxb-1, id: test, secret: test-secret}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - name: a
      eventSourceName: web
      eventName: a
${dependency.replace(/^/gm, "      ")}
  triggers:
    - template:
        name: t
        http:
          url: ${address}/job
          payload: [{src: {dependencyName: a, dataKey: nr, useRawData: true}, dest: nr}]
${trigger.replace(/^/gm, "      ")}
  notifications:
    - name: tell
      template: {http: {url: "${address}/told"}}
${notify.replace(/^/gm, "      ")}
`;
  const planned = planTexts([{ file: "notify.yaml", folder: ".", named: true, text: manifest }], lists);
  expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  run = await standardRun({ manifests: { ...planned, files: [] }, dataDir: folder, clock, drainTimeoutMs: 20 });
  await run.buses[0]?.bus.facts("test").begin("oldest");
}

async function send(data: Readonly<Record<string, unknown>>): Promise<string> {
  if (run === undefined) throw new Error("nothing runs");
  const request = { namespace: "default", eventSource: "web", event: "a", data: Buffer.from(JSON.stringify(data)) };
  const { receipt } = await handIn(run, { ...request, signal: AbortSignal.timeout(10_000) });
  expect(receipt.outcome).toBe("stored");
  return receipt.id;
}

async function until(so: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 15_000; !(await so()); ) {
    if (Date.now() > deadline) throw new Error(`not within 15 s; calls: ${JSON.stringify(calls)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const told = (path = "/told"): readonly Call[] => calls.filter((call) => call.path === path);
const jobs = (): number => calls.filter(({ path }) => path === "/job").length;
const dead = (queue: string): number => run?.buses[0]?.bus.queue(queue).dead().count() ?? 0;
const pending = (queue: string): number => run?.buses[0]?.bus.queue(queue).depth().pending ?? 0;

/** Sends jobs that fail, one after the other, until all of them are dead. */
async function fail(many: number): Promise<void> {
  const before = dead("s/t");
  for (let nr = 0; nr < many; nr++) await send({ nr });
  await until(() => dead("s/t") === before + many);
}

/** All facts so far, each with the commit that it was in. */
async function facts(): Promise<readonly (readonly [seq: number, fact: Fact])[]> {
  const log = run?.buses[0]?.bus.facts("test");
  if (log === undefined) throw new Error("nothing runs");
  const seen: [number, Fact][] = [];
  for await (const batch of log.batches({ max: 10_000, signal: AbortSignal.timeout(10_000) })) {
    for (const { seq, json } of batch.entries) for (const fact of JSON.parse(json) as Fact[]) seen.push([seq, fact]);
    if (((await log.lag()).entries ?? 0) <= batch.entries.length) break;
  }
  return seen;
}

describe("a notification", () => {
  test("tells job, stage, reason, attempt and trace of a firing that is dead", async () => {
    await start({ notify: "job: order.id" });
    const event = await send({ nr: 1, order: { id: "o-7" } });
    await until(() => told().length === 1);
    expect(told()[0]?.body).toEqual({
      ...{ job: "o-7", event, source: "web/a", namespace: "default", sensor: "s", trigger: "t" },
      ...{ firing: expect.stringMatching(/^[\da-f]{32}$/), state: "dead", stage: "trigger", code: "TM4009" },
      ...{ reason: "the target answered 500", status: "500", attempt: 1, traceId: event },
      traceparent: expect.stringMatching(new RegExp(`^00-${event}-[\\da-f]{16}-01$`)),
      at: new Date(clock.nowMs()).toISOString(),
    });
  });

  test("is made in the commit of the death that it tells", async () => {
    await start();
    await fail(1);
    const all = await facts();
    const death = all.find(([, fact]) => fact.k === "attempt" && fact.state === "dead");
    const made = all.find(([, fact]) => fact.k === "firing" && fact.created?.trigger === "tell");
    expect(death?.[0]).toBeGreaterThan(0);
    expect(made?.[0]).toBe(death?.[0]);
    expect(made?.[1]).toMatchObject({ created: { parent: death?.[1].k === "attempt" ? death[1].firing : "" } });
  });

  test("that was not sent before the process ended is sent by the next one, under the same key", async () => {
    answer = ({ path }, response) => {
      if (path === "/job") response.writeHead(500).end();
    };
    await start({ keep: true });
    await fail(1);
    await until(() => told().length === 1);
    await end();
    answer = jobFails;
    await start({ keep: true });
    await until(() => told().length === 2);
    expect(told()[1]?.key).toBe(told()[0]?.key);
    expect(told()[1]?.body).toEqual(told()[0]?.body);
    expect(jobs()).toBe(1);
  });

  test("that fails is tried again, and then is a dead letter that nobody is told of", async () => {
    answer = (_, response) => void response.writeHead(503).end();
    await start({ notify: "retryStrategy: {steps: 3, duration: 1s}" });
    await fail(1);
    for (let tries = 1; tries <= 3; tries++) {
      await until(() => told().length === tries);
      await until(async () => (await run?.buses[0]?.bus.queue("s#notify/tell").depth())?.running === 0);
      await clock.advance(5_000);
    }
    await until(() => dead("s#notify/tell") === 1);
    expect(pending("s#notify/tell")).toBe(0);
    expect(told()).toHaveLength(3);
    expect(dead("s/t")).toBe(1);
  });

  test("tells of attempts that will be repeated, and of the success after them, where that is wanted", async () => {
    answer = ({ path }, response) => void response.writeHead(path === "/job" && jobs() < 3 ? 500 : 200).end();
    await start({
      notify: "on: [failed, recovered]\nfold: false",
      trigger: "retryStrategy: {steps: 5, duration: 1s}\ncircuitBreaker: false",
    });
    await send({ nr: 1 });
    for (const failures of [1, 2]) {
      await until(() => told().length === failures);
      await clock.advance(3_000);
    }
    await until(() => told().length === 3);
    expect(told().map(({ body }) => [body.state, body.attempt])).toEqual([
      ["failed", 1],
      ["failed", 2],
      ["recovered", 3],
    ]);
    expect(told()[2]?.body).toMatchObject({ failing: { count: 2 } });
    await send({ nr: 2 });
    await until(() => jobs() === 4);
    expect(told()).toHaveLength(3);
  });

  test("tells of an event that is not as its schema says", async () => {
    await start({ dependency: "schema: {inline: {type: object, required: [id]}}" });
    const event = await send({ nr: 1 });
    await until(() => told().length === 1);
    expect(told()[0]?.body).toMatchObject({ event, stage: "schema", code: "TM2007", attempt: 0, state: "dead" });
    expect(jobs()).toBe(0);
  });

  test("tells only of the triggers that it is for, a dlqTrigger among them", async () => {
    answer = ({ path }, response) => void response.writeHead(path === "/told" ? 200 : 500).end();
    const dlq = `atLeastOnce: true\ndlqTrigger: {atLeastOnce: true, template: {name: last, http: {url: "${address}/last", payload: []}}}`;
    await start({ notify: "triggers: [la*]", trigger: dlq });
    await send({ nr: 1 });
    await until(() => told().length === 1);
    expect(told()[0]?.body).toMatchObject({ trigger: "last", stage: "dlqTrigger" });
  });

  test("is shown by why, below the firing that it tells of", async () => {
    await start({ keep: true });
    const event = await send({ nr: 1 });
    await until(() => told().length === 1);
    if (run === undefined) throw new Error("nothing runs");
    const parts = run;
    let seen: Awaited<ReturnType<typeof why>> | undefined;
    await until(async () => {
      await clock.advance(50);
      seen = await why(parts, event).catch(() => undefined);
      return seen?.sensors[0]?.triggers.find(({ name }) => name === "tell")?.firings[0]?.state === "done";
    });
    const [own, notified] = seen?.sensors[0]?.triggers ?? [];
    expect(own).toMatchObject({ name: "t", firings: [{ state: "dead" }] });
    expect(notified).toMatchObject({ name: "tell", firings: [{ state: "done", parent: own?.firings[0]?.id }] });
  });
});

describe("failures of one kind", () => {
  test("are told at once, and then together at the end of the window", async () => {
    await start({ notify: "fold: {window: 1m}" });
    const startMs = clock.nowMs();
    await fail(1);
    await until(() => told().length === 1);
    await clock.advance(10_000);
    await fail(7);
    expect(told()).toHaveLength(1);
    await clock.advance(50_000);
    await until(() => told().length === 2);
    const [first, second] = told();
    expect(first?.body.folded).toBeUndefined();
    expect(second?.body).toMatchObject({
      state: "dead",
      folded: {
        count: 7,
        since: new Date(startMs).toISOString(),
        first: new Date(startMs + 10_000).toISOString(),
        last: new Date(startMs + 10_000).toISOString(),
      },
    });
    expect(second?.body).toMatchObject({ folded: { samples: Array.from({ length: 5 }, () => expect.anything()) } });
    expect(second?.key).not.toBe(first?.key);
  });

  test("that go on are told once a window, and after a quiet window at once", async () => {
    await start({ notify: "fold: {window: 1m}" });
    for (const many of [3, 4, 5]) {
      await fail(many);
      await clock.advance(60_000);
    }
    await until(() => told().length === 4);
    const counts = () => told().map(({ body }) => (body.folded as { count: number } | undefined)?.count ?? 0);
    expect(counts()).toEqual([0, 2, 4, 5]);
    await clock.advance(120_000);
    await fail(1);
    await until(() => told().length === 5);
    expect(counts().at(-1)).toBe(0);
    expect(pending("s#notify/tell")).toBe(0);
  });

  test("are counted exactly over a restart in the middle of the window", async () => {
    await start({ notify: "fold: {window: 1m}", keep: true });
    await fail(4);
    await until(() => told().length === 1);
    await end();
    await start({ notify: "fold: {window: 1m}", keep: true });
    await fail(6);
    await clock.advance(60_000);
    await until(() => told().length === 2);
    expect(told()[1]?.body).toMatchObject({ folded: { count: 9 } });
  });

  test("are counted exactly when hundreds of them end at once", async () => {
    await start({ notify: "fold: {window: 1m}", trigger: "concurrency: 100" });
    await Promise.all(Array.from({ length: 300 }, (_, nr) => send({ nr })));
    await until(() => dead("s/t") === 300);
    await clock.advance(60_000);
    await until(() => told().length === 2);
    expect(told()[1]?.body).toMatchObject({ folded: { count: 299 } });
  });

  test("are those for which the key prints the same", async () => {
    await start({ notify: 'fold: {window: 1m, key: "{{ .Input.job }}"}\njob: nr' });
    await send({ nr: 1 });
    await send({ nr: 2 });
    await send({ nr: 2 });
    await until(() => dead("s/t") === 3);
    await until(() => told().length === 2);
    await clock.advance(60_000);
    await until(() => told().length === 3);
    expect(told()[2]?.body).toMatchObject({ job: "2", folded: { count: 1 } });
  });
});

describe("a target that the event names", () => {
  const target = (allow: string) => `target: {from: {dependencyName: a, dataKey: notify}, allow: ${allow}}`;

  test("is told in place of the template's", async () => {
    await start({ notify: target(`["${address}/own/*"]`) });
    await send({ nr: 1, notify: `${address}/own/7` });
    await until(() => told("/own/7").length === 1);
    expect(told("/own/7")[0]?.body).toMatchObject({ state: "dead", target: `${address}/own/7` });
    await send({ nr: 2 });
    await until(() => told().length === 1);
    expect(told("/own/7")).toHaveLength(1);
  });

  test("that is not on the list is refused, and the template's is told of it", async () => {
    await start({ notify: `${target(`["${address}/own/*"]`)}\nfold: false`, keep: true });
    const tricks = [`${address}/other`, `${address}/own/../told`, `http://a@127.0.0.1:${port}/own/1`, 7, ["x"]];
    for (const notify of tricks) await send({ nr: 1, notify });
    await until(() => told().length === tricks.length);
    expect(told().map(({ body }) => body.targetRefused)).toEqual(
      tricks.map(() => ({ target: expect.any(String), code: "TM2010", reason: expect.any(String) })),
    );
    expect(calls.filter(({ path }) => path !== "/told" && path !== "/job")).toEqual([]);
    expect(dead("s/t")).toBe(tricks.length);
    expect(dead("s#notify/tell")).toBe(0);
  });

  test("cannot redirect to what is not on the list", async () => {
    answer = ({ path }, response) => {
      if (path === "/job") response.writeHead(500).end();
      else if (path === "/own/1") response.writeHead(307, { location: `${address}/secret` }).end();
      else response.end();
    };
    await start({ notify: target(`["${address}/own/*"]`) });
    await send({ nr: 1, notify: `${address}/own/1` });
    await until(() => dead("s#notify/tell@http") === 1);
    expect(told("/secret")).toEqual([]);
  });

  test("has a window of its own", async () => {
    await start({ notify: target(`["${address}/own/*"]`) });
    await send({ nr: 1, notify: `${address}/own/1` });
    await send({ nr: 1, notify: `${address}/own/2` });
    await until(() => told("/own/1").length === 1 && told("/own/2").length === 1);
  });

  test("may be a topic, a mailbox or a channel, each told in its own way", async () => {
    await using aws = await startStandIn({ queues: ["told"], topics: ["jobs-done"] });
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const topics = new SNSClient({ region: "us-east-1", endpoint: aws.endpoint, credentials });
    const queues = new SQSClient({ region: "us-east-1", endpoint: aws.endpoint, credentials });
    const topic = aws.topicArn("jobs-done");
    const Endpoint = "arn:aws:sqs:us-east-1:000000000000:told";
    await topics.send(
      new SubscribeCommand({ TopicArn: topic, Protocol: "sqs", Endpoint, Attributes: { RawMessageDelivery: "true" } }),
    );
    await using mails = await mailServer();
    answer = ({ path }, response) => {
      if (path === "/job") response.writeHead(500).end();
      else response.end(JSON.stringify({ ok: true, ts: "1.1" }));
    };
    await start({
      notify: `target:
  from: {dependencyName: a, dataKey: notify}
  allow: ["arn:aws:sns:*:*:jobs-*", "mailto:*@example.com", "slack:#jobs-*"]
  template:
    sns:
      endpoint: ${aws.endpoint}
      accessKey: {name: keys, key: id}
      secretKey: {name: keys, key: secret}
    email: {host: 127.0.0.1, port: ${mails.port}, from: tide@example.com}
    slack: {slackToken: {name: keys, key: token}, baseUrl: "${address}/api"}`,
    });
    await send({ nr: "<!channel> & co", notify: topic });
    await send({ nr: 2, notify: "mailto:ada@example.com" });
    await send({ nr: 3, notify: "slack:#jobs-x" });
    let received: { readonly Body?: string | undefined } | undefined;
    await until(async () => {
      const QueueUrl = aws.queueUrl("told");
      received ??= (await queues.send(new ReceiveMessageCommand({ QueueUrl }))).Messages?.[0];
      return received !== undefined;
    });
    topics.destroy();
    queues.destroy();
    expect(JSON.parse(received?.Body ?? "")).toMatchObject({ state: "dead", target: topic, code: "TM4009" });
    await until(() => mails.received.length === 1 && told("/api/chat.postMessage").length === 1);
    expect(mails.received[0]).toContain("Subject: s/t failed for good (TM4009)");
    expect(mails.received[0]).toMatch(
      /the target answered 500\r\njob: [\da-f]{32}\r\nevent: [\da-f]{32}\r\nstage: trigger/,
    );
    const slack = told("/api/chat.postMessage")[0]?.body;
    expect(slack).toMatchObject({ channel: "jobs-x" });
    expect(slack?.text).toMatch(/^s\/t failed for good \(TM4009\)\nthe target answered 500\njob: [\da-f]{32}\n/);
    expect(told()).toEqual([]);
  });

  test("that fails quotes nothing into a message that Slack reads as markup", async () => {
    answer = ({ path }, response) => {
      if (path === "/job") response.writeHead(500).end("<!channel> & <@U1>");
      else response.end(JSON.stringify({ ok: true, ts: "1.1" }));
    };
    await start({
      notify: `target:
  from: {dependencyName: a, dataKey: notify}
  allow: ["slack:#jobs-*"]
  template: {slack: {slackToken: {name: keys, key: token}, baseUrl: "${address}/api"}}`,
    });
    await send({ nr: 3, notify: "slack:#jobs-x" });
    await until(() => told("/api/chat.postMessage").length === 1);
    const text = String(told("/api/chat.postMessage")[0]?.body.text);
    expect(text).toContain("&lt;!channel&gt; &amp; &lt;@U1&gt;");
    expect(text).not.toContain("<");
  });
});

async function mailServer(): Promise<
  AsyncDisposable & { readonly port: number; readonly received: readonly string[] }
> {
  const received: string[] = [];
  const mails = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    closeTimeout: 10,
    onData(stream, _, done) {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        received.push(Buffer.concat(parts).toString());
        done();
      });
    },
  });
  mails.on("error", () => undefined);
  await new Promise<void>((resolve) => mails.listen(0, "127.0.0.1", resolve));
  return {
    port: (mails.server.address() as AddressInfo).port,
    received,
    [Symbol.asyncDispose]: () => new Promise((resolve) => mails.close(() => resolve())),
  };
}
