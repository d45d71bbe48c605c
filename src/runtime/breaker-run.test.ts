import { afterEach, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { handIn } from "./hand-in.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { status } from "./status.ts";
import { type HttpTarget, openHttpTarget } from "./target-testing.ts";

interface Target {
  readonly url: string;
  readonly server: HttpTarget;
  code: number;
  readonly calls: string[];
}

const targets: Target[] = [];
let run: StandardRun | undefined;
let clock: VirtualClock;
afterEach(async () => {
  for (const { server } of targets.splice(0)) await server[Symbol.asyncDispose]();
  await run?.stop();
  run = undefined;
});

async function target(): Promise<Target> {
  const server = await openHttpTarget(({ body }, response) => {
    one.calls.push(body);
    response.writeHead(one.code).end();
  });
  const one: Target = { url: server.address, server, code: 200, calls: [] };
  targets.push(one);
  return one;
}

const retry = "retryStrategy: {steps: 3, duration: 2s, jitter: 0}";

/** A trigger posts `body.nr` to `body.url` of each event. */
async function start(trigger: string): Promise<void> {
  clock = new VirtualClock();
  const manifest = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec: {webhook: {a: {endpoint: /a, method: POST, port: "${await freePort()}"}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - {name: a, eventSourceName: web, eventName: a}
  egress: {allow: [127.0.0.1]}
  triggers:
    - template:
        name: t
        http:
          url: http://nowhere
          parameters: [{src: {dependencyName: a, dataKey: url}, dest: url}]
          payload: [{src: {dependencyName: a, dataKey: nr}, dest: nr}]
${trigger.replace(/^/gm, "      ")}
`;
  const planned = planTexts([{ file: "s.yaml", folder: ".", named: true, text: manifest }], lists);
  expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  const manifests = { ...planned, files: [] };
  run = await standardRun({
    manifests,
    dataDir: undefined,
    clock,
    recordUrl: "none",
    drainTimeoutMs: 20,
    random: () => 0,
  });
}

async function send(nr: number, { url }: Target): Promise<void> {
  const request = {
    namespace: "default",
    eventSource: "web",
    event: "a",
    data: Buffer.from(JSON.stringify({ nr, url })),
  };
  await handIn(run as StandardRun, { ...request, signal: AbortSignal.timeout(10_000) });
}

const now = () =>
  status({ runtime: run as StandardRun, version: "", dataDir: undefined, listenHost: "127.0.0.1", jobs: undefined });
const depth = async () => (await now()).sensors[0]?.triggers[0];

/** Everything that is due has come to its end. */
async function quiet(): Promise<void> {
  for (let calm = 0; calm < 50; calm++) {
    const { lag } = (await now()).buses[0] ?? {};
    if ((lag?.sensors.entries ?? 0) > 0 || ((await depth())?.running ?? 0) > 0) calm = 0;
    await clock.advance(0);
  }
}

async function pass(seconds: number): Promise<void> {
  for (let n = 0; n < seconds; n++) {
    await clock.advance(1_000);
    await quiet();
  }
}

test("firings wait for a target that is down, use up no tries, and run when it is back; another target is not touched", async () => {
  const [down, up] = [await target(), await target()];
  down.code = 503;
  await start(retry);
  for (let nr = 0; nr < 4; nr++) await send(nr, down);
  await quiet();
  await pass(4);
  // four firings with three tries each: those are dead, as the manifest says
  expect(await depth()).toMatchObject({ pending: 0, dead: 4 });
  expect((await now()).breakers).toEqual([]);
  await pass(8);
  await send(4, down);
  await quiet();
  const [open] = (await now()).breakers;
  expect(open).toMatchObject({ target: new URL(down.url).host, state: "open", failures: 13 });
  expect(open?.error).toBe("the target answered 503");
  expect(await run?.metrics.text()).toContain(`tidemill_target_down{target="${new URL(down.url).host}"} 1`);

  for (let nr = 5; nr < 25; nr++) await send(nr, down);
  for (let nr = 100; nr < 110; nr++) await send(nr, up);
  await quiet();
  expect(up.calls).toHaveLength(10);
  const before = down.calls.length;
  await pass(600);
  // the probes of ten minutes, at most one a minute once the pause has grown
  expect(down.calls.length - before).toBeLessThan(20);
  expect((await depth())?.dead).toBeLessThan(4 + 8);

  const waiting = (await depth())?.pending ?? 0;
  expect(waiting).toBeGreaterThan(10);
  const dead = (await depth())?.dead;
  down.code = 200;
  down.calls.length = 0;
  await pass(80);
  expect(await depth()).toMatchObject({ pending: 0, running: 0, dead });
  expect(down.calls).toHaveLength(waiting);
  expect((await now()).breakers).toEqual([]);
});

test.each([
  ["circuitBreaker: false is set", `${retry}\ncircuitBreaker: false`, 3],
  ["there is no retryStrategy", "concurrency: 8", 1],
])("no firing waits where %s: each ends as the manifest says", async (_, trigger, tries) => {
  const down = await target();
  down.code = 503;
  await start(trigger);
  for (let nr = 0; nr < 30; nr++) {
    await send(nr, down);
    await pass(1);
  }
  await pass(5);
  expect(await depth()).toMatchObject({ pending: 0, dead: 30 });
  expect(down.calls).toHaveLength(30 * tries);
  expect((await now()).breakers).toEqual([]);
});
