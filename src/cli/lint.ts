import { json } from "./io.ts";
import { output } from "./options.ts";
import { exit, type Verb } from "./verb.ts";

interface LintOptions {
  readonly strict?: boolean;
  readonly output: string;
}

export const lint: Verb = {
  examples: [
    "tidemill lint ./manifests            # exit code 1 when there are errors",
    "tidemill lint --strict eventsource.yaml sensor.yaml",
    "tidemill lint . -o json",
  ],
  declare(command, { io, end }) {
    command
      .argument("PATH...", "files, folders, globs")
      .option("--strict", "unknown and misplaced fields are errors")
      .addOption(output())
      .action(async (paths: readonly string[], options: LintOptions) => {
        const { readManifests } = await import("../manifests/read.ts");
        const { findings, files, ignored } = await readManifests(paths, { strict: options.strict });
        const errors = findings.filter(({ severity }) => severity === "error").length;
        const warnings = findings.length - errors;
        if (options.output === "json") {
          const { findingJson } = await import("../manifests/render.ts");
          io.out(json({ files: files.length, errors, warnings, items: findings.map(findingJson), ignored }));
        } else {
          const { sayFindings } = await import("./findings.ts");
          io.out(await sayFindings(findings, io.paint("red", "x") !== "x"));
          io.err(`${files.length} ${files.length === 1 ? "file" : "files"}: ${errors} errors, ${warnings} warnings\n`);
        }
        if (errors > 0) end(exit.bad);
      });
  },
};
