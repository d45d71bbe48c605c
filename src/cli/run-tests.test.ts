import { spawn } from "node:child_process";
import { on, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ended, tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";

const manifests = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: shop}
spec:
  webhook:
    order: {endpoint: /order, method: POST, port: "12000", filter: {expression: 'body.state != "test"'}}
    stock: {endpoint: /stock, method: POST, port: "12000"}
---
apiVersion: argoproj.io/v1alpha1
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
          url: http://shop.example/orders
          secureHeaders: [{name: X-Token, valueFrom: {secretKeyRef: {name: nowhere, key: token}}}]
          payload: [{src: {dependencyName: order, dataKey: body.id}, dest: id}]
      retryStrategy: {steps: 3, duration: 10s, factor: 2}
      rateLimit: {unit: Minute, requestsPerUnit: 2}
      atLeastOnce: true
      dlqTrigger:
        template: {name: alarm, log: {}}
        atLeastOnce: true
    - template:
        name: pack
        conditions: order && stock
        conditionsReset: [{byTime: {cron: "0 10 * * *"}}]
        k8s:
          source: {resource: {apiVersion: batch/v1, kind: Job, metadata: {generateName: pack-}, spec: {n: none}}}
          parameters: [{src: {dependencyName: stock, dataKey: body.n}, dest: spec.n}]
`;

const paid = "dependency: order, data: {body: {id: 7, state: paid, total: 11}}";

const good = `manifests: [shop.yaml]
tests:
  - name: a paid order is told, with a retry after 10 seconds
    at: 2026-01-01T09:00:00Z
    given:
      - {at: +5s, ${paid}}
    outcomes:
      notify: [{error: connection refused}, {status: 503}, {status: 200}]
    expect:
      fires:
        - trigger: notify
          times: 1
          attempts: 3
          state: done
          at: +5s
          rendered:
            method: POST
            headers: {X-Token: "***"}
            body: {id: "7"}
      not:
        - {trigger: pack, because: waiting for stock}
        - {trigger: alarm}
  - name: a target that stays away makes a dead letter and an alarm
    given: [{${paid}}]
    outcomes: {notify: [{status: 500}]}
    expect:
      fires:
        - {trigger: notify, attempts: 3, state: dead}
        - {trigger: alarm, times: 1}
  - name: two a minute go out, the third waits
    given: [{${paid}}, {at: +1s, ${paid}}, {at: +2s, ${paid}}]
    until: +2m
    expect:
      fires: [{trigger: notify, times: 3, state: done}]
  - name: the reset at ten forgets the order
    given:
      - {${paid}}
      - {dependency: stock, at: 2026-01-05T10:00:01Z, data: {body: {n: 3}}}
    expect:
      not: [{trigger: pack, because: waits for order}]
  - name: before the reset both make a job
    given:
      - {${paid}}
      - {source: shop/stock, at: +59m, data: {body: {n: 3}}}
    expect:
      fires:
        - {trigger: pack, rendered: {resource: {kind: Job, metadata: {generateName: pack-}, spec: {n: "3"}}}}
  - name: the clause that said no is named
    given:
      - source: shop/order
        event: {specversion: "1.0", id: e1, data: {body: {id: 7, state: paid, total: 1}}}
      - {dependency: order, data: {body: {state: test}}}
    expect:
      fires: []
      not:
        - {trigger: notify, because: "dependency order: data 1"}
        - {trigger: notify, because: the EventSource shop turns the event down}
`;

const flow = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: flow}
spec:
  dependencies: [{name: a, eventSourceName: web, eventName: a}]
  triggers:
    - template: &call {name: bounced, http: {url: "http://h/", payload: [{src: {dependencyName: a, dataKey: nr}, dest: nr}]}}
      debounce: 10s
    - template: {<<: *call, name: batched}
      batch: {size: 3, window: 1m}
      retryStrategy: {steps: 2, duration: 5s}
    - template: {<<: *call, name: slow}
      timeout: 20s
      retryStrategy: {steps: 2, duration: 5s}
`;

const flowTest = `manifests: [flow.yaml]
tests:
  - name: windows, batches and timeouts
    given:
      - {data: {nr: 1}}
      - {at: +5s, data: {nr: 2}}
      - {at: +9s, data: {nr: 3}}
      - {at: +2m, data: {nr: 4}}
    outcomes:
      slow: [{delay: 30s}, {delay: 19s}]
      batched: [{body: '{"batchItemFailures":[{"itemIdentifier":1}]}'}, {}]
    expect:
      fires:
        - {trigger: bounced, times: 2}
        - {trigger: bounced, times: 1, at: +19s, rendered: {body: {nr: "3"}}}
        - {trigger: batched, times: 3}
        - {trigger: batched, times: 1, at: +9s, state: done, rendered: {body: [{nr: "1"}, {nr: "2"}, {nr: "3"}]}}
        - {trigger: slow, times: 1, attempts: 2, state: done, rendered: {body: {nr: "1"}}}
`;

const bad = `manifests: [shop.yaml]
tests:
  - name: wrong in every way
    given: [{${paid}}]
    outcomes: {notify: [{status: 500}]}
    expect:
      fires:
        - {trigger: notify, state: done}
        - {trigger: notify, attempts: 1}
        - {trigger: notify, times: 2}
        - {trigger: notify, at: +1s}
        - {trigger: notify, rendered: {body: {id: "8"}}}
        - {trigger: pack}
      not:
        - {trigger: notify}
        - {trigger: pack, because: waits for order}
`;

let folder = "";
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-tests-"));
  for (const [name, text] of Object.entries({
    "shop.yaml": manifests,
    "good.test.yaml": good,
    "bad.test.yaml": bad,
    "flow.yaml": flow,
    "flow.test.yaml": flowTest,
    "spelt.test.yaml": good.replace("outcomes:", "outcoms:"),
    "name.test.yaml": good.replace("trigger: alarm}", "trigger: alrm}"),
    "time.test.yaml": good.replace("at: +5s, dep", "at: soon, dep"),
    "lost.test.yaml": good.replace("shop.yaml", "shops.yaml"),
  })) {
    await writeFile(at(name), text);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (...args: readonly string[]): Promise<Ended> => tidemill(["test", ...args]);

test("retries, rate limits, resets, dead letters and their triggers are the runtime's own, on a fake clock", async () => {
  const { code, out, err } = await run(at("good.test.yaml"), "-o", "json");
  expect(err).toBe("");
  const answer = answers.test.parse(JSON.parse(out));
  expect(answer.tests.flatMap(({ failures }) => failures)).toEqual([]);
  expect([code, answer.passed, answer.failed, answer.invalid]).toEqual([0, 6, 0, []]);
});

test("so are debounce, batch and timeout", async () => {
  const { out } = await run(at("flow.test.yaml"), "-o", "json");
  const answer = answers.test.parse(JSON.parse(out));
  expect(answer.tests.flatMap(({ failures }) => failures)).toEqual([]);
  expect(answer.passed).toBe(1);
});

test("each expectation that is not met is told with its place, what was expected and what happened", async () => {
  const { code, out } = await run(at("bad.test.yaml"), "-o", "json");
  expect(code).toBe(1);
  const [failed] = answers.test.parse(JSON.parse(out)).tests;
  expect(failed?.failures.map(({ line, message }) => [line, message])).toEqual([
    [8, expect.stringMatching(/^expected notify to end done; it is dead: the target answered 500/)],
    [9, expect.stringMatching(/^expected notify to take 1 attempt; it took 3 attempts/)],
    [10, "expected notify to fire 2 times; it fired once"],
    [11, "expected notify at 2026-01-05T09:00:01.000Z; it began at 2026-01-05T09:00:00.000Z"],
    [12, 'expected notify to fire with what is expected; it fired once, but never so: body.id is "7", wanted "8"'],
    [13, "expected pack to fire; it fired 0 times: waits for stock"],
    [15, expect.stringMatching(/^expected notify not to fire; it fired with \{"method":"POST"/)],
    [16, 'expected pack not to fire because of "waits for order"; it did not, because: waits for stock'],
  ]);
});

test("for people there are ticks, places and a sum; for CI there is JUnit's XML", async () => {
  const human = await run(at("bad.test.yaml"));
  expect(human.code).toBe(1);
  expect(human.out).toContain("✗ wrong in every way");
  expect(human.out).toContain(`${at("bad.test.yaml")}:10:11\n`);
  expect(human.out).toMatch(/1 test: 0 passed, 1 failed\n$/);
  const junit = await run(at("bad.test.yaml"), "-o", "junit");
  expect(junit.out).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites>\n {2}<testsuite name=".*" tests="1" failures="1"/,
  );
  expect(junit.out).toContain("wanted &quot;8&quot;");
});

test("coverage names the filters that were seen only one way", async () => {
  const { out } = await run(at("good.test.yaml"), "--coverage");
  expect(out).toContain("1 of 2 filters were seen to pass and to refuse\n");
  expect(out).toContain(`${at("shop.yaml")}:19:13  orders/order data[0]  never refused\n`);
});

describe("a file that cannot be run ends with 2, and says where and what to write", () => {
  const cases: readonly (readonly [file: string, place: string, said: string])[] = [
    ["spelt.test.yaml", "spelt.test.yaml:7:5", "did you mean outcomes?"],
    ["name.test.yaml", "name.test.yaml:22:21", "did you mean alarm?"],
    ["time.test.yaml", "time.test.yaml:6:14", "Write it as 2026-01-05T09:00:00Z or +5s."],
    ["lost.test.yaml", "shops.yaml:1:1", "there is no such file or folder"],
  ];
  for (const [file, place, said] of cases) {
    test(file, async () => {
      const { code, err } = await run(at(file));
      expect(code).toBe(2);
      expect(err).toContain(place);
      expect(err).toContain(said);
    });
  }

  test("a folder without tests", async () => {
    const empty = await mkdtemp(join(tmpdir(), "tidemill-none-"));
    const { code, err } = await run(empty);
    expect(code).toBe(2);
    expect(err).toContain("there is no *.test.yaml here or below");
    await rm(empty, { recursive: true });
  });
});

test("the tests of the examples pass, and have seen every filter both ways", async () => {
  const { code, out, err } = await run(
    fileURLToPath(new URL("../../examples", import.meta.url)),
    "--coverage",
    "-o",
    "json",
  );
  expect([code, err]).toEqual([0, ""]);
  const { failed, coverage } = answers.test.parse(JSON.parse(out));
  expect(failed).toBe(0);
  expect(coverage?.filters.filter(({ seen }) => !seen.passed || !seen.filtered)).toEqual([]);
});

test("--watch runs again at a change, and ends at a signal with the last exit code", async () => {
  const own = await mkdtemp(join(tmpdir(), "tidemill-watch-"));
  await writeFile(join(own, "shop.yaml"), manifests);
  await writeFile(join(own, "shop.test.yaml"), bad);
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--no-warnings", main, "test", own, "--watch"]);
  const ended = once(child, "close");
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  const watching = async (): Promise<void> => {
    for await (const [chunk] of on(child.stderr, "data")) if (String(chunk).includes("watching")) return;
  };
  await watching();
  expect(out).toContain("1 failed");
  const again = watching();
  await writeFile(join(own, "shop.test.yaml"), good);
  await again;
  expect(out).toContain("6 tests: 6 passed, 0 failed");
  child.kill("SIGINT");
  expect(await ended).toEqual([0, null]);
  await rm(own, { recursive: true });
});
