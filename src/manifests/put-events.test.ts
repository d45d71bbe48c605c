import { expect, test } from "vitest";
import { dot } from "./graph/dot.ts";
import { graphOf } from "./graph/graph.ts";
import { svg } from "./graph/svg.ts";
import type { Lists } from "./lists.ts";
import { planTexts } from "./plan.ts";
import { lists } from "./read.ts";

const web = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec: {webhook: {a: {endpoint: /a, method: POST, port: "12000"}}}
`;

function sensor(name: string, dependencies: string, triggers: string, bus = "default"): string {
  return `---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: ${name}}
spec:
  eventBusName: ${bus}
  dependencies: [${dependencies}]
  triggers: [${triggers}]
`;
}

function plan(text: string, given: Lists = lists) {
  return planTexts([{ text: web + text, file: "m.yaml", folder: "/m", named: true }], given, { traps: true });
}

function codes(text: string, given: Lists = lists): readonly string[] {
  return plan(text, given).findings.map(({ code, line, message }) => `${code} ${line} ${message}`);
}

const on = (source: string, event: string, name = "d"): string =>
  `{name: ${name}, eventSourceName: ${source}, eventName: ${event}}`;
const puts = (config: string, more = ""): string => `{template: {name: t, event: ${config}}${more}}`;

test("an event that a trigger on the same bus puts is not unknown", () => {
  const waits = sensor("waits", on("shop", "next"), "{template: {name: t, log: {}}}");
  expect(codes(waits)[0]).toMatch(/^DEPENDENCY_UNRESOLVED 11 no EventSource shop/);
  expect(codes(sensor("one", on("web", "a"), puts("{source: shop, event: next}")) + waits)).toEqual([]);
  const elsewhere = codes(sensor("one", on("web", "a"), puts("{source: shop, event: next}"), "other") + waits);
  expect(elsewhere.filter((said) => said.includes("shop"))).toHaveLength(1);
  const other = sensor(
    "shop",
    on("web", "a"),
    "{template: {name: t, function: {module: ./x.ts, emit: {event: next}}}}",
  );
  expect(codes(other + waits)).toEqual([]);
  const dead = `{template: {name: t, log: {}}, atLeastOnce: true, dlqTrigger: {atLeastOnce: true, template: {name: q, event: {source: shop, event: next}}}}`;
  expect(codes(sensor("one", on("web", "a"), dead) + waits).filter((said) => said.startsWith("DEPEND"))).toEqual([]);
});

test("a new event of an EventSource's name, and one whose name a parameter decides, are not unknown", () => {
  const waits = sensor("waits", on("web", "new"), "{template: {name: t, log: {}}}");
  expect(codes(waits).length).toBeGreaterThan(0);
  expect(codes(sensor("one", on("web", "a"), puts("{source: web, event: new}")) + waits)).toEqual([]);
  const parameter = "parameters: [{src: {dependencyName: d, dataKey: body.to}, dest: event}]";
  expect(codes(sensor("one", on("web", "a"), puts(`{source: web, event: x, ${parameter}}`)) + waits)).toEqual([]);
});

test("an event that comes back to where it is put is a loop, told once", () => {
  const both = `${on("web", "a", "a")}, ${on("one", "b", "b")}`;
  const loop = sensor("one", both, puts("{event: b}").replace("name: t", "name: t, conditions: a || b"));
  expect(codes(loop)).toEqual(["EVENT_LOOP 12 the event one/b comes back to where it is put: one/t → one/t"]);
  const round = [
    sensor("one", both.replaceAll("one", "two"), puts("{event: b}")),
    sensor("two", on("one", "b"), puts("{event: c}")),
    sensor("three", on("two", "c"), "{template: {name: t, function: {module: m.js, emit: {source: two, event: b}}}}"),
  ].join("");
  expect(codes(round)).toEqual([
    "EVENT_LOOP 12 the event one/b comes back to where it is put: one/t → two/t → three/t → one/t",
  ]);
  // each way only forward
  const forward = sensor("one", on("web", "a"), puts("{event: b}")) + sensor("two", on("one", "b"), puts("{event: c}"));
  expect(codes(forward)).toEqual([]);
});

test("a module that is not there, and an export that its text does not name", () => {
  const files: Readonly<Record<string, string>> = {
    "/m/f.ts": "export function price() {} export const handle$ = 1",
    "/m/all.ts": "export * from './f.ts'",
    "/m/default.js": "export default () => 1",
  };
  const given: Lists = { ...lists, moduleAt: (path) => files[path] };
  const told = (config: string) =>
    codes(sensor("s", on("web", "a"), `{template: {name: t, function: ${config}}}`), given);
  expect(told("{module: ./f.ts, export: price}")).toEqual([]);
  expect(told("{module: f.ts, export: handle$}")).toEqual([]);
  expect(told("{module: all.ts, export: anything}")).toEqual([]);
  expect(told("{module: default.js}")).toEqual([]);
  expect(told("{module: ./absent.ts}")).toEqual(["FUNCTION_MISSING 12 there is no file ./absent.ts"]);
  expect(told("{module: f.ts, export: handle}")).toEqual(["FUNCTION_MISSING 12 f.ts names no handle"]);
  expect(told("{module: f.ts}")).toEqual(["FUNCTION_MISSING 12 f.ts exports neither `handler` nor a default"]);
});

test("an event may not choose which code runs", () => {
  const told = (config: string, more = "") =>
    codes(sensor("s", on("web", "a"), `{template: {name: t, function: ${config}}${more}}`)).map((said) =>
      said.replace(/^\S+ \d+ /, ""),
    );
  const from = (dest: string): string => `parameters: [{src: {dependencyName: d, dataKey: body.x}, dest: ${dest}}]`;
  for (const dest of ["module", "export", "isolation", "permissions.read.0", "secretEnv.A", "passEnv.0", "env"]) {
    expect(told(`{module: f.ts, ${from(dest)}}`)).toEqual([`an event may not choose ${dest} of a function`]);
    expect(told("{module: f.ts}", `, ${from(`function.${dest}`)}`)).toEqual([
      `an event may not choose function.${dest}`,
    ]);
  }
  expect(told(`{module: f.ts, emit: {event: x}, ${from("emit.event")}}`)).toEqual([]);
  expect(told("{module: f.ts}", `, ${from("function.env.A")}`)).toEqual([]);
});

test("the graph leads from a trigger to the event that it puts", () => {
  const graph = graphOf(
    plan(
      sensor("one", on("web", "a"), puts("{source: shop, event: next}")) +
        sensor("two", on("shop", "next"), "{template: {name: t, function: {module: ./x.ts, emit: {event: done}}}}"),
    ),
  );
  expect(
    graph.sources.map(({ title, missing, events }) => [
      title,
      missing,
      events.map(({ name, kind }) => `${name} ${kind}`),
    ]),
  ).toEqual([
    ["web", false, ["a webhook"]],
    ["shop", false, ["next event"]],
    ["two", false, ["done function"]],
  ]);
  expect(graph.edges.map(({ from, to }) => `${from} ${to}`)).toEqual([
    "s0e0 n0d0",
    "n0d0 n0t0",
    "s1e0 n1d0",
    "n1d0 n1t0",
    "n0t0 s1e0",
    "n1t0 s2e0",
  ]);
  expect(dot(graph)).toContain("n0t0 -> s1e0");
  expect(svg(graph)).toContain("<svg");
});
