import type { TopRates, TopSample } from "../console/top.ts";
import { type Io, table } from "./io.ts";

export function ratesOf(before: TopSample, now: TopSample): TopRates {
  const seconds = Math.max(0.001, (Date.parse(now.at) - Date.parse(before.at)) / 1000);
  const rate = (was: number | undefined, is: number): number => {
    const more = is >= (was ?? 0) ? is - (was ?? 0) : is;
    return Math.round((more / seconds) * 10) / 10;
  };
  const by = <T extends { readonly name: string }>(list: readonly T[]) => new Map(list.map((one) => [one.name, one]));
  const [wereSources, wereSensors, wereTriggers] = [by(before.sources), by(before.sensors), by(before.triggers)];
  const sources = now.sources.map((one) => ({
    ...one,
    inPerSecond: rate(wereSources.get(one.name)?.received, one.received),
  }));
  const sensors = now.sensors.map((one) => ({
    ...one,
    decidedPerSecond: rate(wereSensors.get(one.name)?.decided, one.decided),
  }));
  const triggers = now.triggers.map(({ retries, ...one }) => ({
    ...one,
    firedPerSecond: rate(wereTriggers.get(one.name)?.done, one.done),
    retriesPerSecond: rate(wereTriggers.get(one.name)?.retries, retries),
  }));
  return {
    at: now.at,
    inPerSecond: sum(sources.map((one) => one.inPerSecond)),
    decidedPerSecond: sum(sensors.map((one) => one.decidedPerSecond)),
    firedPerSecond: sum(triggers.map((one) => one.firedPerSecond)),
    pending: sum(triggers.map((one) => one.pending + one.running)),
    dead: sum(triggers.map((one) => one.dead)),
    sources,
    sensors,
    triggers,
    targetsDown: now.targetsDown,
  };
}

function sum(numbers: readonly number[]): number {
  return Math.round(numbers.reduce((all, one) => all + one, 0) * 10) / 10;
}

export function tellTop(rates: TopRates, io: Io): string {
  const { at, inPerSecond, decidedPerSecond, firedPerSecond, pending, dead, targetsDown } = rates;
  const figures = `in ${inPerSecond}/s  decided ${decidedPerSecond}/s  fired ${firedPerSecond}/s  waiting ${pending}`;
  const letters = `dead ${dead}`;
  const sources = rates.sources.map((one) => [one.name, one.kind, one.state, `${one.inPerSecond}`, `${one.received}`]);
  const sensors = rates.sensors.map((one) => [one.name, `${one.decidedPerSecond}`, `${one.decided}`]);
  const triggers = rates.triggers.map((one) => [
    ...[one.name, one.kind, `${one.firedPerSecond}`, `${one.pending}`, `${one.running}`],
    ...[`${one.retriesPerSecond}`, `${one.dead}`, sayMs(one.p50Ms), sayMs(one.p99Ms)],
  ]);
  return [
    `${io.paint("bold", "tidemill top")}  ${at.slice(11, 19)}Z  ${figures}  ${dead > 0 ? io.paint("red", letters) : letters}\n`,
    ...targetsDown.map((target) => `${io.paint("red", "✗")} ${target} is down: its firings wait\n`),
    `\n${table([["SOURCE", "TYPE", "STATE", "IN/S", "IN"], ...sources])}`,
    `\n${table([["SENSOR", "DECIDED/S", "DECIDED"], ...sensors])}`,
    `\n${table([["TRIGGER", "TYPE", "FIRED/S", "QUEUE", "RUNNING", "RETRIES/S", "DEAD", "P50", "P99"], ...triggers])}`,
  ].join("");
}

function sayMs(ms: number | undefined): string {
  if (ms === undefined) return "-";
  if (ms < 10) return `${ms.toFixed(1)}ms`;
  return ms < 10_000 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(1)}s`;
}
