import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ended, tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";
import type { SensorAnswer } from "../rehearsal/evaluate.ts";

const sensor = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: orders}
spec:
  dependencies:
    - name: order
      eventSourceName: shop
      eventName: order
      filters:
        data:
          - {path: body.state, type: string, value: [paid]}
          - {path: body.total, type: number, comparator: ">", value: ["10"]}
    - {name: stock, eventSourceName: shop, eventName: stock}
  triggers:
    - template:
        name: notify
        conditions: order
        http:
          url: http://localhost:8080/orders/
          method: PUT
          headers: {X-Shop: café}
          secureHeaders: [{name: X-Token, valueFrom: {secretKeyRef: {name: nowhere, key: token}}}]
          basicAuth: {username: {name: nowhere, key: user}, password: {name: nowhere, key: password}}
          payload:
            - {src: {dependencyName: order, dataKey: body, useRawData: true}, dest: order}
          parameters:
            - {src: {dependencyName: order, dataKey: body.id}, dest: url, operation: append}
    - template:
        name: pack
        conditions: order && stock
        k8s:
          source: {resource: {apiVersion: batch/v1, kind: Job, metadata: {generateName: pack-}, spec: {n: none}}}
          parameters: [{src: {dependencyName: stock, dataKey: body.n}, dest: spec.n}]
    - template:
        name: say
        conditions: order || stock
        slack:
          channel: shop
          message: nothing
          slackToken: {name: nowhere, key: token}
          parameters: [{src: {dependencyName: order, dataKey: body.state, value: none}, dest: message}]
`;

const source = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: shop}
spec:
  webhook:
    order: {endpoint: /order, method: POST, port: "12000", filter: {expression: 'body.state != "test"'}}
    stock: {endpoint: /stock, method: POST, port: "12000"}
`;

const paid = '{"body": {"id": 12345678901234567890, "state": "paid", "total": 1.10e1}}';
const stock = JSON.stringify({
  ...{ specversion: "1.0", id: "e1", source: "shop", subject: "stock", type: "webhook" },
  data_base64: Buffer.from('{"body":{"n":3}}').toString("base64"),
});

let folder = "";
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-eval-"));
  const files = {
    "sensor.yaml": sensor,
    "source.yaml": source,
    "two.yaml": `${sensor}---\n${sensor.replace("name: orders", "name: others")}`,
    "broken.yaml": sensor.replace("conditions: order &&", "conditions: order &&&"),
    "lost.yaml": sensor.replace("dataKey: body.id", "dataKey: body.nothing"),
    "remote.yaml": sensor.replace(/source: \{resource.*\n/, "source: {url: {path: http://127.0.0.1:9/x.yaml}}\n"),
    "paid.json": `${paid}\n`,
    "open.json": '{"body":{"id":1,"state":"open","total":1}}',
    "test.json": '{"body":{"id":1,"state":"test","total":11}}',
    "stock.json": stock,
    "bad.json": '{"body":\n  {"id": 1,, }}',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(at(name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (...args: readonly string[]): Promise<Ended> => tidemill(["eval", ...args]);

/** The answer about a Sensor, held against its schema. */
async function answerOf(...args: readonly string[]): Promise<SensorAnswer & { readonly code: number | null }> {
  const { code, out, err } = await run(...args, "-o", "json");
  expect(err).toBe("");
  return { ...(answers.eval.parse(JSON.parse(out)) as SensorAnswer), code };
}

const onSensor = (file = "sensor.yaml") => ["-f", at(file)];
const given = (file: string, place = "shop/order") => ["--event", at(file), "--source", place];

/** What the trigger of type slack sends. */
const slackSays = (text: string): object => ({
  method: "POST",
  url: "https://slack.com/api/chat.postMessage",
  body: { channel: "shop", text },
});

describe("an event on a Sensor", () => {
  test("each clause has its value and verdict, each trigger its reason, and what fires is rendered", async () => {
    const { code, ...answer } = await answerOf(...onSensor(), ...given("paid.json"));
    expect(code).toBe(0);
    expect(answer.dependencies).toEqual([
      {
        name: "order",
        matched: true,
        passed: true,
        clauses: [
          expect.objectContaining({ kind: "data", index: 0, passed: true, value: "paid" }),
          expect.objectContaining({ kind: "data", index: 1, passed: true }),
        ],
        data: JSON.parse(paid),
      },
      { name: "stock", matched: false, passed: false, clauses: [] },
    ]);
    expect(answer.triggers).toEqual([
      {
        name: "notify",
        fires: true,
        reason: "order satisfies order",
        rendered: {
          method: "PUT",
          url: "http://localhost:8080/orders/12345678901234567890",
          headers: {
            "X-Shop": "café",
            "X-Token": "***",
            Authorization: "Basic ***",
            "Content-Type": "application/json",
          },
          body: '{"order":{"id": 12345678901234567890, "state": "paid", "total": 1.10e1}}',
        },
      },
      { name: "pack", fires: false, reason: "waits for stock" },
      { name: "say", fires: true, reason: expect.any(String), rendered: slackSays("paid") },
    ]);
  });

  test("numbers of the data are written as they came", async () => {
    const { out } = await run(...onSensor(), ...given("paid.json"), "-o", "json");
    expect(out).toContain('"id": 12345678901234567890');
    expect(out).toContain('"total": 1.10e1');
  });

  test("what is filtered names the clause, and nothing fires: exit code 1", async () => {
    const { code, dependencies, triggers } = await answerOf(...onSensor(), ...given("open.json"));
    expect(code).toBe(1);
    expect(dependencies[0]).toMatchObject({ matched: true, passed: false, data: { body: { state: "open" } } });
    expect(triggers[0]).toEqual({ name: "notify", fires: false, reason: expect.stringMatching(/^order: data\[0\] /) });
  });

  test("several events in order: the answer is what stands after the last, a line for each with jsonl", async () => {
    const events = ["--event", at("paid.json"), "--event", at("stock.json"), "--source", "shop/order"];
    const { code, triggers } = await answerOf(...onSensor(), ...events, "--source", "shop/stock");
    expect(code).toBe(0);
    const resource = { apiVersion: "batch/v1", kind: "Job", metadata: { generateName: "pack-" }, spec: { n: "3" } };
    expect(triggers[1]).toEqual({
      name: "pack",
      fires: true,
      reason: "order and stock satisfy order && stock",
      rendered: { resource },
    });
    const lines = (await run(...onSensor(), ...events, "--source", "shop/stock", "-o", "jsonl")).out.trim().split("\n");
    const both = lines.map((line) => answers.eval.parse(JSON.parse(line)) as SensorAnswer);
    expect(both.map((one) => one.triggers[1]?.fires)).toEqual([false, true]);
  });

  test("--dep gives plain data a place, --trigger and --dep narrow the answer", async () => {
    const { dependencies, triggers } = await answerOf(
      ...[...onSensor(), "--event", at("paid.json"), "--dep", "order", "--trigger", "say"],
    );
    expect(dependencies.map(({ name }) => name)).toEqual(["order"]);
    expect(triggers.map(({ name }) => name)).toEqual(["say"]);
  });

  test("standard input is an event too", async () => {
    const { code, out } = await tidemill(["eval", ...onSensor(), "--event", "-", "-o", "json"], { input: stock });
    expect(code).toBe(0);
    expect(JSON.parse(out).triggers[2]).toMatchObject({ name: "say", fires: true, rendered: slackSays("none") });
  });

  test("a firing whose parameter finds nothing fires, and says why nothing would be sent", async () => {
    const { code, triggers } = await answerOf(...onSensor("lost.yaml"), ...given("paid.json"), "--trigger", "notify");
    expect(code).toBe(0);
    expect(triggers[0]).toMatchObject({ fires: true, reason: expect.stringContaining("body.nothing") });
    expect(triggers[0]).not.toHaveProperty("rendered");
  });

  test("an object at a URL is named, not fetched", async () => {
    const { triggers } = await answerOf(
      ...[...onSensor("remote.yaml"), "--event", at("paid.json"), "--event", at("stock.json")],
      ...["--source", "shop/order", "--source", "shop/stock"],
    );
    expect(triggers[1]).toMatchObject({ fires: true, reason: expect.stringContaining("was not fetched") });
  });

  test("the filter of its EventSource is asked first where it is among the manifests", async () => {
    const { code, triggers } = await answerOf("-f", at("source.yaml"), ...onSensor(), ...given("test.json"));
    expect(code).toBe(1);
    expect(triggers[0]?.reason).toBe("the EventSource shop turns the event down: filter.expression is false");
  });

  test("for people there are ticks, reasons and the request", async () => {
    const { out } = await run(...onSensor(), ...given("paid.json"));
    expect(out).toContain('✓ data[0]  body.state is "paid"');
    expect(out).toContain("PUT http://localhost:8080/orders/12345678901234567890\n    X-Shop: café\n");
    expect(out).toContain("✗ does not fire: waits for stock");
    expect(out).not.toContain("\u001b[");
  });

  test("the clock is what --at says", async () => {
    await writeFile(
      at("clock.yaml"),
      sensor.replace("dataKey: body.state, value: none", `dataTemplate: '{{ now | date "2006" }}'`),
    );
    const args = [...onSensor("clock.yaml"), ...given("paid.json"), "--at", "2031-05-05T00:00:00Z", "--trigger", "say"];
    expect((await answerOf(...args)).triggers[0]?.rendered).toEqual(slackSays("2031"));
  });

  test("templates read the environment only with --template-env", async () => {
    const template = `dataTemplate: '{{ env "SHOP" }}{{ .Input.body.state }}'`;
    await writeFile(at("env.yaml"), sensor.replace("dataKey: body.state, value: none", template));
    const args = [...onSensor("env.yaml"), ...given("paid.json"), "--trigger", "say", "-o", "json"];
    const env = { SHOP: "north " };
    const refused = await tidemill(["eval", ...args], { env });
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('the template function "env" needs an environment');
    const { out } = await tidemill(["eval", ...args, "--template-env"], { env });
    expect(JSON.parse(out)).toMatchObject({ triggers: [{ rendered: slackSays("north paid") }] });
  });
});

describe("an event on an EventSource", () => {
  test("the answer is the verdict of its filter", async () => {
    const passes = await run("-f", at("source.yaml"), ...given("open.json"), "-o", "json");
    expect([passes.code, answers.eval.parse(JSON.parse(passes.out))]).toEqual([
      0,
      { source: "shop", event: "order", passed: true, reason: "filter.expression is true" },
    ]);
    const filtered = await run("-f", at("source.yaml"), ...given("test.json"), "-o", "json");
    expect(filtered.code).toBe(1);
    expect(JSON.parse(filtered.out)).toMatchObject({ passed: false, reason: "filter.expression is false" });
  });
});

describe("refusals, with exit code 2 and nothing on standard output", () => {
  test("an error in an expression, with its place", async () => {
    const { code, out, err } = await run(...onSensor("broken.yaml"), ...given("paid.json"));
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`${at("broken.yaml")}:30:29`);
    expect(err).toMatch(/^error\[TM\d+\]/);
  });

  test("names that are not there, and several sensors", async () => {
    const cases: readonly (readonly [string[], string])[] = [
      [[...onSensor(), ...given("paid.json"), "--dep", "ordr"], "did you mean order?"],
      [[...onSensor(), ...given("paid.json"), "--trigger", "notfy"], "did you mean notify?"],
      [[...onSensor(), ...given("paid.json"), "--sensor", "ordes"], "did you mean orders?"],
      [[...onSensor("two.yaml"), ...given("paid.json")], "name one with --sensor: orders, others"],
      [[...onSensor(), "--event", at("paid.json")], "whose event is it?"],
      [["-f", at("source.yaml"), ...given("open.json", "shop/ordr")], "did you mean shop/order?"],
      [[...onSensor(), "--event", at("none.json")], "ENOENT"],
      [[...onSensor(), "--event", at("bad.json")], `${at("bad.json")}:2:12: the event is not JSON`],
      [[...onSensor()], "give an event"],
      [["-f", at("paid.json"), ...given("paid.json")], "TM"],
    ];
    for (const [args, said] of cases) {
      const { code, out, err } = await run(...args);
      expect([args, code, out]).toEqual([args, 2, ""]);
      expect(err).toContain(said);
    }
  });
});
