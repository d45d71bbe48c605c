import { Option } from "commander";
import type { Manifests } from "../manifests/manifests.ts";
import { type EgressOptions, egressPolicy, withEgress } from "./egress-options.ts";
import { type Io, json } from "./io.ts";
import { templateEnv, templateEnvOption } from "./options.ts";
import { exit, type Verb } from "./verb.ts";

interface LintOptions extends EgressOptions {
  readonly strict?: boolean;
  readonly portable?: boolean;
  readonly fix?: boolean;
  readonly templateEnv?: boolean;
  readonly output: "human" | "text" | "json" | "sarif" | "github";
}

export const lint: Verb = {
  examples: [
    "tidemill lint ./manifests            # exit code 1 when there are errors",
    "tidemill lint --strict eventsource.yaml sensor.yaml",
    "tidemill lint --fix .                # correct what is certain, and tell the rest",
    "tidemill lint --portable .           # what would be different in Argo Events?",
    "tidemill lint . -o json              # or sarif, or github for its annotations",
    "tidemill explain TM1105              # the page of a code",
  ],
  declare(command, { io, version, end }) {
    withEgress(command)
      .argument("PATH...", "files, folders, globs")
      .option("--strict", "unknown and misplaced fields are errors")
      .addOption(templateEnvOption())
      .option("--fix", "correct in place what is certain; formatting and comments stay")
      .option("--portable", "also tell what Argo Events does not know, or does otherwise")
      .addOption(
        new Option("-o, --output <FORMAT>", "how to write the answer")
          .choices(["human", "text", "json", "sarif", "github"])
          .default("human"),
      )
      .action(async (paths: readonly string[], options: LintOptions) => {
        const { readManifests } = await import("../manifests/read.ts");
        const { strict, portable } = options;
        if (options.fix) await fix(paths, io);
        const read = await readManifests(paths, {
          strict,
          portable,
          egress: egressPolicy(options),
          traps: true,
          ...templateEnv(options.templateEnv, io.env),
        });
        await say(read, { io, version, output: options.output });
        if (read.findings.some(({ severity }) => severity === "error")) end(exit.bad);
      });
  },
};

/** What was changed goes to `err`: `out` has the findings that remain. */
async function fix(paths: readonly string[], io: Io): Promise<void> {
  const { fixFiles } = await import("../manifests/lint/fix-files.ts");
  const { changes } = await fixFiles(paths);
  for (const { file, line, what } of changes) io.err(`fixed ${file}:${line}: ${what}\n`);
}

interface Saying {
  readonly io: Io;
  readonly version: string;
  readonly output: LintOptions["output"];
}

async function say({ findings, files }: Manifests, { io, version, output }: Saying): Promise<void> {
  if (output === "json") {
    const { findingJson } = await import("../manifests/render.ts");
    io.out(json({ findings: findings.map(findingJson) }));
    return;
  }
  const { githubCommands, sarif, sayFindings } = await import("./findings.ts");
  if (output === "sarif") io.out(json(sarif(findings, version)));
  else if (output === "github") io.out(githubCommands(findings));
  else {
    const errors = findings.filter(({ severity }) => severity === "error").length;
    io.out(await sayFindings(findings, io.paint("red", "x") !== "x"));
    const counted = `${errors} errors, ${findings.length - errors} warnings`;
    io.err(`${files.length} ${files.length === 1 ? "file" : "files"}: ${counted}\n`);
  }
}
