import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { type Ended, helloOn, type Running, running, tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";

/** Three sensors on one event: one logs, one filters, one calls a target that is down; another event makes a Job. */
const flow = (port: number, target: number): string => `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    orders: {endpoint: /orders, method: POST, port: "${port}"}
    import: {endpoint: /import, method: POST, port: "${port}"}
    odd: {endpoint: /odd, method: POST, port: "${port}", filter: {expression: "body.n > 1"}}
---
apiVersion: argoproj.io/v1alpha1
kind: EventBus
metadata: {name: default}
spec: {jetstream: {version: latest}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: print}
spec:
  dependencies: [{name: order, eventSourceName: web, eventName: orders}]
  triggers: [{template: {name: log-it, log: {}}}]
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: paid}
spec:
  dependencies:
    - {name: paid-order, eventSourceName: web, eventName: orders, filters: {data: [{path: body.state, type: string, value: [paid]}]}}
  triggers: [{template: {name: log-paid, log: {}}}]
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: call}
spec:
  dependencies: [{name: order, eventSourceName: web, eventName: orders}]
  triggers:
    - template: {name: post, http: {url: "http://127.0.0.1:${target}/", method: POST}}
      retryStrategy: {steps: 1}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: import}
spec:
  dependencies: [{name: file, eventSourceName: web, eventName: import}]
  triggers:
    - template:
        name: job
        k8s:
          operation: create
          source:
            resource:
              apiVersion: batch/v1
              kind: Job
              metadata: {name: import, namespace: batch}
              spec:
                backoffLimit: 0
                template:
                  spec:
                    restartPolicy: Never
                    containers: [{name: main, image: busybox, command: [sh, -c, "echo imported"]}]
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: broken}
spec: {dependencies: []}
`;

let folder = "";
let manifest = "";
let dataDir = "";
let target = 0;
let run: Running;

const ask = (...args: readonly string[]): Promise<Ended> => tidemill([...args, "--data-dir", dataDir]);

/** The answer of a verb, held against its schema. */
async function answerOf<K extends keyof typeof answers>(verb: K, ...args: readonly string[]) {
  const { code, out, err } = await ask(...args, "-o", "json");
  expect(code, err).toBeLessThan(2);
  return answers[verb].parse(JSON.parse(out)) as ReturnType<(typeof answers)[K]["parse"]>;
}

/** Asks until it is so: facts reach the record a moment after what they tell. */
async function until<T>(question: () => Promise<T>, good: (answer: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 15_000; ; ) {
    const answer = await question();
    if (good(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`not within 15 s: ${JSON.stringify(answer)}`);
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-run-"));
  manifest = join(folder, "flow.yaml");
  dataDir = join(folder, "data");
  target = await freePort();
  await writeFile(manifest, flow(await freePort(), target));
  run = await running([manifest], { dataDir, args: ["--jobs", "process"] });
});
afterAll(async () => {
  await run[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe("a run, asked by every verb", () => {
  let event = "";
  let dead = "";

  test("it says what runs, and what does not run as its manifest says", () => {
    expect(run.err()).toMatch(/error\[TM\d+\].*\n.*flow\.yaml:/);
    expect(run.err()).toContain("EventBus default/default (jetstream) runs on the embedded bus here");
    expect(run.err()).toMatch(/✓ source +default\/web\/orders +POST http:\/\/127\.0\.0\.1:\d+\/orders/);
    expect(run.err()).not.toContain("\u001b[");
  });

  test("send hands in an event, and waits for its firings", async () => {
    const data = '{"body":{"state":"open","big":12345678901234567890}}';
    const sent = await answerOf("send", "send", "web/orders", "-d", data, "--wait");
    expect(sent.receipt.outcome).toBe("stored");
    expect(sent.settled).toBe("failed");
    event = sent.receipt.id;
  });

  test("send takes a file, tells a filtered event, and refuses a name that is not there", async () => {
    const file = join(folder, "odd.json");
    await writeFile(file, '{"body":{"n":1}}');
    const { code, out } = await ask("send", "web/odd", "-d", `@${file}`);
    expect([code, out]).toEqual([0, expect.stringMatching(/^[0-9a-f]{32} {2}filtered: filter\.expression is false/)]);
    const unknown = await ask("send", "web/order", "-d", "{}");
    expect(unknown).toMatchObject({ code: 2, out: "", err: expect.stringContaining("did you mean web/orders?") });
  });

  test("why tells each sensor's decision, with the clause that said no and the error of the target", async () => {
    const why = await until(
      () => answerOf("why", "why", event),
      ({ sensors }) => sensors.some(({ triggers }) => triggers[0]?.firings[0]?.state === "dead"),
    );
    const bySensor = Object.fromEntries(why.sensors.map((one) => [one.sensor, one]));
    expect(Object.keys(bySensor).sort()).toEqual(["call", "paid", "print"]);
    expect(bySensor.paid?.triggers[0]).toMatchObject({ decision: "filtered", firings: [] });
    expect(bySensor.paid?.dependencies[0]?.clauses[0]).toMatchObject({
      kind: "data",
      index: 0,
      passed: false,
      value: "open",
    });
    expect(bySensor.print?.triggers[0]).toMatchObject({ decision: "fired", firings: [{ state: "done" }] });
    const firing = bySensor.call?.triggers[0]?.firings[0];
    expect(firing?.attempts).toHaveLength(1);
    expect(firing?.attempts[0]?.error).toContain("ECONNREFUSED");
    dead = firing?.id ?? "";
    const { code, out } = await ask("why", event);
    expect(code).toBe(0);
    expect(out).toMatch(/✗ data\[0\] .*\(open\)/);
  });

  test("events are listed, newest first, and shown with their data as it came", async () => {
    const { items } = await answerOf("events-ls", "events", "ls");
    expect(items.map(({ receipt }) => receipt)).toEqual(["filtered", "stored"]);
    expect((await answerOf("events-ls", "events", "ls", "--receipt", "filtered")).items).toHaveLength(1);
    expect((await answerOf("events-ls", "events", "ls", "--firing", "dead")).items.map(({ id }) => id)).toEqual([
      event,
    ]);
    const one = await answerOf("events-get", "events", "get", event);
    expect(one.data).toMatchObject({ body: { state: "open" } });
    const lines = (await ask("events", "ls", "-o", "jsonl")).out.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).id)).toContain(event);
    expect((await ask("events", "ls", "-o", "csv")).out).toMatch(/^id,namespace,.*\r\n/);
    expect(await ask("events", "get", "nobody")).toMatchObject({ code: 2, err: expect.stringContaining("TM7002") });
  });

  test("the dead letter is listed, shown with its event, and retried once the target is up", async () => {
    const { items } = await answerOf("dlq-ls", "dlq", "ls");
    expect(items).toMatchObject([
      { id: dead, sensor: "call", trigger: "post", events: [{ dependency: "order", id: event }] },
    ]);
    const shown = await answerOf("dlq-show", "dlq", "show", dead);
    expect(shown.events[0]?.data).toMatchObject({ body: { state: "open" } });
    const plan = await ask("dlq", "retry", "--all");
    expect(plan).toMatchObject({ code: 2, out: "", err: expect.stringContaining("would retry 1 dead letters") });

    const keys: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      keys.push(request.headers["idempotency-key"]?.toString());
      response.end("ok");
    });
    await new Promise<void>((listening) => server.listen(target, "127.0.0.1", listening));
    try {
      const retried = await answerOf("dlq-retry", "dlq", "retry", "--all", "--yes", "--config", "current");
      expect(retried.items).toEqual([{ id: dead, outcome: "retried" }]);
      await until(
        () => answerOf("why", "why", event),
        ({ sensors }) =>
          sensors.every(({ triggers }) =>
            triggers.every(({ firings }) => firings.every((one) => one.state === "done")),
          ),
      );
      expect(keys).toEqual([dead]);
    } finally {
      await new Promise((closed) => server.close(closed));
    }
    expect((await answerOf("dlq-ls", "dlq", "ls")).items).toEqual([]);
    const again = await ask("dlq", "retry", dead);
    expect(again).toMatchObject({ code: 1, out: expect.stringContaining("unknown") });
  });

  test("a retry under a new key is a new firing, and a dropped one is told as dropped: the audit adds up", async () => {
    const sent = await answerOf("send", "send", "web/orders", "-d", '{"body":{}}', "--wait");
    const [letter] = (await answerOf("dlq-ls", "dlq", "ls")).items;
    const { items } = await answerOf("dlq-retry", "dlq", "retry", letter?.id ?? "", "--new-key");
    const newId = items[0]?.newId ?? "";
    expect(newId).toMatch(/^[0-9a-f]{32}$/);
    await until(
      () => answerOf("dlq-ls", "dlq", "ls"),
      (page) => page.items[0]?.id === newId,
    );
    expect((await answerOf("dlq-drop", "dlq", "drop", newId)).items).toEqual([{ id: newId, outcome: "dropped" }]);
    const why = await until(
      () => answerOf("why", "why", sent.receipt.id),
      ({ sensors }) =>
        sensors.some(
          ({ sensor, triggers }) =>
            sensor === "call" && triggers[0]?.firings.every(({ state }) => state === "dropped") === true,
        ),
    );
    const call = why.sensors.find(({ sensor }) => sensor === "call");
    expect(call?.triggers[0]?.firings.map(({ id }) => id).sort()).toEqual([letter?.id, newId].sort());
    const audit = await answerOf("audit", "audit");
    expect(audit.missing).toEqual([]);
    expect(audit.receipts).toMatchObject({ stored: 2, filtered: 1 });
    expect(audit.firings).toMatchObject({ done: 3, dropped: 2, dead: 0 });
  });

  test("delays come as table, JSON, CSV and one page", async () => {
    const page = join(folder, "delays.html");
    const delays = await answerOf("delays", "delays", "--by", "trigger", "--html", page);
    expect(delays.groups.length).toBeGreaterThan(0);
    expect(await readFile(page, "utf8")).toContain("<svg");
    expect((await ask("delays", "-o", "csv")).out).toMatch(/^by,hop,count,p50Ms/);
    expect((await ask("delays")).out).toMatch(/received → stored/);
  });

  test("jobs run as processes, and their logs are at hand", async () => {
    await answerOf("send", "send", "web/import", "-d", "{}", "--wait");
    const { items } = await until(
      () => answerOf("jobs-ls", "jobs"),
      (page) => page.items[0]?.state === "complete",
    );
    expect(items).toMatchObject([
      { namespace: "batch", name: "import", attempts: [{ containers: [{ exitCode: 0 }] }] },
    ]);
    expect((await answerOf("jobs-get", "jobs", "get", "batch/import")).state).toBe("complete");
    expect(await ask("jobs", "logs", "import", "-n", "batch")).toMatchObject({ code: 0, out: "imported\n" });
    expect((await answerOf("jobs-logs", "jobs", "logs", "batch/import")).items[0]?.container).toBe("main");
    expect(await ask("jobs", "rm", "--state", "complete")).toMatchObject({
      code: 2,
      err: expect.stringContaining("would delete 1"),
    });
    expect((await answerOf("jobs-rm", "jobs", "rm", "--state", "complete", "--yes")).items).toEqual([
      { name: "batch/import" },
    ]);
    expect(await ask("jobs", "get", "batch/import")).toMatchObject({ code: 2, err: expect.stringContaining("TM7013") });
  });

  test("status names every part", async () => {
    const status = await answerOf("status", "status");
    expect(status).toMatchObject({ ready: true, faults: [], durable: true, dataDir, pid: run.pid });
    expect(status.sources.map(({ event: name, state }) => `${name} ${state}`).sort()).toEqual([
      "import ready",
      "odd ready",
      "orders ready",
    ]);
    expect(status.buses).toMatchObject([
      { namespace: "default", bus: "default", kind: "embedded", lag: { sensors: { entries: 0 } } },
    ]);
    expect((await ask("status")).out).toContain("ready");
  });

  test("probes and metrics answer; strangers and unknown paths are refused as problem+json", async () => {
    for (const base of [run.admin, run.metrics]) {
      expect((await fetch(`${base}/livez`)).status).toBe(200);
      const ready = await fetch(`${base}/readyz?verbose`);
      expect([ready.status, await ready.text()]).toEqual([200, "[+] process\nok\n"]);
    }
    const metrics = await (await fetch(`${run.metrics}/metrics`)).text();
    expect(metrics).toContain(
      'argo_events_events_sent_total{namespace="default",eventsource_name="web",event_name="orders"} 2',
    );
    const page = await fetch(`${run.admin}/api/v1/status`, { headers: { origin: "https://evil.example" } });
    expect([page.status, page.headers.get("content-type")]).toEqual([
      403,
      expect.stringContaining("application/problem+json"),
    ]);
    expect(await page.json()).toMatchObject({ status: 403, code: "TM7012" });
    expect(await (await fetch(`${run.admin}/api/v1/nothing`)).json()).toMatchObject({ status: 404, code: "TM7015" });
    const bad = await fetch(`${run.admin}/api/v1/events?limit=many`);
    expect(await bad.json()).toMatchObject({ status: 400, code: "TM7009" });
  });

  test("SIGTERM drains and ends with 0; afterwards the record answers without a server, and why says where to go", async () => {
    run.kill("SIGTERM");
    const { code, out, err } = await run.ended;
    expect([code, out]).toEqual([0, ""]);
    expect(err).toContain("SIGTERM: taking nothing more");
    expect((await answerOf("events-ls", "events", "ls")).items).toHaveLength(4);
    expect((await answerOf("audit", "audit")).missing).toEqual([]);
    const explicit = await tidemill(["delays", "--record", `sqlite:${join(dataDir, "record.sqlite")}`, "-o", "json"]);
    expect(answers.delays.parse(JSON.parse(explicit.out)).groups.length).toBeGreaterThan(0);
    expect(await ask("why", event)).toMatchObject({ code: 3, out: "" });
  });
});

describe("ends", () => {
  test("after kill -9 the address left behind is told, and the next run takes over", async () => {
    const hello = join(folder, "hello.yaml");
    await writeFile(hello, await helloOn(await freePort()));
    const own = join(folder, "killed");
    const first = await running([hello], { dataDir: own });
    const sent = await tidemill(["send", "web/hello", "-d", "{}", "--wait", "--data-dir", own, "-o", "json"]);
    first.kill("SIGKILL");
    await first.ended;
    const stale = await tidemill(["status", "--data-dir", own]);
    expect(stale).toMatchObject({ code: 3, err: expect.stringContaining(`left behind by process ${first.pid}`) });
    await using second = await running([hello], { dataDir: own });
    const { id } = answers.send.parse(JSON.parse(sent.out)).receipt;
    const { out } = await tidemill(["why", id, "--data-dir", own, "-o", "json"]);
    expect(answers.why.parse(JSON.parse(out)).sensors[0]?.triggers[0]?.decision).toBe("fired");
    const locked = await tidemill(["run", hello, "--data-dir", own, "--admin", "none", "--metrics", "none"]);
    expect(locked).toMatchObject({ code: 2, err: expect.stringContaining("TM5004") });
    second.kill("SIGINT");
    expect((await second.ended).code).toBe(0);
  });

  test("a second signal ends at once, though a target keeps its answer back", async () => {
    const asked = Promise.withResolvers<void>();
    const server = createServer(() => asked.resolve());
    const port = await freePort();
    await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
    const slow = join(folder, "slow.yaml");
    await writeFile(slow, flow(await freePort(), port));
    await using own = await running([slow], { dataDir: join(folder, "slow") });
    await tidemill(["send", "web/orders", "-d", "{}", "--data-dir", join(folder, "slow")]);
    await asked.promise;
    own.kill("SIGTERM");
    await own.said(/SIGTERM: taking nothing more/);
    own.kill("SIGTERM");
    expect((await own.ended).code).toBe(0);
    expect(own.err()).toContain("SIGTERM again: ending at once");
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });

  test("an error that nobody caught is logged, drained and ends with 70", async () => {
    const hello = join(folder, "fault.yaml");
    await writeFile(hello, await helloOn(await freePort()));
    const preload = `data:text/javascript,process.on("SIGUSR2", () => { Promise.reject(new Error("boom")) })`;
    await using own = await running([hello], {
      dataDir: join(folder, "fault"),
      env: { NODE_OPTIONS: `--import=${encodeURI(preload)}` },
    });
    own.kill("SIGUSR2");
    const { code, err } = await own.ended;
    expect(code).toBe(70);
    expect(err).toContain("boom");
  });

  test("in memory nothing is left behind, and a source that cannot listen is named by readyz", async () => {
    const port = await freePort();
    const hello = join(folder, "memory.yaml");
    await writeFile(hello, await helloOn(port));
    const server = createServer();
    await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
    const none = join(folder, "memory");
    await using own = await running([hello], { dataDir: none, args: ["--ephemeral", "--record", "none"] });
    const ready = await fetch(`${own.metrics}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([
      503,
      expect.stringContaining(`[-] source default/web/hello: 127.0.0.1:${port}`),
    ]);
    const status = await tidemill(["status", "--admin", own.admin]);
    expect(status).toMatchObject({ code: 1, out: expect.stringContaining("TM3002") });
    const events = await tidemill(["events", "ls", "--admin", own.admin]);
    expect(events).toMatchObject({ code: 2, out: "", err: expect.stringContaining("TM7003") });
    await new Promise((closed) => server.close(closed));
    own.kill("SIGTERM");
    expect((await own.ended).code).toBe(0);
    await expect(readFile(join(none, "format.json"))).rejects.toThrow("ENOENT");
  });
});
