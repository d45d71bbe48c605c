import { createHash } from "node:crypto";
import { ExpressionError } from "../expressions/fault.ts";
import { json, object, optional, text, whole } from "../kit/fields.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import { isTide } from "../lib/errors.ts";
import type { Finding, Path } from "../lib/finding.ts";
import { isRecord, type JsonObject } from "../lib/json.ts";
import { compileWritten } from "../schemas/compile-written.ts";
import { own, recordAt, textAt } from "./json.ts";
import type { Lists, SourceType } from "./lists.ts";
import type { SourcePlan } from "./manifests.ts";
import type { ManifestObject } from "./objects.ts";
import { readSchema } from "./schema-files.ts";
import { keysOf, shape, unknownKey } from "./shape.ts";
import { entryRules } from "./source-rules.ts";
import { argoSources } from "./types/argo-sources.ts";
import type { DescribedType } from "./types/described.ts";
import { describedSources } from "./types/source-types.ts";

/** An entry, planned, with the way to it in its object. */
export interface PlannedEntry {
  readonly plan: SourcePlan;
  readonly path: Path;
}

export interface PlannedEventSource {
  readonly entries: readonly PlannedEntry[];
  /** Every event name written, valid or not: a dependency on an invalid entry is not a misspelt one. */
  readonly events: ReadonlySet<string>;
  readonly bus: string;
  readonly findings: readonly Finding[];
}

export const eventSourceSpecSchema = object(
  {
    eventBusName: optional(text({ description: "EventBus; `default` by default." })),
    replicas: optional(whole({ description: "Pods in Argo Events; without effect here." })),
    template: optional(json({ description: "Pod in Argo Events; without effect here." })),
    service: optional(json({ description: "Service in Argo Events; without effect here." })),
  },
  { description: "Spec of an EventSource." },
);

/** Fields that an entry of any type may have. */
export const commonEntrySchema = object(
  {
    schema: optional(
      json({
        description:
          "JSON Schema of the event's data: a path, the schema itself, or `{ file | inline, at }`, where `at` is the gjson path of the part that is meant. What does not match is refused (extension).",
      }),
    ),
  },
  { description: "An event." },
);

/** The types whose own `filter` is not an expression over the event (reference 1.3). */
const withoutExpression = new Set(["minio", "storageGrid", "stripe", "resource"]);

type KnownType =
  | { readonly source: SourceType; readonly described?: undefined }
  | { readonly source?: undefined; readonly described: DescribedType };

/** Checks an EventSource and plans its entries; an entry with an error is left out, the others are kept. */
export function planEventSource(manifest: ManifestObject, lists: Lists): PlannedEventSource {
  const spec = own(manifest.value, "spec");
  const known = knownTypes(lists);
  const findings: Finding[] = [];
  const entries: PlannedEntry[] = [];
  const seen = new Map<string, string>();
  const base = shape(eventSourceSpecSchema, spec ?? {}, {
    path: ["spec"],
    unknown: (path) => unknownSpecKey(path, recordAt(spec), known),
  });
  findings.push(...base.findings);
  const bus = textAt(recordAt(spec), "eventBusName") ?? "default";
  for (const [kind, type] of known) {
    const written = own(recordAt(spec), kind);
    if (written === undefined || written === null) continue;
    if (!isRecord(written)) {
      const message = `${kind} must be a map of event names to their settings`;
      findings.push({ severity: "error", code: "FIELD_TYPE", path: ["spec", kind], message });
      continue;
    }
    if (type.described !== undefined) findings.push(unsupported(kind));
    for (const [event, config] of Object.entries(written)) {
      const entry = planEntry({ manifest, bus, kind, event, config: config ?? {}, type }, lists);
      findings.push(...entry.findings, ...twice(seen, kind, event));
      if (entry.plan !== undefined && !seen.has(event)) entries.push({ plan: entry.plan, path: ["spec", kind, event] });
      seen.set(event, seen.get(event) ?? kind);
    }
  }
  findings.push(
    ...mixed(Object.keys(recordAt(spec)).filter((key) => known.has(key) && isRecord(own(recordAt(spec), key)))),
  );
  if (seen.size === 0 && !findings.some(({ severity }) => severity === "error")) {
    findings.push({ severity: "error", code: "SOURCE_NONE", path: ["spec"], message: "the EventSource has no events" });
  }
  return { entries, events: new Set(seen.keys()), bus, findings };
}

/** Connectors first, then the types that have none yet. */
function knownTypes(lists: Lists): ReadonlyMap<string, KnownType> {
  const known = new Map<string, KnownType>();
  for (const source of lists.sources) known.set(source.kind, { source });
  for (const described of describedSources) if (!known.has(described.kind)) known.set(described.kind, { described });
  return known;
}

function unsupported(kind: string): Finding {
  const message = `${kind} has no connector yet: these entries are listed, and nothing comes from them`;
  return { severity: "warning", code: "SOURCE_UNSUPPORTED", path: ["spec", kind], key: true, message };
}

/** Types that one replica at a time runs in Argo Events, beside types that all run (reference 1.5, 7.3). */
function mixed(kinds: readonly string[]): Finding[] {
  const elected = kinds.find((kind) => argoSources.get(kind)?.ha === "passive");
  const shared = kinds.find((kind) => argoSources.get(kind)?.ha === "active");
  if (elected === undefined || shared === undefined) return [];
  const message = `${elected} and ${shared} cannot be in one EventSource: Argo Events runs ${elected} in one replica and ${shared} in all`;
  return [{ severity: "error", code: "EVENT_SOURCE_MIXED", path: ["spec", shared], key: true, message }];
}

/** The second of two events with one name: which of the two a sensor means could not be told. */
function twice(seen: ReadonlyMap<string, string>, kind: string, event: string): Finding[] {
  const first = seen.get(event);
  if (first === undefined) return [];
  const message = `the event "${event}" is already there under ${first}`;
  return [{ severity: "error", code: "EVENT_DUPLICATE", path: ["spec", kind, event], key: true, message }];
}

function unknownSpecKey(path: Path, spec: JsonObject, known: ReadonlyMap<string, unknown>): Partial<Finding> | "known" {
  const key = String(path.at(-1));
  const value = own(spec, key);
  if (known.has(key)) return "known";
  const words = [...known.keys(), ...Object.keys(eventSourceSpecSchema.shape)];
  if (key === "type" && !isRecord(value)) {
    const message = "spec.type has no effect: the type is the key that the events stand under";
    return { code: "FIELD_MISPLACED", message, fix: "Remove it." };
  }
  const there = Object.keys(spec);
  if (!isRecord(value)) return unknownKey(path, words, there);
  const meant = didYouMean(key, words);
  const message = `there is no event source type ${key}`;
  if (meant !== undefined) {
    return {
      severity: "error",
      code: "SOURCE_UNKNOWN",
      message: `${message}; did you mean ${meant}?`,
      fix: `Write ${meant}.`,
      ...(there.includes(meant) ? {} : { repair: { do: "rename", to: meant } }),
    };
  }
  return {
    severity: "error",
    code: "SOURCE_UNKNOWN",
    message,
    fix: `Use one of ${[...known.keys()].sort().join(", ")}.`,
  };
}

interface Entry {
  readonly manifest: ManifestObject;
  readonly bus: string;
  readonly kind: string;
  readonly event: string;
  readonly config: unknown;
  readonly type: KnownType;
}

function planEntry(entry: Entry, lists: Lists): { readonly plan?: SourcePlan; readonly findings: readonly Finding[] } {
  const { manifest, kind, event } = entry;
  const path = ["spec", kind, event];
  const type = entry.type.source ?? entry.type.described;
  const { schema: written, ...own } = recordAt(entry.config);
  const { value: config, findings: shaped } = shape(type.config, isRecord(entry.config) ? own : entry.config, { path });
  const findings: Finding[] = [...shaped];
  if (event === "") {
    findings.push({ severity: "error", code: "FIELD_MISSING", path, key: true, message: "the event has no name" });
  }
  const nameless = withoutName(entry, keysOf(type.config));
  if (nameless !== undefined) return { findings: [nameless] };
  if (hasError(findings)) return { findings };
  const rules = [...(type.lint?.(config) ?? []), ...entryRules(kind, recordAt(config))];
  for (const found of rules) findings.push({ ...found, path: [...path, ...found.path] });
  const filter = compile(config, entry, lists);
  if ("finding" in filter) findings.push(filter.finding);
  const held = compileSchemaOf(written, entry, lists);
  findings.push(...held.findings);
  if (hasError(findings) || "finding" in filter) return { findings };
  const plan: SourcePlan = {
    namespace: manifest.namespace,
    bus: entry.bus,
    eventSource: manifest.name,
    event,
    kind,
    type: type.type ?? kind,
    source: entry.type.source,
    config,
    filter: filter.passes,
    ...(held.schema === undefined ? {} : { schema: held.schema }),
    revision: createHash("sha256")
      .update(JSON.stringify(held.value === undefined ? [kind, config] : [kind, config, held.value]))
      .digest("hex")
      .slice(0, 16),
    folder: manifest.folder,
  };
  return { plan, findings };
}

/** `schema`, which every type has; its value as it is judged by, for the revision. */
function compileSchemaOf(written: unknown, { manifest, kind, event }: Entry, lists: Lists) {
  if (written === undefined || written === null) return { value: undefined, schema: undefined, findings: [] };
  const path = ["spec", kind, event, "schema"];
  const read = readSchema(written, { path, folder: manifest.folder, readText: lists.readText });
  if (read.value === undefined) return { value: undefined, schema: undefined, findings: read.findings };
  const { schema, findings } = compileWritten(read.value, path);
  return { value: read.value, schema, findings: findings.flatMap((finding) => read.relocate(finding)) };
}

/** The settings stand right under the type: the level of event names is missing. */
function withoutName({ kind, event, config }: Entry, keys: readonly string[]): Finding | undefined {
  if (isRecord(config) || !keys.includes(event)) return undefined;
  const message = `${event} stands where the names of events stand: the settings of an event belong below its name`;
  const fix = `Write \`${kind}: { <event name>: { ${event}: … } }\`.`;
  return { severity: "error", code: "FIELD_MISPLACED", path: ["spec", kind, event], key: true, message, fix };
}

function hasError(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === "error");
}

type Filter = { readonly passes: SourcePlan["filter"] } | { readonly finding: Finding };

function compile(config: unknown, { kind, event }: Entry, lists: Lists): Filter {
  const expression = textAt(recordAt(config, "filter"), "expression");
  if (expression === undefined || withoutExpression.has(kind)) return { passes: undefined };
  try {
    return { passes: lists.compileFilter(expression) };
  } catch (cause) {
    if (!isTide(cause)) throw cause;
    const position = cause instanceof ExpressionError ? cause.position : undefined;
    const finding: Finding = {
      severity: "error",
      code: cause.code,
      path: ["spec", kind, event, "filter", "expression"],
      message: cause.message,
      ...(position === undefined ? {} : { offset: position }),
    };
    return { finding };
  }
}
