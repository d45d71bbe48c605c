import { mkdir, rm, writeFile } from "node:fs/promises";
import { type AdminParts, openAdmin, openMetrics } from "../console/admin.ts";
import { codes } from "../lib/codes/index.ts";
import { TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { Scope } from "../lib/scope.ts";
import type { Manifests } from "../manifests/manifests.ts";
import { readManifests } from "../manifests/read.ts";
import { type StandardRun, standardRun } from "../runtime/standard-run.ts";
import { createLog } from "../telemetry/logger.ts";
import { createRedactor, type Redactor } from "../telemetry/redact.ts";
import { Banner } from "./banner.ts";
import { Ending } from "./ending.ts";
import { sayError } from "./errors.ts";
import { sayFindings } from "./findings.ts";
import type { RunVerbOptions } from "./run.ts";
import { adminFile } from "./server.ts";
import type { VerbContext } from "./verb.ts";

/** Runs until a signal ends it; answers the exit code. */
export async function runManifests(
  paths: readonly string[],
  options: RunVerbOptions,
  { io, version }: VerbContext,
): Promise<number> {
  const redactor = createRedactor();
  const format = options.logFormat ?? (io.errTty ? "pretty" : "ecs");
  const colour = io.paintErr("red", "x") !== "x";
  const log = createLog({ format, level: options.logLevel, version, redactor, colour, write: io.err });
  const banner = new Banner({ io, log, pretty: format === "pretty", version });
  const manifests = await readManifests(paths, { strict: options.strict });
  if (format === "pretty") io.err(await sayFindings(manifests.findings, colour));
  else logFindings(manifests, log);
  if (manifests.sources.length === 0 && manifests.sensors.length === 0) {
    const broken = manifests.findings.some(({ severity }) => severity === "error");
    const why = broken ? "the manifests have errors" : `${manifests.files.length} files were read`;
    return sayError(new TideError("NOTHING_TO_RUN", `no EventSource and no Sensor that can run: ${why}`), io);
  }
  banner.manifests(manifests);
  return serve({ options, manifests, version, log, redactor, banner, env: io.env });
}

interface Serving {
  readonly options: RunVerbOptions;
  readonly manifests: Manifests;
  readonly version: string;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly banner: Banner;
  readonly env: Readonly<Record<string, string | undefined>>;
}

async function serve(parts: Serving): Promise<number> {
  const { options, manifests, version, log, redactor, banner, env } = parts;
  const dataDir = options.ephemeral === true ? undefined : options.dataDir;
  await using opened = new Scope();
  const ending = opened.use(new Ending(log, banner));
  let runtime: StandardRun | undefined;
  const console: AdminParts = {
    runtime: () => runtime,
    stopping: () => ending.began,
    version,
    dataDir,
    listenHost: options.listen,
    log,
    redactor,
  };
  // both ports first: a taken one is told before anything is taken from outside
  const admin = options.admin === "none" ? undefined : opened.use(await openAdmin(console, options.admin));
  const metrics = options.metrics === "none" ? undefined : opened.use(await openMetrics(console, options.metrics));
  const { retention } = options;
  runtime = await standardRun({
    manifests,
    dataDir,
    recordUrl: options.record,
    jobs: options.jobs,
    env,
    secretsDir: options.secretsDir,
    listenHost: options.listen,
    version,
    log,
    redactor,
    drainTimeoutMs: options.drainTimeout,
    busMaxBytes: options.busMaxBytes,
    maxEventBytes: options.maxEventBytes,
    maxAgeMs: retention,
    recordAgeMs: retention,
  });
  ending.of(runtime);
  try {
    if (admin !== undefined && dataDir !== undefined) await writeAdminFile(dataDir, admin.url);
    await Promise.race([runtime.settledStart, ending.asked]);
    if (!ending.began)
      banner.ready({ runtime, admin: admin?.url, metrics: metrics?.url, dataDir, listenHost: options.listen });
    return await ending.ended;
  } finally {
    await runtime.stop();
    if (admin !== undefined && dataDir !== undefined) await rm(adminFile(dataDir), { force: true });
  }
}

async function writeAdminFile(dataDir: string, url: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true });
    const content = { url, pid: process.pid, startedAt: new Date().toISOString() };
    await writeFile(adminFile(dataDir), `${JSON.stringify(content)}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new TideError("BUS_UNWRITABLE", `writing ${adminFile(dataDir)}`, { cause });
  }
}

function logFindings({ findings }: Manifests, log: Log): void {
  for (const { severity, code, message, file, line, column } of findings) {
    const fields = { code: codes[code].id, file, line, column };
    if (severity === "error") log.error(fields, message);
    else log.warn(fields, message);
  }
}
