import { readFile } from "node:fs/promises";
import { systemClock } from "../lib/clock.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import type { Manifests, SourcePlan } from "../manifests/manifests.ts";
import { readManifests } from "../manifests/read.ts";
import { describedTriggers } from "../manifests/types/trigger-types.ts";
import { createValues } from "../manifests/values.ts";
import { createEvaluation, evaluateSource, type SensorAnswer } from "../rehearsal/evaluate.ts";
import { type EventPlace, readEvent } from "../rehearsal/read-event.ts";
import { createRenderer } from "../rehearsal/render.ts";
import { Clients } from "../runtime/clients.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { triggers } from "../triggers/index.ts";
import type { EvalOptions } from "./eval.ts";
import { sayFindings } from "./findings.ts";
import { type Io, json, jsonl } from "./io.ts";
import { templateEnv } from "./options.ts";
import { tellSensor, tellSource } from "./tell-eval.ts";
import { exit } from "./verb.ts";

/** Answers the exit code; throws what was asked wrongly. */
export async function runEval(options: EvalOptions, io: Io): Promise<number> {
  if (options.event.length === 0) throw new TideError("USAGE", "give an event: --event FILE, or --event -");
  if (options.event.filter((file) => file === "-").length > 1)
    throw new TideError("USAGE", "standard input holds one event: --event - can be given once");
  const manifests = await readManifests(options.file, templateEnv(options.templateEnv, io.env));
  const chosen = choose(manifests, options);
  if (chosen === "refused") {
    const errors = manifests.findings.filter(({ severity }) => severity === "error");
    io.err(await sayFindings(errors, io.paintErr("red", "x") !== "x"));
    return exit.usage;
  }
  const texts = await Promise.all(options.event.map(readGiven));
  return "sensor" in chosen
    ? evalSensor(chosen.sensor, { options, manifests, texts, io })
    : evalSources(chosen.entries, { options, manifests, texts, io });
}

interface Evaluating {
  readonly options: EvalOptions;
  readonly manifests: Manifests;
  readonly texts: readonly { readonly text: string; readonly from: string }[];
  readonly io: Io;
}

type Chosen = { readonly sensor: SensorPlan } | { readonly entries: readonly SourcePlan[] } | "refused";

/** The sensor that is meant, or the entries of the EventSources where there is none. */
function choose(manifests: Manifests, { sensor: wanted }: EvalOptions): Chosen {
  const { sensors, invalidSensors, sources, findings } = manifests;
  const nameOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
    `${namespace}/${name}`;
  const all = [...sensors, ...invalidSensors];
  const broken = findings.some(({ severity }) => severity === "error");
  const asked = wanted === undefined ? all : all.filter((one) => one.name === wanted || nameOf(one) === wanted);
  const [only, second] = asked;
  if (second !== undefined) {
    const names = asked.map((one) => (all.filter(({ name }) => name === one.name).length > 1 ? nameOf(one) : one.name));
    throw new TideError("USAGE", `there are several sensors: name one with --sensor: ${names.join(", ")}`);
  }
  if (only !== undefined) {
    const plan = sensors.find((one) => one === only);
    return plan === undefined ? "refused" : { sensor: plan };
  }
  if (wanted !== undefined && !(broken && all.length === 0))
    throw unknown(
      "sensor",
      wanted,
      all.map(({ name }) => name),
    );
  // an entry with an error is left out of the plans: with it gone, the answer would be about another one
  if (broken) return "refused";
  if (sources.length > 0) return { entries: sources };
  throw new TideError("NOTHING_TO_RUN", `no Sensor and no EventSource: ${manifests.files.length} files were read`);
}

async function evalSensor(plan: SensorPlan, evaluating: Evaluating): Promise<number> {
  const { options, manifests, io } = evaluating;
  known(
    "dependency",
    options.dep,
    plan.dependencies.map(({ name }) => name),
  );
  const { trigger: wanted } = options;
  if (wanted !== undefined)
    known(
      "trigger",
      [wanted],
      plan.triggers.map(({ name }) => name),
    );
  const kinds = new Set(triggers.map(({ kind }) => kind));
  await using clients = new Clients(systemClock);
  const evaluation = createEvaluation({
    plan,
    sources: manifests.sources,
    render: createRenderer({
      types: [...triggers, ...describedTriggers.filter(({ kind }) => !kinds.has(kind))],
      values: createValues({ ...manifests, env: io.env, secretsDir: options.secretsDir }),
      fetch: options.fetch === true,
      keep: (name, open) => clients.keep(name, open),
      signal: AbortSignal.timeout(fetchMs),
    }),
  });
  const fallbacks = plan.dependencies.map((one) => ({ source: one.eventSource, subject: one.event }));
  const answers: SensorAnswer[] = [];
  for (const [index] of evaluating.texts.entries()) {
    const dependency = nth(options.dep, index);
    const place = plan.dependencies.find(({ name }) => name === dependency);
    const fallback = place === undefined ? sameOf(fallbacks) : { source: place.eventSource, subject: place.event };
    const { event, nowMs } = eventAt(index, evaluating, { fallback, known: fallbacks });
    const whole = await evaluation.feed({ event, nowMs, dependency });
    answers.push({
      ...whole,
      dependencies: whole.dependencies.filter(({ name }) => options.dep.length === 0 || options.dep.includes(name)),
      triggers: whole.triggers.filter(({ name }) => wanted === undefined || name === wanted),
    });
  }
  const last = answers.at(-1);
  if (last === undefined) throw new TideError("INTERNAL", "no event was evaluated");
  if (options.output === "jsonl") io.out(jsonl(answers));
  else io.out(options.output === "json" ? json(last) : tellSensor(last, io));
  return last.triggers.some(({ fires }) => fires) ? exit.ok : exit.bad;
}

/** What is fetched comes from servers: it must not keep a person waiting for ever. */
const fetchMs = 60_000;

function evalSources(entries: readonly SourcePlan[], evaluating: Evaluating): number {
  const { options, io } = evaluating;
  for (const [name, given] of Object.entries({ dep: options.dep, trigger: options.trigger ?? [] }))
    if (given.length > 0) throw new TideError("USAGE", `--${name}: the manifests hold no Sensor`);
  const places = entries.map((one) => ({ source: one.eventSource, subject: one.event }));
  const answers = evaluating.texts.map((_, index) => {
    const { event } = eventAt(index, evaluating, { fallback: sameOf(places), known: places });
    const entry = entries.find((one) => one.eventSource === event.source && one.event === event.subject);
    if (entry === undefined) throw unknown("entry", `${event.source}/${event.subject}`, places.map(sayPlace));
    return evaluateSource(entry, event);
  });
  const last = answers.at(-1);
  if (options.output === "jsonl") io.out(jsonl(answers));
  else io.out(options.output === "json" ? json(last) : answers.map((answer) => tellSource(answer, io)).join(""));
  return last?.passed === true ? exit.ok : exit.bad;
}

/** The nth event, and the clock that it is decided by. */
function eventAt(
  index: number,
  { options, manifests, texts }: Evaluating,
  places: { readonly fallback: EventPlace | undefined; readonly known: readonly EventPlace[] },
): { readonly event: Event; readonly nowMs: number } {
  const nowMs = nth(options.at, index) ?? Date.now();
  const given = texts[index] ?? { text: "", from: "" };
  const event = readEvent({
    ...given,
    index,
    nowMs,
    place: nth(options.source, index),
    fallback: places.fallback,
    typeOf: ({ source, subject }) =>
      manifests.sources.find((one) => one.eventSource === source && one.event === subject)?.type,
  });
  if (event !== "without place") return { event, nowMs };
  const names = [...new Set(places.known.map(sayPlace))].join(", ");
  throw new TideError("USAGE", `${given.from}: whose event is it? say --source, one of ${names}, or --dep`);
}

/** One value for all events, or the nth for the nth. */
function nth<T>(values: readonly T[], index: number): T | undefined {
  return values.length === 1 ? values[0] : values[index];
}

/** The place that all have, where they have one. */
function sameOf(places: readonly EventPlace[]): EventPlace | undefined {
  const [first, ...rest] = places;
  return first !== undefined && rest.every((one) => sayPlace(one) === sayPlace(first)) ? first : undefined;
}

function sayPlace({ source, subject }: EventPlace): string {
  return `${source}/${subject}`;
}

function known(what: string, given: readonly string[], names: readonly string[]): void {
  const lost = given.find((name) => !names.includes(name));
  if (lost !== undefined) throw unknown(what, lost, names);
}

function unknown(what: string, name: string, names: readonly string[]): TideError {
  const meant = didYouMean(name, names);
  const hint = meant === undefined ? `; there is ${names.join(", ") || "none"}` : `; did you mean ${meant}?`;
  return new TideError("USAGE", `there is no ${what} ${name}${hint}`);
}

async function readGiven(file: string): Promise<{ readonly text: string; readonly from: string }> {
  if (file === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return { text: decoded(Buffer.concat(chunks), "standard input"), from: "standard input" };
  }
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new TideError("EVENT_INVALID", `reading ${file}: ${messageOf(cause)}`);
  });
  return { text: decoded(bytes, file), from: file };
}

function decoded(bytes: Buffer, from: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new TideError("EVENT_INVALID", `${from}: the event is not UTF-8`);
  }
}
