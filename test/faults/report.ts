import { cpus, totalmem } from "node:os";
import { type Outcome, storyOf } from "./harness.ts";
import type { Sums } from "./scenario.ts";

const count = (value: number): string => value.toLocaleString("en-US");

/** The lines of a terminal about one scenario. */
export function linesOf(outcome: Outcome, seed: number): readonly string[] {
  const { scenario, seconds } = outcome;
  const end = `seed ${seed}, ${seconds.toFixed(1)} s`;
  if ("unavailable" in outcome) return [`${scenario.name}: SKIPPED, ${outcome.unavailable}`];
  if ("failure" in outcome) {
    const { error, output } = outcome.failure;
    const said =
      output === ""
        ? []
        : [
            "  tidemill wrote last:",
            ...output
              .trimEnd()
              .split("\n")
              .slice(-12)
              .map((line) => `    ${line.slice(0, 600)}`),
          ];
    return [`${scenario.name}: FAILED, ${end}`, `  ${storyOf(error)}`, ...said];
  }
  const sums = columns.map(([title, , value]) => `${title} ${value(outcome.sums)}`).join(", ");
  const figures = (outcome.sums.figures ?? []).map(([name, value]) => `  ${name}: ${value}`);
  return [`${scenario.name}: ok, ${end}`, `  ${sums}`, ...figures];
}

const columns: readonly (readonly [title: string, meaning: string, value: (sums: Sums) => string])[] = [
  ["events in", "events that were acknowledged", (sums) => count(sums.eventsIn)],
  ["pushed back", "answers that told a sender to come again", (sums) => count(sums.pushedBack)],
  ["decided", "events with a decision", (sums) => count(sums.decided)],
  ["fired", "firings that reached their target", (sums) => count(sums.fired)],
  ["dead", "dead letters", (sums) => count(sums.dead)],
  ["lost", "acknowledged events that are nowhere", (sums) => count(sums.lost)],
  ["repeated", "further calls of a target, all under the key of the first", (sums) => count(sums.repeated)],
];

export interface PageParts {
  readonly outcomes: readonly Outcome[];
  readonly seed: number;
  readonly scale: number;
  readonly date: Date;
}

/** `docs/reference/faults.md`: what was done to tidemill, and what it added up to. */
export function faultsPage({ outcomes, seed, scale, date }: PageParts): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const day = date.toISOString().slice(0, 10);
  const command = `npm run faults -- --seed ${seed}${scale === 1 ? "" : ` --scale ${scale}`}`;
  const rows = outcomes.map((outcome) => {
    const { scenario, seconds } = outcome;
    const name = `[${scenario.title}](#${scenario.name})`;
    if ("sums" in outcome) {
      return row([name, ...columns.map(([, , value]) => value(outcome.sums)), `${Math.round(seconds)} s`]);
    }
    const said = "failure" in outcome ? "**failed**" : "not run";
    return row([name, said, ...columns.slice(1).map(() => ""), ""]);
  });
  const titles = ["fault", ...columns.map(([title]) => title), "time"];
  const sections = outcomes.map((outcome) => {
    const { scenario } = outcome;
    const figures =
      "sums" in outcome && outcome.sums.figures !== undefined && outcome.sums.figures.length > 0
        ? `\n${outcome.sums.figures.map(([name, value]) => `- ${name}: ${value}`).join("\n")}\n`
        : "";
    const why =
      "unavailable" in outcome
        ? `\nNot run: ${outcome.unavailable}.\n`
        : "failure" in outcome
          ? `\nFailed: ${storyOf(outcome.failure.error).split("\n")[0]}\n`
          : "";
    return `## ${scenario.name}\n\n${scenario.promise}\n${figures}${why}`;
  });
  return `# Faults

What is done to tidemill, and what it adds up to: \`${command}\` made this page on ${day}, with Node ${process.version} on ${cpus().length} cores and ${memory}. \`npm run faults -- NAME\` runs one of them; the same seed makes the same choices.

${row(titles)}
${row(["---", ...columns.map(() => "--:"), "--:"])}
${rows.join("\n")}

${columns.map(([title, meaning]) => `- **${title}**: ${meaning}`).join("\n")}

Every scenario fails if an acknowledged event is lost, or if a target is called for one event under two idempotency keys.

${sections.join("\n")}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
