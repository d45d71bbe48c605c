import { afterEach, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
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
