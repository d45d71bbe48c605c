import { Option } from "commander";
import { templateEnvOption } from "./options.ts";
import type { Verb } from "./verb.ts";

export interface TestOptions {
  readonly watch?: boolean;
  readonly coverage?: boolean;
  readonly templateEnv?: boolean;
  readonly output: "human" | "json" | "junit";
}

export const test: Verb = {
  examples: [
    "tidemill test                        # every *.test.yaml here and below; exit code 1 when one fails",
    "tidemill test manifests/orders.test.yaml --watch",
    "tidemill test manifests/ --coverage",
    "tidemill test -o junit > report.xml",
  ],
  declare(command, { io, end }) {
    command
      .argument("[PATH]", "a test file, or a folder with all below", ".")
      .option("--watch", "again at each change, until Ctrl-C")
      .option("--coverage", "count the filters that were seen to pass and to refuse")
      .addOption(templateEnvOption())
      .addOption(
        new Option("-o, --output <FORMAT>", "how to write the answer")
          .choices(["human", "json", "junit"])
          .default("human"),
      )
      .action(async (path: string, options: TestOptions) => {
        const { runTests, watchTests } = await import("./run-tests.ts");
        end(options.watch === true ? await watchTests(path, options, io) : await runTests(path, options, io));
      });
  },
};
