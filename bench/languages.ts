import { spawnSync } from "node:child_process";
import { parse } from "../src/expressions/gjson/value.ts";
import { asString, asValue, compilePath, get } from "../src/expressions/gjson.ts";
import { compileTemplate } from "../src/expressions/go-template.ts";
import { fromBytes } from "../src/expressions/go-text.ts";
import type { Event } from "../src/lib/event.ts";
import { createDecider } from "../src/sensors/decide.ts";
import type { SensorStates } from "../src/sensors/decided.ts";
import { testEvent, testPlan } from "../src/sensors/testing.ts";
import { buildOracle, oracleAvailable } from "../test/oracle/oracle.ts";

/**
 * Expressions and decisions, on one core of this process, against the Go libraries that Argo Events calls (where Go is):
 * the same documents and expressions, each the best of three spells in turn. "as Argo calls it" compiles the pattern or
 * template for each event, as it does.
 */
const spellMs = 400;

const body = {
  user: { id: 8841, name: "Ada Lovelace", tags: ["a", "b"], address: { city: "London", zip: "W1" } },
  items: Array.from({ length: 8 }, (_, i) => ({ sku: `A-${i}`, qty: i, price: i * 1.25 })),
  kind: "order",
  amount: 125.5,
};
const data = { header: { "Content-Type": ["application/json"], "X-Id": ["7f3c"] }, body };
const json = JSON.stringify(data);
const event: Event = testEvent({ data });

/** Times per second: the best of three spells. */
function rate(once: () => unknown): number {
  let best = 0;
  for (let spell = 0; spell < 4; spell++) {
    const startedMs = performance.now();
    let count = 0;
    let spentMs = 0;
    for (; spentMs < spellMs / 3; spentMs = performance.now() - startedMs) {
      for (let i = 0; i < 64; i++) once();
      count += 64;
    }
    // the first warms up
    if (spell > 0) best = Math.max(best, (count * 1000) / spentMs);
  }
  return best;
}

interface Case {
  readonly name: string;
  readonly ours: () => unknown;
  /** What the Go program is asked, and how that is called in the line. */
  readonly theirs: readonly {
    readonly as: string;
    readonly op: string;
    readonly text: string;
    readonly value?: string;
  }[];
}

function cases(): readonly Case[] {
  const path = compilePath("body.amount");
  const bytes = new TextEncoder().encode(json);
  const filter = (one: object): (() => unknown) => {
    const dependency = { name: "a", eventSourceName: "src", eventName: "a", filters: { data: [one] } };
    const log = { template: { name: "t", log: {} } };
    const [plan] = testPlan({ dependencies: [dependency], triggers: [log] }).dependencies;
    return () => plan?.evaluate(event, { nowMs: 0, seed: 1 });
  };
  const text = "{{ .Input.body.user.name | upper }} {{ range .Input.body.items }}{{ .sku }}={{ .qty }};{{ end }}";
  const template = compileTemplate(text);
  const cx = { nowMs: 0, random: () => 0.5 };
  const [word, amount] = ["body.kind", "body.amount"];
  return [
    {
      name: "gjson read (from bytes)",
      ours: () => asString(get(fromBytes(bytes), path)),
      theirs: [{ as: "gjson", op: "read", text: amount }],
    },
    {
      name: "number filter decision",
      ours: filter({ path: amount, type: "number", comparator: ">=", value: ["100"] }),
      theirs: [{ as: "gjson", op: "number-filter", text: amount, value: "100" }],
    },
    {
      name: "pattern filter decision",
      ours: filter({ path: word, type: "string", value: ["^ord.*r$"] }),
      theirs: [
        { as: "gjson + regexp as Argo calls them", op: "text-filter", text: word, value: "^ord.*r$" },
        { as: "compiled once", op: "compiled-text-filter", text: word, value: "^ord.*r$" },
      ],
    },
    {
      name: "template rendering",
      ours: () => template.render({ Input: asValue(parse(fromBytes(bytes))) }, cx),
      theirs: [
        { as: "text/template + sprig as Argo calls them", op: "template", text },
        { as: "compiled once", op: "compiled-template", text },
      ],
    },
  ];
}

function measureGo(asked: readonly object[], program: string): readonly number[] {
  const input = asked.map((one) => JSON.stringify({ ...one, json })).join("\n");
  const env = { ...process.env, GOMAXPROCS: "1", TZ: "UTC" };
  const { stdout } = spawnSync(program, ["-bench", `${spellMs}ms`], { input, env, encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly perSecond: number }).perSecond);
}

const shown = (perSecond: number): string => `${Math.round(perSecond / 1000)}k/s`;

export async function measureLanguages(say: (line: string) => void): Promise<void> {
  const available = oracleAvailable();
  const program = available.ok ? await buildOracle() : undefined;
  say(`expressions, ${json.length} bytes of JSON, one core${available.ok ? "" : `; without Go (${available.why})`}`);
  for (const { name, ours, theirs } of cases()) {
    const mine = rate(ours);
    const go = program === undefined ? [] : measureGo(theirs, program);
    const against = go.map((one, at) => `${(mine / one).toFixed(2)} of ${theirs[at]?.as ?? ""} ${shown(one)}`);
    say(`  ${name}: ${[shown(mine), ...against].join(", ")}`);
  }
  measureManyDependencies(say);
}

type Form = (index: number) => { readonly eventName: string; readonly filters?: object };

/** An event that matches one of `count` dependencies on one event source. */
function decisions(count: number, form: Form, oneTrigger: boolean): number {
  const names = Array.from({ length: count }, (_, i) => `d${i}`);
  const plan = testPlan({
    dependencies: names.map((name, i) => ({ name, eventSourceName: "src", ...form(i) })),
    triggers: oneTrigger
      ? [{ template: { name: "t", conditions: names.join(" || "), log: {} } }]
      : names.map((name) => ({ template: { name: `t-${name}`, conditions: name, log: {} } })),
  });
  const decider = createDecider([plan]);
  const wanted = count - 3;
  const one = testEvent({
    subject: form(wanted).eventName,
    data: { body: { number: wanted, kind: `kind-${wanted}` } },
  });
  let states: SensorStates = new Map();
  let seq = 0;
  return rate(() => {
    seq += 1;
    const decided = decider.decide({ seq, event: { ...one, id: `e${seq}` } }, states, { nowMs: seq, seed: 1 });
    if (decided.fired.length !== 1) throw new Error(`fired ${decided.fired.length} times`);
    if (decided.changed.size > 0) states = new Map([...states, ...decided.changed]);
  });
}

function measureManyDependencies(say: (line: string) => void): void {
  const one = (filter: object): object => ({ data: [filter] });
  const forms: readonly (readonly [string, Form])[] = [
    ["each of its own event name", (i) => ({ eventName: `event-${i}` })],
    [
      "each of another number",
      (i) => ({ eventName: "ev", filters: one({ path: "body.number", type: "number", value: [String(i)] }) }),
    ],
    [
      "each of another text",
      (i) => ({ eventName: "ev", filters: one({ path: "body.kind", type: "string", value: [`^kind-${i}$`] }) }),
    ],
  ];
  for (const [name, form] of forms) {
    for (const oneTrigger of [false, true]) {
      const [few, many] = [decisions(10, form, oneTrigger), decisions(1000, form, oneTrigger)];
      const cost = few / many;
      say(
        `  a sensor with 1,000 dependencies, ${name}, ${oneTrigger ? "one trigger on any" : "a trigger for each"}: ${cost.toFixed(2)} times the cost of 10 (${shown(many)}; goal 5: ${cost <= 5 ? "ok" : "FALLS SHORT"})`,
      );
    }
  }
}

if (import.meta.main) await measureLanguages((line) => process.stdout.write(`${line}\n`));
