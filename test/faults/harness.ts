import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../src/lib/errors.ts";
import { silentLog } from "../../src/lib/log.ts";
import { randomOf } from "../../src/load/random.ts";
import { type Product, type ProductOptions, startProduct } from "../product.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";

/** What became of a scenario. */
export type Outcome = { readonly scenario: Scenario; readonly seconds: number } & (
  | { readonly sums: Sums }
  | { readonly unavailable: string }
  | { readonly failure: Failure }
);

export interface Failure {
  readonly error: unknown;
  /** What tidemill wrote last. */
  readonly output: string;
}

export interface RunOptions {
  readonly scale: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  progress(text: string): void;
}

const outputName = "tidemill.log";

/** Runs one scenario in a new folder, and removes the folder. Rejects never: a failure is an outcome. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Outcome> {
  const startedMs = performance.now();
  const done = <T extends object>(what: T) => ({ scenario, seconds: (performance.now() - startedMs) / 1000, ...what });
  const unavailable = await scenario.unavailable?.();
  if (unavailable !== undefined) return done({ unavailable });
  const folder = await mkdtemp(join(tmpdir(), `tidemill-faults-${scenario.name}-`));
  try {
    const sums = await scenario.run(contextOf(scenario, folder, options));
    for (const fault of faultsOf(sums)) throw new Error(fault);
    return done({ sums });
  } catch (error) {
    const output = await readFile(join(folder, outputName), "utf8").catch(() => "");
    return done({ failure: { error, output: output.slice(-6_000) } });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function contextOf(scenario: Scenario, folder: string, { scale, seed, signal, progress }: RunOptions): FaultContext {
  const random = randomOf(seed, scenario.name);
  return { folder, scale, seed, random, signal, log: silentLog, progress };
}

/** Starts tidemill for a scenario. What it writes is shown if the scenario fails. */
export function startTidemill(cx: FaultContext, options: ProductOptions): Promise<Product> {
  return startProduct({ outputFile: join(cx.folder, outputName), ...options });
}

/** `count` at full scale, but never less than `atLeast`. */
export function scaled(cx: FaultContext, count: number, atLeast = 1): number {
  return Math.max(atLeast, Math.round(count * cx.scale));
}

/** What no scenario may say, whatever else it promises. */
function faultsOf(sums: Sums): readonly string[] {
  const faults: string[] = [];
  if (sums.lost !== 0) faults.push(`${sums.lost} acknowledged events are lost`);
  if (sums.repeatedUnderAnotherKey !== 0) {
    faults.push(`${sums.repeatedUnderAnotherKey} calls were repeated under another key`);
  }
  if (sums.eventsIn === 0) faults.push("no event was taken in: the run proves nothing");
  return faults;
}

/** The whole story of an error, its causes too. */
export function storyOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? `\n  because ${storyOf(error.cause)}` : "";
  return `${messageOf(error)}${cause}`;
}
