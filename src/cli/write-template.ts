import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { didYouMean } from "../lib/did-you-mean.ts";
import { codeOf, messageOf, TideError } from "../lib/errors.ts";
import type { InitOptions } from "./init.ts";
import { type Io, json, table } from "./io.ts";
import { templates } from "./templates/index.ts";
import { filesOf } from "./templates/template.ts";

export function listTemplates(options: InitOptions, io: Io): void {
  const items = templates.map(({ name, summary }) => ({ name, summary }));
  io.out(options.output === "json" ? json({ items }) : table(items.map(({ name, summary }) => [name, summary])));
}

/** Writes all files of a template, or, when one of them is there, none. Rejects with USAGE. */
export async function writeTemplate(
  name: string,
  dir: string,
  { options, io }: { readonly options: InitOptions; readonly io: Io },
): Promise<void> {
  const template = templates.find((one) => one.name === name);
  if (template === undefined) throw unknown(name);
  const files = [...filesOf(template)].map(([file, text]) => ({ path: join(dir, file), text }));
  const there = files.filter(({ path }) => existsSync(path)).map(({ path }) => path);
  if (there.length > 0) {
    const are = there.length === 1 ? "is there already, and is" : "are there already, and are";
    throw new TideError(
      "USAGE",
      `${there.join(", ")} ${are} not overwritten; give another folder: tidemill init ${name} DIR`,
    );
  }
  try {
    await mkdir(dir, { recursive: true });
    for (const { path, text } of files) await writeFile(path, text, { flag: "wx" });
  } catch (cause) {
    throw new TideError("USAGE", `${dir} cannot be written: ${codeOf(cause) ?? messageOf(cause)}`, { cause });
  }
  const written = files.map(({ path }) => path);
  if (options.output === "json") {
    io.out(json({ template: name, dir, files: written }));
    return;
  }
  io.out(written.map((path) => `${path}\n`).join(""));
  const at = dir === "." ? "." : quoted(dir);
  io.err(`${template.summary}.\nNow: tidemill test ${at} && tidemill dev ${at}   (see ${join(dir, "README.md")})\n`);
}

function unknown(name: string): TideError {
  const names = templates.map((one) => one.name);
  const meant = didYouMean(name, names);
  const hint = meant === undefined ? `there are ${names.join(", ")}` : `did you mean ${meant}?`;
  return new TideError("USAGE", `there is no template ${JSON.stringify(name)}; ${hint}`);
}

/** For a shell. */
function quoted(path: string): string {
  return /^[\w./@%+:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
