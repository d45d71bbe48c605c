import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { bulkPlan, deadLetterEdited, deadLetterGroups, deadLetterWithEvents } from "../console/answers/dead-letters.ts";
import { type BulkSpec, planBulk } from "./dead-letter-bulk.ts";
import { dropDeadLetters, retryDeadLetters } from "./dead-letter-change.ts";
import { editDeadLetter } from "./dead-letter-edit.ts";
import { type Bench, openBench, postTrigger, sensorOf } from "./dead-letter-testing.ts";
import { exportDeadLetters, groupDeadLetters, listDeadLetters, showDeadLetter } from "./dead-letters.ts";
import type { Operation } from "./operations.ts";
import { why } from "./why.ts";

const credentials = { accessKeyId: "test", secretAccessKey: "test" };

let bench: Bench;
let folder: string | undefined;
beforeEach(async () => {
  bench = await openBench();
  bench.status = () => 500;
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
});

const one = () => sensorOf("s", postTrigger("t", `${bench.address}/t`));
const ids = async () => (await listDeadLetters(bench.run, {}, { limit: 1_000 })).items.map(({ id }) => id);
const bulk = (more: Partial<BulkSpec> = {}): BulkSpec => ({
  ...{ action: "retry", filter: {}, current: false, newKey: false, edited: false },
  ...more,
});

/** As the API begins one. */
async function begin(spec: BulkSpec, perSecond?: number): Promise<Operation> {
  const plan = await planBulk(bench.run, spec);
  const operation = await bench.run.operations.start({
    ...{ kind: spec.action, title: "test", total: plan.count, perSecond },
    spec: { ...spec, filter: { ...spec.filter, untilUs: plan.asOfUs } },
  });
  return operation;
}

async function die(count: number, data: (n: number) => unknown = (n) => ({ nr: n })): Promise<void> {
  for (let n = 0; n < count; n++) await bench.send(data(n));
  await bench.quiet();
}

describe("the place of dead letters", () => {
  test("lists by filter and expression, oldest first, a page at a time", async () => {
    await bench.start(sensorOf("s", postTrigger("t", `${bench.address}/t`) + postTrigger("u", `${bench.address}/u`)));
    for (const nr of [1, 2, 3]) {
      await bench.send({ nr });
      await bench.quiet();
      await bench.pass(1_000);
    }
    const all = await listDeadLetters(bench.run, {}, { limit: 10 });
    expect(all.items).toHaveLength(6);
    expect(all.next).toBeUndefined();
    const paged: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await listDeadLetters(bench.run, {}, { limit: 4, cursor });
      paged.push(...page.items.map(({ id }) => id));
      cursor = page.next;
      if (cursor === undefined) break;
    }
    expect(paged).toEqual(all.items.map(({ id }) => id));
    const count = async (filter: object) => (await listDeadLetters(bench.run, filter, { limit: 10 })).items.length;
    expect(await count({ trigger: "u" })).toBe(3);
    expect(await count({ sensor: "other" })).toBe(0);
    expect(await count({ code: "TM4009", where: 'data.nr >= 2 && trigger == "t" && attempts == 1' })).toBe(2);
    expect(await count({ where: "events.a.nr == 3" })).toBe(2);
    expect(await count({ sinceUs: Math.round((bench.clock.nowMs() - 2_500) * 1000) })).toBe(4);
    expect(await count({ group: all.items.find(({ trigger }) => trigger === "t")?.group })).toBe(3);
    await expect(count({ where: "data.nr >" })).rejects.toThrow(/the expression "data.nr >"/);
  });

  test("groups by cause, whatever the ids, and marks what came back", async () => {
    bench.status = ({ body }) => (body.includes("7") ? 404 : 500);
    await bench.start(one());
    await die(3);
    await bench.send({ nr: 7 });
    await bench.quiet();
    const before = await groupDeadLetters(bench.run, {}, 10);
    expect(before).toMatchObject({ groups: 2, letters: 4, further: 0 });
    expect(before.items).toMatchObject([
      { count: 3, status: "500", cameBack: 0, sensor: "s", trigger: "t" },
      { count: 1, status: "404", cameBack: 0 },
    ]);
    expect(deadLetterGroups.parse(before)).toEqual(before);
    const [largest] = before.items;
    const [first = ""] = await ids();
    await retryDeadLetters(bench.run, [first], { current: false, newKey: false });
    await bench.quiet();
    const after = await groupDeadLetters(bench.run, {}, 1);
    expect(after.items).toMatchObject([{ id: largest?.id, count: 3, cameBack: 1 }]);
    expect(after.groups).toBe(2);
    expect(await listDeadLetters(bench.run, { where: "rounds > 0" }, { limit: 9 })).toMatchObject({
      items: [{ id: first, rounds: 1, cameBack: true }],
    });
  });

  test("shows tries of all rounds, the trace, the dlqTrigger's firing, and what a retry would send", async () => {
    const dlq = `atLeastOnce: true\n      dlqTrigger: {atLeastOnce: true, template: {name: dead, http: {url: "${bench.address}/dlq"}}}`;
    await bench.start(sensorOf("s", `${postTrigger("t", `${bench.address}/t`)}      ${dlq}\n`));
    const event = await bench.send({ nr: 5 });
    await bench.quiet();
    const id = (await listDeadLetters(bench.run, { trigger: "t" }, { limit: 1 })).items[0]?.id ?? "";
    await retryDeadLetters(bench.run, [id], { current: false, newKey: false });
    await bench.quiet();
    const shown = await showDeadLetter(bench.run, id);
    expect(shown).toMatchObject({
      traceId: event,
      tries: [{ status: "500" }, { status: "500" }],
      dlq: { id: `${id}/dlq/1` },
      wouldSend: { kind: "http", rendered: { method: "POST", url: `${bench.address}/t` } },
      events: [{ dependency: "a", id: event, data: { nr: 5 } }],
    });
    expect(JSON.stringify(shown?.wouldSend)).toContain("nr");
    const { data: _, ...rest } = deadLetterWithEvents.parse(JSON.parse(JSON.stringify(shown))).events[0] ?? {};
    expect(rest).toMatchObject({ source: "web", subject: "a" });
    expect(await showDeadLetter(bench.run, "nobody")).toBeUndefined();
  });

  test("exports every letter with its events whole", async () => {
    await bench.start(one());
    await die(450);
    const seen: string[] = [];
    for await (const letter of exportDeadLetters(bench.run, { where: "data.nr < 440" })) {
      seen.push(letter.id);
      expect(letter.events[0]?.data).toMatchObject({ nr: expect.any(Number) });
    }
    expect(new Set(seen).size).toBe(440);
  });
});

describe("a dlqTrigger", () => {
  const parameter = (key: string, dest: string) => `{src: {dependencyName: failure, dataKey: ${key}}, dest: ${dest}}`;

  test("may say why it fired, by the pseudo-dependency failure", async () => {
    bench.status = ({ path }) => (path === "/dlq" ? 200 : 404);
    const own = "{src: {dependencyName: a, dataKey: nr, useRawData: true}, dest: nr}";
    const told = [own, parameter("code", "code"), parameter("reason", "why"), parameter("traceId", "trace")];
    const template = `{name: dead, http: {url: "${bench.address}/dlq", payload: [${told.join(", ")}]}}`;
    const dlq = `      atLeastOnce: true\n      dlqTrigger: {atLeastOnce: true, template: ${template}}\n`;
    await bench.start(sensorOf("s", postTrigger("t", `${bench.address}/t`) + dlq));
    const event = await bench.send({ nr: 5 });
    await bench.quiet();
    expect(JSON.parse(bench.calls.at(-1)?.body ?? "")).toEqual({
      nr: 5,
      code: "TM4009",
      why: "the target answered 404",
      trace: event,
    });
    expect(await bench.run.record?.audit({})).toMatchObject({ firings: { dead: 1, done: 1 }, missing: [] });
  });

  test("to SQS leaves the message as it was, with the failure in its attributes", async () => {
    await using aws = await startStandIn({ queues: ["dead"], topics: [] });
    const client = new SQSClient({ endpoint: aws.endpoint, region: "us-east-1", credentials });
    const attributes = "messageAttributes: {attempt: none}";
    const names = { code: "code", reason: "reason", traceId: "trace", status: "status", job: "job" };
    const parameters = Object.entries(names).map(([key, name]) => parameter(key, `messageAttributes.${name}`));
    const keys = "accessKey: {name: aws, key: id}, secretKey: {name: aws, key: secret}";
    const place = `region: us-east-1, endpoint: "${aws.endpoint}", queue: dead, ${keys}`;
    const template = `{name: dead, sqs: {${place}, ${attributes}, parameters: [${parameters.join(", ")}]}}`;
    const dlq = `      atLeastOnce: true\n      dlqTrigger: {atLeastOnce: true, template: ${template}}\n`;
    await bench.start(sensorOf("s", postTrigger("t", `${bench.address}/t`) + dlq));
    const event = await bench.send({ nr: 5 });
    await bench.quiet();
    const asked = { QueueUrl: aws.queueUrl("dead"), MessageAttributeNames: ["All"], WaitTimeSeconds: 5 };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(asked));
    client.destroy();
    expect(Messages.map(({ Body }) => Body)).toEqual(['{"nr":5}']);
    expect(Messages[0]?.MessageAttributes).toMatchObject({
      code: { StringValue: "TM4009" },
      reason: { StringValue: "the target answered 500" },
      status: { StringValue: "500" },
      trace: { StringValue: event },
      job: { StringValue: event },
    });
  });
});

describe("an edited dead letter", () => {
  test("goes on as a new firing with a new event, and the letter stays as it was", async () => {
    bench.status = ({ body }) => (body === '{"nr":12}' ? 200 : 500);
    await bench.start(one());
    const event = await bench.send({ nr: 1, big: 1 });
    await bench.quiet();
    const [id = ""] = await ids();
    const edit = { set: [["nr", "12"]] as const, current: false, drop: false };
    const plan = await editDeadLetter(bench.run, id, { ...edit, plan: true });
    expect(deadLetterEdited.parse(plan)).toEqual({
      ...{ id, dependency: "a", event, newEvent: expect.stringMatching(/^[0-9a-f]{32}$/) },
      ...{ before: '{"nr":1,"big":1}', after: '{"nr":12,"big":1}' },
    });
    expect(bench.calls).toHaveLength(1);
    const { newId = "" } = await editDeadLetter(bench.run, id, { ...edit, plan: false });
    await bench.quiet();
    expect(bench.calls.map(({ body, headers }) => [body, headers["idempotency-key"]])).toEqual([
      ['{"nr":1}', id],
      ['{"nr":12}', newId],
    ]);
    const letter = await showDeadLetter(bench.run, id);
    expect(letter).toMatchObject({ successor: newId, events: [{ id: event, data: { nr: 1, big: 1 } }] });
    expect((await why(bench.run, event)).sensors[0]?.triggers[0]?.firings).toMatchObject([
      { id, state: "dead" },
      { id: newId, state: "done", parent: id },
    ]);
    expect(await bench.run.record?.audit({})).toMatchObject({ firings: { dead: 1, done: 1 }, missing: [] });
    expect(await planBulk(bench.run, bulk())).toMatchObject({ count: 0, edited: 1 });
    expect(await planBulk(bench.run, bulk({ edited: true }))).toMatchObject({ count: 1, edited: 0 });
  });

  test("that dies again names what its event was made of, and may take the place of the original", async () => {
    await bench.start(one());
    const event = await bench.send({ nr: 1 });
    await bench.quiet();
    const [id = ""] = await ids();
    const edit = { data: '{"nr": 2}', current: true, drop: true, plan: false };
    const { newId = "", newEvent } = await editDeadLetter(bench.run, id, edit);
    await bench.quiet();
    expect(await ids()).toEqual([newId]);
    const shown = await showDeadLetter(bench.run, newId);
    expect(shown).toMatchObject({ parent: id, events: [{ id: event, extensions: { editedfrom: event } }] });
    const letter = await bench.run.buses[0]?.bus.queue("s/t").dead().get(newId);
    expect(letter?.events[0]?.event.id).toBe(newEvent);
    expect(await bench.run.record?.audit({})).toMatchObject({ firings: { dead: 1, dropped: 1 }, missing: [] });
  });

  test("is refused where the data is none, nothing changes, or the letter has gone", async () => {
    await bench.start(one());
    await die(1);
    const [id = ""] = await ids();
    const how = { current: false, drop: false, plan: false };
    const refused = [
      [{ data: "{" }, /not JSON/],
      [{}, /give the new data/],
      [{ data: '{"nr":0}' }, /changes nothing/],
      [{ dependency: "z", data: "{}" }, /no event z to edit; it has: a/],
      [{ set: [["", "1"]] as const }, /cannot be set/],
    ] as const;
    for (const [edit, says] of refused)
      await expect(editDeadLetter(bench.run, id, { ...edit, ...how })).rejects.toThrow(says);
    await expect(editDeadLetter(bench.run, "x", { data: "{}", ...how })).rejects.toThrow(/no dead letter x/);
    expect(bench.calls).toHaveLength(1);
  });
});

describe("bulk work", () => {
  test("is planned by trigger and target, and leaves alone what dies later", async () => {
    await bench.start(sensorOf("s", postTrigger("t", `${bench.address}/t`) + postTrigger("u", `${bench.address}/u`)));
    await die(7);
    const plan = await planBulk(bench.run, bulk({ filter: { where: "data.nr > 0 || data.none.of.it" } }));
    expect(bulkPlan.parse(plan)).toMatchObject({
      ...{ count: 12, edited: 0, refused: 0, oldestAt: expect.stringMatching(/^2026-01-05T09:00:00/) },
      by: [
        { sensor: "s", trigger: "t", code: "TM4009", target: `http ${new URL(bench.address).host}`, count: 6 },
        { trigger: "u", count: 6 },
      ],
    });
    expect(plan.sample).toHaveLength(5);
    expect(plan.unevaluated?.count ?? 0).toBe(2);
  });

  test("retries each letter once, also those that die again at once, and says what it came to", async () => {
    await bench.start(one());
    await die(300);
    const operation = await begin(bulk());
    const ended = await bench.ended(operation.id);
    await bench.quiet();
    expect(ended).toMatchObject({ state: "done", done: 300, failed: 0, total: 300 });
    expect(bench.calls).toHaveLength(600);
    expect(await ids()).toHaveLength(300);
    expect(await planBulk(bench.run, bulk({ filter: { where: "rounds == 1" } }))).toMatchObject({ count: 300 });
    expect(await bench.run.record?.audit({})).toMatchObject({ firings: { dead: 300 }, missing: [] });
  });

  test("keeps to its rate", async () => {
    await bench.start(one());
    await die(130);
    bench.calls.length = 0;
    bench.status = () => 200;
    const beganMs = bench.clock.nowMs();
    const { id } = await begin(bulk(), 10);
    for (let step = 0; step < 140; step++) await bench.pass(100);
    expect(await bench.ended(id)).toMatchObject({ state: "done", done: 130 });
    const times = bench.calls.map(({ atMs }) => atMs - beganMs);
    expect(times).toHaveLength(130);
    for (const from of times) expect(times.filter((at) => at >= from && at < from + 1_000).length).toBeLessThan(12);
    expect(Math.max(...times)).toBeGreaterThanOrEqual(12_900);
    expect(Math.max(...times)).toBeLessThan(13_500);
  });

  test("is cancelled where it is, and what is done stays done", async () => {
    await bench.start(one());
    await die(120);
    bench.calls.length = 0;
    bench.status = () => 200;
    const { id } = await begin(bulk(), 10);
    for (let step = 0; step < 20; step++) await bench.pass(100);
    const cancelled = await bench.run.operations.cancel(id);
    await bench.pass(10_000);
    expect(cancelled.state).toBe("cancelled");
    expect(cancelled.done).toBe(bench.calls.length);
    expect(cancelled.done).toBeGreaterThan(15);
    expect(await ids()).toHaveLength(120 - cancelled.done);
    expect(await bench.run.operations.cancel(id)).toEqual(cancelled);
    await expect(bench.run.operations.cancel("op_x")).rejects.toMatchObject({ code: "OPERATION_UNKNOWN" });
  });

  test("goes on after a restart with what is left", async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemill-dlq-"));
    await bench.start(one(), folder);
    await die(120);
    bench.calls.length = 0;
    bench.status = () => 200;
    const { id } = await begin(bulk(), 10);
    while (bench.calls.length < 20) await bench.pass(100);
    expect(bench.calls.length).toBeLessThan(40);
    await bench.stop();
    await bench.start(one(), folder);
    expect(bench.run.operations.get(id)?.state).toBe("running");
    while (bench.run.operations.get(id)?.state === "running") await bench.pass(100);
    await bench.quiet();
    expect(bench.run.operations.get(id)).toMatchObject({ state: "done", done: 120, total: 120 });
    expect(new Set(bench.calls.map(({ body }) => body)).size).toBe(120);
    expect(bench.calls).toHaveLength(120);
    expect(await ids()).toEqual([]);
  });

  test("drops with a reason, and refuses to retry what nobody would try", async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemill-dlq-"));
    await bench.start(one(), folder);
    await die(3);
    await bench.stop();
    await bench.start(sensorOf("other", postTrigger("t", `${bench.address}/t`)), folder);
    expect(await planBulk(bench.run, bulk({ current: true }))).toMatchObject({ count: 3, refused: 3 });
    const { id } = await begin(bulk({ current: true }));
    expect(await bench.ended(id)).toMatchObject({ state: "done", done: 0, failed: 3 });
    expect(bench.run.operations.get(id)?.notes[0]).toContain("nobody would try it");
    const [letter = "", ...others] = await ids();
    expect(await dropDeadLetters(bench.run, [letter], { reason: "a test" })).toMatchObject([{ outcome: "dropped" }]);
    const dropping = await begin(bulk({ action: "drop", reason: "all of it" }));
    expect(await bench.ended(dropping.id)).toMatchObject({ state: "done", done: others.length });
    await bench.quiet();
    expect(await ids()).toEqual([]);
    expect(await bench.run.record?.firing(letter)).toMatchObject({ state: "dropped" });
  });
});
