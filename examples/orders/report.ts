// The total delay of each channel, from the table that the service and the Jobs write.
//   node report.ts --database sqlite:messages.sqlite --html report.html
import { writeFile } from "node:fs/promises";
import { fail, readOptions } from "../lib/options.ts";
import { delayCsv, delaysOf, delayTable } from "./delays.ts";
import { delayHtml } from "./report-html.ts";
import { openTable } from "./table.ts";

const described = {
  database: { value: "URL", says: "sqlite:PATH or mysql://… of the table; else DATABASE_URL." },
  run: { value: "RUN", says: "Only this run of the generator: the first half of its ids." },
  csv: { says: "Each message as a line of CSV instead of the table." },
  html: { value: "FILE", says: "Writes one self-contained page with a chart." },
} as const;

try {
  const options = readOptions("report", described, process.argv.slice(2));
  await using table = await openTable(options.text("database") ?? process.env.DATABASE_URL ?? "sqlite:messages.sqlite");
  const rows = await table.rows(options.text("run"));
  process.stdout.write(options.flag("csv") ? delayCsv(rows) : delayTable(delaysOf(rows)));
  const file = options.text("html");
  if (file !== undefined) {
    await writeFile(file, delayHtml(rows));
    process.stderr.write(`${file} written\n`);
  }
} catch (error) {
  fail(error);
}
