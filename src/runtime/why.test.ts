import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { createEvaluation } from "../rehearsal/evaluate.ts";
import { handIn } from "./hand-in.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { why } from "./why.ts";

let runtime: StandardRun | undefined;
afterEach(async () => {
  await runtime?.stop();
  runtime = undefined;
});

async function runOf(sensors: string, options: { readonly recordUrl?: string } = {}): Promise<StandardRun> {
  const port = await freePort();
  const source = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    a: {endpoint: /a, method: POST, port: "${port}"}
    b: {endpoint: /b, method: POST, port: "${port}"}
    c: {endpoint: /c, method: POST, port: "${port}"}
`;
  const planned = planTexts([{ file: "flow.yaml", folder: ".", named: true, text: `${source}---\n${sensors}` }], lists);
  expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  runtime = await standardRun({ manifests: { ...planned, files: [] }, dataDir: undefined, ...options });
  return runtime;
}

async function send(to: StandardRun, event: string, data = "{}"): Promise<string> {
  const { receipt } = await handIn(to, {
    namespace: "default",
    eventSource: "web",
    event,
    data: Buffer.from(data),
    waitMs: 10_000,
    signal: AbortSignal.timeout(10_000),
  });
  expect(receipt.outcome).toBe("stored");
  return receipt.id;
}

/** The record is a moment behind: waits until its feed has read everything. */
async function recorded({ buses }: StandardRun): Promise<void> {
  for (const { bus } of buses) {
    while ((await bus.facts("record").lag()).entries > 0) await new Promise((next) => setImmediate(next));
  }
}

const both = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: both}
spec:
  dependencies:
    - {name: first, eventSourceName: web, eventName: a}
    - {name: second, eventSourceName: web, eventName: b}
  triggers:
    - template: {name: log-both, conditions: first && second, log: {}}
`;

test("an event that waits is told what its condition lacks, and fired once the other has come", async () => {
  const run = await runOf(both);
  const first = await send(run, "a");
  await recorded(run);
  const waiting = await why(run, first);
  expect(waiting.sensors).toMatchObject([
    { sensor: "both", triggers: [{ name: "log-both", decision: "waiting", firings: [] }] },
  ]);
  expect(waiting.sensors[0]?.triggers[0]?.reason).toContain("second");
  const second = await send(run, "b");
  await recorded(run);
  for (const id of [first, second]) {
    const fired = await why(run, id);
    expect(fired.sensors[0]?.triggers[0]).toMatchObject({ decision: "fired", firings: [{ state: "done" }] });
  }
  const newer = await send(run, "a");
  const newest = await send(run, "a");
  await recorded(run);
  expect((await why(run, newer)).sensors[0]?.triggers[0]?.decision).toBe("superseded");
  expect((await why(run, newest)).sensors[0]?.triggers[0]?.decision).toBe("waiting");
});

test("an event that nobody subscribes to says so", async () => {
  const run = await runOf(both);
  const id = await send(run, "c");
  await recorded(run);
  expect(await why(run, id)).toMatchObject({ sensors: [], notes: ["no sensor subscribes to web/c"] });
});

test("the firing of a dlqTrigger stands beside the one that died", async () => {
  const run = await runOf(`apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: call}
spec:
  dependencies: [{name: order, eventSourceName: web, eventName: a}]
  triggers:
    - template: {name: post, http: {url: "http://127.0.0.1:${await freePort()}/", method: POST}}
      retryStrategy: {steps: 1}
      atLeastOnce: true
      dlqTrigger:
        template: {name: alarm, log: {}}
        atLeastOnce: true
`);
  const id = await send(run, "a");
  for (;;) {
    await recorded(run);
    const { sensors } = await why(run, id);
    const [post, alarm] = sensors[0]?.triggers ?? [];
    if (alarm?.firings[0]?.state !== "done") continue;
    expect(post).toMatchObject({ name: "post", decision: "fired", firings: [{ state: "dead" }] });
    expect(alarm).toMatchObject({ name: "alarm", decision: "fired", reason: "post became a dead letter" });
    expect(alarm.firings[0]?.parent).toBe(post?.firings[0]?.id);
    return;
  }
});

test("without a record, and for an unknown id, it says what is wrong", async () => {
  const off = await runOf(both, { recordUrl: "none" });
  await expect(why(off, "x")).rejects.toMatchObject({ code: "RECORD_OFF" });
  await off.stop();
  const on = await runOf(both);
  await expect(why(on, "x")).rejects.toMatchObject({ code: "EVENT_UNKNOWN" });
});

describe("the clauses that are computed again", () => {
  const text = fc.constantFrom("paid", "open", "a", "Z9", "");
  const data = fc.record({
    state: text,
    n: fc.integer({ min: -3, max: 3 }),
    list: fc.array(fc.integer({ max: 3, min: 0 })),
  });
  /** Filters whose answer hangs on the data, on the clock of the decision, and on its seed. */
  const filter = fc.oneof(
    fc.record({
      path: fc.constant("state"),
      type: fc.constant("string"),
      value: fc.constantFrom(["paid"], ["^o"], ["a|Z"], [".*"]),
    }),
    fc.record({
      path: fc.constantFrom("n", "list.#", "missing"),
      type: fc.constant("number"),
      comparator: fc.constantFrom("=", "!=", ">", "<="),
      value: fc.array(fc.integer({ min: -3, max: 3 }).map(String), { minLength: 1, maxLength: 2 }),
    }),
    fc.record({
      path: fc.constant("state"),
      type: fc.constant("string"),
      template: fc.constantFrom("{{ randAlpha 1 }}", "{{ randNumeric 1 }}x", "{{ shuffle .Input }}", "{{ uuidv4 }}"),
      value: fc.constantFrom(["^[A-Ma-m0-4]"], ["[13579]"]),
    }),
    fc.record({
      path: fc.constant("n"),
      type: fc.constant("string"),
      template: fc.constant('{{ now | date "05.000" }}'),
      value: fc.constantFrom(["[0-4]$"], ["[13579]$"]),
    }),
  );
  const expression = fc.constantFrom("n > 0", "n == 1 || n < -1", 'state =~ "a"', "missing > 1");
  const filters = fc.record(
    {
      data: fc.array(filter, { maxLength: 3 }),
      dataLogicalOperator: fc.constantFrom("and", "or"),
      exprs: expression.map((expr) => [
        {
          expr,
          fields: ["n", "state", "missing"].filter((one) => expr.includes(one)).map((name) => ({ name, path: name })),
        },
      ]),
      context: fc.constantFrom({ type: "webhook" }, { type: "sqs" }),
      time: fc.constantFrom({ start: "00:00:00", stop: "12:00:00" }, { start: "06:00:00", stop: "06:00:01" }),
    },
    { requiredKeys: [] },
  );
  const dependency = fc.record({ filters, filtersLogicalOperator: fc.constantFrom("and", "or") });

  test("agree with the decision that was stored, and with those of `eval`", async () => {
    const property = fc.asyncProperty(
      fc.array(dependency, { minLength: 6, maxLength: 6 }),
      fc.array(data, { minLength: 12, maxLength: 12 }),
      async (given, events) => {
        const spec = {
          dependencies: given.map((one, at) => ({ ...one, name: `d${at}`, eventSourceName: "web", eventName: "a" })),
          triggers: given.map((_, at) => ({ template: { name: `t${at}`, conditions: `d${at}`, log: {} } })),
        };
        const run = await runOf(
          JSON.stringify({ apiVersion: "argoproj.io/v1alpha1", kind: "Sensor", metadata: { name: "s" }, spec }),
        );
        const ids: string[] = [];
        for (const event of events) ids.push(await send(run, "a", JSON.stringify(event)));
        await recorded(run);
        for (const id of ids) await agrees(run, id);
        await run.stop();
      },
    );
    await fc.assert(property, { numRuns: 9, endOnFailure: true });
  }, 60_000);

  async function agrees(run: StandardRun, id: string): Promise<void> {
    const told = await why(run, id);
    const { decisions } = (await run.record?.history(id)) ?? { decisions: [] };
    const fired = decisions.filter(({ decision }) => decision === "fired").map((one) => one.dependency);
    const [sensor] = told.sensors;
    expect(sensor?.dependencies.filter(({ passed }) => passed).map(({ name }) => name)).toEqual(fired.sort());
    const recordedEvent = await run.record?.event(id);
    expect((recordedEvent?.matched ?? 0) - (recordedEvent?.filtered ?? 0)).toBe(fired.length);
    const [bus] = run.buses;
    const [plan] = bus?.sensors ?? [];
    const kept = await bus?.bus.event(recordedEvent?.seq ?? 0);
    if (plan === undefined || kept === undefined) throw new Error("the event is gone");
    const evaluation = createEvaluation({ plan, sources: [], render: async () => ({}) });
    const tried = await evaluation.feed({ event: kept.event, nowMs: recordedEvent?.nowMs ?? 0 });
    expect(tried.dependencies.map(({ data: _, ...one }) => one)).toEqual(sensor?.dependencies);
    expect(tried.triggers.filter(({ fires }) => fires).map(({ name }) => name)).toEqual(
      sensor?.triggers.filter(({ decision }) => decision === "fired").map(({ name }) => name),
    );
    const reasons = (all: readonly { readonly name: string; readonly reason?: string | undefined }[] | undefined) =>
      all?.filter(({ name }) => !fired.includes(name.replace("t", "d"))).map(({ reason }) => reason);
    expect(reasons(tried.triggers)).toEqual(reasons(sensor?.triggers));
  }
});
