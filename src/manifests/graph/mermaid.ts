import type { Graph } from "./graph.ts";

/** A Mermaid flowchart. Texts of the manifest are quoted, so that nothing in them is syntax or markup. */
export function mermaid({ sources, sensors, edges }: Graph): string {
  const rows = ["flowchart LR"];
  for (const { id, title, missing, what, events } of sources) {
    rows.push(`  subgraph ${id}["${what} ${text(title)}${missing ? " (not here)" : ""}"]`);
    for (const event of events) rows.push(`    ${event.id}["${text(event.name)}${kindLine(event.kind)}"]`);
    rows.push("  end");
  }
  for (const { id, title, dependencies, triggers } of sensors) {
    rows.push(`  subgraph ${id}["Sensor ${text(title)}"]`);
    for (const dependency of dependencies)
      rows.push(`    ${dependency.id}(["${text(dependency.name)}${dependency.filtered ? "<br/>filtered" : ""}"])`);
    for (const { id: own, name, kind, conditions } of triggers) {
      const when = conditions === undefined ? "" : `<br/>if ${text(conditions)}`;
      rows.push(`    ${own}[["${text(name)}${kindLine(kind)}${when}"]]`);
    }
    for (const { id: own, dlq } of triggers) {
      if (dlq === undefined) continue;
      rows.push(`    ${own}q[["${text(dlq.name)}${kindLine(dlq.kind)}"]]`, `    ${own} -. dead .-> ${own}q`);
    }
    rows.push("  end");
  }
  for (const { from, to } of edges) rows.push(`  ${from} --> ${to}`);
  return `${rows.join("\n")}\n`;
}

function kindLine(kind: string | undefined): string {
  return kind === undefined ? "" : `<br/>${text(kind)}`;
}

function text(written: string): string {
  return written
    .replaceAll(/\s+/g, " ")
    .replaceAll("#", "#35;")
    .replaceAll("&", "#amp;")
    .replaceAll('"', "#quot;")
    .replaceAll("<", "#lt;")
    .replaceAll(">", "#gt;")
    .replaceAll("`", "#96;");
}
