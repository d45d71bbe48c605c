import { join } from "node:path";
import type { Product } from "../product.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { type CountingTarget, startCountingTarget } from "./counting-target.ts";
import { startTidemill } from "./harness.ts";
import { judge } from "./model.ts";
import type { FaultContext, Sums } from "./scenario.ts";
import { type Senders, startSenders } from "./senders.ts";
import { type Shim, startShim } from "./shim/shim.ts";

/** A tidemill under load, on a disk that does as it is told. */
export interface DiskRun extends AsyncDisposable {
  readonly target: CountingTarget;
  readonly sent: Senders;
  readonly shim: Shim;
  /** The process that runs, or ran last. */
  product(): Product;
  /** How it ended by itself; undefined: it runs. */
  gone(): number | NodeJS.Signals | undefined;
  /** Starts one more process; it may end before it is ready, then look at its `ended`. */
  start(untilReady: boolean): Promise<Product>;
  /** Waits until this many more events are acknowledged than now. Fails when the process ends. */
  takesIn(more: number, timeoutMs?: number): Promise<void>;
  /** Waits until this many more events are refused with 503 than now. Fails when the process ends. */
  refuses(more: number): Promise<void>;
  /** Stops sending, waits until all is settled, stops the process, and compares. */
  finish(figures: NonNullable<Sums["figures"]>): Promise<Sums>;
}

export interface Load {
  readonly senders: number;
  /** After each acknowledged event, of each sender. */
  readonly pauseMs: number;
  /** Of an event, about. */
  readonly bytes: number;
  /** Called with each number when it is sent, each time. */
  readonly sending?: (n: number) => void;
}

/** Two sensors: one passes even numbers, one takes all, in order. */
export async function runOnDisk(cx: FaultContext, load: Load): Promise<DiskRun> {
  await using opened = new AsyncDisposableStack();
  const place = opened.use(await makePlace(cx.folder));
  const target = opened.use(await startCountingTarget());
  const port = await freePort();
  const even = `filters: { data: [{ path: body.even, type: bool, value: ["true"] }] }`;
  const retry = "retryStrategy: { steps: 50, duration: 20ms, factor: 1.2, jitter: 0.5 }\ncircuitBreaker: false";
  await place.write("web.yaml", webhooks(port, ["a"]));
  await place.write(
    "sensors.yaml",
    [
      sensor({ name: "even", on: ["a"], filters: even, url: `${target.url}/even`, trigger: retry }),
      sensor({ name: "all", on: ["a"], url: `${target.url}/all`, trigger: `atLeastOnce: true\n${retry}` }),
    ].join("---\n"),
  );
  const shim = opened.use(await startShim({ folder: place.dataDir, control: join(cx.folder, "control") }));
  const processes = opened.use(
    new Processes(cx, { dataDir: place.dataDir, paths: [place.manifests], env: shim.env, readyTimeoutMs: 60_000 }),
  );
  await processes.start(true);
  const filler = "x".repeat(load.bytes);
  const bodyOf = (n: number): string => {
    load.sending?.(n);
    return JSON.stringify({ n, even: n % 2 === 0, filler });
  };
  const sent = opened.use(startSenders({ port, path: "/a", bodyOf, senders: load.senders, pauseMs: load.pauseMs }));
  const owned = opened.move();
  const waitFor = async (what: string, holds: () => boolean, timeoutMs: number): Promise<void> => {
    await until(what, () => processes.gone !== undefined || holds(), { timeoutMs });
    if (processes.gone !== undefined) throw new Error(`tidemill ended with ${processes.gone} before: ${what}`);
  };
  return {
    target,
    sent,
    shim,
    product: () => processes.last,
    gone: () => processes.gone,
    start: (untilReady) => processes.start(untilReady),
    takesIn(more, timeoutMs = 20_000) {
      const goal = sent.acknowledged.size + more;
      return waitFor(`${more} more events are taken in`, () => sent.acknowledged.size >= goal, timeoutMs);
    },
    refuses(more) {
      const goal = sent.pushedBack() + more;
      return waitFor(`${more} more events are refused`, () => sent.pushedBack() >= goal, 20_000);
    },
    async finish(figures) {
      await sent.stop();
      const product = processes.last;
      const audit = await drained(product, { timeoutMs: 60_000 });
      const code = await product.stop();
      if (code !== 0) throw new Error(`it ended with ${code} when it was stopped`);
      const claims = [
        { path: "/even", sent, passes: (n: number) => n % 2 === 0 },
        { path: "/all", sent },
      ];
      return judge({ claims, target, audit, recordFile: join(place.dataDir, "record.sqlite"), figures });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The processes of one data folder, one after the other. */
class Processes implements AsyncDisposable {
  readonly #cx: FaultContext;
  readonly #options: Parameters<typeof startTidemill>[1];
  #last: Product | undefined;
  #gone: number | NodeJS.Signals | undefined;

  constructor(cx: FaultContext, options: Parameters<typeof startTidemill>[1]) {
    this.#cx = cx;
    this.#options = options;
  }

  get last(): Product {
    if (this.#last === undefined) throw new Error("nothing was started");
    return this.#last;
  }

  get gone(): number | NodeJS.Signals | undefined {
    return this.#gone;
  }

  async start(untilReady: boolean): Promise<Product> {
    const product = await startTidemill(this.#cx, { ...this.#options, untilReady });
    this.#last = product;
    this.#gone = undefined;
    const noted = (how: number | NodeJS.Signals): void => {
      if (this.#last === product) this.#gone = how;
    };
    product.ended.then(noted, () => undefined);
    return product;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last?.kill();
  }
}
