import { resolve } from "node:path";
import type { z } from "zod";
import { choice, list, map, object, optional, secretRef, text, whole } from "../../kit/fields.ts";
import { badValue, conflict, needs } from "../../kit/rules.ts";
import { triggerParameters } from "../../kit/schemas.ts";
import type { ConnectContext } from "../../kit/trigger.ts";
import type { Finding } from "../../lib/finding.ts";
import type { Spec } from "./link.ts";

const emit = object(
  {
    source: optional(text({ description: "The new event's source. The Sensor's own name by default (extension)." })),
    event: text({ description: "The new event's name (extension)." }),
  },
  { description: "What the returned value becomes: an event on the Sensor's own bus; of a list, several (extension)." },
);

const permissions = object(
  {
    read: optional(
      list(text({ description: "A file or folder, relative to the manifest." }), {
        description: "What the process may read, beside the folder of its module and packages (extension).",
      }),
    ),
    write: optional(
      list(text({ description: "A file or folder, relative to the manifest." }), {
        description: "What the process may write: nothing by default (extension).",
      }),
    ),
  },
  { description: "Of `isolation: process` (extension)." },
);

export const functionConfig = object(
  {
    module: text({
      description:
        "The module, relative to the folder of the manifest: `.ts`, `.mts`, `.js`, `.mjs` or `.cjs` (extension).",
    }),
    export: optional(
      text({
        description: "Which of its exports is called. By default `handler`, else the default export (extension).",
      }),
    ),
    isolation: optional(
      choice(["worker", "process"], {
        description:
          "`worker` (default): a thread of tidemill. `process`: a process of its own that may only read its own folder, for functions that are not trusted (extension).",
      }),
    ),
    memoryLimit: optional(
      whole({
        description: "MiB of heap and buffers, garbage that is not collected yet among it. Default 256 (extension).",
        min: 32,
        max: 65_536,
      }),
    ),
    env: optional(
      map(text({ description: "The value." }), {
        description:
          "Variables. A function sees no others than these, those of the next two, and TRACEPARENT (extension).",
      }),
    ),
    secretEnv: optional(
      map(secretRef({ description: "The value." }), { description: "Variables with values of Secrets (extension)." }),
    ),
    passEnv: optional(
      list(text({ description: "A name." }), { description: "Variables of tidemill that are passed on (extension)." }),
    ),
    permissions: optional(permissions),
    emit: optional(emit),
    payload: optional(
      triggerParameters({
        description:
          "Builds the input, beginning with an empty JSON object. Without it the input is the data of the event; of several events an object, by dependency (extension).",
      }),
    ),
    parameters: optional(
      triggerParameters({ description: "Change these settings; `dest` is relative to them (extension)." }),
    ),
  },
  { description: "Calls a function of a TypeScript or JavaScript module." },
);

export type FunctionConfig = z.infer<typeof functionConfig>;

const defaultMemoryLimit = 256;
const endings = /\.[cm]?[jt]s$/;

/** Absolute path of the module. */
function modulePath(config: FunctionConfig, folder: string): string {
  return resolve(folder, config.module);
}

/** What a thread or process for this configuration is started with. Rejects where a Secret is not there. */
export async function specOf(cx: Pick<ConnectContext<FunctionConfig>, "config" | "folder" | "secret">): Promise<Spec> {
  const { config, folder } = cx;
  const { env, secretEnv, passEnv, permissions, isolation = "worker" } = config;
  const passed = (passEnv ?? []).flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const secrets: [string, string][] = [];
  for (const [name, ref] of Object.entries(secretEnv ?? {})) secrets.push([name, await cx.secret(ref)]);
  const path = (one: string): string => resolve(folder, one);
  return {
    setup: { module: modulePath(config, folder), exportName: config.export || undefined },
    isolation,
    memoryLimit: config.memoryLimit ?? defaultMemoryLimit,
    env: { ...Object.fromEntries(passed), ...env, ...Object.fromEntries(secrets) },
    read: isolation === "process" ? (permissions?.read ?? []).map(path) : [],
    write: isolation === "process" ? (permissions?.write ?? []).map(path) : [],
  };
}

/** What an event may change: where its data goes, never which code runs, nor with what rights; of `env` values, not names. */
function mayChoose([field, name]: readonly string[]): boolean {
  return field === "emit" || (field === "env" && name !== undefined && name !== "");
}

function chosen(path: Finding["path"], dest: string): Finding {
  const fix = "Set a value of `env` or `emit`, or build the input with `payload`.";
  return badValue(path, `an event may not choose ${dest || "all settings"} of a function`, fix);
}

/** Of the parameters beside the template: whether one sets what no event may choose. */
export function choosesCode(dest: string): boolean {
  const [type, ...rest] = dest.split(".");
  return type === "function" && !mayChoose(rest);
}

export function* lintFunction(config: FunctionConfig): Iterable<Finding> {
  yield* needs(config, ["module"]);
  if (config.module && !endings.test(config.module))
    yield badValue(["module"], `${config.module} is no module`, "Name a .ts, .mts, .js, .mjs or .cjs file.");
  if (/(^|\/)node_modules\/.*\.[cm]?ts$/.test(config.module))
    yield badValue(["module"], "Node runs no TypeScript inside of node_modules", "Name the .js file of the package.");
  if (config.emit !== undefined) yield* needs(config.emit, ["event"], ["emit"]);
  for (const [at, { dest }] of (config.parameters ?? []).entries())
    if (!mayChoose(dest.split("."))) yield chosen(["parameters", at, "dest"], dest);
  const { env = {}, secretEnv = {}, permissions, isolation } = config;
  for (const name of Object.keys(secretEnv))
    if (Object.hasOwn(env, name)) yield conflict(["secretEnv", name], `${name} is in env too`, "Keep one of them.");
  if (permissions !== undefined && isolation !== "process")
    yield {
      severity: "warning",
      code: "FIELD_MISPLACED",
      path: ["permissions"],
      message: "permissions have no effect on a thread",
      fix: "Add `isolation: process`.",
    };
}
