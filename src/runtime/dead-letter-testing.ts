import type { Clock } from "../lib/clock.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { handIn } from "./hand-in.ts";
import type { Operation } from "./operations.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { type Asked, openHttpTarget } from "./target-testing.ts";

/** A request that the target was sent. */
export interface Call extends Asked {
  /** By the clock of the run. */
  readonly atMs: number;
}

/** A real HTTP target and a runtime on a virtual clock, for tests of what becomes of failures. */
export interface Bench extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly calls: Call[];
  /** What the target answers. */
  status: (call: Call) => number;
  readonly address: string;
  readonly run: StandardRun;
  /** Runs these sensors; a folder keeps things over a start. Each has the source `web` with the events `a` and `b`. */
  start(sensors: string, dataDir?: string): Promise<StandardRun>;
  stop(): Promise<void>;
  /** Hands an event in, and answers its id. */
  send(data: unknown, event?: string): Promise<string>;
  /** Waits until nothing moves and nothing is due now, and the record has caught up. */
  quiet(): Promise<void>;
  /** Time passes, and what it starts may finish; the record may be behind. */
  pass(ms: number): Promise<void>;
  ended(operation: string): Promise<Operation>;
}

export async function openBench(): Promise<Bench> {
  const clock = new VirtualClock();
  const calls: Call[] = [];
  let run: StandardRun | undefined;
  const target = await openHttpTarget((asked, response) => {
    const call = { ...asked, atMs: clock.nowMs() };
    calls.push(call);
    response.writeHead(bench.status(call)).end();
  });
  const running = (): StandardRun => {
    if (run === undefined) throw new Error("nothing runs");
    return run;
  };
  const bench: Bench = {
    clock,
    calls,
    status: () => 200,
    address: target.address,
    get run() {
      return running();
    },
    async start(sensors, dataDir) {
      run = await startRun(sensors, { dataDir, clock });
      return run;
    },
    async stop() {
      await run?.stop();
      run = undefined;
    },
    async send(data, event = "a") {
      const given = { namespace: "default", eventSource: "web", event, data: Buffer.from(JSON.stringify(data)) };
      return (await handIn(running(), { ...given, signal: AbortSignal.timeout(10_000) })).receipt.id;
    },
    quiet: () => quiet(running(), clock),
    async pass(ms) {
      await clock.advance(ms);
      await quiet(running(), clock, false);
    },
    async ended(id) {
      for (;;) {
        const operation = running().operations.get(id);
        if (operation !== undefined && operation.state !== "running") return operation;
        await clock.advance(0);
      }
    },
    async [Symbol.asyncDispose]() {
      target.dropConnections();
      await run?.stop();
      await target[Symbol.asyncDispose]();
    },
  };
  return bench;
}

export function sensorOf(name: string, triggers: string, dependencies = "a"): string {
  const list = [...dependencies].map((one) => `    - {name: ${one}, eventSourceName: web, eventName: ${one}}`);
  return `---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: ${name}}
spec:
  dependencies:
${list.join("\n")}
  triggers:
${triggers.trimEnd()}
`;
}

/** A trigger that posts `{"nr": …}` of an event. */
export function postTrigger(name: string, url: string, more = ""): string {
  return `    - template:
        name: ${name}
        ${more}
        http:
          url: ${url}
          payload: [{src: {dependencyName: a, dataKey: nr, useRawData: true}, dest: nr}]
`;
}

const sources = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  calendar:
    a: {schedule: "0 0 1 1 *"}
    b: {schedule: "0 0 1 1 *"}
`;

async function startRun(
  sensors: string,
  { dataDir, clock }: { readonly dataDir: string | undefined; readonly clock: Clock },
): Promise<StandardRun> {
  const text = `${sources}${sensors}`;
  const planned = planTexts([{ file: "test.yaml", folder: ".", named: true, text }], lists);
  const faults = planned.findings.filter(({ severity }) => severity === "error");
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  const env = { TIDEMILL_SECRET_AWS__ID: "test", TIDEMILL_SECRET_AWS__SECRET: "test" };
  return standardRun({ manifests: { ...planned, files: [] }, dataDir, clock, env, drainTimeoutMs: 20 });
}

async function quiet(run: StandardRun, clock: VirtualClock, recorded = true): Promise<void> {
  for (let [still, turns] = [0, 1]; still < 5; turns++) {
    // the record works in a thread, and pauses by this clock: it is given turns, and seldom time
    await clock.advance(turns % 3_000 === 0 ? 50 : 0);
    let busy = 0;
    for (const { bus, record } of run.buses) {
      busy += (await bus.events("sensors").lag()).entries;
      if (recorded && record.failing === undefined) busy += (await bus.facts("record").lag()).entries;
      for (const name of await bus.queues()) busy += bus.queue(name).depth().running;
    }
    still = busy === 0 ? still + 1 : 0;
  }
}
