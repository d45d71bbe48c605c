import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { flagsOf, refuse } from "../../scripts/flags.ts";
import { type Outcome, runScenario } from "./harness.ts";
import { scenarios } from "./index.ts";
import { faultsPage, linesOf } from "./report.ts";
import type { Scenario } from "./scenario.ts";

/* `npm run faults [-- NAME…] [--scale 0.1] [--seed N] [--list] [--write]`: see docs/reference/faults.md. */

const page = fileURLToPath(new URL("../../docs/reference/faults.md", import.meta.url));
const usage = `usage: npm run faults -- [NAME…] [--scale 0..1] [--seed N] [--list] [--write]
names: ${scenarios.map(({ name }) => name).join(" ")}`;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const flags = {
  allowPositionals: true,
  options: {
    scale: { type: "string", default: "1" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    list: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
} as const;

/** Exit code: 0 when all held, 1 when something did not. */
async function main(): Promise<number> {
  const { values, positionals } = flagsOf(flags, usage);
  if (values.help) {
    say(usage);
    return 0;
  }
  if (values.list) {
    for (const { name, promise } of scenarios) say(`${name}\n    ${promise}`);
    return 0;
  }
  const scale = Number(values.scale);
  const seed = Number(values.seed);
  const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) refuse(`no such fault: ${unknown.join(", ")}`, usage);
  if (!(scale > 0 && scale <= 1)) refuse(`--scale ${values.scale}: a number above 0 and up to 1 is needed`, usage);
  if (!Number.isSafeInteger(seed)) refuse(`--seed ${values.seed}: a whole number is needed`, usage);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Error("interrupted")));
  const chosen = positionals.length === 0 ? scenarios : scenarios.filter(({ name }) => positionals.includes(name));
  const outcomes: Outcome[] = [];
  for (const scenario of chosen) {
    if (stop.signal.aborted) break;
    outcomes.push(await runOne(scenario, { scale, seed, signal: stop.signal }));
  }
  const whole = outcomes.length === scenarios.length && scale === 1;
  if (values.write || whole) {
    await writeFile(page, faultsPage({ outcomes, seed, scale, date: new Date() }));
    say(`wrote ${page}`);
  }
  const failed = outcomes.filter((outcome) => "failure" in outcome).map(({ scenario }) => scenario.name);
  if (failed.length === 0) return stop.signal.aborted ? 1 : 0;
  say(`${failed.length} of ${outcomes.length} failed. Again:`);
  say(`  npm run faults -- ${failed.join(" ")} --seed ${seed}${scale === 1 ? "" : ` --scale ${scale}`}`);
  return 1;
}

async function runOne(
  scenario: Scenario,
  options: { readonly scale: number; readonly seed: number; readonly signal: AbortSignal },
): Promise<Outcome> {
  const onTerminal = process.stderr.isTTY;
  say(`${scenario.name}: ${scenario.title}`);
  const progress = (text: string): void => {
    process.stderr.write(onTerminal ? `\r\x1b[K  ${text}` : `  ${text}\n`);
  };
  const outcome = await runScenario(scenario, { ...options, progress });
  if (onTerminal) process.stderr.write("\r\x1b[K");
  for (const line of linesOf(outcome, options.seed)) say(line);
  return outcome;
}

process.exitCode = await main();
