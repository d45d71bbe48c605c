import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readManifests } from "../../src/manifests/read.ts";
import { openRecord } from "../../src/record/open.ts";
import { describeWithServer } from "../../test/servers/describe.ts";
import { temporaryFolder } from "../../test/servers/folder.ts";
import { startLocalstack } from "../../test/servers/localstack.ts";
import { startMariadb } from "../../test/servers/mariadb.ts";
import { startMinistack } from "../../test/servers/ministack.ts";
import { freePort } from "../../test/servers/server.ts";
import { startStandIn } from "../stand-in/stand-in.ts";
import { type Program, processesWith, startProgram } from "../testing/program.ts";
import { manifestFolder } from "./flow.ts";
import { openTable } from "./table.ts";

/** A program of this folder; what database the machine may be set up for is not meant. */
function start(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  return startProgram(new URL(name, import.meta.url), args, { DATABASE_URL: undefined, ...env });
}

// a whole run takes 3 s; ten times that on a busy machine is no fault
vi.setConfig({ testTimeout: 90_000 });

let folder: string;
let number = 0;

beforeAll(async () => {
  folder = await temporaryFolder("orders");
});

afterAll(async () => {
  vi.resetConfig();
  await rm(folder, { recursive: true, force: true });
});

function freshFolder(): string {
  number += 1;
  return join(folder, String(number));
}

// with this seed 8 of 12 messages pass the filters; the others are a heartbeat, an internal one, and two of a test
const few = ["--count", "12", "--max-gap", "30", "--seed", "4"];

/** Runs it to its end, which must be a good one. */
async function runWell(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Program> {
  const trial = start("start.ts", args, env);
  const code = await trial.ended;
  expect(code, `${trial.out()}\n${trial.err()}`).toBe(0);
  expect(trial.out()).toMatch(/\d+ sent, \d+ filtered, \d+ recorded exactly once; the audit adds up\./);
  return trial;
}

test("the manifests have no finding, and the objects for a cluster are listed", async () => {
  const { findings, sources, sensors, ignored } = await readManifests([manifestFolder]);
  expect(findings).toEqual([]);
  expect([sources.length, sensors.length]).toEqual([2, 2]);
  expect(ignored.map(({ kind }) => kind)).toEqual(["Namespace", "Namespace", "ServiceAccount", "Role", "RoleBinding"]);
});

test("every message that passes the filters is recorded exactly once, the others are counted by the audit", async () => {
  const dataDir = freshFolder();
  const trial = await runWell([...few, "--data-dir", dataDir]);
  const run = /topic {2}\w+ +([0-9a-z]{8})-\d{4} {2}received/.exec(trial.out())?.[1];
  expect(trial.out()).toContain("24 sent, 8 filtered, 16 recorded exactly once");
  expect(trial.out().match(/in the table after/g)).toHaveLength(16);
  // no hop ends before it began
  expect(trial.out()).not.toContain("+-");
  expect(trial.err()).toContain("progress: 100 % (24 of 24 messages)");

  await using table = await openTable(`sqlite:${join(dataDir, "messages.sqlite")}`);
  const rows = await table.rows(run);
  expect(rows).toHaveLength(16);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(8);
  for (const row of rows) {
    expect(row).toMatchObject({ deliveries: 1, otherKeys: 0 });
    expect(row.author).not.toMatch(/^test-/);
    expect(row.insertedUs).toBeGreaterThan(row.sentUs);
  }
  await using record = await openRecord(`sqlite:${join(dataDir, "record.sqlite")}`);
  const audit = await record.audit({});
  expect(audit).toMatchObject({
    missing: [],
    receipts: { stored: 22, filtered: 2, refused: 0 },
    decisions: { fired: 16, filtered: 6 },
    firings: { done: 16, dead: 0 },
  });
});

test("the report gives the total delay of each channel as table, CSV and one HTML page", async () => {
  const dataDir = freshFolder();
  await runWell(["--count", "3", "--max-gap", "10", "--seed", "1", "--data-dir", dataDir]);
  const page = join(dataDir, "page.html");
  const database = `sqlite:${join(dataDir, "messages.sqlite")}`;
  const table = start("report.ts", ["--html", page], { DATABASE_URL: database });
  expect(await table.ended).toBe(0);
  expect(table.out()).toMatch(/^channel +messages +p50 ms +p95 ms +p99 ms +max ms\n/);
  expect(table.out()).toMatch(/^topic → service +3( +\d+\.\d){4}$/m);
  expect(table.out()).toMatch(/^queue → Job +3( +\d+\.\d){4}$/m);
  const html = await readFile(page, "utf8");
  expect(html.match(/<circle /g)).toHaveLength(6);
  expect(html).not.toMatch(/(src|href)=/);
  const csv = start("report.ts", ["--csv", "--database", database]);
  expect(await csv.ended).toBe(0);
  const [head, ...lines] = csv.out().trimEnd().split("\r\n");
  expect(head).toBe("author,id,channel,sent,inserted,delay_ms");
  expect(lines).toHaveLength(6);
});

test("nothing is lost while the service is away, and what was tried again is one row", async () => {
  const dataDir = freshFolder();
  const args = ["--count", "20", "--max-gap", "60", "--seed", "8", "--service-outage", "1500"];
  const trial = await runWell([...args, "--data-dir", dataDir]);
  expect(trial.out()).toContain("the recorder service is killed");
  expect(trial.out()).toContain("it is tried again");
});

test("what is missing at the end is told, and the exit code is 1", async () => {
  const args = ["--count", "6", "--max-gap", "10", "--seed", "4", "--service-outage", "600000", "--patience", "3"];
  const trial = start("start.ts", [...args, "--data-dir", freshFolder()]);
  expect(await trial.ended).toBe(1);
  expect(trial.err()).toMatch(/^topic \w{8}-\d{4} of \w+ was sent and is not in the table$/m);
  expect(trial.err()).toMatch(/^audit: firings pending: \d, but none should be$/m);
  expect(trial.err()).not.toMatch(/^queue .* not in the table$/m);
  expect(trial.err()).toContain("something is wrong");
  expect(trial.out()).not.toContain("the audit adds up");
});

test("Ctrl-C ends it and everything it started, with exit code 130", async () => {
  const dataDir = freshFolder();
  await using trial = start("start.ts", ["--count", "500", "--max-gap", "40", "--data-dir", dataDir]);
  await trial.until(/queue .* in the table after/);
  expect(await processesWith(dataDir)).not.toEqual([]);
  trial.child.kill("SIGINT");
  expect(await trial.ended).toBe(130);
  expect(trial.err()).toContain("stopped before the end");
  expect(trial.err()).not.toContain("Error");
  expect(await processesWith(dataDir)).toEqual([]);
});

test("the service ends with the process that started it, even when that is killed", async () => {
  const dataDir = freshFolder();
  await using trial = start("start.ts", ["--count", "500", "--max-gap", "40", "--data-dir", dataDir]);
  await trial.until(/topic .* in the table after/);
  trial.child.kill("SIGKILL");
  await trial.ended;
  const services = async (): Promise<readonly string[]> =>
    (await processesWith(dataDir)).filter((command) => command.includes("service.ts"));
  await expect.poll(services, { timeout: 5_000 }).toEqual([]);
});

test.each([
  [["--count", "many"], '--count must be a whole number of at least 1, not "many"'],
  [["--cuont", "3"], "Unknown option '--cuont'"],
  [["--endpoint", "nowhere"], '--endpoint must be a URL, aws or local, not "nowhere"'],
  [["--endpoint", "aws"], "with --endpoint aws, --port and --public-url say where SNS reaches this machine"],
])("%j is refused with a sentence and exit code 2", async (args, sentence) => {
  const trial = start("start.ts", args);
  expect(await trial.ended).toBe(2);
  expect(trial.err()).toContain(sentence);
});

test("a database that is not there is told in one line", async () => {
  const trial = start("start.ts", [...few, "--data-dir", freshFolder()], {
    DATABASE_URL: "mysql://nobody:nothing@127.0.0.1:1/none",
  });
  expect(await trial.ended).toBe(1);
  expect(trial.err()).toContain("ECONNREFUSED");
  expect(trial.err()).not.toContain("nothing");
});

test("a port that is taken is named, and nothing is sent", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const trial = start("start.ts", [...few, "--port", String(port), "--data-dir", freshFolder()]);
  expect(await trial.ended).toBe(1);
  other.close();
  expect(trial.err()).toContain(`not ready: orders-topic/order: 127.0.0.1:${port}`);
  expect(trial.out()).not.toContain("received");
});

test("with AWS the keys and the endpoint are those of the usual variables", async () => {
  await using aws = await startStandIn({ queues: [], topics: [] });
  const port = String(await freePort());
  const where = ["--endpoint", "aws", "--port", port, "--public-url", `http://127.0.0.1:${port}`];
  // the stand-in signs with a certificate of its own, which only an entry's own endpoint may name
  await runWell([...few, ...where, "--unsigned", "--data-dir", freshFolder()], {
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local-stand-in",
  });
});

test("publish alone sends to any topic and queue by the usual variables", async () => {
  await using aws = await startStandIn({ queues: ["mine"], topics: ["mine"] });
  const keys = { accessKeyId: "local", secretAccessKey: "local-stand-in" };
  const trial = start("publish.ts", ["--count", "4", "--max-gap", "5"], {
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    TOPIC_ARN: aws.topicArn("mine"),
    QUEUE_URL: aws.queueUrl("mine"),
  });
  expect(await trial.ended, trial.err()).toBe(0);
  expect(trial.out().match(/sent to the topic/g)).toHaveLength(4);
  const sqs = new SQSClient({ endpoint: aws.endpoint, region: "us-east-1", credentials: keys });
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: aws.queueUrl("mine"),
      AttributeNames: ["ApproximateNumberOfMessages"],
    }),
  );
  sqs.destroy();
  expect(Attributes?.ApproximateNumberOfMessages).toBe("4");
});

describeWithServer("mariadb", () => {
  test("table and record may be in MySQL, in one database, and the second run audits itself alone", async () => {
    await using server = await startMariadb();
    for (let run = 0; run < 2; run++) {
      const args = [...few, "--record", server.url, "--data-dir", freshFolder()];
      const trial = await runWell(args, { DATABASE_URL: server.url });
      expect(trial.out()).toContain("record in mysql://127.0.0.1");
      expect(`${trial.out()}${trial.err()}`).not.toContain("tide:mill");
    }
    await using record = await openRecord(server.url, { readOnly: true });
    expect(await record.audit({})).toMatchObject({ missing: [], receipts: { stored: 44 }, firings: { done: 32 } });
    const { groups } = await record.delays({ by: "source" });
    expect(groups.filter(({ hop }) => hop === "total").map(({ by, count }) => [by, count])).toEqual([
      ["orders-queue", 16],
      ["orders-topic", 16],
    ]);
  });

  test("nothing is lost while the database of the record is away", async () => {
    await using server = await startMariadb();
    const args = ["--count", "20", "--max-gap", "150", "--seed", "4", "--record", server.url];
    const trial = start("start.ts", [...args, "--data-dir", freshFolder()]);
    await expect.poll(() => trial.out(), { timeout: 60_000 }).toContain("in the table after");
    await server.kill();
    await expect.poll(() => trial.err(), { timeout: 30_000 }).toContain("they wait in the bus");
    await server.start();
    expect(await trial.ended, `${trial.out()}\n${trial.err()}`).toBe(0);
    expect(trial.out()).toContain("the audit adds up");
  });

  test("the table may be in MySQL", async () => {
    await using server = await startMariadb();
    const trial = await runWell([...few, "--data-dir", freshFolder()], { DATABASE_URL: server.url });
    expect(`${trial.out()}${trial.err()}`).not.toContain("tide:mill");
    await using table = await openTable(server.url);
    const rows = await table.rows();
    expect(rows).toHaveLength(16);
    expect(rows[0]).toMatchObject({ deliveries: 1, otherKeys: 0 });
    expect(typeof rows[0]?.sentUs).toBe("number");
  });
});

describeWithServer("localstack", () => {
  test("it runs on LocalStack, whose signatures are verified", async () => {
    await using server = await startLocalstack();
    await runWell([...few, "--endpoint", server.endpoint, "--data-dir", freshFolder()]);
  });
});

describeWithServer("ministack", () => {
  test("it runs on ministack, which cannot sign", async () => {
    await using server = await startMinistack();
    await runWell([...few, "--endpoint", server.endpoint, "--unsigned", "--data-dir", freshFolder()]);
  });
});
