import { resolve } from "node:path";
import type { Salvaged } from "../runtime/salvage.ts";
import { type Io, json, table } from "./io.ts";
import { output } from "./options.ts";
import { exit, type Verb } from "./verb.ts";

export const bus: Verb = {
  examples: ["tidemill bus salvage .tidemill .tidemill-new", "tidemill run ./manifests --data-dir .tidemill-new"],
  declare(command, { io, end }) {
    command
      .command("salvage")
      .description("Copy what is readable of a damaged data folder into a new one")
      .argument("DATA_DIR", "the damaged data folder; it stays as it is")
      .argument("NEW_DIR", "a folder that is not there yet, or is empty")
      .addOption(output())
      .action(async (from: string, to: string, options: { readonly output: string }) => {
        const { salvageDataFolder } = await import("../runtime/salvage.ts");
        const salvaged = await salvageDataFolder(resolve(from), resolve(to));
        if (options.output === "json") io.out(json(salvaged));
        else tell(salvaged, io);
        if (!salvaged.tables.every(isWhole)) end(exit.bad);
      });
  },
};

function isWhole({ whole, damaged }: Salvaged["tables"][number]): boolean {
  return whole && damaged === 0;
}

function tell({ to, tables, files }: Salvaged, io: Io): void {
  const rows = tables.map(({ table: name, copied, damaged, whole }) => [
    name,
    String(copied),
    String(damaged),
    whole ? "to the end" : "not all of it could be read",
  ]);
  io.out(table([["TABLE", "COPIED", "DAMAGED", "READ"], ...rows]));
  if (files.length > 0) io.out(`copied as they are: ${files.join(", ")}\n`);
  const lost = tables.filter((one) => !isWhole(one)).map((one) => one.table);
  if (lost.length === 0) io.out(`${io.paint("green", "✓")} everything was readable\n`);
  else io.out(`${io.paint("red", "✗")} something is lost of: ${lost.join(", ")}\n`);
  io.err(`run it with: tidemill run PATH --data-dir ${to}\n`);
}
