import { rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Log } from "../../src/lib/log.ts";
import { readFiles } from "../../src/manifests/files.ts";
import type { Manifests } from "../../src/manifests/manifests.ts";
import { planTexts } from "../../src/manifests/plan.ts";
import { lists } from "../../src/manifests/read.ts";
import type { RunningSource } from "../../src/runtime/source-run.ts";
import { type StandardRun, standardRun } from "../../src/runtime/standard-run.ts";
import { temporaryFolder } from "../../test/servers/folder.ts";

/** tidemill with the manifests of one example. Disposing stops it and removes its data. */
export interface ExampleRun extends AsyncDisposable {
  readonly findings: Manifests["findings"];
  readonly sources: StandardRun["sources"];
  /** Resolves once it is true of every source; rejects after 10 s. */
  until(wanted: (source: RunningSource) => boolean): Promise<void>;
}

/** Runs an example as it stands in its folder, with other addresses in place of those that are written there. */
export async function runExample(
  folder: URL,
  addresses: Readonly<Record<string, string>>,
  log?: Log,
): Promise<ExampleRun> {
  const { texts } = await readFiles([fileURLToPath(folder)]);
  const moved = texts.map((one) => {
    let { text } = one;
    for (const [written, here] of Object.entries(addresses)) {
      if (!text.includes(written)) throw new Error(`${one.file} does not name ${written}`);
      text = text.replaceAll(written, here);
    }
    return { ...one, text };
  });
  const manifests = { ...planTexts(moved, lists), files: texts.map(({ file }) => file) };
  const dataDir = await temporaryFolder("example");
  const run = await standardRun({ manifests, dataDir, drainTimeoutMs: 5_000, ...(log === undefined ? {} : { log }) });
  return {
    findings: manifests.findings,
    sources: run.sources,
    async until(wanted) {
      const endMs = performance.now() + 10_000;
      while (!run.sources.every(wanted)) {
        if (performance.now() > endMs) {
          throw new Error(`not in 10 s: ${JSON.stringify(run.sources.map(({ status }) => status()))}`);
        }
        await pause(10);
      }
    },
    async [Symbol.asyncDispose]() {
      await run.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
