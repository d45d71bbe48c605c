import { type Figure, verdictOf } from "./figure.ts";

/** What a run of one case found, and where. */
export interface Result {
  readonly name: string;
  readonly title: string;
  /** `2026-11-21`, as given. */
  readonly date: string;
  readonly machine: string;
  /** How much was run: rounds and events of a round. */
  readonly size: string;
  readonly figures: readonly Figure[];
  /** What is to be known beside the figures: a peer that was not there, a failure. */
  readonly remarks: readonly string[];
}

/** Results by case, in the order of `names`: new ones take the place of old ones, cases that are gone are dropped. */
export function merge(old: readonly Result[], found: readonly Result[], names: readonly string[]): readonly Result[] {
  const byName = new Map([...old, ...found].map((result) => [result.name, result]));
  return names.flatMap((name) => byName.get(name) ?? []);
}

/** docs/reference/benchmarks.md. */
export function pageOf(results: readonly Result[], names: readonly string[]): string {
  const missing = names.filter((name) => !results.some((result) => result.name === name));
  const judged = results.flatMap(({ figures }) => figures.filter(({ good }) => good !== undefined));
  const short = judged.filter(({ good }) => good === false).length;
  return `# Benchmarks

<!-- Written by \`npm run bench -- --write --date DATE\` from bench/results.json: change nothing here. -->

${intro}

${judged.length - short} of ${judged.length} goals are met, ${short} ${short === 1 ? "falls" : "fall"} short.${missing.length === 0 ? "" : ` Not measured yet: ${missing.join(", ")}.`}

${results.map(section).join("\n")}
${repeat}`;
}

const intro = `Figures of one machine. Generator, target, peers and tidemill are processes of their own on the same cores, and take turns; the
first round warms up, and where there are several the median of their ratios counts. A rate counts from the first request until the last event is at the
target. Processor time is that of all threads and child processes of a system, until it is quiet again: it
varies less than rates. Rates and latencies of another machine differ; ratios of one run should not.`;

const repeat = `## How to repeat

\`\`\`sh
npm run bench                       # all but the longest cases
npm run bench -- all                # these too: the large backlog and the soak of 20 minutes
npm run bench -- webhook --rounds 5 --count 30000
npm run bench -- soak --minutes 5
npm run bench -- all --write --date 2026-11-21
\`\`\`

The cores should have nothing else to do: the first line says when they have. Redis is needed for its case (\`npm run servers -- redis\`). With \`ARGO_EVENTS_BIN\`, the binary of Argo
Events, and \`NATS_SERVER_BIN\` (\`nats-server\` of the PATH unless given), Argo Events on JetStream runs the same manifests as a peer, in a
network namespace of its own (root, iproute2).
`;

function section({ name, title, date, machine, size, figures, remarks }: Result): string {
  const rows = figures.map((figure) => row([figure.what, figure.value, figure.goal ?? "", verdictOf(figure)]));
  const table =
    rows.length === 0 ? [] : [row(["figure", "measured", "goal", ""]), row(["---", "---", "---", "---"]), ...rows, ""];
  return `${[
    `## ${title}`,
    "",
    `\`npm run bench -- ${name}\`, ${date}, ${machine}, ${size}.`,
    "",
    ...table,
    ...remarks.flatMap((remark) => [`${remark}.`, ""]),
  ].join("\n")}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => (cell === "FALLS SHORT" ? `**${cell}**` : cell.replace(/[|<>]/g, (sign) => `\\${sign}`))).join(" | ")} |`;
}
