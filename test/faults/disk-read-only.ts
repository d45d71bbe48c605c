import { until } from "../until.ts";
import { type DiskRun, runOnDisk } from "./disk-run.ts";
import { scaled } from "./harness.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { type Disk, shimUnavailable } from "./shim/shim.ts";

export const diskReadOnly: Scenario = {
  name: "disk-read-only",
  title: "the disk becomes read-only",
  promise:
    "Six times, in the middle of writes, every change of a file is refused with EROFS for 5 seconds: events are answered with 503, `readyz` and the log say why, and once the disk can be written again all goes on by itself. Where LMDB damages its own memory over a page that it could not write, the process may end, and is started again. Nothing acknowledged is lost.",
  unavailable: shimUnavailable,
  run: (cx) => unwritable(cx, { disk: { fault: "readOnly" }, says: /EROFS|[Rr]ead-only file system/, mayEnd: true }),
};

export const diskBroken: Scenario = {
  name: "disk-broken",
  title: "the disk gives I/O errors",
  promise:
    "Six times every sync fails with EIO for 5 seconds, as on a dying disk or a lost volume: events are answered with 503, `readyz` and the log say why, and once the disk is sound again all goes on by itself and nothing acknowledged is lost.",
  unavailable: shimUnavailable,
  run: (cx) => unwritable(cx, { disk: { fault: "broken" }, says: /EIO|[Ii]nput\/output error/, mayEnd: false }),
};

interface Unwritable {
  readonly disk: Disk;
  /** What the log must say. */
  readonly says: RegExp;
  /** Whether the process may end, to be started again by whoever looks after it. */
  readonly mayEnd: boolean;
}

async function unwritable(cx: FaultContext, fault: Unwritable): Promise<Sums> {
  await using run = await runOnDisk(cx, { senders: 3, pauseMs: 5, bytes: 500 });
  const spells = scaled(cx, 6);
  let ends = 0;
  for (let spell = 0; spell < spells; spell++) {
    cx.signal.throwIfAborted();
    await run.takesIn(50);
    await pause(cx.random() * 20);
    run.shim.disk(fault.disk);
    try {
      await holdsOut(run, { ...fault, forMs: 5_000 * Math.max(cx.scale, 0.15) });
    } catch (error) {
      if (run.gone() === undefined || !fault.mayEnd) throw error;
      ends += 1;
    }
    run.shim.disk({});
    if (run.gone() !== undefined) await run.start(true);
    await run.takesIn(50);
    await until("readyz is green", async () => (await run.product().ready()).status === 200, { timeoutMs: 30_000 });
    cx.progress(`${spell + 1} of ${spells} times, ${run.sent.acknowledged.size} events in`);
  }
  return await run.finish([
    ["times", String(spells)],
    ["calls refused by the disk", String(run.shim.counted().refused)],
    ...(fault.mayEnd ? [["times the process ended and was started again", String(ends)] as const] : []),
  ]);
}

async function holdsOut(run: DiskRun, { says, forMs }: Unwritable & { readonly forMs: number }): Promise<void> {
  await run.refuses(5);
  const product = run.product();
  const stays = async <T>(ask: () => Promise<T>): Promise<T | true> => (run.gone() === undefined ? ask() : true);
  await until("readyz says so", () => stays(async () => (await product.ready()).status === 503));
  await until("the log says why", () => stays(async () => says.test(product.output())));
  await pause(forMs);
  const taken = run.sent.acknowledged.size;
  await run.refuses(1);
  if (run.sent.acknowledged.size > taken) throw new Error("an event was acknowledged, though nothing could be written");
}

export const diskReadOnlyStart: Scenario = {
  name: "disk-read-only-start",
  title: "started on a read-only disk",
  promise:
    "Started on a data folder that cannot be written it ends at once, with an error that names the folder and what to do; on the same folder, once that can be written, everything is there.",
  unavailable: shimUnavailable,
  async run(cx) {
    await using run = await runOnDisk(cx, { senders: 2, pauseMs: 10, bytes: 500 });
    const starts = scaled(cx, 5);
    for (let start = 0; start < starts; start++) {
      cx.signal.throwIfAborted();
      await run.takesIn(30);
      await run.product().kill();
      run.shim.disk({ fault: "readOnly" });
      const refused = await run.start(false);
      const code = await refused.ended;
      const said = refused.output();
      if (code === 0 || typeof code !== "number") throw new Error(`it ended with ${code}:\n${said}`);
      if (!/error\[TM\d+\]: .*\/data.*\n +fix: /.test(said)) throw new Error(`it does not say why:\n${said}`);
      run.shim.disk({});
      await run.start(true);
      cx.progress(`refused ${start + 1} of ${starts} times with exit code ${code}`);
    }
    return await run.finish([["starts that were refused", String(starts)]]);
  },
};

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
