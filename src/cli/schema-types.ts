import { readFile, writeFile } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import type { Command } from "commander";
import { codes } from "../lib/codes/index.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Finding } from "../lib/finding.ts";
import { isRecord } from "../lib/json.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { SchemaBundle } from "../schemas/bundle.ts";
import type { TypeMaker } from "../schemas/types.ts";
import { exit, type VerbContext } from "./verb.ts";

interface TypesOptions {
  readonly output?: string;
}

/** A schema and the name of its type. */
interface Named {
  readonly name: string;
  readonly bundle: SchemaBundle;
}

export function typesCommand(command: Command, { io, end }: VerbContext): Command {
  return command
    .description("Make TypeScript types of schemas")
    .argument("<PATHS...>", "schema files, or manifests whose schemas are meant")
    .option("-o, --output <FILE>", "write them there instead of to standard output")
    .action(async (paths: readonly string[], options: TypesOptions) => {
      const found: Named[] = [];
      const problems: string[] = [];
      for (const path of paths) {
        const read = (await isSchemaFile(path)) ? await fromSchema(path) : await fromManifests(path);
        found.push(...read.schemas);
        problems.push(...read.problems);
      }
      for (const problem of problems) io.err(`${problem}\n`);
      if (problems.length > 0) return end(exit.bad);
      if (found.length === 0) throw new TideError("USAGE", `no schema is in ${paths.join(", ")}`);
      const text = await declarations(unique(found));
      if (options.output === undefined) return io.out(text);
      await write(options.output, text);
      io.err(`${options.output} has the types of ${unique(found).length} schemas\n`);
    });
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new TideError("USAGE", `writing ${file}: ${messageOf(cause)}`);
  }
}

/** A JSON or YAML file without `apiVersion`. */
async function isSchemaFile(path: string): Promise<boolean> {
  if (![".json", ".yaml", ".yml"].includes(extname(path).toLowerCase())) return false;
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text !== undefined && !/^\s*"?apiVersion"?\s*:/m.test(text);
}

interface Read {
  readonly schemas: readonly Named[];
  readonly problems: readonly string[];
}

async function fromSchema(path: string): Promise<Read> {
  const { readSchema } = await import("../manifests/schema-files.ts");
  const { readSchemaText } = await import("../manifests/files.ts");
  const { compileWritten } = await import("../schemas/compile-written.ts");
  const { typeName } = await import("../schemas/types.ts");
  const file = resolve(path);
  const read = readSchema(file, { path: ["schema"], folder: dirname(file), readText: readSchemaText });
  if (read.value === undefined) return { schemas: [], problems: read.findings.map(line) };
  const { schema, findings } = compileWritten(read.value, ["schema"]);
  const errors = findings.filter(({ severity }) => severity === "error").flatMap((one) => read.relocate(one));
  if (schema === undefined) return { schemas: [], problems: errors.map(line) };
  return { schemas: [{ name: typeName(path), bundle: schema.bundle }], problems: [] };
}

function line({ code, message, place }: Finding): string {
  const where = place === undefined ? "" : `${place.file}:${place.line}:${place.column}: `;
  return `${where}${codes[code].id}: ${message}`;
}

async function fromManifests(path: string): Promise<Read> {
  const { readManifests } = await import("../manifests/read.ts");
  const { typeName } = await import("../schemas/types.ts");
  const manifests = await readManifests([path]);
  const problems = manifests.findings
    .filter(({ severity }) => severity === "error")
    .map(({ file, line: at, column, code, message }) => `${file}:${at}:${column}: ${codes[code].id}: ${message}`);
  const schemas = [...ofEntries(manifests), ...ofDependencies(manifests)].map(({ bundle, name }) => {
    const file = bundle.documents[0]?.name ?? "inline";
    return { bundle, name: typeName(file === "inline" ? name : file) };
  });
  return { schemas, problems };
}

function ofEntries({ sources }: Manifests): readonly Named[] {
  return sources.flatMap(({ schema, eventSource, event }) =>
    schema === undefined ? [] : [{ bundle: schema.bundle, name: `${eventSource}-${event}` }],
  );
}

function ofDependencies({ sensors }: Manifests): readonly Named[] {
  return sensors.flatMap((sensor) =>
    sensor.dependencies.flatMap(({ name, schema }) =>
      schema === undefined ? [] : [{ bundle: schema, name: `${sensor.name}-${name}` }],
    ),
  );
}

/** The same schema once, whoever uses it; two of one name are told apart by a number. */
function unique(found: readonly Named[]): readonly Named[] {
  const texts = new Map<string, Named>();
  const names = new Set<string>();
  for (const { name, bundle } of found) {
    const text = JSON.stringify(bundle.documents.map(({ schema }) => schema));
    if (texts.has(text)) continue;
    let free = name;
    for (let n = 2; names.has(free); n++) free = `${name}${n}`;
    names.add(free);
    texts.set(text, { name: free, bundle });
  }
  return [...texts.values()];
}

async function declarations(schemas: readonly Named[]): Promise<string> {
  const { loadSdk } = await import("../runtime/sdk.ts");
  const { typesOf } = await import("../schemas/types.ts");
  const maker: TypeMaker = await loadSdk("json-schema-to-typescript", () => import("json-schema-to-typescript"));
  const parts: string[] = ["/* Made by `tidemill schema types`; changes are lost. */"];
  for (const { name, bundle } of schemas) parts.push(await typesOf(withoutTitle(bundle), name, maker));
  return `${parts.join("\n\n")}\n`;
}

/** The maker would call the type by its title. */
function withoutTitle(bundle: SchemaBundle): SchemaBundle {
  const [first, ...others] = bundle.documents;
  if (first === undefined || !isRecord(first.schema)) return bundle;
  const { title: _, ...schema } = first.schema;
  return { ...bundle, documents: [{ ...first, schema }, ...others] };
}
