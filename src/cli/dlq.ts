import { dropCommand, retryCommand } from "./dlq-bulk.ts";
import { editCommand } from "./dlq-edit.ts";
import { exportCommand } from "./dlq-export.ts";
import { groupsCommand, lsCommand } from "./dlq-ls.ts";
import { showCommand } from "./dlq-show.ts";
import type { Verb } from "./verb.ts";

export const dlq: Verb = {
  examples: [
    "tidemill dlq groups                          # what they died of",
    "tidemill dlq ls --group g_7c1e09a2b4",
    "tidemill dlq ls --where 'data.body.amount > 100'",
    "tidemill dlq show FIRING",
    "tidemill dlq edit FIRING --set body.currency=EUR",
    "tidemill dlq retry FIRING --config current   # with today's manifest",
    "tidemill dlq retry --group g_7c1e09a2b4 --rate 20/s",
    "tidemill dlq retry --all --sensor orders --yes",
    "tidemill dlq drop FIRING --reason 'test data'",
    "tidemill dlq export --since 1d > letters.jsonl",
  ],
  declare(command, cx) {
    command.addCommand(lsCommand(command.createCommand("ls"), cx));
    command.addCommand(groupsCommand(command.createCommand("groups"), cx));
    command.addCommand(showCommand(command.createCommand("show"), cx));
    command.addCommand(editCommand(command.createCommand("edit"), cx));
    command.addCommand(retryCommand(command.createCommand("retry"), cx));
    command.addCommand(dropCommand(command.createCommand("drop"), cx));
    command.addCommand(exportCommand(command.createCommand("export"), cx));
  },
};
