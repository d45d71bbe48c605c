import { output } from "./options.ts";
import type { Verb } from "./verb.ts";

export interface InitOptions {
  readonly list?: boolean;
  readonly output: string;
}

export const init: Verb = {
  examples: [
    "tidemill init                        # the template hello, in this folder",
    "tidemill init sqs-http orders        # another one, in the folder orders",
    "tidemill init --list",
  ],
  declare(command, { io }) {
    command
      .argument("[TEMPLATE]", "one of those that --list names", "hello")
      .argument("[DIR]", "where to; it is made when it is not there", ".")
      .option("--list", "list the templates")
      .addOption(output())
      .action(async (template: string, dir: string, options: InitOptions) => {
        const { listTemplates, writeTemplate } = await import("./write-template.ts");
        if (options.list === true) listTemplates(options, io);
        else await writeTemplate(template, dir, { options, io });
      });
  },
};
