import { within } from "../../../lib/abort.ts";
import { isTide, messageOf, TideError } from "../../../lib/errors.ts";
import type { Log } from "../../../lib/log.ts";
import { commandLine, type Engine } from "./engine.ts";

/** An engine that takes longer is as good as away. */
const answerWithinMs = 10_000;

interface FindOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/**
 * The command line that is asked for; podman where docker is asked for and only podman is there. CONTAINERS_MISSING when
 * neither is. An engine that cannot be reached yet is no failure: jobs wait for it.
 */
export async function findEngine(wanted: "docker" | "podman", options: FindOptions): Promise<Engine> {
  const { log } = options;
  const programs = wanted === "docker" ? ["docker", "podman"] : ["podman"];
  for (const program of programs) {
    const version = await versionOf(program, options);
    if (version === undefined) continue;
    if (program !== wanted) log.warn({ program }, "docker is not there: jobs run with podman");
    // a `docker` that is podman in disguise says so
    const flavour = /podman/i.test(version) ? "podman" : "docker";
    const engine = commandLine(program, flavour, options.env);
    using patience = within(new AbortController().signal, answerWithinMs);
    try {
      await engine.ask(["version"], { signal: patience.signal });
      log.info({ program, version }, "jobs run as containers");
    } catch (error) {
      log.warn(
        { program, code: isTide(error) ? error.id : undefined, error: messageOf(error) },
        "the container engine does not answer; jobs wait for it",
      );
    }
    return engine;
  }
  throw new TideError("CONTAINERS_MISSING", `--jobs ${wanted}: there is no ${programs.join(" and no ")} on the PATH`);
}

/** What `--version` says, which asks nobody; undefined when there is no such program. */
async function versionOf(program: string, { env }: FindOptions): Promise<string | undefined> {
  try {
    const { stdout } = await commandLine(program, "docker", env).call(["--version"]);
    return stdout.trim();
  } catch (error) {
    if (isTide(error, "CONTAINERS_MISSING")) return undefined;
    throw error;
  }
}
