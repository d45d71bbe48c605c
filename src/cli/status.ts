import type { HeldStatus, ReloadStatus } from "../runtime/change-status.ts";
import type { Status } from "../runtime/status.ts";
import { type Io, json, table } from "./io.ts";
import { output, type ServerOptions, withServer } from "./options.ts";
import { findServer } from "./server.ts";
import { exit, type Verb } from "./verb.ts";

export const status: Verb = {
  examples: ["tidemill status                      # exit code 1 when a part is not well", "tidemill status -o json"],
  declare(command, { io, end }) {
    withServer(command)
      .addOption(output())
      .action(async (options: ServerOptions & { readonly output: string }) => {
        const server = await findServer(options);
        const now = await server.get<Status>("/status");
        io.out(options.output === "json" ? json(now) : tell(now, server.url, io));
        if (!now.ready) end(exit.bad);
      });
  },
};

function tell(now: Status, url: string, io: Io): string {
  const good = now.ready ? io.paint("green", "ready") : io.paint("red", "not ready");
  const sources = now.sources.map((one) => [
    `${one.namespace}/${one.eventSource}/${one.event}`,
    one.kind,
    one.state,
    [one.address, one.code, one.reason, one.pausedUntil && `until ${one.pausedUntil.slice(0, 19)}Z`]
      .filter(Boolean)
      .join("  "),
  ]);
  const triggers = now.sensors.flatMap(({ namespace, sensor, triggers: own }) =>
    own.map(({ name, kind, pending, running, dead, held }) => [
      `${namespace}/${sensor}/${name}`,
      kind,
      ...[pending, running, dead].map(String),
      sayHeld(held),
    ]),
  );
  const heldSensors = now.sensors
    .filter(({ held }) => held !== undefined)
    .map(({ namespace, sensor, held }) => [`${namespace}/${sensor}`, sayHeld(held)]);
  const buses = now.buses.map((bus) => [
    `${bus.namespace}/${bus.bus}`,
    bus.kind,
    `${sayBytes(bus.bytes)} of ${sayBytes(bus.maxBytes)}`,
    `${bus.lag.sensors.entries} undecided`,
    `${bus.lag.record.entries} unrecorded`,
    bus.warning ?? "",
  ]);
  const targets = now.breakers.map(({ target, state, since, failures, nextProbeAt, error }) => [
    target,
    state,
    `${failures} failures`,
    `since ${since.slice(11, 19)}Z`,
    `tried again ${nextProbeAt.slice(11, 19)}Z`,
    error,
  ]);
  const jobs = Object.entries(now.jobs ?? {}).map(([state, count]) => `${count} ${state}`);
  return [
    `tidemill ${now.version}  ${good}  ${url}  pid ${now.pid}, since ${now.startedAt.slice(0, 19)}Z\n`,
    ...now.faults.map((fault) => `  ${io.paint("red", "✗")} ${fault}\n`),
    section("SOURCE", ["TYPE", "STATE", ""], sources),
    section("SENSOR PAUSED", [""], heldSensors),
    section("TRIGGER", ["TYPE", "PENDING", "RUNNING", "DEAD", ""], triggers),
    section("TARGET DOWN", ["", "", "", "", ""], targets),
    section("BUS", ["KIND", "SIZE", "SENSORS", "RECORD", ""], buses),
    `record  ${now.record === undefined ? "off" : now.record.url}${now.record?.failing === undefined ? "" : `  failing: ${now.record.failing}`}\n`,
    sayReload(now.reload),
    jobs.length === 0 ? "" : `jobs  ${jobs.join(", ")}\n`,
  ].join("");
}

function section(first: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? "" : `${table([[first, ...head], ...rows])}\n`;
}

/** `paused until 2026-01-05T09:00:00Z: wrong filter`. */
function sayHeld(held: HeldStatus | undefined): string {
  if (held === undefined) return "";
  const what = held.by === "pause" ? "paused" : "maintenance";
  const until = held.until === undefined ? "" : ` until ${held.until.slice(0, 19)}Z`;
  return `${what}${until}${held.reason === undefined ? "" : `: ${held.reason}`}`;
}

/** The last reload, with what of it does not run and why. */
function sayReload(reload: ReloadStatus | undefined): string {
  if (reload === undefined) return "";
  const failed = [reload.sources, reload.sensors, reload.values].flatMap((changes) => changes.failed);
  return [
    `reload  ${reload.result}, ${reload.at.slice(0, 19)}Z\n`,
    ...(failed.length === 0 ? [] : [`  old version goes on: ${failed.join(", ")}\n`]),
    ...reload.findings.map(
      ({ file, line, column, code, message }) => `  ${file}:${line}:${column} ${code} ${message}\n`,
    ),
    ...reload.errors.map((error) => `  ${error}\n`),
  ].join("");
}

/** `12.3 MiB`. */
function sayBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${["B", "KiB", "MiB", "GiB"][power]}`;
}
