import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { describeWithServer } from "../../test/servers/describe.ts";
import { startRedis } from "../../test/servers/redis.ts";
import { freePort } from "../../test/servers/server.ts";
import { type Running, running, tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";
import type { LoadReport } from "../load/join.ts";

let folder = "";
let port = 0;
let run: Running;
const at = (name: string): string => join(folder, name);

const schema = `type: object
required: [id, kind, count]
additionalProperties: false
properties:
  id: {type: string, format: uuid}
  kind: {enum: [copy, move]}
  count: {type: integer, minimum: 0, maximum: 100}
  note: {type: string, maxLength: 200}
`;
const job = `{"id": "{{ uuid }}", "kind": "{{ choice "copy" "move" }}", "count": {{ between 1 9 }}{{ if chance 0.5 }}, "note": "{{ words 3 }}"{{ end }}}`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-load-verb-"));
  port = await freePort();
  await writeFile(at("job.json"), job);
  await writeFile(at("job.schema.yaml"), schema);
  const manifest = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    jobs: {endpoint: /jobs, method: POST, port: "${port}", schema: {file: job.schema.yaml, at: body}}
    calm: {endpoint: /calm, method: POST, port: "${port}"}
    odd: {endpoint: /odd, method: POST, port: "${port}", filter: {expression: 'body.count > 4'}}
    strict: {endpoint: /strict, method: POST, port: "${port}", schema: {inline: {type: object, required: [nothing]}, at: body}}
`;
  const bus = `  eventBridge:
    bus: {port: "${port}", pattern: {source: [jobs]}, schema: {file: job.schema.yaml, at: detail}}
`;
  await writeFile(at("m.yaml"), manifest + bus);
  run = await running([at("m.yaml")], { dataDir: at("data") });
});
afterAll(async () => {
  await run[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const ask = (...args: readonly string[]) =>
  tidemill(["load", ...args, "--template", at("job.json"), "--admin", run.admin]);
const web = (path: string): string => `http://127.0.0.1:${port}${path}`;

test("what was sent is joined with what was recorded; spoilt messages are refused, valid ones are there", async () => {
  const args = [
    "--count",
    "200",
    "--rate",
    "400/s",
    "--malformed",
    "25%",
    "--schema",
    at("job.schema.yaml"),
    "--seed",
    "a",
  ];
  const { code, out, err } = await ask(web("/jobs"), ...args, "-o", "json");
  const report = answers.load.parse(JSON.parse(out));
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const { valid, malformed } = report;
  expect(malformed.sent).toBeGreaterThan(20);
  expect(valid.sent + malformed.sent).toBe(200);
  expect(valid.recorded).toEqual({ stored: valid.sent, filtered: 0, refused: 0, lost: 0, twice: 0, recognised: 0 });
  expect(malformed).toMatchObject({ taken: 0, refused: malformed.sent, recorded: { stored: 0, lost: 0 } });
  expect(report.delayMs?.count).toBe(valid.sent);
  expect(report.ok).toBe(true);
  // the same seed makes the same load again
  const again = JSON.parse((await ask(web("/jobs"), ...args, "-o", "json")).out) as LoadReport;
  expect(again.malformed.kinds.map(({ kind, sent }) => [kind, sent])).toEqual(
    malformed.kinds.map(({ kind, sent }) => [kind, sent]),
  );
  expect(again.load).not.toBe(report.load);
});

test("what an entry filters is not lost, and what it refuses makes the exit code 1", async () => {
  const filtered = await ask(web("/odd"), "--count", "40", "--rate", "1000", "-o", "json");
  expect(filtered.code).toBe(0);
  const { stored = 0, filtered: no = 0 } = (JSON.parse(filtered.out) as LoadReport).valid.recorded ?? {};
  expect([stored > 0, no > 0, stored + no]).toEqual([true, true, 40]);
  const refused = await ask(web("/strict"), "--count", "5", "--rate", "1000");
  expect(refused).toMatchObject({ code: 1, out: expect.stringContaining("5 were refused by the target") });
  expect(refused.out).toContain("body.nothing: is missing");
});

test("an event bus of tidemill's own is a target like AWS's", async () => {
  const args = ["--endpoint", `http://127.0.0.1:${port}`, "--count", "60", "--rate", "1000", "--malformed", "20%"];
  const target = "eventbridge:default?source=jobs&detail-type=Job";
  const { code, out } = await ask(target, ...args, "--schema", at("job.schema.yaml"), "--seed", "b", "-o", "json");
  const { valid, malformed } = JSON.parse(out) as LoadReport;
  expect(code).toBe(0);
  expect(valid.recorded).toMatchObject({ stored: valid.sent, lost: 0, twice: 0 });
  expect(malformed).toMatchObject({ taken: 0, refused: malformed.sent });
});

test("send says where an event is not as its schema says", async () => {
  const sent = await tidemill(["send", "web/jobs", "-d", '{"body":{}}', "--admin", run.admin, "-o", "json"]);
  expect(sent.code).toBe(1);
  const { receipt } = answers.send.parse(JSON.parse(sent.out));
  expect(receipt).toMatchObject({
    outcome: "refused",
    faults: expect.arrayContaining([{ path: "body.id", message: "is missing" }]),
  });
});

test("an event is handed in by the admin API, with a template from standard input", async () => {
  const template = '{"body": {"id": "{{ uuid }}", "kind": "copy", "count": {{ seq }}}}';
  const args = ["load", "source:web/jobs", "--template", "-", "--count", "10", "--rate", "500", "--admin", run.admin];
  expect(await tidemill(args, { input: template })).toMatchObject({
    code: 0,
    out: expect.stringMatching(/valid +10 +10 +0 +0 +10/),
  });
});

test("Ctrl-C ends cleanly, with the report", async () => {
  const main = new URL("./main.ts", import.meta.url).pathname;
  const args = [
    "load",
    web("/calm"),
    "--template",
    at("job.json"),
    "--rate",
    "100",
    "--admin",
    run.admin,
    "-o",
    "json",
  ];
  const child = spawn(process.execPath, ["--no-warnings", main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  // nobody else sends there: it is in the middle of the sending
  for (;;) {
    const { out: found } = await tidemill(["events", "ls", "--source", "web/calm", "-o", "json", "--admin", run.admin]);
    if ((JSON.parse(found) as { items: readonly unknown[] }).items.length > 10) break;
  }
  child.kill("SIGINT");
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(0);
  const report = JSON.parse(out) as LoadReport;
  expect(report.valid.recorded).toMatchObject({ stored: report.valid.sent, lost: 0 });
}, 60_000);

test("without a tidemill the report tells what was sent; a target that is down makes the exit code 1", async () => {
  const args = [
    "load",
    `http://127.0.0.1:${await freePort()}/`,
    "--template",
    at("job.json"),
    "--count",
    "3",
    "--rate",
    "100",
  ];
  const ended = await tidemill([...args, "--data-dir", at("nothing")]);
  expect(ended).toMatchObject({ code: 1, err: expect.stringContaining("no tidemill runs here") });
  expect(ended.out).toContain("3 could not be sent");
});

test.each([
  [["http://127.0.0.1:1/", "--rate", "fast"], "write messages a second"],
  [["http://127.0.0.1:1/", "--malformed", "200%"], "write a share"],
  [["http://127.0.0.1:1/", "--bursts", "9..1/1s"], "write SIZE/PAUSE"],
  [["http://127.0.0.1:1/", "--kinds", "odd"], "odd is none of truncated"],
  [["ftp://127.0.0.1:1/"], "write http://"],
  [["redis://127.0.0.1:1/0"], "stream=NAME"],
  [["redis://127.0.0.1:1/0?stream=s"], "ECONNREFUSED"],
  [["kafka:nowhere"], "write kafka:HOST:PORT/TOPIC"],
])("%j is refused in a sentence", async (args, said) => {
  const ended = await ask(...args);
  expect(ended).toMatchObject({ out: "", err: expect.stringContaining(said) });
  expect(ended.code).not.toBe(0);
});

test("a queue: what came over SQS is joined by the trace of its messages", async () => {
  await using aws = await startStandIn({ queues: ["jobs"], topics: [] });
  const manifest = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: queue}
spec:
  sqs:
    jobs: {region: us-east-1, endpoint: "${aws.endpoint}", queue: jobs, jsonBody: true, waitTimeSeconds: 1}
`;
  await writeFile(at("sqs.yaml"), manifest);
  const env = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };
  await using own = await running([at("sqs.yaml")], { dataDir: at("sqs-data"), env });
  const args = ["load", "sqs:jobs", "--endpoint", aws.endpoint, "--template", at("job.json"), "--admin", own.admin];
  const { code, out } = await tidemill([...args, "--count", "60", "--rate", "300", "-o", "json"], { env });
  const report = JSON.parse(out) as LoadReport;
  expect(report.valid).toMatchObject({ taken: 60, recorded: { stored: 60, lost: 0, twice: 0 } });
  expect(code).toBe(0);
  // nobody reads this one: all of it is lost
  const sqs = new SQSClient({
    endpoint: aws.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
  });
  await sqs.send(new CreateQueueCommand({ QueueName: "unread" }));
  sqs.destroy();
  const unread = args.with(1, "sqs:unread");
  const lost = await tidemill([...unread, "--count", "7", "--rate", "300", "--settle", "1s"], { env });
  expect(lost).toMatchObject({ code: 1, out: expect.stringContaining("7 are lost") });
}, 60_000);

describeWithServer("redis", () => {
  test("a stream: what came over Redis is joined by the trace beside its fields", async () => {
    await using server = await startRedis();
    const manifest = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: stream}
spec:
  redisStream:
    jobs: {hostAddress: "${server.address}", streams: [jobs]}
`;
    await writeFile(at("redis.yaml"), manifest);
    await using own = await running([at("redis.yaml")], { dataDir: at("redis-data") });
    const target = `${server.url}/0?stream=jobs`;
    const args = ["load", target, "--template", at("job.json"), "--admin", own.admin, "--rate", "300", "-o", "json"];
    // the group is made at the end of a stream that is there
    await tidemill([...args, "--count", "1", "--settle", "100ms"]);
    await own.said(/ready/);
    const { out } = await tidemill([...args, "--count", "60"]);
    const report = JSON.parse(out) as LoadReport;
    expect(report.valid.taken).toBe(60);
    expect(report.valid.recorded?.twice).toBe(0);
    expect(report.valid.recorded?.stored).toBe(60);
  }, 60_000);
});
