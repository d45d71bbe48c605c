import { afterEach, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import type { DeadLetter } from "../bus/bus.ts";
import { type EgressPolicy, localPolicy } from "../kit/egress.ts";
import { parseAllow } from "../lib/egress-rules.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { handIn } from "./hand-in.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { type HttpTarget, openHttpTarget } from "./target-testing.ts";

let run: StandardRun | undefined;
let clock: VirtualClock;
const targets: HttpTarget[] = [];
afterEach(async () => {
  await run?.stop();
  run = undefined;
  for (const one of targets.splice(0)) await one[Symbol.asyncDispose]();
});

async function target(): Promise<HttpTarget & { readonly calls: string[] }> {
  const calls: string[] = [];
  const server = await openHttpTarget(({ path }, response) => {
    calls.push(path);
    response.end();
  });
  targets.push(server);
  return Object.assign(server, { calls });
}

/** A trigger posts to `url`, or to what the event says. */
async function start(parts: {
  readonly url: string;
  readonly egress?: string;
  readonly policy?: EgressPolicy;
  readonly parameters?: string;
  readonly more?: string;
}): Promise<void> {
  clock = new VirtualClock();
  const { url, egress, policy = localPolicy, parameters = "[]", more = "" } = parts;
  const text = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec: {webhook: {a: {endpoint: /a, method: POST, port: "${await freePort()}"}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies: [{name: a, eventSourceName: web, eventName: a}]
${egress === undefined ? "" : `  egress: ${egress}\n`}  triggers:
    - template: {name: t, http: {url: "${url}", payload: [{src: {dependencyName: a, dataKey: nr}, dest: nr}]}}
      parameters: ${parameters}
      retryStrategy: {steps: 3, duration: 1s}
${more}`;
  const planned = planTexts([{ file: "s.yaml", folder: ".", named: true, text }], lists);
  expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  const manifests = { ...planned, files: [] };
  run = await standardRun({ manifests, dataDir: undefined, clock, egress: policy, drainTimeoutMs: 20 });
}

async function send(body: object): Promise<void> {
  const data = Buffer.from(JSON.stringify(body));
  const event = { namespace: "default", eventSource: "web", event: "a", data };
  await handIn(run as StandardRun, { ...event, signal: AbortSignal.timeout(10_000) });
}

/** What died of `s/t`, once that many firings have ended. */
async function ended(calls: readonly unknown[], many: number): Promise<readonly DeadLetter[]> {
  const dead = run?.buses[0]?.bus.queue("s/t").dead();
  const so = async (): Promise<number> => {
    await clock.advance(0);
    return calls.length + (dead?.count() ?? 0);
  };
  await expect.poll(so, { timeout: 10_000 }).toBe(many);
  return (await dead?.list()) ?? [];
}

const fromEvent = "[{src: {dependencyName: a, dataKey: url}, dest: http.url}]";
const only = (...texts: string[]): EgressPolicy => ({
  mode: "public",
  allow: texts.map(parseAllow).flatMap((rule) => ("problem" in rule ? [] : [rule])),
});

test("a firing that may not connect is a dead letter at its first attempt, with code, host, address and rule", async () => {
  await start({ url: "http://169.254.169.254/latest/" });
  await send({ nr: 1 });
  const [letter] = await ended([], 1);
  expect(letter?.firing).toMatchObject({ attempts: 1 });
  expect(letter?.reason).toMatchObject({ code: "TM4014" });
  expect(letter?.reason.message).toBe(
    "no connection to 169.254.169.254:80: 169.254.0.0/16 (link-local, metadata of clouds) is never connected to",
  );
});

test("an address that an event chooses is not this machine, nor one of a private network, unless the sensor lists it", async () => {
  const { address, calls } = await target();
  await start({ url: "http://127.0.0.1:9/", parameters: fromEvent });
  await send({ nr: 1, url: `${address}/chosen` });
  await send({ nr: 2, url: "http://10.255.255.255/" });
  await send({ nr: 3, url: "http://[::1]:9/" });
  const letters = await ended([], 3);
  for (const { reason } of letters) {
    expect(reason).toMatchObject({ code: "TM4014", message: expect.stringContaining("an event chose it") });
  }
  await run?.stop();
  await start({ url: "http://127.0.0.1:9/", parameters: fromEvent, egress: "{allow: [127.0.0.1]}" });
  await send({ nr: 1, url: `${address}/chosen` });
  expect(await ended(calls, 1)).toEqual([]);
  expect(calls).toEqual(["/chosen"]);
});

test("an event that changes no more than the path steers nothing", async () => {
  const { address, calls } = await target();
  const parameters = "[{src: {dependencyName: a, dataKey: id}, dest: http.url, operation: append}]";
  await start({ url: `${address}/orders/`, parameters });
  await send({ nr: 1, id: "7" });
  expect(await ended(calls, 1)).toEqual([]);
  expect(calls).toEqual(["/orders/7"]);
});

test("an event that makes another host of the written one steers", async () => {
  const { port } = await target();
  const parameters = "[{src: {dependencyName: a, dataKey: id}, dest: http.url, operation: append}]";
  await start({ url: "http://127.0.0", parameters });
  await send({ nr: 1, id: `.1:${port}/` });
  const [letter] = await ended([], 1);
  expect(letter?.reason.message).toContain("an event chose it");
});

test("a connection that the manifest opened is not used by what an event chose", async () => {
  const { address, calls } = await target();
  const more = `    - template: {name: u, http: {url: "http://127.0.0.1:9/"}}
      parameters: ${fromEvent}
`;
  await start({ url: `${address}/written`, more });
  await send({ nr: 1, url: `${address}/chosen` });
  expect(await ended(calls, 1)).toEqual([]);
  // that connection is kept, and would lead there
  await send({ nr: 2, url: `${address}/chosen` });
  const chosen = run?.buses[0]?.bus.queue("s/u").dead();
  await expect.poll(() => clock.advance(0).then(() => chosen?.count()), { timeout: 10_000 }).toBe(2);
  expect(new Set(calls)).toEqual(new Set(["/written"]));
});

test("a sensor with a list reaches nothing else, whatever the operator allows", async () => {
  const { address, port, calls } = await target();
  await start({ url: `${address}/`, egress: "{allow: [api.example.com]}", policy: only("127.0.0.0/8") });
  await send({ nr: 1 });
  const [letter] = await ended([], 1);
  expect(letter?.reason.message).toContain("spec.egress.allow of the Sensor does not list it");
  await run?.stop();
  await start({ url: `${address}/`, egress: `{allow: ["127.0.0.1:${port}"]}`, policy: only("127.0.0.0/8") });
  await send({ nr: 1 });
  expect(await ended(calls, 1)).toEqual([]);
  expect(calls).toHaveLength(1);
});

test("with `public` nothing private is reached but what the operator lists; a sensor's list does not widen that", async () => {
  const { address, calls } = await target();
  for (const egress of [undefined, "{allow: [127.0.0.0/8]}"]) {
    await start({ url: `${address}/`, policy: only(), ...(egress === undefined ? {} : { egress }) });
    await send({ nr: 1 });
    const [letter] = await ended([], 1);
    expect(letter?.reason.message).toContain("--egress-allow");
    await run?.stop();
  }
  await start({ url: `${address}/`, policy: only("127.0.0.1") });
  await send({ nr: 1 });
  expect(await ended(calls, 1)).toEqual([]);
});

test("a target of a notification that events name may be on this machine where the allow-list writes it out", async () => {
  const { address, calls } = await target();
  await start({
    url: "http://169.254.169.254/",
    more: `  notifications:
    - name: tell
      template: {log: {}}
      target: {from: {dependencyName: a, dataKey: to}, allow: ["${address}/*"]}
`,
  });
  await send({ nr: 1, to: `${address}/told` });
  await expect.poll(() => clock.advance(0).then(() => calls), { timeout: 10_000 }).toEqual(["/told"]);
});

test("sources connect by the operator's leave", async () => {
  clock = new VirtualClock();
  const text = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: r}
spec: {redisStream: {a: {hostAddress: "169.254.169.254:6379", streams: [A]}, b: {hostAddress: "127.0.0.1:1", streams: [A]}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies: [{name: a, eventSourceName: r, eventName: a}]
  triggers: [{template: {name: t, log: {}}}]
`;
  const planned = planTexts([{ file: "s.yaml", folder: ".", named: true, text }], lists);
  run = await standardRun({ manifests: { ...planned, files: [] }, dataDir: undefined, clock, egress: only() });
  await run.settledStart;
  const states = run.sources.map((source) => source.status());
  expect(states).toMatchObject([
    { state: "failing", code: "TM4014" },
    { state: "failing", code: "TM4014" },
  ]);
});
