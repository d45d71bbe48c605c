import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { flagsOf, refuse } from "../scripts/flags.ts";
import { cases } from "./cases/index.ts";
import { type Case, type Figure, lineOf, type Options, type Rig } from "./figure.ts";
import { merge, pageOf, type Result } from "./page.ts";
import { output } from "./processes.ts";

/**
 * `npm run bench`: ratios and counts of one run; `npm run bench -- CASE… [--rounds N] [--count N]` runs some cases,
 * `npm run bench -- all` also the long ones. Also `node bench/index.ts [CASE…] [ROUNDS] [COUNT]`.
 */
const root = join(import.meta.dirname, "..");
const usage = `usage: node bench/index.ts [CASE… | all] [ROUNDS] [COUNT]
  --rounds N      rounds in turn (5)
  --count N       events of a round (30000)
  --backlog N     events of a backlog, instead of its full size
  --minutes N     of the soak (20)
  --main FILE     another dist/cli/main.js than this checkout's
  --no-build      measure the build that is there
  --write         keep what was found in bench/results.json, and make docs/reference/benchmarks.md of it
  --date DATE     of the run, for --write: 2026-11-21
cases: ${cases.map(({ name, usual }) => (usual ? name : `${name} (not unless named)`)).join(", ")}
`;

const flags = {
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    count: { type: "string" },
    backlog: { type: "string" },
    minutes: { type: "string" },
    main: { type: "string" },
    write: { type: "boolean", default: false },
    date: { type: "string" },
    "no-build": { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
} as const;
const { values, positionals } = flagsOf(flags, usage);
const isNumber = (word: string): boolean => /^\d+$/.test(word);
const [rounds, count] = positionals.filter(isNumber);
const names = positionals.filter((word) => !isNumber(word));
const unknown = names.filter((name) => name !== "all" && !cases.some((one) => one.name === name));
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
if (unknown.length > 0) refuse(`no case ${unknown.join(", ")}`, usage);
if (values.write && !/^\d{4}-\d\d-\d\d$/.test(values.date ?? ""))
  refuse("--write needs the --date of the run, as 2026-11-21", usage);

function numberOf(flag: string, given: string): number {
  const number = Number(given);
  return number > 0 ? number : refuse(`--${flag} ${given}: a number above 0 is needed`, usage);
}

const options: Options = {
  rounds: numberOf("rounds", values.rounds ?? rounds ?? "5"),
  count: numberOf("count", values.count ?? count ?? "30000"),
  minutes: numberOf("minutes", values.minutes ?? "20"),
  backlog: values.backlog === undefined ? undefined : numberOf("backlog", values.backlog),
  main: values.main ?? join(root, "dist", "cli", "main.js"),
};

function wanted({ name, usual }: Case): boolean {
  if (names.includes("all")) return true;
  return names.length === 0 ? usual : names.includes(name);
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, Node ${process.version}`;

async function runCase(one: Case, folder: string): Promise<Result> {
  const figures: Figure[] = [];
  const remarks: string[] = [];
  let folders = 0;
  const size = one.size(options);
  const rig: Rig = {
    options,
    folder: (name) => mkdtempSync(join(folder, `${folders++}-${name}-`)),
    say,
    remark(sentence) {
      remarks.push(sentence);
      say(`  ${sentence}`);
    },
    found(figure) {
      figures.push(figure);
      say(`${one.name}: ${lineOf(figure)}`);
    },
  };
  say(`\n${one.title}; ${size}`);
  await one.run(rig).catch((error: unknown) => {
    // the others are measured all the same
    rig.remark(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
  return { name: one.name, title: one.title, date: values.date ?? "", machine, size, figures, remarks };
}

function write(result: Result): void {
  const file = join(import.meta.dirname, "results.json");
  const old = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as readonly Result[]) : [];
  const names = cases.map(({ name }) => name);
  const all = merge(old, [result], names);
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  writeFileSync(join(root, "docs", "reference", "benchmarks.md"), pageOf(all, names));
}

// the program is started by its first line, which asks the PATH for a node: the one that runs this
process.env.PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`;
if (values.main === undefined && !(values["no-build"] && existsSync(options.main))) {
  process.chdir(root);
  process.env.PATH = `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH}`;
  await output([process.execPath, join(root, "scripts", "build.ts")]);
}
const [load = 0] = loadavg();
say(`${machine}, load average ${load.toFixed(1)}`);
if (load > cpus().length / 2)
  say("the machine is busy: rates are low and latencies high, only ratios of one run say something");
const folder = mkdtempSync(join(tmpdir(), "tidemill-bench-"));
try {
  for (const one of cases.filter(wanted)) {
    const result = await runCase(one, folder);
    // after each: what was measured for an hour is not lost with a later case
    if (values.write) write(result);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
