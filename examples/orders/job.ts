// What a Job runs: the message is its argument, and goes into the table.
//   DATABASE_URL=sqlite:messages.sqlite node job.ts '{"id":"a-1","author":"ada","sentUs":1767600000000000}'
import { parseMessage } from "./message.ts";
import { openTable } from "./table.ts";

const [text] = process.argv.slice(2);
if (text === undefined) {
  process.stderr.write("usage: node job.ts MESSAGE\n");
  process.exit(2);
}
try {
  const message = parseMessage(text);
  await using table = await openTable(process.env.DATABASE_URL ?? "sqlite:messages.sqlite");
  // the same for each try of the Job; in a cluster the pod is named after the Job
  const key = process.env.TIDEMILL_FIRING_ID ?? process.env.HOSTNAME?.replace(/-[^-]*$/, "") ?? "";
  await table.insert("queue", message, key);
  process.stdout.write(`recorded ${message.id} of ${message.author}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
