import { CallFault, fn, type GoFunction, type GoValue, int, variadic } from "../expressions/go-value.ts";
import { between, choose } from "./random.ts";

/** What the functions of a template are about: the message that is being made. */
export interface Making {
  readonly seq: number;
  readonly load: string;
}

const hex = "0123456789abcdef";
const syllables = ["ka", "lo", "mi", "ne", "ru", "sa", "te", "vo", "zu", "pa", "di", "fe"];

/** Functions beside those of Go and sprig. `about` is asked at each call: one template makes all messages. */
export function loadFunctions(about: () => Making): ReadonlyMap<string, GoFunction> {
  return new Map<string, GoFunction>([
    ["seq", fn([], () => int(about().seq))],
    ["loadId", fn([], () => about().load)],
    ["choice", variadic([], "any", (items, cx) => choiceOf(items, () => cx.random()))],
    ["between", fn(["int", "int"], ([low, high], cx) => int(ranged(low, high, () => cx.random())))],
    [
      "decimal",
      fn(["float64", "float64", "int"], ([low, high, digits], cx) => decimal(low, high, digits, cx.random())),
    ],
    ["chance", fn(["float64"], ([of], cx) => cx.random() < of)],
    ["uuid", fn([], (_, cx) => uuid(() => cx.random()))],
    ["timestamp", fn([], (_, cx) => new Date(cx.nowMs).toISOString())],
    ["words", fn(["int"], ([count], cx) => words(count, () => cx.random()))],
  ]);
}

function choiceOf(items: readonly GoValue[], random: () => number): GoValue {
  if (items.length === 0) throw new CallFault("choice needs something to choose from");
  return choose(items, random);
}

function ranged(low: number, high: number, random: () => number): number {
  if (high < low) throw new CallFault(`between ${low} and ${high} there is nothing`);
  return between(low, high, random);
}

/** As text, so that it has just these digits. */
function decimal(low: number, high: number, digits: number, random: number): string {
  if (digits < 0 || digits > 15) throw new CallFault("decimal has 0 to 15 digits");
  return (low + (high - low) * random).toFixed(digits);
}

function uuid(random: () => number): string {
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replaceAll("x", () => hex[between(0, 15, random)] ?? "0");
}

function words(count: number, random: () => number): string {
  if (count < 0 || count > 10_000) throw new CallFault("words makes 0 to 10,000 of them");
  const word = (): string =>
    Array.from({ length: between(2, 4, random) }, () => choose(syllables, random) ?? "").join("");
  return Array.from({ length: count }, word).join(" ");
}
