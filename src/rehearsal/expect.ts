import { isDeepStrictEqual } from "node:util";
import { didYouMean } from "../lib/did-you-mean.ts";
import type { Path } from "../lib/finding.ts";
import { isRecord } from "../lib/json.ts";
import { own } from "../manifests/json.ts";
import { waysOf } from "../runtime/plan-store.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { Performance, SeenFiring } from "./perform.ts";
import { momentMs } from "./read-test-file.ts";
import type { FiresCase, NotCase, TestCase } from "./test-file.ts";

/** An expectation that was not met; the path leads to it from `expect`. */
export interface Failure {
  readonly path: Path;
  readonly message: string;
}

/** Holds what happened against what was expected. */
export function checkExpectations(test: TestCase, happened: Performance): readonly Failure[] {
  const { fires, not = [] } = test.expect;
  const failures: Failure[] = [];
  for (const [index, one] of (fires ?? []).entries()) {
    const message = firesFailure(one, happened);
    if (message !== undefined) failures.push({ path: ["fires", index], message });
  }
  const [unwanted] = happened.firings;
  if (fires?.length === 0 && unwanted !== undefined) {
    const names = [...new Set(happened.firings.map(({ trigger }) => trigger))].join(", ");
    failures.push({ path: ["fires"], message: `expected nothing to fire; ${names} fired with ${sent(unwanted)}` });
  }
  for (const [index, one] of not.entries()) {
    const message = notFailure(one, happened);
    if (message !== undefined) failures.push({ path: ["not", index], message });
  }
  return failures;
}

/** Names of triggers in a test that no sensor has: the test would say nothing. */
export function unknownTriggers(test: TestCase, sensors: readonly SensorPlan[]): readonly Failure[] {
  const names = sensors.flatMap((plan) => [
    ...plan.triggers.flatMap(({ name, dlqTrigger }) => [name, ...(dlqTrigger ? [dlqTrigger.name] : [])]),
    ...waysOf(plan).map(({ name }) => name),
  ]);
  const full = sensors.flatMap((plan) => plan.triggers.map(({ name }) => `${plan.name}/${name}`));
  const used: readonly (readonly [path: Path, name: string])[] = [
    ...(test.expect.fires ?? []).map(({ trigger }, index) => [["expect", "fires", index, "trigger"], trigger] as const),
    ...(test.expect.not ?? []).map(({ trigger }, index) => [["expect", "not", index, "trigger"], trigger] as const),
    ...Object.keys(test.outcomes ?? {}).map((trigger) => [["outcomes", trigger], trigger] as const),
  ];
  return used.flatMap(([path, name]) => {
    if (full.includes(name) || names.filter((one) => one === name).length === 1) return [];
    const meant = didYouMean(name, names);
    const hint = meant === undefined ? `there is ${names.join(", ") || "none"}` : `did you mean ${meant}?`;
    const message = names.includes(name)
      ? `several triggers have the name ${name}; write SENSOR/${name}`
      : `there is no trigger ${name}; ${hint}`;
    return [{ path, message }];
  });
}

function isOf({ sensor, trigger }: { readonly sensor: string; readonly trigger: string }, name: string): boolean {
  return trigger === name || `${sensor}/${trigger}` === name;
}

function firesFailure(wanted: FiresCase, happened: Performance): string | undefined {
  const { trigger, times, attempts, state, at, rendered } = wanted;
  const all = happened.firings.filter((one) => isOf(one, trigger));
  const matching =
    rendered === undefined ? all : all.filter((one) => differenceOf(rendered, one.rendered) === undefined);
  const enough = times === undefined ? matching.length > 0 : matching.length === times;
  if (!enough) {
    const often = times === undefined ? "" : ` ${sayTimes(times)}`;
    const what = rendered === undefined ? "" : " with what is expected";
    const [first] = all;
    const difference =
      first === undefined || rendered === undefined ? undefined : differenceOf(rendered, first.rendered);
    const more = difference ?? (all.length === 0 ? whyNot(trigger, happened) : undefined);
    const really =
      matching.length === 0 && all.length > 0
        ? `it fired ${sayTimes(all.length)}, but never so`
        : `it fired ${sayTimes(matching.length)}`;
    return `expected ${trigger} to fire${often}${what}; ${really}${more === undefined ? "" : `: ${more}`}`;
  }
  for (const one of matching) {
    const came = one.error === undefined ? "" : `: ${one.error}`;
    if (attempts !== undefined && one.attempts !== attempts)
      return `expected ${trigger} to take ${sayAttempts(attempts)}; it took ${sayAttempts(one.attempts)}${came}`;
    if (state !== undefined && one.state !== state)
      return `expected ${trigger} to end ${state}; it is ${one.state}${came}`;
  }
  const wantedMs = at === undefined ? undefined : momentMs(at, happened.startMs);
  const firstMs = matching[0]?.firstAtMs;
  if (wantedMs === undefined || firstMs === undefined || Math.abs(firstMs - wantedMs) < 1) return undefined;
  return `expected ${trigger} at ${sayTime(wantedMs)}; it began at ${sayTime(firstMs)}`;
}

function notFailure({ trigger, because }: NotCase, happened: Performance): string | undefined {
  const fired = happened.firings.find((one) => isOf(one, trigger));
  if (fired !== undefined) return `expected ${trigger} not to fire; it fired with ${sent(fired)}`;
  if (because === undefined) return undefined;
  const reasons = reasonsOf(trigger, happened);
  if (reasons.some((reason) => plainReason(reason).startsWith(plainReason(because)))) return undefined;
  const really = reasons.length === 0 ? "no event was for it" : reasons.join("; ");
  return `expected ${trigger} not to fire because of ${JSON.stringify(because)}; it did not, because: ${really}`;
}

/** `dependency order: data 0` and `order: data[0] …`, `waiting for x` and `waits for x` are the same words. */
function plainReason(text: string): string {
  return text
    .trim()
    .replace(/^dependency /, "")
    .replace(/^waiting for /, "waits for ")
    .replace(/^([^:]*: \w+) (\d+)/, "$1[$2]");
}

function reasonsOf(trigger: string, { noes }: Performance): readonly string[] {
  return [...new Set(noes.filter((one) => isOf(one, trigger)).map(({ reason }) => reason))];
}

function whyNot(trigger: string, happened: Performance): string {
  return reasonsOf(trigger, happened).join("; ") || "no event was for it";
}

function sent({ rendered, error }: SeenFiring): string {
  return rendered === undefined ? (error ?? "nothing") : JSON.stringify(rendered);
}

/**
 * Where `actual` is not what is expected; undefined where it is. Maps must hold what is expected and may hold more; lists
 * must be equal item by item; a map or list that meets a text is compared with the JSON in the text.
 */
export function differenceOf(expected: unknown, actual: unknown, at = ""): string | undefined {
  const here = at === "" ? "it" : at;
  if (Array.isArray(expected) || isRecord(expected)) {
    const value = typeof actual === "string" ? parsed(actual) : actual;
    if (Array.isArray(expected)) {
      if (!Array.isArray(value)) return `${here} is ${said(actual)}, wanted a list`;
      if (value.length !== expected.length) return `${here} has ${value.length} items, wanted ${expected.length}`;
      return firstOf(expected.map((one, index) => differenceOf(one, value[index], `${at}[${index}]`)));
    }
    if (!isRecord(value)) return `${here} is ${said(actual)}, wanted ${said(expected)}`;
    return firstOf(
      Object.entries(expected).map(([key, one]) =>
        differenceOf(one, own(value, key), at === "" ? key : `${at}.${key}`),
      ),
    );
  }
  if (isDeepStrictEqual(expected, actual)) return undefined;
  return `${here} is ${said(actual)}, wanted ${said(expected)}`;
}

function firstOf(differences: readonly (string | undefined)[]): string | undefined {
  return differences.find((one) => one !== undefined);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function said(value: unknown): string {
  if (value === undefined) return "not there";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function sayTimes(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function sayAttempts(count: number): string {
  return count === 1 ? "1 attempt" : `${count} attempts`;
}

function sayTime(ms: number): string {
  return new Date(ms).toISOString();
}
