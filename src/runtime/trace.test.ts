import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { until } from "../../test/until.ts";
import { openAdmin } from "../console/admin.ts";
import { answers } from "../console/answers.ts";
import type { Trigger } from "../kit/trigger.ts";
import { nowUs, systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { placeOf } from "../lib/trace.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { createRedactor } from "../telemetry/redact.ts";
import { triggers } from "../triggers/index.ts";
import { log } from "../triggers/log.ts";
import { handIn } from "./hand-in.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { type AnsweredSpan, type TraceAnswer, trace } from "./trace-answer.ts";

/* One trace over several hops, by the whole runtime: real HTTP, the bus and the record in memory. */

const brought = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
let target: Server;
let targetUrl = "";
let calls: IncomingHttpHeaders[] = [];
let statuses: number[] = [];
let port = 0;
let run: StandardRun | undefined;

beforeEach(async () => {
  [calls, statuses] = [[], []];
  target = createServer((request, response) => {
    request.resume().on("end", () => {
      calls.push(request.headers);
      response.writeHead(statuses.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const bound = target.address();
  targetUrl = `http://127.0.0.1:${typeof bound === "object" ? bound?.port : ""}`;
  port = await freePort();
});
afterEach(async () => {
  await run?.stop();
  run = undefined;
  target.closeAllConnections();
  target.close();
});

/** `inbox/first` → `event` → `jobs/todo` → `http` → `inbox/second` → `http`. */
const threeHops = () => `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: inbox}
spec:
  webhook:
    first: {endpoint: /first, method: POST, port: "${port}"}
    second: {endpoint: /second, method: POST, port: "${port}"}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: ingest}
spec:
  dependencies: [{name: a, eventSourceName: inbox, eventName: first}]
  triggers: [{template: {name: todo, event: {source: jobs, event: todo}}}]
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: work}
spec:
  dependencies: [{name: t, eventSourceName: jobs, eventName: todo}]
  triggers:
    - template:
        name: hand-on
        http:
          url: http://127.0.0.1:${port}/second
          payload: [{src: {dependencyName: t, dataKey: body}, dest: body}]
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: last}
spec:
  dependencies: [{name: b, eventSourceName: inbox, eventName: second}]
  triggers:
    - template: {name: out, http: {url: "${targetUrl}", payload: [{src: {dependencyName: b, dataKey: body}, dest: body}]}}
      retryStrategy: {steps: 2, duration: 1ms}
`;

async function start(
  manifest: string,
  more: {
    readonly triggers?: readonly Trigger<unknown, unknown>[];
    readonly jobs?: "process";
    readonly env?: NodeJS.ProcessEnv;
  } = {},
) {
  const planned = planTexts([{ file: "trace.yaml", folder: ".", named: true, text: manifest }], lists);
  expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  run = await standardRun({ manifests: { ...planned, files: [] }, dataDir: undefined, drainTimeoutMs: 50, ...more });
  await run.settledStart;
}

const served = () =>
  openAdmin(
    {
      runtime: () => run,
      stopping: () => false,
      version: "0",
      dataDir: undefined,
      listenHost: "127.0.0.1",
      log: silentLog,
      redactor: createRedactor(),
    },
    { host: "127.0.0.1", port: 0 },
  );

const post = (headers: Readonly<Record<string, string>> = {}) =>
  fetch(`http://127.0.0.1:${port}/first`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: '{"job":7}',
  });

/** The trace once it is as asked for: facts reach the record a moment after what they tell. */
function traced(id: string, so: (answer: TraceAnswer) => boolean): Promise<TraceAnswer> {
  return until(`the trace ${id} in the record`, async () => {
    if (run === undefined) throw new Error("nothing runs");
    const answer = await trace(run, { id, limit: 100, nowUs: nowUs(systemClock) });
    return so(answer) ? answers.trace.parse(JSON.parse(JSON.stringify(answer))) : undefined;
  });
}

const settled = (count: number) => (answer: TraceAnswer) =>
  answer.spans.filter(({ attributes }) => attributes["tidemill.state"] === "done").length === count;

/** Parents of spans that are not among them. */
function outside(spans: readonly AnsweredSpan[]): readonly (string | undefined)[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentId }) => parentId === undefined || !known.has(parentId)).map(({ parentId }) => parentId);
}

test("three hops, by the bus and by HTTP, are one tree below the span that the first event brought", async () => {
  statuses = [500];
  await start(threeHops());
  const answer = await post({ traceparent: `00-${brought.traceId}-${brought.spanId}-01` });
  const first = answer.headers.get("tidemill-event-id") ?? "";
  const told = await traced(first, settled(3));
  expect(told.traceId).toBe(brought.traceId);
  expect(told.events.map(({ source, subject }) => `${source}/${subject}`)).toEqual([
    "inbox/first",
    "jobs/todo",
    "inbox/second",
  ]);
  expect(outside(told.spans)).toEqual([brought.spanId]);
  const attempts = told.spans.filter(({ name, kind }) => kind === "client" && name === "HTTP");
  expect(attempts.map(({ error }) => error !== undefined)).toEqual([false, true, false]);
  // what the target was told is the span of the attempt that told it
  const seen = calls.map(({ traceparent }) => placeOf(String(traceparent)));
  expect(seen.map((place) => place?.traceId)).toEqual([brought.traceId, brought.traceId]);
  expect(seen.map((place) => place?.spanId)).toEqual(attempts.slice(1).map(({ spanId }) => spanId));
  for (const { events } of [told]) for (const { id } of events) expect(await traced(id, () => true)).toEqual(told);
  expect(told.notes).toEqual([expect.stringContaining(brought.spanId)]);
  await using admin = await served();
  expect(await (await fetch(`${admin.url}/api/v1/trace/${first}`)).json()).toEqual(told);
  expect(await (await fetch(`${admin.url}/api/v1/trace/${first}?limit=1`)).json()).toMatchObject({ truncated: true });
  const unknown = await fetch(`${admin.url}/api/v1/trace/nobody`);
  expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: "TM7016" }]);
});

test("without a trace of its own the first event begins one, and there is one root", async () => {
  await start(threeHops());
  const answer = await post();
  const first = answer.headers.get("tidemill-event-id") ?? "";
  const told = await traced(first, settled(3));
  expect(told.traceId).toBe(first);
  expect(told.events).toHaveLength(3);
  expect(outside(told.spans)).toEqual([undefined]);
  expect(told.notes).toEqual([]);
});

test("a call that runs for long is seen while it runs, with the parts that it told of, and then as it ended", async () => {
  const end = Promise.withResolvers<void>();
  const slow: Trigger<unknown, unknown> = {
    ...(log as unknown as Trigger<unknown, unknown>),
    longRunning: true,
    async fire({ trace, clock }) {
      const startUs = nowUs(clock);
      trace.span({ name: "half", startUs, endUs: nowUs(clock), attributes: { percent: 50 } });
      await end.promise;
      trace.span({ name: "rest", startUs, endUs: nowUs(clock), error: "not all of it" });
      return { said: "done" };
    },
  };
  await start(
    `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: inbox}
spec: {webhook: {first: {endpoint: /first, method: POST, port: "${port}"}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies: [{name: a, eventSourceName: inbox, eventName: first}]
  triggers: [{template: {name: t, log: {}}}]
`,
    { triggers: [...triggers.filter(({ kind }) => kind !== "log"), slow] },
  );
  const id = (await post()).headers.get("tidemill-event-id") ?? "";
  const named = (answer: TraceAnswer, name: string) => answer.spans.find((span) => span.name === name);
  const running = await traced(id, (answer) => named(answer, "started") !== undefined);
  const attempt = named(running, "log");
  expect(attempt).toMatchObject({ running: true });
  expect(named(running, "half")).toMatchObject({ parentId: attempt?.spanId, attributes: { percent: 50 } });
  expect(named(running, "started")).toMatchObject({ parentId: attempt?.spanId, durationMs: 0 });
  expect(named(running, "rest")).toBeUndefined();
  end.resolve();
  const ended = await traced(id, settled(1));
  expect(named(ended, "log")).toMatchObject({ spanId: attempt?.spanId });
  expect(named(ended, "log")?.running).toBeUndefined();
  expect(named(ended, "rest")).toMatchObject({ parentId: attempt?.spanId, error: "not all of it" });
  expect(outside(ended.spans)).toEqual([undefined]);
});

test("a firing of two events is in the trace of the newer one, and links to the other; both traces say so", async () => {
  await start(`apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: inbox}
spec:
  webhook:
    first: {endpoint: /first, method: POST, port: "${port}"}
    second: {endpoint: /second, method: POST, port: "${port}"}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - {name: a, eventSourceName: inbox, eventName: second}
    - {name: b, eventSourceName: inbox, eventName: first}
  triggers: [{template: {name: t, http: {url: "${targetUrl}", payload: [{src: {dependencyName: a, dataKey: body}, dest: x}]}}}]
`);
  const send = async (event: string): Promise<string> => {
    if (run === undefined) throw new Error("nothing runs");
    const data = Buffer.from('{"body":1}');
    const asked = { namespace: "default", eventSource: "inbox", event, data, signal: AbortSignal.timeout(9_000) };
    return (await handIn(run, asked)).receipt.id;
  };
  // the newer one is of the dependency that comes first by name
  const older = await send("first");
  const newer = await send("second");
  const told = await traced(newer, settled(1));
  const process = told.spans.find(({ attributes }) => attributes["tidemill.decision"] === "fired");
  expect(process?.links).toMatchObject([{ traceId: older }]);
  expect(placeOf(String(calls[0]?.traceparent))?.traceId).toBe(newer);
  expect(told.notes).toEqual([expect.stringContaining(`came of event ${older} as well, of trace ${older}`)]);
  const other = await traced(older, () => true);
  expect(other.notes).toEqual([expect.stringContaining(`is in the trace ${newer}`)]);
  expect(outside(other.spans)).toEqual([undefined]);
});

test("a Job that runs on after its attempt is seen running, and then with its runs and its end", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-trace-job-"));
  try {
    await start(
      `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: inbox}
spec: {webhook: {first: {endpoint: /first, method: POST, port: "${port}"}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies: [{name: a, eventSourceName: inbox, eventName: first}]
  triggers:
    - template:
        name: pack
        k8s:
          source:
            resource:
              apiVersion: batch/v1
              kind: Job
              metadata: {generateName: pack-}
              spec:
                backoffLimit: 0
                template:
                  spec:
                    restartPolicy: Never
                    containers:
                      - {name: pack, image: none, command: [sh, -c, "until [ -e ${folder}/go ]; do sleep 0.02; done; exit 3"]}
`,
      { jobs: "process", env: { PATH: process.env.PATH } },
    );
    const id = (await post()).headers.get("tidemill-event-id") ?? "";
    const named = (answer: TraceAnswer, name: string) => answer.spans.find((span) => span.name.startsWith(name));
    const running = await traced(id, (answer) => named(answer, "pack-") !== undefined);
    const attempt = running.spans.find(({ kind, name }) => kind === "client" && name === "k8s");
    expect(attempt).toMatchObject({ attributes: { "tidemill.attempt": 1 } });
    expect(attempt?.running).toBeUndefined();
    const open = named(running, "pack-");
    expect(open).toMatchObject({ running: true, parentId: attempt?.spanId });
    await writeFile(join(folder, "go"), "");
    const ended = await traced(id, (answer) => named(answer, "job ") !== undefined);
    const job = named(ended, "job default/pack-");
    expect(job).toMatchObject({ spanId: open?.spanId, startedAt: open?.startedAt, parentId: attempt?.spanId });
    expect(job).toMatchObject({ error: "BackoffLimitExceeded", attributes: { "tidemill.job.runs": 1 } });
    expect(named(ended, "run 1")).toMatchObject({
      parentId: job?.spanId,
      error: expect.stringContaining("exit code 3"),
    });
    expect(outside(ended.spans)).toEqual([undefined]);
  } finally {
    await run?.stop();
    run = undefined;
    await rm(folder, { recursive: true, force: true });
  }
});
