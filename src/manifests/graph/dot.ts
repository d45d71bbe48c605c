import type { Graph } from "./graph.ts";

/** A digraph for Graphviz. */
export function dot({ sources, sensors, edges }: Graph): string {
  const rows = ["digraph tidemill {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif", fontsize=11];'];
  for (const { id, title, missing, what, events } of sources) {
    rows.push(`  subgraph cluster_${id} {`, `    label=${quoted(`${what} ${title}`)};`);
    if (missing) rows.push("    style=dashed;");
    for (const { id: own, name, kind } of events) rows.push(`    ${own} [label=${quoted(name, kind)}];`);
    rows.push("  }");
  }
  for (const { id, title, dependencies, triggers } of sensors) {
    rows.push(`  subgraph cluster_${id} {`, `    label=${quoted(`Sensor ${title}`)};`);
    for (const { id: own, name, filtered } of dependencies)
      rows.push(`    ${own} [label=${quoted(name, filtered ? "filtered" : undefined)}, style=rounded];`);
    for (const { id: own, name, kind, conditions, dlq } of triggers) {
      rows.push(`    ${own} [label=${quoted(name, kind, conditions && `if ${conditions}`)}, style=bold];`);
      if (dlq === undefined) continue;
      rows.push(`    ${own}q [label=${quoted(dlq.name, dlq.kind)}];`);
      rows.push(`    ${own} -> ${own}q [label="dead", style=dashed];`);
    }
    rows.push("  }");
  }
  for (const { from, to } of edges) rows.push(`  ${from} -> ${to};`);
  rows.push("}");
  return `${rows.join("\n")}\n`;
}

function quoted(...lines: readonly (string | undefined)[]): string {
  const texts = lines.filter((line) => line !== undefined);
  return `"${texts.map((line) => line.replaceAll(/\s+/g, " ").replaceAll("\\", "\\\\").replaceAll('"', '\\"')).join("\\n")}"`;
}
