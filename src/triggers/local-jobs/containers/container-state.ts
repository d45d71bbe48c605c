import { z } from "zod";
import type { Engine } from "./engine.ts";
import { labels } from "./run-arguments.ts";

/** One of our containers, as the engine has it. */
export interface Held {
  readonly id: string;
  readonly uid: string;
  readonly attempt: number;
  readonly container: string;
  /** `created`: made, and not started yet. */
  readonly status: "created" | "running" | "ended";
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why it could not be started. */
  readonly error: string;
}

/** What docker and podman have in common. */
const inspected = z.array(
  z.looseObject({
    Id: z.string(),
    State: z.looseObject({
      Status: z.string(),
      ExitCode: z.number().nullish(),
      OOMKilled: z.boolean().nullish(),
      Error: z.string().nullish(),
    }),
    Config: z.looseObject({ Labels: z.record(z.string(), z.string()).nullish() }),
  }),
);

/** All containers with these labels; a value is looked for only where it is given. */
export async function findHeld(
  engine: Engine,
  wanted: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<readonly Held[]> {
  const filters = Object.entries(wanted).map(
    ([key, value]) => `--filter=label=${key}${value === undefined ? "" : `=${value}`}`,
  );
  const ids = await engine.ask(["ps", "--all", "--quiet", "--no-trunc", ...filters], { signal });
  return inspect(
    engine,
    ids.split("\n").filter((id) => id !== ""),
    signal,
  );
}

/** Those of these containers that are there. */
export async function inspect(engine: Engine, ids: readonly string[], signal?: AbortSignal): Promise<readonly Held[]> {
  const held: Held[] = [];
  // what is gone makes the exit code 1, and what is there is written nevertheless
  for (let at = 0; at < ids.length; at += 100) {
    const names = ids.slice(at, at + 100);
    const { stdout } = await engine.call(["container", "inspect", ...names], { signal });
    const read = inspected.safeParse(jsonOf(stdout));
    for (const { Id, State, Config } of read.data ?? []) {
      const own = Config.Labels ?? {};
      held.push({
        id: Id,
        uid: own[labels.uid] ?? "",
        attempt: Number(own[labels.attempt]),
        container: own[labels.container] ?? "",
        status: statusOf(State.Status),
        exitCode: State.ExitCode ?? 255,
        oomKilled: State.OOMKilled === true,
        error: State.Error ?? "",
      });
    }
  }
  return held;
}

/** docker: created, running, paused, restarting, removing, exited, dead; podman: initialized, stopping, stopped besides. */
function statusOf(status: string): Held["status"] {
  if (status === "created" || status === "configured" || status === "initialized") return "created";
  return ["exited", "stopped", "dead", "removing"].includes(status) ? "ended" : "running";
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
