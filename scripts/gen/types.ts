import { z } from "zod";
import { type JsonSchema, typeWords } from "../../src/manifests/json-schema.ts";
import { describedSources } from "../../src/manifests/types/source-types.ts";
import { describedTriggers } from "../../src/manifests/types/trigger-types.ts";
import { sources } from "../../src/sources/index.ts";
import { triggers } from "../../src/triggers/index.ts";
import { markdownTable } from "./markdown.ts";

interface Documented {
  readonly kind: string;
  readonly title: string;
  readonly summary: string;
  readonly example?: string;
  readonly config: z.ZodType;
}

const pages = {
  sources: {
    title: "Event sources",
    intro: "The types of `spec` of an EventSource. Fields stand under `spec.<type>.<event name>`.",
    types: sources as readonly Documented[],
    described: describedSources as readonly Documented[],
  },
  triggers: {
    title: "Triggers",
    intro: "The types of a Sensor's `spec.triggers[].template`. Fields stand under `template.<type>`.",
    types: triggers as readonly Documented[],
    described: describedTriggers as readonly Documented[],
  },
} as const;

/** docs/reference/sources.md and triggers.md: each type with every field of its schema. */
export function typesPage(which: keyof typeof pages): string {
  const { title, intro, types, described } = pages[which];
  const own = new Set(types.map(({ kind }) => kind));
  const later = described.filter(({ kind }) => !own.has(kind));
  const rows = later.toSorted(byKind).map(({ kind, title: name, summary }) => [`\`${kind}\``, name, summary]);
  return `# ${title}

${intro}

${types.toSorted(byKind).map(typeSection).join("\n")}
## Known, without a connector yet

These are checked, and reported as unsupported.

${markdownTable(["Type", "Name", "What it does"], rows)}`;
}

function byKind(a: Documented, b: Documented): number {
  return a.kind < b.kind ? -1 : 1;
}

function typeSection({ kind, title, summary, example, config }: Documented): string {
  const rows = fieldsOf(z.toJSONSchema(config, { io: "input", unrepresentable: "any" }) as JsonSchema, "").map(
    ({ path, type, required, description }) => [`\`${path}\``, type, required ? "yes" : "", description],
  );
  const shown = example === undefined ? "" : `\n\`\`\`yaml\n${example.trimEnd()}\n\`\`\`\n`;
  return `## ${kind}: ${title}

${summary}
${shown}
${markdownTable(["Field", "Type", "Required", "What it is"], rows)}`;
}

interface Field {
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

function fieldsOf(schema: JsonSchema, at: string): readonly Field[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = at === "" ? name : `${at}.${name}`;
    const own = { path, type: typeWords(field), required: required.has(name), description: field.description ?? "" };
    return [own, ...below(field, path)];
  });
}

function below(field: JsonSchema, path: string): readonly Field[] {
  if (field.ref !== undefined) return [];
  if (field.properties !== undefined) return fieldsOf(field, path);
  if (field.items !== undefined) return below(field.items, `${path}[]`);
  const { additionalProperties } = field;
  return typeof additionalProperties === "object" ? below(additionalProperties, `${path}.*`) : [];
}
