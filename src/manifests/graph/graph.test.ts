import { expect, test } from "vitest";
import { planTexts } from "../plan.ts";
import { lists } from "../read.ts";
import { dot } from "./dot.ts";
import { type Graph, graphOf } from "./graph.ts";
import { mermaid } from "./mermaid.ts";
import { svg } from "./svg.ts";

function graph(text: string): Graph {
  return graphOf(planTexts([{ text, file: "m.yaml", folder: "/m", named: true }], lists));
}

const manifests = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    unused: {endpoint: /u, port: '1', method: POST}
    order: {endpoint: /o, port: '1', method: POST}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: shop}
spec:
  dependencies:
    - {name: o, eventSourceName: web, eventName: order, filters: {data: [{path: body.a, type: string, value: [x]}]}}
    - {name: 'p "q" <b>', eventSourceName: els&where, eventName: 'x\\y#z'}
    - {name: all, eventSourceName: web, eventName: '*'}
  triggers:
    - template: {name: pack, conditions: 'o && (p "q" <b> || all)', log: {}}
      atLeastOnce: true
      dlqTrigger: {atLeastOnce: true, template: {name: tell, log: {}}}
    - template: {name: note, conditions: o, http: {url: http://x}}
`;

test("events lead to dependencies, dependencies to triggers", () => {
  const { sources, sensors, edges } = graph(manifests);
  expect(sources.map(({ title, missing, events }) => [title, missing, events.map(({ name }) => name)])).toEqual([
    ["web", false, ["unused", "order"]],
    ["els&where", true, ["x\\y#z"]],
  ]);
  expect(sensors[0]?.dependencies.map(({ name, filtered }) => [name, filtered])).toEqual([
    ["o", true],
    ['p "q" <b>', false],
    ["all", false],
  ]);
  expect(sensors[0]?.triggers).toMatchObject([
    { name: "pack", kind: "log", conditions: 'o && (p "q" <b> || all)', dlq: { name: "tell", kind: "log" } },
    { name: "note", kind: "http", conditions: undefined, dlq: undefined },
  ]);
  expect(edges.map(({ from, to }) => `${from} ${to}`)).toEqual([
    ...["s0e1 n0d0", "s1e0 n0d1", "s0e0 n0d2", "s0e1 n0d2"],
    ...["n0d0 n0t0", "n0d1 n0t0", "n0d2 n0t0", "n0d0 n0t1"],
  ]);
});

test("Mermaid: nothing of the manifest is syntax", () => {
  const drawn = mermaid(graph(manifests));
  expect(drawn).toMatch(/^flowchart LR\n/);
  expect(drawn).toContain('subgraph s1["EventSource els#amp;where (not here)"]');
  expect(drawn).toContain('s1e0["x\\y#35;z"]');
  expect(drawn).toContain('n0d1(["p #quot;q#quot; #lt;b#gt;"])');
  expect(drawn).toContain('n0t0[["pack<br/>log<br/>if o #amp;#amp; (p #quot;q#quot; #lt;b#gt; || all)"]]');
  expect(drawn).toContain("n0t0 -. dead .-> n0t0q");
  expect(drawn).toContain("  s0e1 --> n0d0\n");
});

test("dot: quotes and backslashes are escaped", () => {
  const drawn = dot(graph(manifests));
  expect(drawn).toContain('s1e0 [label="x\\\\y#z"];');
  expect(drawn).toContain('n0d1 [label="p \\"q\\" <b>", style=rounded];');
  expect(drawn).toContain("  n0d0 -> n0t1;\n");
  expect(drawn.match(/\{/g)?.length).toBe(drawn.match(/\}/g)?.length);
});

/** The rectangles of a drawing with their class. */
function boxes(drawn: string) {
  const found = drawn.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g);
  return [...found].map(([, look = "", x, y, width, height]) => ({
    frame: look === "frame" || look === "missing",
    left: Number(x),
    top: Number(y),
    right: Number(x) + Number(width),
    bottom: Number(y) + Number(height),
  }));
}

test("svg: no box lies on another, every box in one frame, all inside the drawing, and the same each time", () => {
  const many = Array.from(
    { length: 12 },
    (_, i) =>
      `apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: s${i}}\nspec:\n  dependencies:\n${Array.from({ length: (i % 4) + 1 }, (_, j) => `    - {name: d${j}, eventSourceName: "${"w".repeat(i * 6 + 1)}", eventName: e${j}}\n`).join("")}  triggers:\n    - template: {name: t, log: {}}\n`,
  ).join("---\n");
  const drawn = svg(graph(`${manifests}---\n${many}`));
  expect(drawn).toBe(svg(graph(`${manifests}---\n${many}`)));
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(drawn) ?? [];
  const all = boxes(drawn);
  const apart = (a: (typeof all)[number], b: (typeof all)[number]) =>
    a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  for (const group of [all.filter(({ frame }) => frame), all.filter(({ frame }) => !frame)]) {
    expect(group.length).toBeGreaterThan(12);
    for (const [i, a] of group.entries())
      for (const b of group.slice(i + 1)) expect([a, b, apart(a, b)]).toEqual([a, b, true]);
  }
  for (const box of all) {
    expect(box.left >= 0 && box.top >= 0 && box.right <= Number(width) && box.bottom <= Number(height)).toBe(true);
    if (box.frame) continue;
    const around = all.filter(
      (one) =>
        one.frame && one.left <= box.left && one.right >= box.right && one.top <= box.top && one.bottom >= box.bottom,
    );
    expect(around).toHaveLength(1);
  }
  expect(drawn).toContain("<text x=");
  expect(drawn).toContain("p &quot;q&quot; &lt;b&gt;");
  expect(drawn).not.toMatch(/<b>/);
});
