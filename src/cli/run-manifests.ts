import { mkdir, rm, writeFile } from "node:fs/promises";
import type { Access } from "../console/access.ts";
import { type AdminParts, openAdmin, openMetrics } from "../console/admin.ts";
import { codes } from "../lib/codes/index.ts";
import { TideError } from "../lib/errors.ts";
import type { PlacedFinding } from "../lib/finding.ts";
import type { Log } from "../lib/log.ts";
import { Scope } from "../lib/scope.ts";
import type { Manifests } from "../manifests/manifests.ts";
import { readManifests } from "../manifests/read.ts";
import { type StandardRun, standardRun } from "../runtime/standard-run.ts";
import { createLog } from "../telemetry/logger.ts";
import type { LogStore } from "../telemetry/logs/log-store.ts";
import { createRedactor, type Redactor } from "../telemetry/redact.ts";
import { Banner } from "./banner.ts";
import { egressPolicy } from "./egress-options.ts";
import { Ending } from "./ending.ts";
import { sayError } from "./errors.ts";
import { sayFindings } from "./findings.ts";
import type { Io } from "./io.ts";
import { openShippedLog } from "./log-stores.ts";
import { templateEnv } from "./options.ts";
import { Reloading } from "./reloading.ts";
import type { RunVerbOptions } from "./run.ts";
import { guardOf } from "./run-guard.ts";
import { adminFile, adminTokenFile } from "./server.ts";
import type { VerbContext } from "./verb.ts";

export interface RunContext extends VerbContext {
  /** Called once it is ready. */
  readonly ready?: (runtime: StandardRun) => void;
}

/** Runs until a signal ends it; answers the exit code. */
export async function runManifests(
  paths: readonly string[],
  options: RunVerbOptions,
  { io: given, version, ready }: RunContext,
): Promise<number> {
  const redactor = createRedactor();
  // also what is no log line: the stack of a fault, the error that ends a start
  const io: Io = { ...given, err: (text) => given.err(redactor.clean(text)) };
  const format = options.logFormat ?? (io.errTty ? "pretty" : "ecs");
  const colour = io.paintErr("red", "x") !== "x";
  const level = options.logLevel;
  const here = createLog({ format, level, version, redactor, colour, write: given.err });
  await using shipped = await openShippedLog({
    ...{ url: options.logStore, level, env: io.env, version, redactor, log: here },
  });
  const log = shipped?.log ?? here;
  const banner = new Banner({ io, log, pretty: format === "pretty", version });
  const read = (): Promise<Manifests> =>
    readManifests(paths, { strict: options.strict, ...templateEnv(options.templateEnv, io.env) });
  const said = new Set<string>();
  using reloading = new Reloading({
    read,
    watched:
      options.watch === true
        ? { manifests: paths, values: options.secretsDir === undefined ? [] : [options.secretsDir] }
        : undefined,
    terminal: io.errTty,
    log,
    async tell({ findings }, report) {
      // errors each time they are there, warnings once
      const news = findings.filter((finding) => finding.severity === "error" || !said.has(placeOf(finding)));
      for (const finding of news) said.add(placeOf(finding));
      if (format === "pretty") io.err(await sayFindings(news, colour));
      else logFindings({ findings: news }, log);
      banner.reloaded(report);
    },
  });
  await reloading.begin();
  const manifests = await read();
  if (format === "pretty") io.err(await sayFindings(manifests.findings, colour));
  else logFindings(manifests, log);
  if (manifests.sources.length === 0 && manifests.sensors.length === 0) {
    const broken = manifests.findings.some(({ severity }) => severity === "error");
    const why = broken ? "the manifests have errors" : `${manifests.files.length} files were read`;
    return sayError(new TideError("NOTHING_TO_RUN", `no EventSource and no Sensor that can run: ${why}`), io);
  }
  for (const finding of manifests.findings) said.add(placeOf(finding));
  banner.manifests(manifests);
  const parts = { options, manifests, version, store: shipped?.store, log, redactor, banner, reloading, ready };
  try {
    return await serve({ ...parts, env: io.env });
  } catch (error) {
    return sayError(error, io);
  }
}

interface Serving {
  readonly options: RunVerbOptions;
  readonly manifests: Manifests;
  readonly version: string;
  readonly store: LogStore | undefined;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly banner: Banner;
  readonly reloading: Reloading;
  readonly ready: RunContext["ready"];
  readonly env: Readonly<Record<string, string | undefined>>;
}

async function serve(parts: Serving): Promise<number> {
  const { options, manifests, version, log, redactor, banner, env } = parts;
  const dataDir = options.ephemeral === true ? undefined : options.dataDir;
  await using opened = new Scope();
  const ending = opened.use(new Ending(log, banner));
  let runtime: StandardRun | undefined;
  const guarded = await guardOf({ options, redactor, log });
  const console: AdminParts = {
    ...{ runtime: () => runtime, stopping: () => ending.began },
    ...{ version, dataDir, listenHost: options.listen, log, redactor, ...guarded },
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
    kubernetes: { kubeconfig: options.kubeconfig, context: options.context },
    env,
    ...templateEnv(options.templateEnv, env),
    secretsDir: options.secretsDir,
    listenHost: options.listen,
    egress: egressPolicy(options),
    version,
    lines: parts.store === undefined ? undefined : { store: parts.store, service: { name: "tidemill", version } },
    log,
    redactor,
    drainTimeoutMs: options.drainTimeout,
    busMaxBytes: options.busMaxBytes,
    maxEventBytes: options.maxEventBytes,
    maxAgeMs: retention,
    recordAgeMs: retention,
    traceSlowMs: options.traceSlow,
  });
  ending.of(runtime);
  try {
    if (admin !== undefined && dataDir !== undefined) await writeAdminFile(dataDir, admin.url, guarded.access);
    await Promise.race([runtime.settledStart, ending.asked]);
    if (!ending.began)
      banner.ready({ runtime, admin: admin?.url, metrics: metrics?.url, dataDir, listenHost: options.listen });
    if (!ending.began) parts.reloading.of(runtime);
    parts.ready?.(runtime);
    return await ending.ended;
  } finally {
    await runtime.stop();
    if (admin !== undefined && dataDir !== undefined) await removeAdminFiles(dataDir);
  }
}

/** A token beside the address lets this user's verbs in, where tokens are asked for. */
async function writeAdminFile(dataDir: string, url: string, access: Access): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true });
    // what a run before left behind may be readable for others
    await removeAdminFiles(dataDir);
    const content = { url, pid: process.pid, startedAt: new Date().toISOString() };
    const only = { mode: 0o600, flag: "wx" } as const;
    if (access.required) await writeFile(adminTokenFile(dataDir), `${access.ownToken}\n`, only);
    await writeFile(adminFile(dataDir), `${JSON.stringify(content)}\n`, only);
  } catch (cause) {
    throw new TideError("BUS_UNWRITABLE", `writing ${adminFile(dataDir)}`, { cause });
  }
}

async function removeAdminFiles(dataDir: string): Promise<void> {
  for (const file of [adminFile(dataDir), adminTokenFile(dataDir)]) await rm(file, { force: true });
}

function placeOf({ file, line, column, message }: PlacedFinding): string {
  return `${file}:${line}:${column} ${message}`;
}

function logFindings({ findings }: Pick<Manifests, "findings">, log: Log): void {
  for (const { severity, code, message, file, line, column } of findings) {
    const fields = { code: codes[code].id, file, line, column };
    if (severity === "error") log.error(fields, message);
    else log.warn(fields, message);
  }
}
