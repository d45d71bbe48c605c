import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { EngineRunner } from "./containers/container-runner.ts";
import { commandLine } from "./containers/engine.ts";
import { findEngine } from "./containers/find-engine.ts";
import { inheritedEnv } from "./job-env.ts";
import { ProcessRunner } from "./process-runner.ts";
import type { RunsBy } from "./record.ts";
import type { ContainerRunner } from "./runner.ts";

export interface RunnersOptions {
  /** tidemill's own. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What `LocalJobs` needs to run jobs as `--jobs` says. Rejects with CONTAINERS_MISSING. */
export async function openRunners(
  by: RunsBy,
  options: RunnersOptions,
): Promise<{ readonly runner: ContainerRunner; otherRunner(by: RunsBy): ContainerRunner }> {
  const { env, clock, log } = options;
  const processes = () => new ProcessRunner({ clock, inherited: inheritedEnv(env) });
  return {
    runner: by === "process" ? processes() : new EngineRunner({ engine: await findEngine(by, options), log, by }),
    // jobs of a former run: their engine is not looked for before they ask for it
    otherRunner: (other) =>
      other === "process" ? processes() : new EngineRunner({ engine: commandLine(other, other, env), log, by: other }),
  };
}
