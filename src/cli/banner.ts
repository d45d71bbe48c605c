import { sayDuration } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { Changes, ReloadReport } from "../runtime/reload-report.ts";
import { addressOf } from "../runtime/source-address.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import { type Io, printable, table } from "./io.ts";

interface BannerParts {
  readonly io: Io;
  readonly log: Log;
  /** For a person; else the same as log lines. */
  readonly pretty: boolean;
  readonly version: string;
}

interface Ready {
  readonly runtime: StandardRun;
  readonly admin: string | undefined;
  readonly metrics: string | undefined;
  readonly dataDir: string | undefined;
  readonly listenHost: string;
}

/** What `run` says about itself, on standard error: lines for a person, log lines otherwise. */
export class Banner {
  readonly #parts: BannerParts;

  constructor(parts: BannerParts) {
    this.#parts = parts;
  }

  /** What was read, and what of it does not run as it says. */
  manifests({ sources, sensors, buses, ignored, files }: Manifests): void {
    const { io, log, pretty, version } = this.#parts;
    const counted = `${plural(sources.length, "source")}, ${plural(sensors.length, "sensor")} from ${plural(files.length, "file")}`;
    if (pretty) io.err(`tidemill ${version}   ${counted}\n\n`);
    else log.info({ sources: sources.length, sensors: sensors.length, files: files.length }, "manifests read");
    const kinds = Map.groupBy(ignored, ({ kind }) => kind);
    for (const { namespace, name, kind } of buses) {
      this.#say(
        { namespace, bus: name, kind },
        `EventBus ${namespace}/${name} (${kind}) runs on the embedded bus here`,
      );
    }
    for (const [kind, objects] of kinds)
      this.#say({ kind, count: objects.length }, `${plural(objects.length, kind)} ignored`);
  }

  ready({ runtime, admin, metrics, dataDir, listenHost }: Ready): void {
    const { io, log, pretty } = this.#parts;
    const readyMs = Math.round(process.uptime() * 1000);
    if (!pretty) {
      const urls = runtime.sources.flatMap(({ plan }) => addressOf(plan, listenHost) ?? []);
      log.info({ readyMs, admin, metrics, dataDir, addresses: urls }, "ready");
      return;
    }
    const rows = [
      ...runtime.buses.map(({ namespace, name }) => {
        const where = dataDir === undefined ? "in memory: nothing survives this process" : `${dataDir} (durable)`;
        return [tick(io), "bus", `${namespace}/${name}`, `embedded, ${where}`];
      }),
      ...sourceRows({ runtime, listenHost, io }),
      ...runtime.buses.flatMap(({ sensors }) =>
        sensors.map(({ namespace, name, triggers, dependencies }) => {
          const paused = runtime.control.sensorHeld(namespace, name) === undefined ? "" : "  paused";
          const way = `${triggers.map((one) => one.name).join(", ")} ← ${dependencies.map((one) => one.name).join(", ")}${paused}`;
          return [paused === "" ? tick(io) : io.paintErr("yellow", "!"), "sensor", `${namespace}/${name}`, way];
        }),
      ),
      [tick(io), "record", runtime.record === undefined ? "off" : runtime.record.url, ""],
    ];
    io.err(rowsText(rows));
    const listening = [
      ...(admin === undefined ? [] : [`admin ${admin}`]),
      ...(metrics === undefined ? [] : [`metrics ${metrics}/metrics`]),
    ];
    io.err(`\n  ${[...listening, `ready in ${(readyMs / 1000).toFixed(1)} s`].join("   ")}\n`);
    io.err(`  Ctrl-C stops${dataDir === undefined ? "" : "; events stay"}.\n\n`);
  }

  /** What a reload did, in a few lines; what is wrong with the manifests was told with its place before. */
  reloaded(report: ReloadReport): void {
    const { io, log, pretty } = this.#parts;
    const { result, tookMs, sources, sensors, values, errors } = report;
    const good = result === "applied" || result === "unchanged";
    const failed = [...sources.failed, ...sensors.failed, ...values.failed];
    if (!pretty) {
      const fields = { result, tookMs: Math.round(tookMs), ...countsOf({ sources, sensors, values }) };
      if (good) log.info(fields, "manifests reloaded");
      else
        log.warn({ ...fields, failed, errors }, "manifests reloaded in part: of what failed the old version goes on");
      return;
    }
    const mark = good ? tick(io) : io.paintErr("yellow", "!");
    const told = Object.entries({ source: sources, sensor: sensors, value: values }).flatMap(sayChanges).join(", ");
    io.err(`${mark} reload ${result} in ${sayDuration(tookMs)}${told === "" ? "" : `: ${told}`}\n`);
    for (const name of failed) io.err(`  ${printable(`${name}: bad in the new manifests; the old version goes on`)}\n`);
    for (const error of errors) io.err(`  ${printable(error)}\n`);
  }

  stopping(signal: string, again: boolean): void {
    const first = "taking nothing more, finishing what is in flight; once more ends at once";
    this.#say({ signal }, `${signal}${again ? " again: ending at once" : `: ${first}`}`);
  }

  /** An error that nobody caught, with its stack: a fault of tidemill. */
  fault(error: unknown): void {
    const { io, log, pretty } = this.#parts;
    log.error({ err: error }, "an error that nobody caught: tidemill drains and ends");
    if (pretty && error instanceof Error) io.err(`${error.stack ?? ""}\n`);
  }

  #say(fields: object, text: string): void {
    const { io, log, pretty } = this.#parts;
    if (pretty) io.err(`  ${printable(text)}\n`);
    else log.info(fields, text);
  }
}

function sourceRows({ runtime, listenHost, io }: Pick<Ready, "runtime" | "listenHost"> & { readonly io: Io }) {
  return runtime.sources.map(({ plan, status }) => {
    const now = status();
    const good = now.state === "ready" || now.state === "ended" ? tick(io) : io.paintErr("yellow", "!");
    const address = addressOf(plan, listenHost) ?? plan.kind;
    const why = "reason" in now ? `${now.state}: ${now.reason}` : now.state === "ready" ? "" : now.state;
    return [good, "source", `${plan.namespace}/${plan.eventSource}/${plan.event}`, `${address}  ${why}`.trimEnd()];
  });
}

/** The mark stays out of the table, whose cells lose their colours. */
function rowsText(rows: readonly (readonly string[])[]): string {
  const lines = table(rows.map(([, ...cells]) => cells))
    .trimEnd()
    .split("\n");
  return lines.map((line, at) => `  ${rows[at]?.[0] ?? ""} ${line}\n`).join("");
}

function tick(io: Io): string {
  return io.paintErr("green", "✓");
}

/** `2 sources changed`; what went on as it was is not told. */
function sayChanges([kind, { added, changed, removed }]: readonly [string, Changes]): readonly string[] {
  const parts = { added, changed, removed };
  return Object.entries(parts).flatMap(([how, names]) =>
    names.length === 0 ? [] : [`${plural(names.length, kind)} ${how} (${printable(shortList(names))})`],
  );
}

/** `{ sources: { added: 1, … }, … }`. */
function countsOf(kinds: Readonly<Record<string, Changes>>): object {
  const counts = (changes: Changes): object =>
    Object.fromEntries(Object.entries(changes).map(([how, names]: [string, readonly string[]]) => [how, names.length]));
  return Object.fromEntries(Object.entries(kinds).map(([kind, changes]) => [kind, counts(changes)]));
}

function shortList(names: readonly string[]): string {
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")}, …`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
