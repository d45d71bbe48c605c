import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { openBusFolder } from "../bus/embedded/open.ts";
import type { Event } from "../lib/event.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { handIn } from "./hand-in.ts";
import { type Cause, maxHops, put } from "./put.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { status } from "./status.ts";

const clock = new VirtualClock();
const signal = new AbortController().signal;
const trace = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };
let run: StandardRun | undefined;
let folder: string | undefined;
afterEach(async () => {
  await run?.stop();
  run = undefined;
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
});

function event(id: string, extensions: Event["extensions"] = {}): Event {
  const named = { id, source: "web", type: "webhook", subject: "a", time: "2026-01-05T09:00:00Z" };
  return { ...named, datacontenttype: "application/json", data: Buffer.from("{}"), extensions };
}

async function memoryBus() {
  const opened = await openBusFolder({ dataDir: undefined, facts: false, clock });
  const bus = opened.bus("default", "default");
  return { opened, parts: { namespace: "default", bus, clock }, seen: () => allEvents(bus) };
}

async function allEvents(bus: StandardRun["buses"][number]["bus"]): Promise<readonly Event[]> {
  const found: Event[] = [];
  for (let seq = 0; seq < 200; seq++) {
    const entry = await bus.event(seq);
    if (entry !== undefined) found.push(entry.event);
  }
  return found;
}

const draft = { source: "shop", subject: "b", data: Buffer.from('{"n":1}') };

test("an event that a firing put names what it came of, and is put once however often the attempt is repeated", async () => {
  const { opened, parts, seen } = await memoryBus();
  const first: Cause = {
    id: "f1",
    events: [event("e0"), event("e1", { correlationid: "c", hops: "3", own: "x" })],
    trace,
  };
  const of = { causes: [first] as const, signal };
  const once = await put(parts, of, [draft, draft]);
  const again = await put(parts, of, [draft, draft]);
  expect(once.map(({ outcome }) => outcome)).toEqual(["stored", "stored"]);
  expect(again.map(({ outcome }) => outcome)).toEqual(["duplicate", "duplicate"]);
  expect(again.map(({ id }) => id)).toEqual(once.map(({ id }) => id));
  const [one, two, ...others] = await seen();
  expect(others).toEqual([]);
  expect(one?.id).not.toBe(two?.id);
  expect(one).toMatchObject({ source: "shop", subject: "b", type: "tidemill" });
  expect(one?.extensions).toEqual({ causationid: "e1", correlationid: "c", hops: "4", ...trace });
  await opened[Symbol.asyncDispose]();
});

test("an event of an item of a batch has its lineage, and its id in whichever batch it is tried again", async () => {
  const { opened, parts } = await memoryBus();
  const [a, b]: readonly Cause[] = ["a", "b"].map((id) => ({ id, events: [event(`event ${id}`)], trace }));
  const item = { ...draft, id: "event", item: "b" };
  const [together] = await put(parts, { causes: [a!, b!], signal }, [item]);
  const [alone] = await put(parts, { causes: [b!], signal }, [item]);
  expect([together?.outcome, alone?.outcome]).toEqual(["stored", "duplicate"]);
  await opened[Symbol.asyncDispose]();
});

test.each([
  [{ hops: String(maxHops - 1) }, true],
  [{ hops: String(maxHops) }, false],
  [{ hops: "999999" }, false],
  [{ hops: "-1" }, true],
  [{ hops: "1e9" }, true],
  [{ hops: "many" }, true],
  [{}, true],
])("after %o another event may be put: %s", async (extensions, may) => {
  const { opened, parts, seen } = await memoryBus();
  const call = put(parts, { causes: [{ id: "f", events: [event("e", extensions)], trace }], signal }, [draft]);
  if (may) await call;
  else await expect(call).rejects.toMatchObject({ code: "LOOP_GUARD", retry: "never" });
  expect(await seen()).toHaveLength(may ? 1 : 0);
  await opened[Symbol.asyncDispose]();
});

async function start(
  sensors: string,
  modules: Readonly<Record<string, string>> = {},
  log: Log = silentLog,
): Promise<StandardRun> {
  folder ??= mkdtempSync(join(tmpdir(), "tidemill-put-"));
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text);
  mkdirSync(join(folder, "data"), { recursive: true });
  const text = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec: {webhook: {a: {endpoint: /a, method: POST, port: "${await freePort()}"}}}
${sensors.replaceAll("SENSOR", "---\napiVersion: argoproj.io/v1alpha1\nkind: Sensor")}`;
  const planned = planTexts([{ file: "s.yaml", folder, named: true, text }], lists);
  expect(planned.findings).toEqual([]);
  const options = { dataDir: join(folder, "data"), recordUrl: "none", drainTimeoutMs: 5_000, log };
  run = await standardRun({ manifests: { ...planned, files: [] }, ...options });
  await run.settledStart;
  return run;
}

async function send(data: unknown): Promise<void> {
  const request = { namespace: "default", eventSource: "web", event: "a", data: Buffer.from(JSON.stringify(data)) };
  await handIn(run!, { ...request, signal: AbortSignal.timeout(10_000) });
}

const triggersOf = async () => {
  const told = await status({
    runtime: run!,
    version: "",
    dataDir: undefined,
    listenHost: "127.0.0.1",
    jobs: undefined,
  });
  return told.sensors.flatMap((sensor) => sensor.triggers);
};

test("events go from sensor to sensor, filtered by their data, from a function to its next", async () => {
  const { buses } = await start(
    `SENSOR
metadata: {name: first}
spec:
  dependencies: [{name: a, eventSourceName: web, eventName: a}]
  triggers:
    - template:
        name: pass
        event: {source: shop, event: passed, payload: [{src: {dependencyName: a, dataKey: nr, useRawData: true}, dest: order.nr}]}
SENSOR
metadata: {name: second}
spec:
  dependencies:
    - {name: p, eventSourceName: shop, eventName: passed, filters: {data: [{path: order.nr, type: number, comparator: ">", value: ["1"]}]}}
  triggers:
    - template: {name: twice, function: {module: ./twice.ts, emit: {event: doubled}}}
SENSOR
metadata: {name: third}
spec:
  dependencies: [{name: d, eventSourceName: second, eventName: doubled}]
  triggers: [{template: {name: end, log: {}}}]
`,
    { "twice.ts": "export const handler = (event: { order: { nr: number } }) => ({ nr: 2 * event.order.nr });" },
  );
  await send({ nr: 1 });
  await send({ nr: 21 });
  const { bus } = buses[0]!;
  await expect.poll(() => allEvents(bus), { timeout: 20_000 }).toHaveLength(5);
  const all = await allEvents(bus);
  const text = ({ source, subject, data }: Event) => `${source}/${subject} ${Buffer.from(data).toString()}`;
  expect(all.map(text).sort()).toEqual([
    'second/doubled {"nr":42}',
    ...['shop/passed {"order":{"nr":1}}', 'shop/passed {"order":{"nr":21}}'],
    ...['web/a {"nr":1}', 'web/a {"nr":21}'],
  ]);
  const last = all.find(({ subject }) => subject === "doubled");
  const root = all.find((one) => text(one) === 'web/a {"nr":21}');
  expect(last?.extensions).toMatchObject({ correlationid: root?.id, hops: "2" });
  expect(last?.extensions.traceparent).toMatch(new RegExp(`^00-${root?.id}-`));
});

test("events that cause each other without end stop as a dead letter", async () => {
  await start(`SENSOR
metadata: {name: round}
spec:
  dependencies: [{name: a, eventSourceName: web, eventName: a}, {name: b, eventSourceName: round, eventName: b}]
  triggers: [{template: {name: again, conditions: a || b, event: {event: b}}, retryStrategy: {steps: 3}}]
`);
  await send({ n: 1 });
  await expect.poll(async () => (await triggersOf())[0]?.dead, { timeout: 20_000 }).toBe(1);
  const { bus } = run!.buses[0]!;
  expect(await allEvents(bus)).toHaveLength(1 + maxHops);
  const [letter] = await bus.queue("round/again").dead().list();
  expect(letter?.reason).toMatchObject({ code: "TM7031" });
});

const counting = `import { appendFileSync, existsSync } from "node:fs";
export async function handler(_, { idempotencyKey, attempt, progress }) {
  appendFileSync(process.env.OUT, idempotencyKey + " " + attempt + "\\n");
  progress("running");
  if (!existsSync(process.env.OUT + ".again")) await new Promise(() => {});
}`;

test("a call that the end of tidemill cuts short is made again, with the same key", async () => {
  folder = mkdtempSync(join(tmpdir(), "tidemill-put-"));
  const out = join(folder, "out");
  const sensor = `SENSOR
metadata: {name: job}
spec:
  dependencies: [{name: a, eventSourceName: web, eventName: a}]
  triggers: [{template: {name: call, function: {module: ./m.mjs, env: {OUT: ${out}}}}}]
`;
  const lines: string[] = [];
  const log: Log = { ...silentLog, info: (_, message) => void lines.push(message), child: () => log };
  await start(sensor, { "m.mjs": counting }, log);
  await send({ nr: 1 });
  await expect.poll(() => lines, { timeout: 20_000 }).toContain("running");
  // the second one ends at once
  await Promise.all([run!.stop(), run!.stop()]);
  writeFileSync(`${out}.again`, "");
  await start(sensor, {}, log);
  await expect.poll(async () => (await triggersOf())[0], { timeout: 20_000 }).toMatchObject({ pending: 0, running: 0 });
  await expect.poll(() => readFileSync(out, "utf8").trim().split("\n")).toHaveLength(2);
  const [one, two] = readFileSync(out, "utf8").trim().split("\n");
  expect(one).toMatch(/^[\da-f]{32} 1$/);
  expect(two).toBe(one);
});

test("a module that cannot be loaded is told at the start", async () => {
  const lines: object[] = [];
  const log: Log = {
    ...silentLog,
    warn: (fields, message) => void lines.push({ ...fields, message }),
    child: () => log,
  };
  const sensor = `SENSOR
metadata: {name: job}
spec:
  dependencies: [{name: a, eventSourceName: web, eventName: a}]
  triggers: [{template: {name: call, function: {module: ./broken.ts}}}]
`;
  await start(sensor, { "broken.ts": "export const handler = (" }, log);
  await expect
    .poll(() => lines, { timeout: 20_000 })
    .toMatchObject([{ triggerName: "call", code: "TM4081", message: expect.stringContaining("not ready") }]);
});
