import type { TapLine } from "../runtime/taps.ts";
import type { RunVerbOptions } from "./run.ts";
import { runManifests } from "./run-manifests.ts";
import { tellTap } from "./tell-tap.ts";
import type { VerbContext } from "./verb.ts";

/**
 * `run` for whoever writes manifests: changes take effect at once, Kubernetes Jobs are processes of this machine, and each
 * event and what became of it is a line on standard output.
 */
export function develop(paths: readonly string[], options: RunVerbOptions, cx: VerbContext): Promise<number> {
  const chosen: RunVerbOptions = {
    ...options,
    watch: true,
    jobs: options.jobs ?? "process",
    logFormat: options.logFormat ?? "pretty",
  };
  const { io } = cx;
  const tell = (line: TapLine): void => {
    // what the sensors make of it comes a moment later, with its data
    if (line.k !== "receipt" || line.outcome !== "stored") io.out(tellTap(line, io));
  };
  return runManifests(paths, chosen, { ...cx, ready: (runtime) => void runtime.taps.open({ tell }) });
}
